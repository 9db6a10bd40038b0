"""Metrics against scikit-learn's and by their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from augexp.metrics.scores import metrics, per_example, probabilities


@given(st.integers(0, 2**32 - 1), st.integers(6, 40), st.integers(1, 60))
def test_metrics_equal_those_of_scikit_learn(seed: int, classes: int, examples: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), examples).astype(np.float32)
    probability /= probability.sum(axis=1, keepdims=True)
    labels = rng.integers(0, classes, examples, np.int32)
    found = metrics(probability, labels)
    every = np.arange(classes)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probability.argmax(axis=1)))
    assert found["top5_accuracy"] == pytest.approx(top_k_accuracy_score(labels, probability, k=5, labels=every))
    exact = probability.astype(np.float64)
    expected = log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=every)
    assert found["cross_entropy"] == pytest.approx(expected, rel=1e-4)
    assert found["examples"] == examples


def test_a_constant_model_gets_no_credit_for_ties() -> None:
    found = metrics(np.full((4, 8), 1 / 8, np.float32), np.zeros(4, np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.0, 0.0)


def test_nan_earns_nothing() -> None:
    found = metrics(np.full((4, 8), np.nan, np.float32), np.zeros(4, np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.0, 0.0)


def test_with_few_classes_top5_is_always_reached() -> None:
    found = metrics(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.array([1, 1], np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.5, 1.0)


def test_a_certain_mistake_costs_a_finite_cross_entropy() -> None:
    found = metrics(np.array([[1.0, 0.0]], np.float32), np.array([1], np.int32))
    assert np.isfinite(found["cross_entropy"])


def drawn(seed: int, examples: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Probabilities of a model, and labels."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(classes, 0.5), examples).astype(np.float32)
    return probability, rng.integers(0, classes, examples, np.int32)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 60))
def test_brier_is_the_squared_distance_from_the_truth(seed: int, classes: int, examples: int) -> None:
    probability, labels = drawn(seed, examples, classes)
    found = per_example(probability, labels)["brier"]
    truth = np.eye(classes)[labels]
    np.testing.assert_allclose(found, ((probability.astype(np.float64) - truth) ** 2).sum(axis=1), atol=1e-6)


def test_brier_at_its_ends() -> None:
    found = per_example(np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32), np.array([0, 0, 0], np.int32))
    np.testing.assert_allclose(found["brier"], [0, 2, 0.5])


@given(st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=6))
def test_probabilities_of_sigmoids_are_those_given_that_exactly_one_class_is_there(logits: list[float]) -> None:
    """By going through every set of classes that may be there, each with its own chance."""
    chance = 1 / (1 + np.exp(-np.array(logits, np.float64)))
    alone = np.array([
        np.prod([there if i == j else 1 - there for j, there in enumerate(chance)]) for i in range(len(chance))
    ])  # fmt: skip
    found = probabilities(np.array([logits], np.float32))[0]
    np.testing.assert_allclose(found, alone / alone.sum(), rtol=1e-4, atol=1e-6)
