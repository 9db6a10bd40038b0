"""The only caller of Keras's `fit`: the phases of a run, and what is compiled for each."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from augexp import console
from augexp.augment import own
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.errors import UserError
from augexp.network import model, parallel
from augexp.network.build import policy
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.runs.checkpoint import Checkpoint, Progress
from augexp.runs.records import BrokenRun
from augexp.train import balance, binary, optimizer, stopping
from augexp.train.record import COLUMNS, Record, assign, save_weights
from augexp.train.task import Phase, Task, eval_batches, phases, recipe
from augexp.train.trackers import Trackers


def fit(task: Task, folder: Path, resumed: Checkpoint | None = None, trackers: Trackers | None = None) -> Progress:
    """Trains through all phases, writing history, checkpoints, best and last weights into the run folder.

    Args:
        task: what is fitted; its network has the initial weights.
        folder: of the run.
        resumed: where to go on; on a CPU the run then ends in the very bytes of an unbroken one.
        trackers: that are told of every epoch.

    Raises:
        UserError: if the loss is no longer finite.
    """
    done = resumed.step if resumed else 0
    reached = resumed.progress if resumed else Progress()
    if resumed:
        _go_back_to(resumed, task, folder)
    started = time.perf_counter() - reached.seconds
    with policy(task.network.precision), console.progress("training", task.total_steps) as advance:
        advance(done)
        record = Record(task, folder, reached, advance, started, resumed, trackers or Trackers(folder))
        for _, alike in groupby(phases(task.experiment), key=lambda phase: phase.backbone):
            stage = list(alike)
            # The one that is just done too: the weights it has reached are mended with its averages.
            if task.steps * stage[-1].epochs.stop >= done:
                with parallel.shared(task.experiment.train.devices):
                    compile_for(task, stage[0])
                    if done > task.steps * stage[0].epochs.start and resumed:
                        _restore_optimizer(task, resumed)
                        _mend_weights(task, folder, resumed)
                for phase in stage:
                    with own.explained(), memory_shortage_explained(task.experiment):
                        _fit_phase(task, phase, record)
    reached.seconds = time.perf_counter() - started
    return reached


@contextmanager
def memory_shortage_explained(settings: Experiment) -> Iterator[None]:
    """Raises UserError, with what to change, where a device has no memory left inside."""
    try:
        yield
    except Exception as error:  # TensorFlow and JAX raise types of their own
        if "RESOURCE_EXHAUSTED" not in str(error) and not isinstance(error, tf.errors.ResourceExhaustedError):
            raise
        raise UserError(
            f"out of memory at train.batch_size {settings.train.batch_size} and data.image_size "
            f"{settings.data.image_size}; try a smaller one of them, or train.precision=mixed_bfloat16"
        ) from error


def compile_for(task: Task, phase: Phase) -> None:
    """Compiles the network for the epochs of a phase."""
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
        loss=balance.loss(settings.train, task.splits),
        metrics=[
            binary.accuracy() if settings.train.loss == "binary" else keras.metrics.CategoricalAccuracy(name="accuracy")
        ],
        jit_compile=task.jit_compile,
    )


def _fit_phase(task: Task, phase: Phase, record: Record) -> None:
    record.phase = phase
    decided_by = recipe(task.experiment, task.splits, augmented=phase.augmented)
    for steps in _stretches(task, phase, record.step):
        if record.is_over:
            return
        batches = pipeline.train_batches(task.splits.train, decided_by, steps)
        task.network.model.fit(
            record.waiting.watched(batches, phase, task.total_steps - steps.start),
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
    assign(task.network.model.variables, resumed.arrays["model"])
    epochs = resumed.step // task.steps
    run_folder.keep_history(folder, epochs)
    if epochs:
        _refuse_foreign_history(folder)


def _refuse_foreign_history(folder: Path) -> None:
    """Raises UserError if the epochs that are done are not told as a run tells them."""
    try:
        history = read.history(folder)
        missing = [name for name in COLUMNS if not np.isfinite(history.get(name, np.nan)).all()]
        if missing:
            raise BrokenRun(f"history.csv has no full column {missing[0]}")  # noqa: TRY301
    except BrokenRun as error:
        raise UserError(f"{folder}: {error}; start the run over without --resume") from None


def _mend_weights(task: Task, folder: Path, resumed: Checkpoint) -> None:
    """The checkpoint comes before the weights, so a kill between the two may have cost them."""
    if resumed.step == resumed.progress.best_epoch * task.steps:
        save_weights(task, folder, "best")
    if resumed.step == task.total_steps or stopping.is_over(task.experiment, folder):
        save_weights(task, folder, "last")


def _restore_optimizer(task: Task, resumed: Checkpoint) -> None:
    network = task.network.model
    network.optimizer.build(network.trainable_variables)
    assign(network.optimizer.variables, resumed.arrays["optimizer"])
    if resumed.arrays["metrics"]:
        # Keras makes the variables of its metrics with their first batch.
        network.evaluate(eval_batches(task, task.splits.val).take(1), verbose=0)
