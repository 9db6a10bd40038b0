"""What is fitted, and in which phases."""

from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

import keras
import tensorflow as tf

from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.data.splits import Part, Splits
from augexp.network import model, parallel
from augexp.network.device import Device
from augexp.runs.checkpoint import Origin


class Phase(NamedTuple):
    """Epochs in a row that train the same weights on the same kind of batches."""

    name: Literal["head", "full", "plain"]
    backbone: bool  # trained
    augmented: bool
    epochs: range


@dataclass(frozen=True)
class Task:
    """A run ready to be trained: everything that is needed before its folder is touched."""

    experiment: Experiment
    network: model.Network
    splits: Splits
    steps: int  # an epoch
    device: Device
    jit_compile: bool

    @property
    def total_steps(self) -> int:
        return self.steps * self.experiment.train.epochs


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


def recipe(experiment: Experiment, splits: Splits, *, augmented: bool = True) -> pipeline.Recipe:
    """What decides the training batches of an experiment."""
    return pipeline.Recipe(
        strategy=experiment.strategy if augmented else (),
        batch_size=experiment.train.batch_size,
        image_size=experiment.data.image_size,
        num_classes=len(splits.class_names),
        seed=experiment.seed,
        label_smoothing=experiment.train.label_smoothing,
        balanced=experiment.train.balance == "sampler",
        class_names=splits.class_names,
    )


def eval_batches(task: Task, part: Part) -> tf.data.Dataset:
    """Plain batches of val or test, each example once."""
    settings = task.experiment
    batch_size = parallel.eval_batch_size(settings.train.devices, settings.train.batch_size)
    view = pipeline.centre(settings.data.as_evaluated.image_size)
    return pipeline.eval_batches(part, batch_size, len(task.splits.class_names), view)


def origin(task: Task) -> Origin:
    """What a checkpoint of this task must have in common with a run that goes on from it."""
    return Origin(task.experiment, task.splits.fingerprint, keras.backend.backend(), task.network.precision)
