"""Calibration by its definition, and on models whose confidence is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.metrics import calibration
from augexp.metrics.scores import metrics, probabilities
from tests.metrics.test_scores import drawn


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 200), st.integers(1, 15))
def test_calibration_error_by_its_definition(seed: int, classes: int, examples: int, bins: int) -> None:
    probability, labels = drawn(seed, examples, classes)
    found = calibration.reliability(probability, labels, bins)
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
        assert calibration.calibration_error(found) == pytest.approx(error, abs=1e-9)


def test_a_model_that_is_right_as_often_as_it_says_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    said = rng.uniform(0.5, 1, 200_000).astype(np.float32)
    labels = (rng.uniform(size=len(said)) > said).astype(np.int32)
    probability = np.stack([said, 1 - said], axis=1)
    assert calibration.calibration_error(calibration.reliability(probability, labels)) < 0.005
    bold = np.stack([0.99 + 0 * said, 0.01 + 0 * said], axis=1)
    assert calibration.calibration_error(calibration.reliability(bold, labels)) == pytest.approx(0.24, abs=0.005)


def test_the_temperature_is_found_that_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(size=(20_000, 5)).astype(np.float32) * 2
    draw = rng.uniform(size=(len(honest), 1))
    labels = (probabilities(honest).cumsum(axis=1) < draw).sum(axis=1).clip(max=4).astype(np.int32)
    for heat in (0.5, 1.0, 3.0):
        assert calibration.temperature(honest * np.float32(heat), labels) == pytest.approx(heat, rel=0.03)
    cooled = probabilities(honest * 3, calibration.temperature(honest * 3, labels))
    before = metrics(probabilities(honest * 3), labels)
    after = metrics(cooled, labels)
    assert after["cross_entropy"] < before["cross_entropy"]
    assert after["accuracy"] == before["accuracy"]
