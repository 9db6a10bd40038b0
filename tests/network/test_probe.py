"""What frozen features tell."""

import numpy as np
import pytest

from augexp.config import load
from augexp.network import probe


def test_features_are_those_of_the_initial_weights() -> None:
    settings = load.experiment("digits.yaml")
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.float32)
    first, again = (probe.features(settings, "float32", 10).predict_on_batch(images) for _ in range(2))
    assert first.shape[0] == 3
    assert first.ndim == 2
    np.testing.assert_array_equal(first, again)


@pytest.mark.filterwarnings("error")
def test_a_fit_that_ends_early_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "STEPS", 1)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 5))
    labels = (features[:, 0] > 0).astype(int)
    with probe.patient():
        assert probe.probe(1.0).fit(features, labels).predict(features).shape == labels.shape
