"""The only caller of `fit`: the phases of a run, what is compiled for each, and what is recorded after every epoch."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from augexp import console, model, optimizer, runs
from augexp.config import Experiment
from augexp.data import pipeline
from augexp.data.splits import Part, Splits
from augexp.errors import UserError

SHOW_SECONDS = 0.25


class Phase(NamedTuple):
    """Epochs in a row that train the same weights on the same kind of batches."""

    name: Literal["head", "full", "plain"]
    backbone: bool  # trained
    augmented: bool
    epochs: range


@dataclass(frozen=True)
class Task:
    """What is fitted: network, data, recipe."""

    experiment: Experiment
    network: model.Network
    splits: Splits
    steps: int  # an epoch
    jit_compile: bool

    @property
    def total_steps(self) -> int:
        return self.steps * self.experiment.train.epochs


@dataclass
class Progress:
    """What a run has reached so far."""

    best_accuracy: float = -1.0
    best_epoch: int = 0
    val_accuracy: float | None = None  # of the last epoch
    seconds: float = 0.0  # training and validation
    rates: list[float] = field(default_factory=list)  # images a second, one an epoch


def phases(experiment: Experiment) -> list[Phase]:
    """The epochs of a run: the head alone, then everything, the last ones without the strategy."""
    settings = experiment.train

    def kind(epoch: int) -> tuple[bool, bool]:
        backbone = experiment.model.freeze == "none" and epoch >= settings.head_epochs
        return backbone, epoch < settings.epochs - settings.plain_epochs

    return [_phase(*key, list(epochs)) for key, epochs in groupby(range(settings.epochs), key=kind)]


def _phase(backbone: bool, augmented: bool, epochs: list[int]) -> Phase:
    name: Literal["head", "full", "plain"] = "plain" if not augmented else "full" if backbone else "head"
    return Phase(name, backbone, augmented, range(epochs[0], epochs[-1] + 1))


def fit(task: Task, folder: Path) -> Progress:
    """Trains through all phases, writing history, checkpoint and best weights into the run folder.

    Raises:
        UserError: if the loss is no longer finite.
    """
    reached = Progress()
    compiled_for: bool | None = None
    started = time.perf_counter()
    with console.progress("training", task.total_steps) as advance:
        for phase in phases(task.experiment):
            if phase.backbone is not compiled_for:
                _compile(task, phase)
                compiled_for = phase.backbone
            with _memory_shortage_explained(task.experiment):
                _fit_phase(task, phase, _Record(task, folder, phase, reached, advance))
    reached.seconds = time.perf_counter() - started
    return reached


@contextmanager
def _memory_shortage_explained(settings: Experiment) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # TensorFlow and JAX raise types of their own
        if "RESOURCE_EXHAUSTED" not in str(error) and not isinstance(error, tf.errors.ResourceExhaustedError):
            raise
        raise UserError(
            f"out of memory at train.batch_size {settings.train.batch_size} and data.image_size "
            f"{settings.data.image_size}; try a smaller one of them, or train.precision=mixed_bfloat16"
        ) from error


def _compile(task: Task, phase: Phase) -> None:
    settings, network = task.experiment, task.network
    model.set_trainable(network, settings.model, backbone=phase.backbone)
    network.model.compile(
        optimizer=optimizer.build(
            settings.train,
            slow=network.backbone.trainable_variables,
            slow_rate=settings.model.backbone_lr,
            total_steps=task.total_steps,
            first_step=task.steps * phase.epochs.start,
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=task.jit_compile,
    )


def _fit_phase(task: Task, phase: Phase, record: "_Record") -> None:
    steps = range(task.steps * phase.epochs.start, task.steps * phase.epochs.stop)
    decided_by = recipe(task.experiment, task.splits, augmented=phase.augmented)
    task.network.model.fit(
        pipeline.train_batches(task.splits.train, decided_by, steps),
        initial_epoch=phase.epochs.start,
        epochs=phase.epochs.stop,
        steps_per_epoch=task.steps,
        validation_data=eval_batches(task, task.splits.val),
        callbacks=[record],
        verbose=0,
        shuffle=False,
    )


def recipe(experiment: Experiment, splits: Splits, *, augmented: bool = True) -> pipeline.Recipe:
    """What decides the training batches of an experiment."""
    return pipeline.Recipe(
        strategy=experiment.strategy if augmented else (),
        batch_size=experiment.train.batch_size,
        image_size=experiment.data.image_size,
        num_classes=len(splits.class_names),
        seed=experiment.seed,
        label_smoothing=experiment.train.label_smoothing,
    )


def eval_batches(task: Task, part: Part) -> tf.data.Dataset:
    """Plain batches of val or test, each example once."""
    settings = task.experiment
    return pipeline.eval_batches(
        part, settings.train.batch_size, settings.data.image_size, len(task.splits.class_names)
    )


class _Record(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows progress, stops at a loss that is not finite, and after every epoch writes what a run must not lose."""

    def __init__(self, task: Task, folder: Path, phase: Phase, reached: Progress, advance: console.Advance) -> None:
        super().__init__()
        self.task, self.folder, self.phase, self.reached, self.advance = task, folder, phase, reached, advance

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.epoch = epoch
        self.began = self.shown = time.perf_counter()
        self.first_step_ended = self.trained = 0.0
        self.pending = 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any]) -> None:  # noqa: ARG002
        now = time.perf_counter()
        self.last_logs = logs
        self.pending += 1
        if not self.first_step_ended:  # it may have compiled, which is no part of any rate
            self.first_step_ended = self.shown = now
            self.advance(self.pending)
            self.pending = 0
        # Reading the loss waits for the GPU, so it is read a few times a second, not at every step.
        elif now - self.shown >= SHOW_SECONDS:
            self._show(self._finite(logs["loss"]), seconds=now - self.shown)
            self.shown = now

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        # Steps may still be queued on a GPU; reading the loss waits for them.
        self._finite(self.last_logs["loss"])
        self.trained = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any]) -> None:
        row = self._row(epoch, {name: float(value) for name, value in logs.items()})
        self._finite(row["loss"])
        runs.append_history(self.folder, row)
        self.reached.rates.append(float(row["images_per_second"]))
        self.reached.val_accuracy = float(row["val_accuracy"])
        if row["val_accuracy"] > self.reached.best_accuracy:
            self.reached.best_accuracy, self.reached.best_epoch = float(row["val_accuracy"]), epoch + 1
            with runs.replacing(self.folder / "best.weights.h5") as temporary:
                model.save_weights(self.task.network, temporary)
        save_checkpoint(self.model, self.folder, epoch + 1)
        self.advance(self.pending)
        self._say(row)

    def _row(self, epoch: int, logs: Mapping[str, float]) -> dict[str, Any]:
        last_step = self.task.steps * (epoch + 1) - 1
        rate = optimizer.schedule(self.task.experiment.train, self.task.total_steps)(last_step)
        return {
            "epoch": epoch + 1,
            "phase": self.phase.name,
            **{name: round(logs[name], 6) for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "learning_rate": float(f"{float(rate):.6g}"),
            "seconds": round(time.perf_counter() - self.began, 3),
            "images_per_second": round(self._rate(), 1),
        }

    def _rate(self) -> float:
        """Training throughput of the epoch; its first step, which may compile, isn't counted where there are others."""
        steps, since = self.task.steps, self.began
        if steps > 1:
            steps, since = steps - 1, self.first_step_ended
        return steps * self.task.experiment.train.batch_size / max(self.trained - since, 1e-9)

    def _finite(self, loss: Any) -> float:
        value = float(loss)
        if math.isfinite(value):
            return value
        raise UserError(
            f"{self.folder}: the loss is {value} in epoch {self.epoch + 1} with train.learning_rate "
            f"{self.task.experiment.train.learning_rate:g}; try a lower one, train.warmup_epochs=1, or "
            "train.precision=float32"
        )

    def _show(self, loss: float, seconds: float) -> None:
        settings = self.task.experiment.train
        val = "" if self.reached.val_accuracy is None else f"val {self.reached.val_accuracy:.3f} "
        rate = self.pending * settings.batch_size / seconds
        note = f"epoch {self.epoch + 1}/{settings.epochs} loss {loss:.3f} {val}{rate:,.0f} images/s"
        self.advance(self.pending, note)
        self.pending = 0

    def _say(self, row: Mapping[str, Any]) -> None:
        settings = self.task.experiment
        val = "val (= test)" if settings.data.validation == "test" else "val"
        line = (
            f"epoch {row['epoch']}/{settings.train.epochs}  loss {row['loss']:.3f}  {val} accuracy "
            f"{row['val_accuracy']:.4f}  {row['images_per_second']:,.0f} images/s  {row['seconds']:.1f} s"
        )
        console.say(line)
        runs.log(self.folder, line)


def save_checkpoint(network: keras.Model, folder: Path, epoch: int) -> None:
    """Replaces `checkpoint/state.npz`: the epoch, and the variables of network and optimizer in their order."""
    (folder / "checkpoint").mkdir(exist_ok=True)
    parts = {"model": network.variables, "optimizer": network.optimizer.variables}
    state: dict[str, Any] = {
        f"{part}-{i}": keras.ops.convert_to_numpy(variable)
        for part, variables in parts.items()
        for i, variable in enumerate(variables)
    }
    with runs.replacing(folder / "checkpoint" / "state.npz") as temporary:
        np.savez(temporary, epoch=epoch, **state)
