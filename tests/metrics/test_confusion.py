"""Mistakes are counted, ordered and chosen."""

import numpy as np

from augexp.metrics.confusion import confused_block, confusion_matrix, most_confused


def test_mistakes_are_counted_and_ordered() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2], np.int32)
    said = np.array([0, 1, 1, 1, 0, 2, 1, 0], np.int32)
    table = confusion_matrix(said, labels, 4)
    assert table.tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert most_confused(table, 2) == [(0, 1, 2), (1, 0, 1)]
    assert most_confused(np.diag([3, 2]), 5) == []


def test_the_most_confused_block_holds_the_mistakes() -> None:
    table = np.diag(np.full(30, 50))
    for true, said, count in ((7, 21, 9), (21, 7, 3), (7, 4, 5), (28, 29, 1)):
        table[true, said] = count
    assert confused_block(table, 3) == [4, 7, 21]
    assert confused_block(table[:3, :3], 3) == [0, 1, 2]
