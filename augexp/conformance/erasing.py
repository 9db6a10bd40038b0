"""The properties of cutout and random erasing."""

from functools import cache, partial
from typing import NamedTuple

import numpy as np

from augexp.conformance import laws, markers
from augexp.conformance.determinism import eager
from augexp.conformance.libraries import FILLING, Implementation, Setting
from augexp.conformance.property import (
    HEIGHT,
    P_LIMIT,
    SEED,
    WIDTH,
    Effort,
    Finding,
    Property,
    at_most,
    identity,
    mix_batch,
)


class _Erasure(NamedTuple):
    foreign: int
    ragged: int
    label_error: float


@cache
def _erasure(one: Implementation, effort: Effort) -> _Erasure | None:
    mix = one.start(Setting(), SEED)
    if mix is None:
        return None
    images, labels = markers.marked(250, HEIGHT, WIDTH, one.images), identity(250)
    seen = []
    for step in range(effort.images // len(images)):
        mixed, soft = mix_batch(mix, images, labels, step)
        read = markers.read_erased(mixed, FILLING)
        seen.append(_Erasure(read.foreign, read.ragged, float(np.abs(soft - labels).max())))
    return _Erasure(
        sum(erasure.foreign for erasure in seen),
        sum(erasure.ragged for erasure in seen),
        float(np.max([erasure.label_error for erasure in seen])),
    )


def _erasure_foreign(one: Implementation, effort: Effort) -> Finding | None:
    erasure = _erasure(one, effort)
    return None if erasure is None else Finding(erasure.foreign == 0, str(erasure.foreign))


def _erasure_ragged(one: Implementation, effort: Effort) -> Finding | None:
    erasure = _erasure(one, effort)
    return None if erasure is None else Finding(erasure.ragged == 0, str(erasure.ragged))


def _erasure_labels(one: Implementation, effort: Effort) -> Finding | None:
    erasure = _erasure(one, effort)
    return None if erasure is None else at_most(erasure.label_error, 0.0)


def _erasure_prob(one: Implementation, effort: Effort, prob: float = 0.3) -> Finding | None:
    mix = one.start(Setting(prob=prob), SEED)
    if mix is None:
        return None
    # Large enough that every box has a pixel.
    images, labels = markers.marked(250, 32, 48, one.images), identity(250)
    shares = [
        markers.read_erased(mix_batch(mix, images, labels, step)[0], FILLING).share
        for step in range(effort.images // len(images))
    ]
    changed = int((np.concatenate(shares) > 0).sum())
    of = sum(map(len, shares))
    return Finding(laws.share_p(changed, of, prob) >= P_LIMIT, f"{changed / of:.3f}")


ERASURE = (
    Property("pixels of neither image nor fill", "0", _erasure_foreign),
    Property("images whose erasure is no box", "0", _erasure_ragged),
    Property("label changes", "0", _erasure_labels),
    Property("prob 0.3 per example", "0.300", _erasure_prob),
    Property("eager - compiled, grey levels", "0", partial(eager, limit=0.0)),
)
