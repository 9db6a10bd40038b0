"""Statistical inference on arrays of scores: intervals and tests. Nothing here knows of runs.

A training run is scored on N test examples. Two things make its accuracy differ from what another run would reach on
other images of the kind: the seed, and the examples that happen to be in the test set. The difference of two
strategies is therefore given twice: with the error from the seeds alone (a statement about this very test set), and
with that of seeds and examples, by the random-effects analysis of variance that diagnostic imaging uses for readers and
cases (Obuchowski and Rockette, 1995; degrees of freedom of Hillis, 2007). Resampling seeds and examples instead gives
intervals that are too narrow where few seeds differ much, and too wide where they differ little, because it counts the
noise of single examples more than once (Owen, 2007); `make validate` shows by how much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Correct = NDArray[np.float32]  # (seeds, examples): 1 where a run is right, or the share of a seed's runs that are

LEVEL = 0.95
MOST_DF = 1e4  # beyond it t is normal, and the noncentral distribution loses digits


@dataclass(frozen=True)
class Estimate:
    """A difference, the variance of its error, and the degrees of freedom with which that is known."""

    difference: float
    variance: float
    df: float

    @property
    def error(self) -> float:
        """Standard error, in the unit of the difference."""
        return math.sqrt(self.variance)

    def reversed(self) -> "Estimate":
        """Of the difference the other way round."""
        return Estimate(-self.difference, self.variance, self.df)

    @property
    def p_value(self) -> float:
        """Two-sided, against no difference."""
        if self.variance == 0:
            return float(self.difference == 0)
        return float(2 * special.stdtr(self.df, -abs(self.difference) / self.error))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Lowest and highest difference that the data bear."""
        half = float(special.stdtrit(self.df, (1 + level) / 2)) * self.error
        return self.difference - half, self.difference + half


# --- means and differences -----------------------------------------------------------------------------------------


def mean_interval(
    values: Sequence[float], level: float = LEVEL, overlap: float | None = 0.0
) -> tuple[float, float] | None:
    """Student's interval for the mean; None for fewer than two values, or an unknown overlap (as in `paired`)."""
    if len(values) < 2 or overlap is None:
        return None
    array = np.asarray(values, np.float64)
    variance = float(array.var(ddof=1)) * (1 / len(array) + overlap)
    return Estimate(float(array.mean()), variance, len(array) - 1).interval(level)


def paired(scores: Sequence[float], baseline: Sequence[float], examples: int, overlap: float = 0.0) -> Estimate:
    """Mean difference of seeds that both groups share, each seed's two scores beside each other.

    Args:
        scores: (n,) accuracies in [0, 1], n at least 2.
        baseline: (n,) of the same seeds.
        examples: behind each accuracy. They come in steps of 1 / examples; without the variance of that rounding, two
            seeds that happen to differ by equally many examples would prove anything. Of macro recalls, the number
            whose steps are those of the smallest class (`contrasts.Scores.steps`).
        overlap: test images for each train image, where every seed has a draw of both of its own from one pool; 0
            where all seeds have one test set (Nadeau and Bengio, 2003, their corrected resampled t).
    """
    differences = np.subtract(scores, baseline)
    variance = differences.var(ddof=1) + 2 * _rounding(examples)
    of_mean = float(variance) * (1 / len(differences) + overlap)
    return Estimate(float(differences.mean()), of_mean, len(differences) - 1)


def welch(scores: Sequence[float], baseline: Sequence[float], examples: int) -> Estimate:
    """Difference of the means of two groups of unrelated seeds (Welch, 1947), at least two in each.

    The degrees of freedom are the smaller number of seeds less one: estimated ones claim too much of few seeds, up to
    one difference in six that isn't there.
    """
    parts = [(np.var(values, ddof=1) + _rounding(examples)) / len(values) for values in (scores, baseline)]
    df = min(len(scores), len(baseline)) - 1
    return Estimate(float(np.mean(scores) - np.mean(baseline)), float(sum(parts)), df)


def _rounding(examples: int) -> float:
    return 1 / (12 * examples**2)


def example_variance(scores: Correct, baseline: Correct, *, by_seed: bool) -> float:
    """Variance of a difference of accuracies because the test set is finite: that of examples, less that of seeds.

    Args:
        scores: (n, N) who was right on what.
        baseline: (m, N) on the same examples in the same order.
        by_seed: whether row k of both is one seed; then n = m.

    Returns:
        An unbiased estimate, or 0 where that would be negative.
    """
    return max(_example_excess(scores, baseline, by_seed=by_seed), 0.0)


def _example_excess(scores: Correct, baseline: Correct, *, by_seed: bool) -> float:
    """An unbiased estimate, which chance may make negative."""
    noise = _noise(scores - baseline) if by_seed else _noise(scores) + _noise(baseline)
    gains = scores.mean(axis=0, dtype=np.float64) - baseline.mean(axis=0, dtype=np.float64)
    return float((gains.var(ddof=1) - noise) / len(gains))


def class_variance(scores: Correct, baseline: Correct, classes: NDArray[np.int32], *, by_seed: bool) -> float:
    """Variance of a difference of macro recalls because each class has few examples, which are drawn within it.

    The few examples of a small class may happen to agree, and would then have no variance at all; so half an example of
    the smallest class is counted as gained and half as lost, as `models_interval` counts them.

    Args:
        scores: (n, N) who was right on what.
        baseline: (m, N) on the same examples in the same order.
        classes: (N,) of the examples, `recall.FEWEST` or more in each.
        by_seed: whether row k of both is one seed; then n = m.
    """
    parts = [np.flatnonzero(classes == one) for one in np.unique(classes)]
    variance = sum(_example_excess(scores[:, part], baseline[:, part], by_seed=by_seed) for part in parts)
    smallest = min(map(len, parts))
    return (max(variance, 0.0) + 1 / smallest**2) / len(parts) ** 2


def _noise(values: Correct) -> float:
    """Variance of an example's mean over seeds that comes from the seeds: the residual of a two-way layout."""
    seeds, examples = values.shape
    total = _sum_of_squares(values)
    within = examples * float(np.var(values.mean(axis=1, dtype=np.float64))) * seeds
    between = seeds * float(np.var(values.mean(axis=0, dtype=np.float64))) * examples
    return float(max(total - within - between, 0.0) / ((seeds - 1) * (examples - 1)) / seeds)


def _sum_of_squares(values: Correct) -> float:
    centred = values - values.mean(dtype=np.float64).astype(np.float32)
    return float(np.einsum("ij,ij->", centred, centred, dtype=np.float64))


def with_examples(seeds: Estimate, variance: float) -> Estimate:
    """Adds the variance from a finite test set to an estimate from seeds.

    The degrees of freedom are Hillis's (Statistics in Medicine 26, 2007): examples are many, so their variance is taken
    as known and only that of the seeds is not. With two or three seeds whose scores happen to lie close they come out
    too many; so `interval_of_both` and `p_of_both` never claim more than the seeds alone bear out.
    """
    total = seeds.variance + variance
    df = seeds.df if seeds.variance == 0 else seeds.df * (total / seeds.variance) ** 2
    return Estimate(seeds.difference, total, min(df, MOST_DF))


def interval_of_both(seeds: Estimate, full: Estimate, level: float = LEVEL) -> tuple[float, float]:
    """The wider of the intervals without and with the finite test set."""
    return max(seeds.interval(level), full.interval(level), key=lambda ends: ends[1] - ends[0])


def p_of_both(seeds: Estimate, full: Estimate) -> float:
    """The larger of the two-sided p values without and with the finite test set."""
    return max(seeds.p_value, full.p_value)


# --- two models ----------------------------------------------------------------------------------------------------


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p that two models are right equally often, from the examples on which just one is right."""
    return min(1.0, 2 * float(special.bdtr(min(gained, lost), gained + lost, 0.5)))


def models_interval(gained: int, lost: int, examples: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval for the difference of two models' accuracies over examples (Agresti and Min, 2005)."""
    more, less, all_ = gained + 0.5, lost + 0.5, examples + 2
    half = float(special.ndtri((1 + level) / 2)) * math.sqrt(more + less - (more - less) ** 2 / all_) / all_
    middle = (more - less) / all_
    return middle - half, middle + half


# --- many tests at once --------------------------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> Floats:
    """Holm's p values, for which the chance of any false positive among them is bounded (1979)."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> Floats:
    """Expected share of false positives among all with a q value this small (Benjamini and Hochberg, 1995)."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    return adjusted
