"""Studies with known truth whose test classes are of unlike size: macro recalls, from examples drawn in each class.

A run is right on an example by the rule of `simulation`, with a difficulty for each class, and seeds that favour one
class or another. Everything that should be true of a difference of macro recalls then has a closed form.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from augexp.compare.contrasts import Scores
from augexp.metrics.recall import macro_recall
from tests.tools.simulation import NOISE, Study

TAIL = (100, 64, 41, 26, 17, 11, 7, 5, 3, 3)


@dataclass(frozen=True)
class Unequal:
    """A kind of study.

    Attributes:
        strategies: how many.
        sizes: test examples of each class.
        recalls: of each class, about.
        seeds: of each strategy.
        deviation: of the seed's effect on all classes, and of that on each, in units of difficulty.
        taste: standard deviation, over examples, of what a strategy finds easier or harder.
        gain: of every second strategy in the last class, in units of difficulty, for which it pays in the others.
    """

    strategies: int
    sizes: tuple[int, ...]
    recalls: tuple[float, ...]
    seeds: int = 12
    deviation: float = 0.1
    taste: float = 0.3
    gain: float = 0.0

    @property
    def labels(self) -> NDArray[np.int32]:
        """(N,) of the examples."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int32), self.sizes)

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(S, K) effect of each strategy on each class."""
        spread = np.sqrt(1 + self.taste**2 + NOISE**2)
        shifts = np.tile(ndtri(np.array(self.recalls)) * spread, (self.strategies, 1))
        shifts[1::2, -1] += self.gain
        shifts[1::2, :-1] -= self.gain / 5
        return np.asarray(shifts)

    def population(self) -> NDArray[np.float64]:
        """(S,) macro recall over all seeds and all images of these classes there could be."""
        spread = np.sqrt(1 + self.taste**2 + NOISE**2 + 2 * self.deviation**2)
        return np.asarray(ndtr(self.shifts / spread).mean(axis=1))


def study(truth: Unequal, random: np.random.Generator) -> Study:
    """Draws one study."""
    labels, shape = truth.labels, (truth.strategies, truth.seeds)
    easy = random.standard_normal(len(labels)) + truth.taste * random.standard_normal((truth.strategies, len(labels)))
    easy += truth.shifts[:, labels]
    effects = random.standard_normal((*shape, 1)) + random.standard_normal((*shape, len(truth.sizes)))
    noise = NOISE * random.standard_normal((*shape, len(labels)))
    correct = (noise + easy[:, None] + truth.deviation * effects[..., labels] > 0).astype(np.float32)
    here = ndtr(easy / np.sqrt(NOISE**2 + 2 * truth.deviation**2))
    recalls = np.array([[row[labels == one].mean() for one in range(len(truth.sizes))] for row in here]).mean(axis=1)
    return Study([_scores(rows, labels) for rows in correct], recalls, truth.population())


def _scores(rows: NDArray[np.float32], labels: NDArray[np.int32]) -> Scores:
    correct = dict(enumerate(rows))
    return Scores({seed: macro_recall(row, labels) for seed, row in correct.items()}, correct, len(labels), labels)
