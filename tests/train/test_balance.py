"""Balanced softmax against its formula, and what it and the sampler do to a rare class."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from augexp.config import load
from augexp.config.schema import Train
from augexp.data.splits import Splits
from augexp.runs import predictions, read
from augexp.train.balance import BalancedSoftmax, loss
from augexp.train.prepare import prepare
from augexp.train.run import train
from tests.tools.unequal_digits import draw


class _StoppedError(Exception):
    """As a kill would."""


RANDOM = np.random.default_rng(0)
COUNTS = np.array([90, 9, 1])


def value(targets: np.ndarray, logits: np.ndarray) -> float:
    return float(keras.ops.convert_to_numpy(BalancedSoftmax(COUNTS)(targets, logits)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_the_cross_entropy_of_logits_with_the_log_prior(smoothing: float) -> None:
    logits = RANDOM.normal(size=(16, 3)).astype(np.float32)
    hard = np.eye(3)[RANDOM.integers(0, 3, 16)]
    mixed = 0.3 * hard + 0.7 * hard[::-1]
    targets = ((1 - smoothing) * mixed + smoothing / 3).astype(np.float32)
    expected = -(targets * log_softmax(logits + np.log(COUNTS / 100), axis=1)).sum(axis=1).mean()
    assert value(targets, logits) == pytest.approx(expected, rel=1e-5)


def test_it_is_that_of_ren_et_al() -> None:
    """- log(n_y exp(z_y) / sum n_c exp(z_c))."""
    logits = np.array([[0.2, -0.4, 1.0]], np.float32)
    weighed = COUNTS * np.exp(logits[0])
    for label in range(3):
        expected = -np.log(weighed[label] / weighed.sum())
        assert value(np.eye(3, dtype=np.float32)[[label]], logits) == pytest.approx(expected, rel=1e-5)


def test_of_equal_classes_it_is_the_plain_loss() -> None:
    logits, targets = RANDOM.normal(size=(8, 4)).astype(np.float32), np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 2]
    plain = keras.losses.CategoricalCrossentropy(from_logits=True)(targets, logits)
    assert float(BalancedSoftmax(np.full(4, 7))(targets, logits)) == pytest.approx(float(plain), rel=1e-6)


def test_a_class_without_train_images_has_a_finite_loss() -> None:
    smoothed = np.full((1, 2), 0.5, np.float32)
    assert np.isfinite(float(BalancedSoftmax(np.array([10, 0]))(smoothed, np.zeros((1, 2), np.float32))))


def test_the_prior_is_that_of_the_train_split(digits: Splits) -> None:
    found: Any = loss(Train(balance="loss"), digits)
    shares = np.bincount(digits.train.labels) / len(digits.train)
    np.testing.assert_allclose(found.log_prior, np.log(shares), rtol=1e-6)
    assert isinstance(loss(Train(), digits), keras.losses.CategoricalCrossentropy)


@pytest.fixture(scope="module")
def unequal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("unequal") / "set")


def settings(folder: Path, source: Path, cache_dir: Path, balance: str, *more: str) -> Any:
    told = (f"data.source=folder:{source}", f"runs_dir={folder}", f"data.cache_dir={cache_dir}", "train.epochs=2")
    return load.experiment("digits.yaml", [*told, f"name={balance}", f"train.balance={balance}", *more])


@pytest.mark.slow
def test_val_accuracy_and_predictions_are_of_plain_logits(tmp_path: Path, unequal: Path, cache_dir: Path) -> None:
    folder = train(settings(tmp_path, unequal, cache_dir, "loss", "strategy=mixup", "train.label_smoothing=0.1"))
    result, history = read.load(folder).result, read.history(folder)
    assert result.val.accuracy == pytest.approx(history["val_accuracy"][-1], abs=1e-6)
    with np.load(predictions.path_of(folder, "val")) as stored:
        said = stored["probability"].astype(np.float32).argmax(axis=1)
        assert (said == stored["label"]).mean() == pytest.approx(result.val.accuracy, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("balance", ["sampler", "loss"])
def test_a_resumed_run_ends_in_the_same_bytes(tmp_path: Path, unequal: Path, cache_dir: Path, balance: str) -> None:
    whole = train(settings(tmp_path / "a", unequal, cache_dir, balance))
    part = settings(tmp_path / "b", unequal, cache_dir, balance, "train.checkpoint_steps=3")
    with pytest.raises(_StoppedError):
        _stopped_after(part, 4)
    resumed = train(part, resume=True)
    assert (whole / "predictions-test.npz").read_bytes() == (resumed / "predictions-test.npz").read_bytes()


def _stopped_after(experiment: Any, steps: int) -> None:
    from augexp.train.record import Record

    before = Record.on_train_batch_end

    def stop(self: Record, batch: int, logs: Any) -> None:
        before(self, batch, logs)
        if self.step == steps:
            raise _StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Record, "on_train_batch_end", stop)
        train(experiment)


@pytest.mark.slow
def test_prepare_takes_every_balance(tmp_path: Path, unequal: Path, cache_dir: Path) -> None:
    for balance in ("none", "sampler", "loss"):
        assert prepare(settings(tmp_path, unequal, cache_dir, balance)).steps > 0
