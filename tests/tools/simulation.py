"""Studies with known truth: strategies x seeds x test examples from a two-level model of being right.

A run is right on an example when

    difficulty of the example + taste of the strategy for it + effect of the strategy + effect of the seed + noise > 0,

all but the effect of the strategy normal. Everything that should be true of a comparison then has a closed form.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from augexp.compare.contrasts import Scores

ACCURACY = 0.8
NOISE = 0.35  # of a unit of difficulty: two seeds of one strategy disagree on 8 % of the examples
SHARED = 0.3  # part of the seed's effect that all strategies share: same initial weights, same order


Shape = Literal["normal", "skewed", "collapses"]
COLLAPSED = 0.1  # of the runs, by ten standard deviations of the seed's effect
POINTS = 64  # of the seed's effect, over which what is true is averaged


@dataclass(frozen=True)
class Truth:
    """A kind of study.

    Attributes:
        seeds: of each strategy.
        deviation: standard deviation of the seed's effect, in points of accuracy.
        taste: standard deviation, over examples, of what a strategy finds easier or harder; 0: all find the same hard.
        examples: in the test set.
        gains: true differences to the baseline in points, one for each further strategy.
        ratios: of each strategy's standard deviation to `deviation`; 1 where left out.
        shape: of the seed's effect.
        accuracy: of the strategies, about.
    """

    seeds: int
    deviation: float
    taste: float = 0.0
    examples: int = 8580
    gains: tuple[float, ...] = (0.0, 0.0, 0.0)
    ratios: tuple[float, ...] = ()
    shape: Shape = "normal"
    accuracy: float = ACCURACY

    @property
    def spread(self) -> float:
        """Of all that varies between examples and noise, without seeds."""
        return float(np.sqrt(1 + self.taste**2 + NOISE**2))

    @property
    def seed_spreads(self) -> NDArray[np.float64]:
        """(S,) the seed's effect in units of difficulty, from the slope of the accuracy."""
        slope = np.exp(-(ndtri(self.accuracy) ** 2) / 2) / np.sqrt(2 * np.pi) / self.spread
        ratios = np.ones(len(self.gains) + 1)
        ratios[: len(self.ratios)] = self.ratios
        return np.asarray(self.deviation / 100 / slope * ratios)

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(S,) effect of each strategy, the baseline first: accuracies around `accuracy` that differ by the gains."""
        points = np.array([0.0, *self.gains])
        return np.asarray(self.spread * ndtri(self.accuracy + (points - points.max() / 2) / 100))

    def population(self) -> NDArray[np.float64]:
        """(S,) accuracy over all seeds and all images there could be."""
        effects = self.seed_spreads[:, None] * _quantiles(self.shape)
        return np.asarray(ndtr((self.shifts[:, None] + effects) / self.spread).mean(axis=1))


def _quantiles(shape: Shape) -> NDArray[np.float64]:
    """The seed's effect in standard deviations at equally likely points."""
    at = (np.arange(POINTS) + 0.5) / POINTS
    if shape == "skewed":
        return np.asarray(-np.log1p(-at) - 1)
    ordinary = ndtri(at)
    if shape == "normal":
        return np.asarray(ordinary)
    failed = round(COLLAPSED * POINTS)
    return np.concatenate([np.full(failed, -10.0), ordinary[np.linspace(0, POINTS - 1, POINTS - failed).astype(int)]])


def _effects(shape: Shape, size: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
    if shape == "skewed":
        return random.standard_exponential(size) - 1
    normal = random.standard_normal(size)
    return np.where(random.random(size) < COLLAPSED, -10.0, normal) if shape == "collapses" else normal


@dataclass(frozen=True)
class Study:
    """One study and what is true of it.

    Attributes:
        scores: of each strategy, the baseline first.
        here: (S,) accuracy over all seeds on the study's own test set.
        everywhere: (S,) over all seeds and all images there could be.
    """

    scores: list[Scores]
    here: NDArray[np.float64]
    everywhere: NDArray[np.float64]


def study(truth: Truth, random: np.random.Generator) -> Study:
    """Draws one study."""
    strategies, n = len(truth.gains) + 1, truth.examples
    easy = random.standard_normal((strategies, n), np.float32) * np.float32(truth.taste)
    easy += random.standard_normal(n, np.float32)
    easy += truth.shifts.astype(np.float32)[:, None]
    common = _effects(truth.shape, (truth.seeds,), random) * np.sqrt(SHARED)
    own = _effects(truth.shape, (strategies, truth.seeds), random)
    # Only normal effects can be shared in part and keep their shape.
    drawn = common + own * np.sqrt(1 - SHARED) if truth.shape == "normal" else own
    effects = (drawn * truth.seed_spreads[:, None]).astype(np.float32)
    noise = random.standard_normal((strategies, truth.seeds, n), np.float32) * np.float32(NOISE)
    correct = (noise + easy[:, None] + effects[:, :, None] > 0).astype(np.float32)
    return Study([_scores(rows) for rows in correct], _here(truth, easy), truth.population())


def _here(truth: Truth, easy: NDArray[np.float32]) -> NDArray[np.float64]:
    """(S,) accuracy on these very examples, over all seeds."""
    if truth.shape == "normal":
        spreads = np.hypot(NOISE, truth.seed_spreads)[:, None]
        return np.asarray(ndtr(easy / spreads).mean(axis=1, dtype=np.float64))
    points = truth.seed_spreads[:, None] * _quantiles(truth.shape)
    return np.array(
        [np.mean([ndtr((row + e) / NOISE).mean() for e in effects]) for row, effects in zip(easy, points, strict=True)]
    )


def _scores(rows: NDArray[np.float32]) -> Scores:
    correct = dict(enumerate(rows))
    return Scores({seed: float(row.mean(dtype=np.float64)) for seed, row in correct.items()}, correct, rows.shape[1])
