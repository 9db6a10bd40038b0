"""Test-time augmentation of a real run, against the mean of its predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from augexp.network import trained


@pytest.mark.slow
def test_flipping_is_the_mean_of_two_predictions(trained_run: Path, content: dict[str, Any]) -> None:
    opened = trained.load(trained_run)
    part = trained.splits(opened).test
    images = part.images[part.rows]

    def probability(shown: np.ndarray) -> np.ndarray:
        logits = np.asarray(opened.network.model.predict(shown, verbose=0), np.float64)
        return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))

    both = (probability(images) + probability(images[:, :, ::-1])) / 2
    scores = content["splits"]["test"]["tta"]["flip"]["scores"]
    assert scores["accuracy"] == pytest.approx((both.argmax(axis=1) == part.labels).mean(), abs=0.003)
    assert scores["cross_entropy"] == pytest.approx(log_loss(part.labels, both), abs=1e-5)
