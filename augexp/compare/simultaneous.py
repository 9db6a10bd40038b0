"""Intervals of all pairs of strategies that are right together: for every pair, at every look, with 95 % confidence.

For strategies i and j with m common seeds, a_i[s] the accuracy of seed s and x_i[s] its N zeros and ones:

    d     mean of a_i[s] - a_j[s]
    own   their sample variance, and what rounding to counts of N examples hides
    pool  mean of `own` over all pairs, weighted by m - 1
    v     variance of d: (4 pool + (m - 1) own) / (4 + m - 1) / m, each pair shrunk toward the pool by four degrees
    g     variance of d because the test set is finite: mean covariance, over examples, of two seeds' differences, / N

Of macro recalls a_i[s], the rounding is that of the smallest class, and g that of examples within their classes, and of
one example more of the smallest.

The half-width for other seeds on this test set is c sqrt(v), with the constant c of `critical`; that for other seeds
and other images like these is sqrt(c^2 v + q^2 g), q from the studentized range of k strategies of known variance, and
so never narrower. Where each seed has a test set of its own (`divided`), both are c sqrt(v (1 + m overlap)). Groups
without a common seed are held against each other by Welch's error, with the smaller number of seeds less one as degrees
of freedom.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import special

from augexp.compare import contrasts, critical
from augexp.compare.contrasts import Contrast, Scores
from augexp.compare.inference import LEVEL

Pair = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """How many strategies are held against each other, and when, as it was decided beforehand.

    Attributes:
        strategies: k, those that were dropped on the way among them.
        looks: seeds of each strategy at each look. Without a registered study empty: one look, at what there is.
        seeds: of a registered study, in the order in which they are trained.
    """

    strategies: int
    looks: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()

    def look_of(self, *several: Scores) -> int:
        """The seeds of the last look that all have reached, 0 before the first; without looks, the common ones."""
        common = set.intersection(*(set(one.accuracy) for one in several))
        if not self.looks:
            return len(common)
        return max((look for look in self.looks if common.issuperset(self.seeds[:look])), default=0)

    def constant(self, seeds: int, *, ratio: int) -> float:
        """How many standard errors the interval of a pair with so many common seeds reaches."""
        looks = self.looks or (seeds,)
        return critical.constants(self.strategies, looks, ratio=ratio)[looks.index(seeds)]


def of_all(scores: Mapping[str, Scores], plan: Plan) -> dict[Pair, Contrast | None]:
    """`of_pairs` of every pair, later minus earlier."""
    return of_pairs(scores, [(later, earlier) for earlier, later in combinations(scores, 2)], plan)


def of_pairs(scores: Mapping[str, Scores], pairs: Sequence[Pair], plan: Plan) -> dict[Pair, Contrast | None]:
    """The contrast of each pair, first minus second, with intervals that hold for all pairs together.

    None where nothing can be said: one seed and no predictions, or fewer than two common seeds among several.
    Contrasts of two models of one seed each keep their own interval.

    Args:
        scores: of each strategy.
        pairs: all that can be compared, each once; the pool is of them.
        plan: how many strategies there are, and when is looked.
    """
    alone = {pair: _alone(scores[pair[0]], scores[pair[1]], plan) for pair in pairs}
    by_seed = {pair: one for pair, one in alone.items() if one is not None and one.seed_estimate is not None}
    if not by_seed:
        return alone
    paired = [one for one in by_seed.values() if one.method == "paired"]
    weights = [one.seeds[0] - 1 for one in paired]
    pool = float(np.average([_own(one) for one in paired], weights=weights)) if paired else 0.0
    ratio = ratio_of([_spread(one, plan) for one in scores.values()])
    return alone | {pair: _widened(one, pool, plan, ratio) for pair, one in by_seed.items()}


def _alone(ours: Scores, theirs: Scores, plan: Plan) -> Contrast | None:
    if not plan.looks:
        return contrasts.contrast(ours, theirs)
    seeds = plan.seeds[: plan.look_of(ours, theirs)]
    return contrasts.contrast(only(ours, seeds), only(theirs, seeds)) if seeds else None


def only(scores: Scores, seeds: Collection[int]) -> Scores:
    """What these seeds scored."""
    rows = {seed: row for seed, row in scores.correct.items() if seed in seeds}
    accuracy = {seed: one for seed, one in scores.accuracy.items() if seed in seeds}
    return replace(scores, accuracy=accuracy, correct=rows)


def _own(contrast: Contrast) -> float:
    """Sample variance of the difference of one seed."""
    return _variance(contrast) / (1 / contrast.seeds[0] + contrast.overlap)


def _variance(contrast: Contrast) -> float:
    return contrast.seed_estimate.variance if contrast.seed_estimate else 0.0


def _widened(contrast: Contrast, pool: float, plan: Plan, ratio: int) -> Contrast:
    """With the intervals that hold together in place of its own."""
    if contrast.method == "welch":
        # The smaller number of seeds: with estimated degrees of freedom, few seeds claim too much.
        here = critical.of_range(plan.strategies, min(contrast.seeds) - 1) * np.sqrt(_variance(contrast))
    else:
        seeds = contrast.seeds[0]
        variance = critical.shrunken(np.array(_own(contrast)), np.array(pool), seeds)
        here = plan.constant(seeds, ratio=ratio) * np.sqrt(variance * (1 + seeds * contrast.overlap))
    both = float(np.sqrt(here**2 + critical.of_range(plan.strategies) ** 2 * contrast.example_variance))
    on_this_test_set = None if contrast.overlap else _around(contrast.difference, float(here))
    return replace(contrast, interval=_around(contrast.difference, both), seed_interval=on_this_test_set)


def _around(difference: float, half: float) -> tuple[float, float]:
    return difference - half, difference + half


def _spread(scores: Scores, plan: Plan) -> tuple[float, int]:
    """Standard deviation over seeds, and how many there are."""
    values = [scores.accuracy[seed] for seed in plan.seeds[: plan.look_of(scores)] or scores.accuracy]
    return (float(np.std(values, ddof=1)) if len(values) > 1 else 0.0), len(values)


def ratio_of(deviations: Sequence[tuple[float, int]]) -> int:
    """For which ratio of the seeds' standard deviations the constants must hold.

    Args:
        deviations: of each strategy, the standard deviation of its accuracies and the number of its seeds.

    Returns:
        `critical.RATIO`, or `critical.ANY_RATIO` where the largest is further from the smallest than three times what
        chance does to equal ones (F at 95 %).
    """
    known = [(deviation, seeds) for deviation, seeds in deviations if seeds > 1]
    if len(known) < 2:
        return critical.RATIO
    (low, few), (high, many) = min(known), max(known)
    limit = critical.RATIO * float(np.sqrt(special.fdtri(many - 1, few - 1, LEVEL)))
    return critical.ANY_RATIO if high > limit * low else critical.RATIO
