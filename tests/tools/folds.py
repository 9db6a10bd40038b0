"""Studies over folds with known truth: classifiers that are really trained and tested on overlapping images.

Every strategy sees a block of features of its own, all blocks alike in law, and learns the means of two classes; a seed
turns what it learnt a little. No strategy is better than another, over all images and splits there could be, and yet
every split favours one: what is tested is a verdict's honesty about the splits, which no formula of this file decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augexp.compare.contrasts import Scores

VAL = 0.1  # of what is not tested
SIGNAL = 1.0  # distance of a class from the middle, in standard deviations


@dataclass(frozen=True)
class Folded:
    """A kind of study.

    Attributes:
        images: N, in all folds together.
        features: of each strategy.
        folds: K.
        rounds: divisions into folds; each strategy has `rounds` K runs.
        strategies: k.
        seed_noise: length of what a seed adds to what was learnt, relative to it.
    """

    images: int
    features: int = 10
    folds: int = 5
    rounds: int = 1
    strategies: int = 3
    seed_noise: float = 0.0


def accuracies(kind: Folded, random: np.random.Generator) -> NDArray[np.float64]:
    """(k, rounds K) test accuracies of one study."""
    signs = random.choice([-1.0, 1.0], kind.images)
    images = random.normal(size=(kind.strategies, kind.images, kind.features))
    images += SIGNAL / np.sqrt(kind.features) * signs[:, None]
    found = []
    for _ in range(kind.rounds):
        fold_of = random.permutation(kind.images) % kind.folds
        for fold in range(kind.folds):
            is_test = fold_of == fold
            is_train = ~is_test & (random.random(kind.images) > VAL)
            learnt = np.einsum("knp,n->kp", images[:, is_train], signs[is_train])
            length = np.linalg.norm(learnt, axis=1, keepdims=True) / np.sqrt(kind.features)
            learnt += kind.seed_noise * length * random.normal(size=learnt.shape)
            said = np.einsum("knp,kp->kn", images[:, is_test], learnt)
            found.append((said * signs[is_test] > 0).mean(axis=1))
    return np.array(found).T


def scores(kind: Folded, random: np.random.Generator, *, overlap: float | None = None) -> list[Scores]:
    """What each strategy scored; `overlap`: as if so many test images came on a train image, in place of the truth."""
    held_out = 1 / kind.folds
    true = held_out / ((1 - held_out) * (1 - VAL))
    return [
        Scores(
            dict(enumerate(row.tolist())), {}, kind.images // kind.folds, overlap=true if overlap is None else overlap
        )
        for row in accuracies(kind, random)
    ]
