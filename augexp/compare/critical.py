"""How many standard errors a simultaneous interval reaches: the constants that make all intervals of a study right.

A study has k strategies and looks at n_1 < n_2 < ... seeds of each. At a look every pair has a mean difference d, a
shrunken variance v (`simultaneous`), and the interval d +- c sqrt(v). The constants c, one a look, are the smallest
with which, over all pairs and all looks so far, any interval misses the truth in at most 0.05 n_l / n_L of studies,
whatever the seeds' standard deviations are, up to a ratio of 3 between strategies. They come from simulated normal
studies with a fixed seed, 240,000 for each pattern of deviations; the table beside this module holds the usual ones,
and others are simulated when they are asked for, in 20,000 studies, and kept.
"""

import json
import math
import os
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augexp import files

Floats = NDArray[np.float64]

ERROR = 0.05
PRIOR = 4  # degrees of freedom with which a pair's variance is shrunk toward that of all pairs
RATIO = 3  # of the largest standard deviation over seeds to the smallest
ANY_RATIO = 30
STUDIES, SHIPPED_STUDIES = 20_000, 240_000
CHUNK = 2_000_000  # values of pairs x studies at a time
SEED = 2026
MOST_PATTERNS = 12


@cache
def constants(strategies: int, looks: tuple[int, ...], *, ratio: int = RATIO) -> tuple[float, ...]:
    """The constant of each look.

    Args:
        strategies: k, two or more; the baseline counts.
        looks: seeds of each strategy at each look, rising, from 2 on.
        ratio: of standard deviations that is allowed for, `RATIO` or `ANY_RATIO`.
    """
    name = name_of(strategies, looks, ratio)
    if name in (shipped := _shipped()):
        return tuple(shipped[name])
    kept = _kept()
    if name not in kept:
        kept |= {name: list(simulated(strategies, looks, ratio=ratio))}
        _keep(kept)
    return tuple(kept[name])


def name_of(strategies: int, looks: Sequence[int], ratio: int) -> str:
    """Of the constants in a file."""
    return f"{strategies}: {' '.join(map(str, looks))}; {ratio}"


@cache
def of_range(strategies: int, df: float = math.inf) -> float:
    """How many standard errors the largest difference of so many equal means reaches in 5 % of studies.

    Args:
        strategies: k.
        df: degrees of freedom with which the standard error is known.
    """
    name = f"range of {strategies}"
    if df == math.inf and name in (shipped := _shipped()):
        return shipped[name][0]
    from scipy import stats  # takes half a second, which most comparisons need not wait for

    return float(stats.studentized_range.ppf(1 - ERROR, strategies, df) / math.sqrt(2))


@cache
def _shipped() -> dict[str, list[float]]:
    text = (resources.files("augexp.compare") / "critical.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _place() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "augexp" / "critical.json"


def _kept() -> dict[str, list[float]]:
    """Of earlier studies; empty where there are none, or the file is none of ours."""
    try:
        found = json.loads(_place().read_text(encoding="utf-8"))
        return {str(name): [float(one) for one in values] for name, values in found.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}


def _keep(values: dict[str, list[float]]) -> None:
    try:
        _place().parent.mkdir(parents=True, exist_ok=True)
        files.write_json(_place(), values)
    except OSError:
        pass  # they are computed again the next time


def simulated(
    strategies: int, looks: Sequence[int], *, ratio: int = RATIO, studies: int = STUDIES
) -> tuple[float, ...]:
    """The constants, from so many studies of each pattern of deviations; the same each time."""
    statistics = [
        np.concatenate(list(_chunks(strategies, looks, _deviations(strategies, wide, ratio), studies)))
        for wide in _patterns(strategies)
    ]  # one pattern each: (studies, looks)
    alive = [np.ones(len(one), bool) for one in statistics]
    found = []
    for look, seeds in enumerate(looks):
        allowed = ERROR * seeds / looks[-1]
        constant = max(_smallest(one[:, look], left, allowed) for one, left in zip(statistics, alive, strict=True))
        alive = [left & (one[:, look] <= constant) for one, left in zip(statistics, alive, strict=True)]
        found.append(round(constant, 4))
    return tuple(found)


def _smallest(statistic: Floats, alive: NDArray[np.bool_], allowed: float) -> float:
    """The least constant that lets no more studies cross than are allowed, those that are gone already among them."""
    may_cross = int(allowed * len(statistic)) - int((~alive).sum())
    left = statistic[alive]
    place = len(left) - 1 - max(may_cross, 0)
    return float(np.partition(left, place)[place])


def _patterns(strategies: int) -> list[int]:
    """How many strategies have the larger deviation. Of many, only the patterns that have been seen to decide."""
    every = range(strategies)
    return [*every] if strategies <= MOST_PATTERNS else [0, 1, 2, 3, strategies // 2, strategies - 1]


def _deviations(strategies: int, wide: int, ratio: int) -> Floats:
    """(k,) the standard deviation of each strategy: they are exchangeable, so only the count of wide ones matters."""
    return np.where(np.arange(strategies) < wide, float(ratio), 1.0)


def _chunks(strategies: int, looks: Sequence[int], deviations: Floats, studies: int) -> Iterator[Floats]:
    """(some studies, looks): the largest |d| / sqrt(v) over pairs."""
    random = np.random.default_rng([SEED, strategies, *looks, int(deviations.sum())])
    first, second = np.triu_indices(strategies, 1)
    size = max(1, CHUNK // (len(first) * looks[-1]))
    for start in range(0, studies, size):
        scores = random.standard_normal((min(size, studies - start), strategies, looks[-1])) * deviations[:, None]
        yield np.stack([_largest(scores[..., :seeds], first, second) for seeds in looks], axis=1)


def _largest(scores: Floats, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """(studies, k, n) -> (studies,)."""
    seeds = scores.shape[-1]
    means = scores.mean(axis=-1)
    centred = scores - means[..., None]
    covariance = centred @ centred.swapaxes(1, 2) / (seeds - 1)
    own = covariance[:, first, first] + covariance[:, second, second] - 2 * covariance[:, first, second]
    pool = own.mean(axis=1, keepdims=True)
    difference = means[:, first] - means[:, second]
    return np.asarray(np.abs(difference / np.sqrt(shrunken(own, pool, seeds))).max(axis=1))


def shrunken(own: Floats, pool: Floats, seeds: int) -> Floats:
    """The variance of a mean difference of so many seeds, from its own sample variance and that of all pairs."""
    return np.asarray((PRIOR * pool + (seeds - 1) * own) / (PRIOR + seeds - 1) / seeds)
