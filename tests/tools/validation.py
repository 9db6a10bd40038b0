"""Can the verdicts be trusted? Studies with known truth, counted: `make validate` prints docs/validation.md's table.

Whatever is measured here is computed by the product's own code, from scores as run folders would give them.
"""

import argparse
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from augexp.compare import contrasts, inference
from augexp.compare.contrasts import Contrast, Scores
from tests.tools import simulation
from tests.tools.simulation import Truth

STUDIES, BOOTSTRAPPED, RESAMPLES = 2000, 200, 400
ALPHA = 0.05
CELLS = [
    Truth(seeds, deviation, taste) for taste in (0.0, 0.3) for seeds in (3, 5, 10) for deviation in (0.2, 0.5, 1.0)
]
SMALL = [Truth(seeds, 0.5, 0.3, examples=359) for seeds in (2, 3, 5)]


@dataclass(frozen=True)
class Cell:
    """Shares of simulated studies, or of their contrasts.

    Attributes:
        false_positives: nothing differs, and some strategy is called better or worse.
        false_positives_of_seeds: the same for the test over seeds alone, as a claim about other images.
        seeds_cover: the interval over seeds holds the truth on the study's own test set.
        both_cover: the interval over seeds and examples holds the truth in the population.
        smallest: mean of the differences stated as found with 80 % power, in points.
        found: a true difference of that size is called better; NaN where no accuracy has room for it.
        bootstrap_covers: what resampling seeds and examples would give; NaN where it wasn't tried.
    """

    false_positives: float
    false_positives_of_seeds: float
    seeds_cover: float
    both_cover: float
    smallest: float
    found: float
    bootstrap_covers: float = math.nan


@dataclass(frozen=True)
class _Study:
    contrasts: list[Contrast]
    gains: NDArray[np.float64]  # in the population
    gains_here: NDArray[np.float64]
    scores: list[Scores]

    @property
    def p_values(self) -> list[float | None]:
        return contrasts.adjusted(self.contrasts)


def _study(truth: Truth, random: np.random.Generator) -> _Study:
    drawn = simulation.study(truth, random)
    found = [contrasts.contrast(scores, drawn.scores[0]) for scores in drawn.scores[1:]]
    return _Study([one for one in found if one], np.array(truth.gains) / 100, drawn.gains_here, drawn.scores)


def measure(truth: Truth, studies: int, bootstrapped: int = 0) -> Cell:
    """Counts over `studies` studies in which nothing differs, then over as many in which one strategy gains."""
    random = np.random.default_rng(truth.seeds * 1000 + round(10 * truth.deviation))
    equal = [_summary(_study(truth, random)) for _ in range(studies)]
    claimed, claimed_by_seeds, here, everywhere, smallest = np.mean(equal, axis=0)
    gaining = simulation.with_gain(truth, 100 * smallest)
    # Two seeds may state a difference that no accuracy has room for.
    found = [_is_found(_study(gaining, random)) for _ in range(studies)] if np.isfinite(gaining.shifts).all() else []
    resampled = [_bootstrap_covers(_study(truth, random), random) for _ in range(bootstrapped)]
    return Cell(
        float(claimed), float(claimed_by_seeds), float(here), float(everywhere), 100 * float(smallest),
        _share(found), _share(resampled),
    )  # fmt: skip


def _share(of: list[bool]) -> float:
    return float(np.mean(of)) if of else math.nan


def _summary(study: _Study) -> tuple[float, float, float, float, float]:
    by_seeds = inference.holm([one.seed_estimate.p_value for one in study.contrasts if one.seed_estimate])
    here = [_holds(one.seed_interval, gain) for one, gain in zip(study.contrasts, study.gains_here, strict=True)]
    everywhere = [_holds(one.interval, gain) for one, gain in zip(study.contrasts, study.gains, strict=True)]
    smallest = study.contrasts[0].smallest(ALPHA / len(study.contrasts))
    claimed = min(p for p in study.p_values if p is not None) <= ALPHA
    return claimed, min(by_seeds) <= ALPHA, float(np.mean(here)), float(np.mean(everywhere)), smallest or math.nan


def _holds(interval: tuple[float, float] | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


def _is_found(study: _Study) -> bool:
    p = study.p_values[0]
    return p is not None and p <= ALPHA and study.contrasts[0].difference > 0


# --- the textbook's way --------------------------------------------------------------------------------------------


def bootstrap_interval(
    scores: Scores, baseline: Scores, random: np.random.Generator, resamples: int
) -> tuple[float, float]:
    """Percentile interval from resampling seeds and test examples together, seeds paired."""
    gains = np.stack([scores.correct[seed] - baseline.correct[seed] for seed in sorted(scores.correct)])
    seeds, examples = gains.shape
    # How often each seed and each example is drawn; the mean of a resample is then a product of matrices.
    of_seeds = random.multinomial(seeds, np.full(seeds, 1 / seeds), resamples).astype(np.float32) / seeds
    means = np.empty(resamples)
    for start in range(0, resamples, 500):
        drawn = random.integers(0, examples, (len(of_seeds[start : start + 500]), examples))
        drawn += np.arange(len(drawn))[:, None] * examples
        counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float32)
        by_seed = counts @ gains.T / examples
        means[start : start + 500] = (by_seed * of_seeds[start : start + 500]).sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _bootstrap_covers(study: _Study, random: np.random.Generator) -> bool:
    return _holds(bootstrap_interval(study.scores[1], study.scores[0], random, RESAMPLES), study.gains[0])


# --- the table -----------------------------------------------------------------------------------------------------


def _row(truth: Truth, cell: Cell) -> str:
    taste = "yes" if truth.taste else "no"
    shares = (cell.false_positives, cell.false_positives_of_seeds, cell.seeds_cover, cell.both_cover,
              cell.bootstrap_covers, cell.found)  # fmt: skip
    cells = ("-" if math.isnan(share) else f"{100 * share:.1f}" for share in shares)
    percents = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, (7, 7, 7, 7, 10, 7), strict=True))
    return f"{truth.examples:6,} {truth.seeds:6} {truth.deviation:5.1f} {taste:>5} {percents} {cell.smallest:11.2f}"


def main() -> None:
    """Prints a line a cell as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=STUDIES, help="a cell, once with and once without a difference")
    parser.add_argument("--bootstrapped", type=int, default=BOOTSTRAPPED, help="studies a cell to resample")
    given = parser.parse_args()
    cells = [*CELLS, *SMALL]
    started = time.perf_counter()
    print(f"{given.studies:,} studies a cell, of a baseline and three strategies; shares in %")
    print("  test               own  false positive     covered by the 95 % interval           smallest")
    print("images  seeds    sd taste    both   seeds   seeds    both  bootstrap   found  difference")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for truth, cell in zip(
            cells, pool.map(measure, cells, repeat(given.studies), repeat(given.bootstrapped)), strict=True
        ):
            print(_row(truth, cell), flush=True)
    print(f"{(time.perf_counter() - started) / 60:.0f} min")


if __name__ == "__main__":
    main()
