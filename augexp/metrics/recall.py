"""Who is right on what -> recall of each class, its mean, and the lowest: scores that no large class decides."""

import numpy as np
from numpy.typing import NDArray

FEWEST = 2  # examples of a class, for an interval of a macro recall: one doesn't tell how far others are from it
UNEQUAL = 1.5  # from this ratio of the largest class to the smallest on, accuracy alone doesn't tell


def recalls(correct: NDArray[np.float32], labels: NDArray[np.int32], classes: int) -> NDArray[np.float64]:
    """(K,) the share of each class's examples that are right, in [0, 1]; NaN for a class without examples.

    Args:
        correct: (N,) 1 where right, else 0; or the share of several runs that are right.
        labels: (N,) class numbers.
        classes: K.
    """
    examples = np.bincount(labels, minlength=classes)
    right = np.bincount(labels, correct.astype(np.float64), minlength=classes)
    return np.asarray(np.divide(right, examples, out=np.full(classes, np.nan), where=examples > 0))


def macro_recall(correct: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Mean recall of the classes that have examples: balanced accuracy (Brodersen et al., 2010), in [0, 1]."""
    return float(np.nanmean(recalls(correct, labels, int(labels.max()) + 1)))


def worst_class_recall(correct: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """The lowest recall of a class that has examples, in [0, 1]."""
    return float(np.nanmin(recalls(correct, labels, int(labels.max()) + 1)))


def sizes(examples: NDArray[np.int64]) -> tuple[int, int]:
    """Of (K,) examples of each class, those of the smallest and of the largest class that has any."""
    counted = examples[examples > 0]
    return int(counted.min()), int(counted.max())


def are_unequal(examples: NDArray[np.int64]) -> bool:
    """Whether (K,) classes are so unlike in size that accuracy may hide the small ones."""
    smallest, largest = sizes(examples)
    return largest >= UNEQUAL * smallest


def too_few(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Numbers of the classes that have examples, and fewer than `FEWEST`."""
    examples = np.bincount(labels)
    return np.flatnonzero((examples > 0) & (examples < FEWEST))
