"""Phases, and a real fit on the embedded digits."""

import csv
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.config.schema import Experiment, Score
from augexp.errors import UserError
from augexp.network import model
from augexp.network.build import build_network
from augexp.runs import checkpoint, read
from augexp.train import record
from augexp.train.fit import fit, memory_shortage_explained
from augexp.train.prepare import prepare
from augexp.train.run import train
from augexp.train.task import Task
from tests import forked
from tests.tools import averages
from tests.train import test_tensorboard

DIGITS = ("train.epochs=3", "train.batch_size=64", "data.train_per_class=30")


@pytest.fixture
def fitted(tmp_path: Path, cache_dir: Path) -> "Fitted":
    return Fitted(tmp_path, cache_dir)


class Fitted:
    """Fits digits with some overrides; what it trained and wrote."""

    def __init__(self, folder: Path, cache_dir: Path) -> None:
        self.folder, self.cache_dir = folder, cache_dir

    def __call__(self, *overrides: str) -> checkpoint.Progress:
        settings = load.experiment("digits.yaml", [*DIGITS, f"data.cache_dir={self.cache_dir}", *overrides])
        self.task = prepare(settings)
        return fit(self.task, self.folder)

    @property
    def history(self) -> list[dict[str, str]]:
        with (self.folder / "history.csv").open() as file:
            return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_run_records_every_epoch_best_weights_and_checkpoint(fitted: Fitted) -> None:
    reached = fitted()
    assert [row["epoch"] for row in fitted.history] == ["1", "2", "3"]
    best = max(fitted.history, key=lambda row: float(row["val_accuracy"]))
    assert reached.best_epoch == int(best["epoch"])
    assert reached.best_accuracy == pytest.approx(float(best["val_accuracy"]), abs=1e-6)
    assert (fitted.folder / "best.weights.h5").exists()
    # Cosine: little of 0.05 is left in the last of 12 steps.
    expected = 0.05 * (1 + np.cos(np.pi * 11 / 12)) / 2
    assert float(fitted.history[-1]["learning_rate"]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_the_checkpoint_holds_network_and_optimizer(fitted: Fitted) -> None:
    fitted("train.epochs=1")
    network = fitted.task.network.model
    with np.load(fitted.folder / "checkpoint" / "state.npz", allow_pickle=False) as state:
        assert json.loads(str(state["meta"]))["step"] == fitted.task.steps
        for i, variable in enumerate(network.variables):
            np.testing.assert_array_equal(state[f"model-{i}"], keras.ops.convert_to_numpy(variable))
        assert int(state["optimizer-0"]) == fitted.task.steps


class Killed(BaseException):
    """What no handler expects, as a kill."""


# Dropout has a random state of its own.
RESUMABLE = (
    *("strategy=cutmix", "train.epochs=3", "train.head_epochs=1", "train.plain_epochs=1", "model.dropout=0.3"),
)
NUMBERS = ("epoch", "phase", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


def numbers(folder: Path) -> tuple[list[list[str]], list[bytes]]:
    """What a resumed run must have in common with an unbroken one."""
    with (folder / "history.csv").open() as file:
        rows = [[row[name] for name in NUMBERS] for row in csv.DictReader(file)]
    kept = ("best.weights.h5", "last.weights.h5", "predictions-test.npz", "predictions-test-best.npz")
    return rows, [(folder / name).read_bytes() for name in kept]


def resumable(runs_dir: Path, cache_dir: Path, *overrides: str) -> Experiment:
    return load.experiment(
        "digits.yaml", [*DIGITS, f"data.cache_dir={cache_dir}", f"runs_dir={runs_dir}", *RESUMABLE, *overrides]
    )


@pytest.fixture(scope="module")
def unbroken(trained_once: Callable[..., Path]) -> Path:
    return trained_once(*DIGITS, *RESUMABLE)


def killed(
    monkeypatch: pytest.MonkeyPatch, settings: Experiment, place: str, call: int, *, resume: bool = False
) -> None:
    """Trains until the n-th call of a function, then ends as suddenly as one test process can."""
    module, name = place.rsplit(".", 1)
    real = getattr(sys.modules[f"augexp.{module}"], name)
    calls = itertools.count(1)

    def kill(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            raise Killed
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(f"augexp.{place}", kill)
        with pytest.raises(Killed):
            train(settings, resume=resume)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "call"),
    [
        (
            "runs.checkpoint.save",
            4,
        ),  # within the first full epoch, after its first checkpoint: running sums are carried
        ("train.record.save_weights", 2),  # the checkpoint knows of a better epoch, its weights are lost
        ("runs.predictions.write", 1),
    ],
)
def test_a_resumed_run_ends_in_the_bytes_of_the_unbroken_one(
    unbroken: Path, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, place: str, call: int
) -> None:
    settings = resumable(tmp_path, cache_dir, "train.checkpoint_steps=2")  # of four an epoch
    killed(monkeypatch, settings, place, call)
    assert numbers(train(settings, resume=True)) == numbers(unbroken)


EMA = ("train.ema=0.8", "train.checkpoint_steps=2")  # of four an epoch


@pytest.fixture(scope="module")
def unbroken_averages(trained_once: Callable[..., Path]) -> Path:
    return trained_once(*DIGITS, *RESUMABLE, *EMA)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "call"),
    [
        ("runs.checkpoint.save", 4),  # within the first full epoch
        ("runs.checkpoint.save", 3),  # before it: the averages begin afresh
        ("train.record.save_weights", 1),  # the best weights of the head epoch are lost, and its averages known
        ("train.run._finish", 1),
    ],
)
def test_averages_are_resumed_to_the_byte(
    unbroken_averages: Path, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, place: str, call: int
) -> None:
    settings = resumable(tmp_path, cache_dir, *EMA)
    killed(monkeypatch, settings, place, call)
    assert numbers(train(settings, resume=True)) == numbers(unbroken_averages)
    assert arrays(settings.run_dir) == arrays(unbroken_averages)


@pytest.mark.slow
@pytest.mark.parametrize(("whole", "overrides"), [("unbroken", ()), ("unbroken_averages", EMA)])
def test_last_weights_that_a_kill_has_cost_come_from_the_checkpoint(
    request: pytest.FixtureRequest, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch,
    whole: str, overrides: tuple[str, ...],
) -> None:  # fmt: skip
    settings = resumable(tmp_path, cache_dir, *overrides)
    real = record.save_weights

    def kill(task: Task, folder: Path, kind: Score) -> None:
        if kind == "last":
            raise Killed
        real(task, folder, kind)

    with monkeypatch.context() as patch:
        patch.setattr(record, "save_weights", kill)
        with pytest.raises(Killed):
            train(settings)
    assert not (settings.run_dir / "last.weights.h5").exists()
    train(settings, resume=True)
    assert numbers(settings.run_dir) == numbers(request.getfixturevalue(whole))


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [(), ("train.precision=mixed_float16", "train.optimizer=adamw")])
def test_the_weights_kept_are_averages_over_every_step(
    tmp_path: Path, cache_dir: Path, overrides: tuple[str, ...]
) -> None:
    last, best, moved = averages.main(str(tmp_path), str(cache_dir), *overrides)
    assert max(last, best) < 1e-6
    assert moved > 1e-3


@pytest.mark.slow
def test_the_weights_kept_are_averages_on_jax_too(tmp_path: Path, cache_dir: Path) -> None:
    pytest.importorskip("jax")
    line = [sys.executable, "-m", "tests.tools.averages", str(tmp_path), str(cache_dir), "train.checkpoint_steps=3"]
    done = subprocess.run(line, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last, best, moved = map(float, done.stdout.split())
    assert max(last, best) < 1e-6
    assert moved > 1e-3


def test_validation_and_scores_are_of_the_averages(unbroken_averages: Path) -> None:
    run = read.load(unbroken_averages)
    assert run.history["val_accuracy"][-1] == pytest.approx(run.result.val.accuracy, abs=1e-6)
    assert run.history["val_loss"][-1] == pytest.approx(run.result.val.cross_entropy, rel=1e-4)
    with np.load(unbroken_averages / "checkpoint" / "state.npz", allow_pickle=False) as state:
        raw = state["model-0"]
    with h5py.File(unbroken_averages / "last.weights.h5") as file:
        kept = [one[()] for one in _data_sets(file) if one.shape == raw.shape]
    assert kept
    assert not any(np.array_equal(one, raw) for one in kept)


def _data_sets(group: h5py.Group) -> list[h5py.Dataset]:
    members = list(group.values())
    return [data for one in members for data in ([one] if isinstance(one, h5py.Dataset) else _data_sets(one))]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_in_mixed_precision_too(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, precision: str, optimizer: str
) -> None:
    # So high a loss scale overflows, so it is halved and steps are skipped; the other steps double it.
    monkeypatch.setattr(keras.optimizers.LossScaleOptimizer.__init__, "__defaults__", (HIGH_SCALE, 1, None))
    overrides = (
        *(f"train.precision={precision}", f"train.optimizer={optimizer}", "train.learning_rate=0.003"),
        *("train.weight_decay=0.01", "train.epochs=2", "train.head_epochs=0", "train.checkpoint_steps=3"),
    )
    settings = resumable(tmp_path / "broken", cache_dir, *overrides)
    killed(monkeypatch, settings, "runs.checkpoint.save", 2)  # goes on within the first epoch, after three steps
    if precision == "mixed_float16":
        assert loss_scale(settings.run_dir) != HIGH_SCALE
        killed(monkeypatch, settings, "runs.checkpoint.save", 2, resume=True)  # goes on after the first epoch
    broken = train(settings, resume=True)
    unbroken = train(resumable(tmp_path / "unbroken", cache_dir, *overrides))
    assert numbers(broken) == numbers(unbroken)
    assert arrays(broken) == arrays(unbroken)


HIGH_SCALE = 2.0**40


def loss_scale(folder: Path) -> float:
    with np.load(folder / "checkpoint" / "state.npz", allow_pickle=False) as state:
        return float(state["optimizer-3"])  # after Keras's own iterations and rate, and the count of steps since


def arrays(folder: Path) -> dict[str, bytes]:
    """The whole training state in the end."""
    with np.load(folder / "checkpoint" / "state.npz", allow_pickle=False) as state:
        return {name: state[name].tobytes() for name in state.files if name != "meta"}


@pytest.mark.slow
def test_a_deterministic_run_repeats_itself(tmp_path: Path, cache_dir: Path) -> None:
    def train(folder: Path) -> tuple[list[list[str]], list[bytes]]:
        phases = ("train.head_epochs=0", "train.plain_epochs=0", "train.epochs=2")  # each compiles anew
        settings = resumable(folder, cache_dir, "strategy=rand_augment+cutmix", "train.deterministic=true", *phases)
        (tmp_path / "told.yaml").write_text(settings.to_yaml())
        # In a process of its own: there is no way back from deterministic kernels.
        process = forked.command("train", "--config", tmp_path / "told.yaml")
        _, said = process.communicate(1200)
        assert process.returncode == 0, said
        return numbers(settings.run_dir)

    assert train(tmp_path / "once") == train(tmp_path / "again")


@pytest.mark.slow
def test_a_half_written_row_and_half_written_files_are_gone_after_resuming(
    unbroken: Path, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = resumable(tmp_path, cache_dir, "train.tensorboard=true")
    killed(monkeypatch, settings, "runs.folder.append_history", 2)
    with (settings.run_dir / "history.csv").open("a") as file:
        file.write("2,full,1.23")
    (settings.run_dir / "checkpoint" / ".123-state.npz").write_text("half")
    train(settings, resume=True)
    assert numbers(settings.run_dir) == numbers(unbroken)
    assert [path.name for path in (settings.run_dir / "checkpoint").iterdir()] == ["state.npz"]
    assert sorted({step for step, _, _ in test_tensorboard.read(settings.run_dir)}) == [1, 2, 3]


def test_resuming_a_finished_run_leaves_it_as_it_is(unbroken: Path, cache_dir: Path) -> None:
    before = {path: path.read_bytes() for path in unbroken.iterdir() if path.is_file()}
    assert train(resumable(unbroken.parent, cache_dir), resume=True) == unbroken
    assert before == {path: path.read_bytes() for path in unbroken.iterdir() if path.is_file()}


@pytest.mark.slow
def test_a_refused_resume_leaves_the_run_as_it_was(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = resumable(tmp_path, cache_dir, "train.checkpoint_steps=2")  # of four an epoch
    killed(monkeypatch, settings, "runs.folder.append_history", 1)
    before = {path: path.read_bytes() for path in settings.run_dir.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"not the same run \(train.learning_rate: 0.05 there, 0.1 here\)"):
        train(resumable(tmp_path, cache_dir, "train.learning_rate=0.1"), resume=True)
    assert before == {path: path.read_bytes() for path in settings.run_dir.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_in_head_epochs_the_backbone_stands_still(fitted: Fitted) -> None:
    fitted("train.epochs=1", "train.head_epochs=1")
    fresh = build_network(fitted.task.experiment, "float32", 10)
    trained = fitted.task.network
    for old, new in zip(fresh.backbone.weights, trained.backbone.weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(old), keras.ops.convert_to_numpy(new))
    assert fitted.history[0]["phase"] == "head"


@pytest.mark.slow
def test_best_weights_of_the_head_epoch_can_be_loaded_after_the_full_ones(fitted: Fitted) -> None:
    fitted("train.epochs=2", "train.head_epochs=1", "train.learning_rate=0.0001")
    model.load_weights(fitted.task.network, fitted.folder / "best.weights.h5")


@pytest.mark.slow
def test_plain_epochs_run_without_the_strategy(fitted: Fitted) -> None:
    fitted("strategy=mixup", "train.epochs=2", "train.plain_epochs=1")
    assert [row["phase"] for row in fitted.history] == ["full", "plain"]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_with_advice(fitted: Fitted) -> None:
    with pytest.raises(UserError) as error:
        fitted("train.learning_rate=1e30", "train.schedule=constant")
    assert str(error.value) == (
        f"{fitted.folder}: the loss is nan in epoch 1 with train.learning_rate 1e+30; "
        "try a lower one, train.warmup_epochs=1, or train.precision=float32"
    )


def test_a_memory_shortage_is_explained() -> None:
    import tensorflow as tf

    with pytest.raises(UserError) as error, memory_shortage_explained(load.experiment(None)):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    assert str(error.value) == (
        "out of memory at train.batch_size 64 and data.image_size 224; "
        "try a smaller one of them, or train.precision=mixed_bfloat16"
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_keeps_logits_in_float32(fitted: Fitted, precision: str) -> None:
    reached = fitted("strategy=cutmix", "train.epochs=1", f"train.precision={precision}")
    network = fitted.task.network.model
    assert network.output.dtype == "float32"
    assert reached.best_accuracy > 0


@pytest.mark.slow
def test_adamw_trains(fitted: Fitted) -> None:
    reached = fitted("train.optimizer=adamw", "train.learning_rate=0.003", "train.weight_decay=0.01", "train.epochs=2")
    assert reached.best_accuracy > 0.3
