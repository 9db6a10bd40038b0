"""How fast this machine trains a network: a few real steps of each phase of a run, on drawn pixels."""

import math
import tempfile
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.config.schema import Experiment, Train
from augexp.data import pipeline
from augexp.data.splits import Part, Splits
from augexp.network import device, parallel
from augexp.network.build import build_network, policy
from augexp.network.model import save_weights
from augexp.train.fit import compile_for, memory_shortage_explained
from augexp.train.task import Phase, Task, eval_batches, phases, recipe

STEPS = 30  # of a phase at most, after its first
SECONDS = 4.0  # of these
BATCHES = 4  # of drawn images
ALIGNMENT = 64  # bytes


@dataclass(frozen=True)
class Rates:
    """Seconds of the parts of a run.

    Attributes:
        image_size: at which they were measured, in pixels.
        once: building the network, compiling its steps, its first scores.
        head: an image that the head alone is trained on; 0 where there is no such phase.
        full: an image that everything is trained on.
        scoring: an image of val or test.
        saving: the weights.
    """

    image_size: int
    once: float
    head: float
    full: float
    scoring: float
    saving: float

    def seconds(self, train: Train, image_size: int, examples: tuple[int, int, int]) -> float:
        """Of a run with this recipe and its train, val and test images; it grows as the pixels do."""
        (learnt, val, test), pixels = examples, (image_size / self.image_size) ** 2
        learnt -= learnt % train.batch_size
        training = learnt * (train.head_epochs * self.head + (train.epochs - train.head_epochs) * self.full)
        scored = train.epochs * val + 2 * (val + test)  # the last and the best weights
        # After each epoch a checkpoint, and the best weights where they are.
        return self.once + pixels * (training + scored * self.scoring) + train.epochs * 2 * self.saving


def measure(experiment: Experiment, classes: int) -> Rates:
    """Trains a few steps of each kind, on noise; takes some 10 to 30 seconds, most of which compiles.

    Args:
        experiment: its strategy, network, sizes and recipe count; its data are not read.
        classes: K.

    Raises:
        UserError: if the network can't be built, its weights can't be had, or there is too little memory.
    """
    found, settings = device.find(), experiment.model
    start = time.perf_counter()
    precision = device.resolve_precision(experiment.train.precision, found)
    network = build_network(experiment, precision, classes)
    once = time.perf_counter() - start
    splits = _drawn(experiment, classes)
    task = Task(experiment, network, splits, BATCHES, found, parallel.uses_xla(found, experiment.train.devices))
    image = {"head": 0.0, "full": 0.0}
    kinds = [next(alike) for _, alike in groupby(phases(experiment), key=lambda phase: phase.backbone)]
    what = f"timing {settings.backbone} at {experiment.data.image_size} px"
    with policy(precision), console.progress(what, len(kinds) * STEPS) as advance:
        for phase in kinds:
            with memory_shortage_explained(experiment):
                first, image[phase.name] = _steps(task, phase, advance)
                compiled, scoring = _scoring(task)
            once += first + compiled
    # Scores of the end are compiled once more, and so are the images of a run that says its hours first.
    return Rates(
        image_size=experiment.data.image_size,
        once=once + 2 * compiled,
        head=image["head"],
        full=image["full"],
        scoring=scoring,
        saving=_saving(task),
    )


def _drawn(experiment: Experiment, classes: int) -> Splits:
    """Noise in place of the images."""
    count, side = BATCHES * experiment.train.batch_size, experiment.data.image_size
    images = _aligned((count, side, side, 3))
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    labels = np.arange(count, dtype=np.int32) % classes
    part = Part(images, np.arange(count, dtype=np.int64), labels, list(map(str, range(count))))
    return Splits(part, part, part, tuple(map(str, range(classes))), "", ())


def _aligned(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Empty, where TensorFlow may share it: it ends the process for memory that begins anywhere."""
    memory = np.empty(math.prod(shape) + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + math.prod(shape)].reshape(shape)


def _steps(task: Task, phase: Phase, advance: console.Advance) -> tuple[float, float]:
    """Seconds of the first step, which compiles, and of an image in those that follow."""
    compile_for(task, phase)
    clock = _Clock(advance)
    batches = pipeline.train_batches(task.splits.train, recipe(task.experiment, task.splits), range(STEPS + 1))
    task.network.model.fit(batches, steps_per_epoch=STEPS + 1, callbacks=[clock], verbose=0, shuffle=False)
    return clock.first, median(clock.steps) / task.experiment.train.batch_size


def _scoring(task: Task) -> tuple[float, float]:
    """Seconds that compiling takes, and of an image."""
    first, again = (_seconds_of_scores(task) for _ in range(2))
    return max(0.0, first - again), again / len(task.splits.val)


def _seconds_of_scores(task: Task) -> float:
    start = time.perf_counter()
    task.network.model.evaluate(eval_batches(task, task.splits.val), verbose=0)
    return time.perf_counter() - start


def _saving(task: Task) -> float:
    """Seconds of the second time; the first one opens a library."""
    with tempfile.TemporaryDirectory(prefix="augexp-init-") as folder:
        for _ in range(2):
            start = time.perf_counter()
            save_weights(task.network, Path(folder) / "timed.weights.h5")
            seconds = time.perf_counter() - start
    return seconds


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Times steps, and ends a `fit` that has taken long enough."""

    def __init__(self, advance: console.Advance) -> None:
        super().__init__()
        self._advance = advance
        self.first, self.steps = 0.0, list[float]()
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any) -> None:  # noqa: ARG002
        float(logs["loss"])  # a GPU is waited for
        now = time.perf_counter()
        if self.first:
            self.steps.append(now - self._last)
        else:
            self.first = now - self._last
        self._last = now
        self._advance()
        self.model.stop_training = len(self.steps) > 1 and sum(self.steps) > SECONDS
