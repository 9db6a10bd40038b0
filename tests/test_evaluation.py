"""Metrics against scikit-learn, predictions against the model itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from augexp import evaluation


@given(st.integers(0, 2**32 - 1), st.integers(6, 40), st.integers(1, 60))
def test_metrics_equal_those_of_scikit_learn(seed: int, classes: int, examples: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), examples).astype(np.float32)
    probability /= probability.sum(axis=1, keepdims=True)
    labels = rng.integers(0, classes, examples, np.int32)
    found = evaluation.metrics(probability, labels)
    every = np.arange(classes)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probability.argmax(axis=1)))
    assert found["top5_accuracy"] == pytest.approx(top_k_accuracy_score(labels, probability, k=5, labels=every))
    exact = probability.astype(np.float64)
    expected = log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=every)
    assert found["cross_entropy"] == pytest.approx(expected, rel=1e-4)
    assert found["examples"] == examples


def test_a_constant_model_gets_no_credit_for_ties() -> None:
    found = evaluation.metrics(np.full((4, 8), 1 / 8, np.float32), np.zeros(4, np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.0, 0.0)


def test_nan_earns_nothing() -> None:
    found = evaluation.metrics(np.full((4, 8), np.nan, np.float32), np.zeros(4, np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.0, 0.0)


def test_with_few_classes_top5_is_always_reached() -> None:
    found = evaluation.metrics(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.array([1, 1], np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.5, 1.0)


def test_a_certain_mistake_costs_a_finite_cross_entropy() -> None:
    found = evaluation.metrics(np.array([[1.0, 0.0]], np.float32), np.array([1], np.int32))
    assert np.isfinite(found["cross_entropy"])
