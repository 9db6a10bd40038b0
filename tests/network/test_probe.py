"""What frozen features tell."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
from sklearn.preprocessing import StandardScaler

from augexp.config import load
from augexp.network import probe


@pytest.mark.slow
def test_features_are_those_of_the_initial_weights() -> None:
    settings = load.experiment("digits.yaml")
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.float32)
    first, again = (probe.features(settings, "float32", 10).predict_on_batch(images) for _ in range(2))
    assert first.shape[0] == 3
    assert first.ndim == 2
    np.testing.assert_array_equal(first, again)


def batches(features: probe.Floats) -> Iterator[probe.Floats]:
    """In turn, the last one short."""
    return (features[first : first + 16] for first in range(0, len(features), 16))


def test_probes_of_streamed_features_are_those_of_all_features_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "ROWS", 30)  # of 100, so that blocks and batches don't end together
    rng = np.random.default_rng(0)
    labels = np.arange(100, dtype=np.int32) % 3
    features = (5 + rng.normal(size=(100, 7)) * np.arange(1, 8) + labels[:, None]).astype(np.float32)
    with probe.standardised(batches(features), tmp_path) as (train, scaler):
        np.testing.assert_allclose(train, StandardScaler().fit_transform(features), rtol=0, atol=1e-6)
        assert train.dtype == np.float32
        assert train.flags.c_contiguous
        found = probe.fitted(train, labels)
    for strength, one in zip(probe.STRENGTHS, found, strict=True):
        whole = probe.probe(strength).fit(features, labels)
        np.testing.assert_allclose(
            one.predict_proba(scaler.transform(features)), whole.predict_proba(features), rtol=0, atol=1e-4
        )


def test_no_file_of_features_stays(tmp_path: Path) -> None:
    def broken() -> Iterator[probe.Floats]:
        yield np.ones((4, 2), np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), probe.standardised(broken(), tmp_path):
        pass
    with probe.standardised(batches(np.eye(40, dtype=np.float32)), tmp_path):
        assert not list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("error")
def test_a_fit_that_ends_early_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "STEPS", 1)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 5))
    labels = (features[:, 0] > 0).astype(int)
    with probe.patient(np.eye(4, dtype=np.float32), np.arange(4, dtype=np.int32)):
        assert probe.probe(1.0).fit(features, labels).predict(features).shape == labels.shape


@pytest.mark.parametrize(("short", "most"), [(10**8, 1), (0, None)])
def test_short_steps_have_one_thread(monkeypatch: pytest.MonkeyPatch, short: int, most: int | None) -> None:
    monkeypatch.setattr(probe, "SHORT", short)
    before = _threads()
    with probe.patient(np.eye(4, dtype=np.float32), np.arange(4, dtype=np.int32)):
        assert _threads() == ([most] * len(before) if most else before)
    assert _threads() == before


def _threads() -> list[int]:
    return [one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
