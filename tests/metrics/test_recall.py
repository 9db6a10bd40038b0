"""Recalls against scikit-learn's, and classes without examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from augexp.metrics.recall import macro_recall, recalls, worst_class_recall


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 60))
def test_recalls_equal_those_of_scikit_learn(seed: int, classes: int, examples: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, examples, np.int32)
    said = random.integers(0, classes, examples, np.int32)
    correct = (said == labels).astype(np.float32)
    present = np.unique(labels)
    expected = recall_score(labels, said, labels=present, average=None)
    assert recalls(correct, labels, classes)[present] == pytest.approx(expected)
    assert worst_class_recall(correct, labels) == pytest.approx(expected.min())
    assert macro_recall(correct, labels) == pytest.approx(expected.mean())


def test_a_class_without_examples_is_in_no_mean() -> None:
    correct, labels = np.array([1, 1, 0], np.float32), np.array([0, 0, 3], np.int32)
    np.testing.assert_array_equal(recalls(correct, labels, 5), [1, np.nan, np.nan, 0, np.nan])
    assert (macro_recall(correct, labels), worst_class_recall(correct, labels)) == (0.5, 0)


def test_a_network_that_names_the_majority_has_the_recall_of_a_coin() -> None:
    labels = np.repeat([0, 1], [97, 3]).astype(np.int32)
    assert macro_recall((labels == 0).astype(np.float32), labels) == 0.5


def test_of_equal_classes_it_is_the_accuracy() -> None:
    correct = np.random.default_rng(0).integers(0, 2, 100).astype(np.float32)
    assert macro_recall(correct, np.arange(100, dtype=np.int32) % 4) == pytest.approx(correct.mean())
