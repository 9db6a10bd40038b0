"""The only caller of `fit`: what is compiled for each phase of a run, and what is recorded after every epoch."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from augexp import console, files
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.errors import UserError
from augexp.network import model, parallel
from augexp.runs import checkpoint, read
from augexp.runs import folder as run_folder
from augexp.runs.checkpoint import Checkpoint, Progress
from augexp.runs.records import BrokenRun
from augexp.train import optimizer
from augexp.train.task import Phase, Task, eval_batches, origin, phases, recipe
from augexp.train.tensorboard import Events

SHOW_SECONDS = 0.25


def fit(task: Task, folder: Path, resumed: Checkpoint | None = None) -> Progress:
    """Trains through all phases, writing history, checkpoints and best weights into the run folder.

    Args:
        task: what is fitted; its network has the initial weights.
        folder: of the run.
        resumed: where to go on; on a CPU the run then ends in the very bytes of an unbroken one.

    Raises:
        UserError: if the loss is no longer finite.
    """
    done = resumed.step if resumed else 0
    reached = resumed.progress if resumed else Progress()
    if resumed:
        _go_back_to(resumed, task, folder)
    started = time.perf_counter() - reached.seconds
    with console.progress("training", task.total_steps) as advance:
        advance(done)
        record = _Record(task, folder, reached, advance, started, resumed)
        for _, alike in groupby(phases(task.experiment), key=lambda phase: phase.backbone):
            stage = list(alike)
            if task.steps * stage[-1].epochs.stop > done:
                with parallel.shared(task.experiment.train.devices):
                    _compile(task, stage[0])
                    if done > task.steps * stage[0].epochs.start and resumed:
                        _restore_optimizer(task, resumed)
                for phase in stage:
                    with _memory_shortage_explained(task.experiment):
                        _fit_phase(task, phase, record)
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
    record.phase = phase
    decided_by = recipe(task.experiment, task.splits, augmented=phase.augmented)
    for steps in _stretches(task, phase, record.step):
        task.network.model.fit(
            pipeline.train_batches(task.splits.train, decided_by, steps),
            initial_epoch=steps.start // task.steps,
            epochs=steps.stop // task.steps,
            steps_per_epoch=min(len(steps), task.steps),
            validation_data=eval_batches(task, task.splits.val),
            callbacks=[record],
            verbose=0,
            shuffle=False,
        )


def _stretches(task: Task, phase: Phase, done: int) -> list[range]:
    """The steps of a phase that are still to do: the rest of an epoch that was begun, then whole epochs."""
    first, stop = max(done, task.steps * phase.epochs.start), task.steps * phase.epochs.stop
    whole = math.ceil(first / task.steps) * task.steps
    return [steps for steps in (range(first, min(whole, stop)), range(whole, stop)) if steps]


def _go_back_to(resumed: Checkpoint, task: Task, folder: Path) -> None:
    """Sets the network and the files of a run folder to where a checkpoint was taken."""
    _assign(task.network.model.variables, resumed.arrays["model"])
    run_folder.keep_history(folder, resumed.step // task.steps)
    # The checkpoint comes before the best weights, so a kill between the two may have cost them.
    if resumed.step == resumed.progress.best_epoch * task.steps:
        _save_best(task, folder)


def _restore_optimizer(task: Task, resumed: Checkpoint) -> None:
    network = task.network.model
    network.optimizer.build(network.trainable_variables)
    _assign(network.optimizer.variables, resumed.arrays["optimizer"])
    if resumed.arrays["metrics"]:
        # Keras makes the variables of its metrics with their first batch.
        network.evaluate(eval_batches(task, task.splits.val).take(1), verbose=0)


def _assign(variables: Sequence[keras.Variable], arrays: Sequence[Any]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _save_best(task: Task, folder: Path) -> None:
    with files.replacing(folder / "best.weights.h5") as temporary:
        model.save_weights(task.network, temporary)


def _events(folder: Path) -> Events:
    """A new event file that begins with the epochs of an earlier process."""
    begun = Events(folder)
    with suppress(BrokenRun):  # no epoch yet
        history = read.history(folder)
        for i in range(len(history["epoch"])):
            begun.add({name: float(column[i]) for name, column in history.items() if math.isfinite(column[i])})
    return begun


class _Record(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows progress, stops at a loss that is not finite, and writes what a run must not lose."""

    phase: Phase

    def __init__(
        self, task: Task, folder: Path, reached: Progress, advance: console.Advance,
        started: float, resumed: Checkpoint | None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.task, self.folder, self.reached, self.advance, self.started = task, folder, reached, advance, started
        self.step = resumed.step if resumed else 0
        # Loss and accuracy of an epoch are running sums: those of an epoch that was begun are taken up again.
        self.running = resumed.arrays["metrics"] if resumed and self.step % task.steps else None
        self.events = _events(folder) if task.experiment.train.tensorboard else None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.epoch, self.seen = epoch, 0
        self.began = self.shown = time.perf_counter()
        self.earlier, self.reached.epoch_seconds = self.reached.epoch_seconds, 0.0
        self.first_step_ended = self.trained = 0.0
        self.pending = 0
        if self.running:
            _assign(self.model.metrics_variables, self.running)
            self.running = None

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any]) -> None:  # noqa: ARG002
        now = time.perf_counter()
        self.last_logs = logs
        self.step += 1
        self.seen += 1
        self.pending += 1
        if not self.first_step_ended:  # it may have compiled, which is no part of any rate
            self.first_step_ended = self.shown = now
            self.advance(self.pending)
            self.pending = 0
        # Reading the loss waits for the GPU, so it is read a few times a second, not at every step.
        elif now - self.shown >= SHOW_SECONDS:
            self._show(self._finite(logs["loss"]), seconds=now - self.shown)
            self.shown = now
        if self._is_checkpoint_due():
            self._finite(logs["loss"])
            self._save_checkpoint()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        # Steps may still be queued on a GPU; reading the loss waits for them.
        self._finite(self.last_logs["loss"])
        self.trained = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any]) -> None:
        row = self._row(epoch, {name: float(value) for name, value in logs.items()})
        self._finite(row["loss"])
        run_folder.append_history(self.folder, row)
        self.reached.rates.append(float(row["images_per_second"]))
        self.reached.val_accuracy = float(row["val_accuracy"])
        better = row["val_accuracy"] > self.reached.best_accuracy
        if better:
            self.reached.best_accuracy, self.reached.best_epoch = float(row["val_accuracy"]), epoch + 1
        self._save_checkpoint()
        if better:
            _save_best(self.task, self.folder)
        if self.events:
            self.events.add(row)
        self.advance(self.pending)
        self._say(row)

    def _is_checkpoint_due(self) -> bool:
        every = self.task.experiment.train.checkpoint_steps
        # The last step of an epoch has its checkpoint after validation.
        return every is not None and self.step % every == 0 and self.step % self.task.steps != 0

    def _save_checkpoint(self) -> None:
        now = time.perf_counter()
        self.reached.seconds = now - self.started
        within = self.step % self.task.steps != 0
        reached = replace(self.reached, epoch_seconds=self._epoch_seconds() if within else 0.0)
        # Asking Keras for its model mid-epoch brings JAX's state home.
        network = self.model
        parts = {"model": network.variables, "optimizer": network.optimizer.variables}
        if within:
            parts["metrics"] = network.metrics_variables
        arrays = {
            part: [keras.ops.convert_to_numpy(variable) for variable in variables] for part, variables in parts.items()
        }
        checkpoint.save(self.folder, Checkpoint(origin(self.task), self.step, self.phase.name, reached, arrays))

    def _epoch_seconds(self) -> float:
        return self.earlier + time.perf_counter() - self.began

    def _row(self, epoch: int, logs: Mapping[str, float]) -> dict[str, Any]:
        last_step = self.task.steps * (epoch + 1) - 1
        rate = optimizer.schedule(self.task.experiment.train, self.task.total_steps)(last_step)
        return {
            "epoch": epoch + 1,
            "phase": self.phase.name,
            **{name: round(logs[name], 6) for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "learning_rate": float(f"{float(rate):.6g}"),
            "seconds": round(self._epoch_seconds(), 3),
            "images_per_second": round(self._rate(), 1),
        }

    def _rate(self) -> float:
        """Training throughput of the epoch; its first step, which may compile, isn't counted where there are others."""
        steps, since = self.seen, self.began
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
        run_folder.log(self.folder, line)
