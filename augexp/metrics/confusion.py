"""Which classes are taken for which."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augexp.metrics.scores import Labels


def confusion_matrix(said: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """(K, K): examples of class i taken for class j."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(labels, said, labels=np.arange(classes)), np.int64)


def most_confused(table: NDArray[np.int64], most: int) -> list[tuple[int, int, int]]:
    """(class, taken for, examples) of the commonest mistakes of a confusion matrix, commonest first."""
    mistakes = table - np.diag(np.diag(table))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, mistakes.shape)
    found = [(int(i), int(j), int(mistakes[i, j])) for i, j in zip(rows, columns, strict=True)]
    return [mistake for mistake in found if mistake[2]]


def confused_block(table: NDArray[np.int64], most: int) -> list[int]:
    """At most so many classes, in order, chosen for the mistakes among them: what a picture of many can show.

    Starts with the pair that is confused most often and adds, one by one, the class with most mistakes to and from
    those chosen.
    """
    classes = len(table)
    if classes <= most:
        return list(range(classes))
    mistakes: NDArray[Any] = table + table.T
    np.fill_diagonal(mistakes, 0)
    chosen = [int(index) for index in np.unravel_index(mistakes.argmax(), mistakes.shape)]
    while len(chosen) < most:
        ties = mistakes[:, chosen].sum(axis=1)
        ties[chosen] = -1
        chosen.append(int(ties.argmax()))
    return sorted(chosen)
