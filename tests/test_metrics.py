"""Metrics against scikit-learn and against definitions spelt out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from augexp import metrics


@given(st.integers(0, 2**32 - 1), st.integers(6, 40), st.integers(1, 60))
def test_metrics_equal_those_of_scikit_learn(seed: int, classes: int, examples: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), examples).astype(np.float32)
    probability /= probability.sum(axis=1, keepdims=True)
    labels = rng.integers(0, classes, examples, np.int32)
    found = metrics.metrics(probability, labels)
    every = np.arange(classes)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probability.argmax(axis=1)))
    assert found["top5_accuracy"] == pytest.approx(top_k_accuracy_score(labels, probability, k=5, labels=every))
    exact = probability.astype(np.float64)
    expected = log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=every)
    assert found["cross_entropy"] == pytest.approx(expected, rel=1e-4)
    assert found["examples"] == examples


def test_a_constant_model_gets_no_credit_for_ties() -> None:
    found = metrics.metrics(np.full((4, 8), 1 / 8, np.float32), np.zeros(4, np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.0, 0.0)


def test_nan_earns_nothing() -> None:
    found = metrics.metrics(np.full((4, 8), np.nan, np.float32), np.zeros(4, np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.0, 0.0)


def test_with_few_classes_top5_is_always_reached() -> None:
    found = metrics.metrics(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.array([1, 1], np.int32))
    assert (found["accuracy"], found["top5_accuracy"]) == (0.5, 1.0)


def test_a_certain_mistake_costs_a_finite_cross_entropy() -> None:
    found = metrics.metrics(np.array([[1.0, 0.0]], np.float32), np.array([1], np.int32))
    assert np.isfinite(found["cross_entropy"])


# --- calibration ---------------------------------------------------------------------------------------------------


def drawn(seed: int, examples: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Probabilities of a model, and labels."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(classes, 0.5), examples).astype(np.float32)
    return probability, rng.integers(0, classes, examples, np.int32)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 60))
def test_brier_is_the_squared_distance_from_the_truth(seed: int, classes: int, examples: int) -> None:
    probability, labels = drawn(seed, examples, classes)
    found = metrics.per_example(probability, labels)["brier"]
    truth = np.eye(classes)[labels]
    np.testing.assert_allclose(found, ((probability.astype(np.float64) - truth) ** 2).sum(axis=1), atol=1e-6)


def test_brier_at_its_ends() -> None:
    found = metrics.per_example(np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32), np.array([0, 0, 0], np.int32))
    np.testing.assert_allclose(found["brier"], [0, 2, 0.5])


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 200), st.integers(1, 15))
def test_calibration_error_by_its_definition(seed: int, classes: int, examples: int, bins: int) -> None:
    probability, labels = drawn(seed, examples, classes)
    found = metrics.reliability(probability, labels, bins)
    assert max(one.examples for one in found) - min(one.examples for one in found) <= 1
    assert sum(one.examples for one in found) == examples
    # By loops, in exact sums.
    rows = sorted(
        (float(row.max()), float(np.argmax(row) == label)) for row, label in zip(probability, labels, strict=True)
    )
    error, start = 0.0, 0
    for one in found:
        part = rows[start : start + one.examples]
        start += one.examples
        error += abs(math.fsum(confidence - right for confidence, right in part)) / examples
    if len({confidence for confidence, _ in rows}) == examples:  # ties may fall into either bin
        assert metrics.calibration_error(found) == pytest.approx(error, abs=1e-9)


def test_a_model_that_is_right_as_often_as_it_says_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    said = rng.uniform(0.5, 1, 200_000).astype(np.float32)
    labels = (rng.uniform(size=len(said)) > said).astype(np.int32)
    probability = np.stack([said, 1 - said], axis=1)
    assert metrics.calibration_error(metrics.reliability(probability, labels)) < 0.005
    bold = np.stack([0.99 + 0 * said, 0.01 + 0 * said], axis=1)
    assert metrics.calibration_error(metrics.reliability(bold, labels)) == pytest.approx(0.24, abs=0.005)


def test_the_temperature_is_found_that_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(size=(20_000, 5)).astype(np.float32) * 2
    draw = rng.uniform(size=(len(honest), 1))
    labels = (metrics.probabilities(honest).cumsum(axis=1) < draw).sum(axis=1).clip(max=4).astype(np.int32)
    for heat in (0.5, 1.0, 3.0):
        assert metrics.temperature(honest * np.float32(heat), labels) == pytest.approx(heat, rel=0.03)
    cooled = metrics.probabilities(honest * 3, metrics.temperature(honest * 3, labels))
    before = metrics.metrics(metrics.probabilities(honest * 3), labels)
    after = metrics.metrics(cooled, labels)
    assert after["cross_entropy"] < before["cross_entropy"]
    assert after["accuracy"] == before["accuracy"]


# --- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes_are_counted_and_ordered() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2], np.int32)
    said = np.array([0, 1, 1, 1, 0, 2, 1, 0], np.int32)
    table = metrics.confusion(said, labels, 4)
    assert table.tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert metrics.most_confused(table, 2) == [(0, 1, 2), (1, 0, 1)]
    assert metrics.most_confused(np.diag([3, 2]), 5) == []


def test_the_most_confused_block_holds_the_mistakes() -> None:
    table = np.diag(np.full(30, 50))
    for true, said, count in ((7, 21, 9), (21, 7, 3), (7, 4, 5), (28, 29, 1)):
        table[true, said] = count
    assert metrics.confused_block(table, 3) == [4, 7, 21]
    assert metrics.confused_block(table[:3, :3], 3) == [0, 1, 2]
