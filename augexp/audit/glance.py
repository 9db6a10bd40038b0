"""A data set at a glance, from a sample of it: how large its images are, and how fast this machine decodes them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from augexp import console
from augexp.config.schema import Data
from augexp.data import cache, decode
from augexp.data.examples import Examples, Source
from augexp.errors import UserError

SAMPLE = 400  # images
SECONDS = 10.0  # of decoding
SHOWN = 5  # images in a message


@dataclass(frozen=True)
class Glance:
    """What a sample tells.

    Attributes:
        images: of the whole set.
        short: median of the shorter sides, in pixels.
        rate: images/s of decoding; None where the greys of the whole set must be measured first.
    """

    images: int
    short: float
    rate: float | None


def glance(source: Source, data: Data) -> Glance:
    """Looks at the first split, which is train, or all there is.

    Raises:
        UserError: if more images of the sample can't be decoded than training bears.
    """
    examples = _sample(next(iter(source.splits.values())))
    sides = [min(size) for _, size in decode.sizes(examples)]
    rate = _rate(examples, data)
    if not sides:
        raise UserError(f"{data.source}: no size of {examples.count:,} images can be read; repair or remove them")
    return Glance(sum(split.count for split in source.splits.values()), median(sides), rate)


def _sample(examples: Examples) -> Examples:
    """Some images of a split, of all its classes where it is sorted by them."""
    count = min(SAMPLE, examples.count)
    listing, encoded = examples.listing(), examples.encoded
    if callable(encoded):
        return Examples(count, lambda: listing, _first(encoded, count))
    chosen = np.linspace(0, examples.count - 1, count).astype(int).tolist()
    ids = [listing.ids[place] for place in chosen]
    sampled = type(listing)(ids, listing.labels[chosen])
    return Examples(count, lambda: sampled, [encoded[place] for place in chosen])


def _first(encoded: Callable[[], Any], count: int) -> Callable[[], Any]:
    return lambda: encoded().take(count)


def _rate(examples: Examples, data: Data) -> float | None:
    """Images/s, of as many as can be decoded in `SECONDS`."""
    ids, bad, done = examples.listing().ids, dict[int, str](), 0
    start = time.perf_counter()
    try:
        with console.progress("decoding a sample", examples.count) as advance:
            for chunk in decode.decode(examples, data, None):
                done += len(chunk.indices) + len(chunk.bad)
                bad |= chunk.bad
                advance(len(chunk.indices) + len(chunk.bad))
                if time.perf_counter() - start > SECONDS:
                    break
    except decode.UnknownRangeError:
        return None
    if len(bad) > max(1, cache.BAD_SHARE * done):
        listed = "\n  ".join(f"{ids[index]} ({reason})" for index, reason in list(bad.items())[:SHOWN])
        raise UserError(
            f"{data.source}: {len(bad):,} of {done:,} sampled images can't be decoded, and more than "
            f"{cache.BAD_SHARE:.0%} of a split stop a training; repair or remove them:\n  {listed}"
        )
    return done / (time.perf_counter() - start)
