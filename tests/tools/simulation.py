"""Studies with known truth: strategies x seeds x test examples from a two-level model of being right.

A run is right on an example when

    difficulty of the example + taste of the strategy for it + effect of the strategy + effect of the seed + noise > 0,

all but the effect of the strategy normal. Everything that should be true of a comparison then has a closed form.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from augexp.compare.contrasts import Scores

ACCURACY = 0.8
NOISE = 0.35  # of a unit of difficulty: two seeds of one strategy disagree on 8 % of the examples
SHARED = 0.3  # part of the seed's effect that all strategies share: same initial weights, same order


@dataclass(frozen=True)
class Truth:
    """A kind of study.

    Attributes:
        seeds: of each strategy.
        deviation: standard deviation of the seed's effect, in points of accuracy.
        taste: standard deviation, over examples, of what a strategy finds easier or harder; 0: all find the same hard.
        examples: in the test set.
        gains: true differences to the baseline in points, one for each further strategy.
    """

    seeds: int
    deviation: float
    taste: float = 0.0
    examples: int = 8580
    gains: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def spread(self) -> float:
        """Of all that varies between examples and noise, without seeds."""
        return float(np.sqrt(1 + self.taste**2 + NOISE**2))

    @property
    def seed_spread(self) -> float:
        """The seed's effect in units of difficulty, from the slope of the accuracy."""
        slope = np.exp(-(ndtri(ACCURACY) ** 2) / 2) / np.sqrt(2 * np.pi) / self.spread
        return float(self.deviation / 100 / slope)

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(S,) effect of each strategy, the baseline first, so that the gains in the population are just those.

        They lie around `ACCURACY`: nearer to 100 % a seed moves fewer points, nearer to 50 % more.
        """
        whole = np.hypot(self.spread, self.seed_spread)
        points = np.array([0.0, *self.gains])
        return np.asarray(whole * ndtri(ACCURACY + (points - points.max() / 2) / 100))


@dataclass(frozen=True)
class Study:
    """One study and what is true of it: `gains_here` (S - 1,) on its own test set, over all seeds."""

    scores: list[Scores]
    gains_here: NDArray[np.float64]


def study(truth: Truth, random: np.random.Generator) -> Study:
    """Draws one study."""
    strategies, n = len(truth.gains) + 1, truth.examples
    easy = random.standard_normal((strategies, n), np.float32) * np.float32(truth.taste)
    easy += random.standard_normal(n, np.float32)
    easy += truth.shifts.astype(np.float32)[:, None]
    common = random.standard_normal(truth.seeds) * np.sqrt(SHARED)
    effects = (common + random.standard_normal((strategies, truth.seeds)) * np.sqrt(1 - SHARED)) * truth.seed_spread
    noise = random.standard_normal((strategies, truth.seeds, n), np.float32) * np.float32(NOISE)
    correct = (noise + easy[:, None] + effects[:, :, None].astype(np.float32) > 0).astype(np.float32)
    here = ndtr(easy / np.float32(np.hypot(NOISE, truth.seed_spread))).mean(axis=1, dtype=np.float64)
    return Study([_scores(rows) for rows in correct], here[1:] - here[0])


def _scores(correct: NDArray[np.float32]) -> Scores:
    rows = dict(enumerate(correct))
    return Scores({seed: float(row.mean(dtype=np.float64)) for seed, row in rows.items()}, rows, correct.shape[1])


def with_gain(truth: Truth, points: float) -> Truth:
    """The same kind of study in which the first strategy gains so much, and the others nothing."""
    return replace(truth, gains=(points, *truth.gains[1:]))
