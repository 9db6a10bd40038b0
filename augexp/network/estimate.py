"""What a run will cost before it starts: memory, and hours on a CPU."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import keras
import numpy as np

from augexp.config.schema import Experiment, Train
from augexp.network.model import Network, bare_backbone

FULL = 4  # predictions that a training step costs; with the backbone frozen it costs about one
# What compiling the first steps takes, counted in first predictions: of the head alone, of everything (on a CPU).
HEAD_START, FULL_START = 5, 13
CALLS = 3
PATIENCE = 4.0  # seconds; a large network on a CPU is timed once


@dataclass(frozen=True)
class Memory:
    """Bytes, estimated from the layers' outputs and the number of weights."""

    weights: int  # with gradients and optimizer state
    activations: int  # of one training batch

    @property
    def total(self) -> int:
        return self.weights + self.activations


def memory(network: Network, experiment: Experiment) -> Memory:
    """Memory of training; the real figure differs by what the backend fuses and keeps."""
    trains_backbone = experiment.model.freeze == "none"
    copies = 2 + optimizer_copies(experiment.train)  # weight, gradient
    count = network.model.count_params()
    at_size = network.backbone
    if experiment.data.eval_size is not None:
        at_size = bare_backbone(experiment.model, experiment.data.image_size)
    outputs = [_elements(layer) for layer in _layers(at_size)]
    kept = sum(outputs) if trains_backbone else 2 * max(outputs)
    width = 2 if network.precision.startswith("mixed") else 4
    weights = 4 * count * (copies if trains_backbone else 1)
    return Memory(weights, kept * width * experiment.train.batch_size)


def optimizer_copies(train: Train) -> int:
    """Numbers that the optimizer keeps for each weight: one or two moments, and the average where there is one."""
    return (1 if train.optimizer == "sgd" else 2) + (train.ema is not None)


def _layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Those of networks within it, too, but for what a subclass calls."""
    for layer in network.layers:
        if isinstance(layer, keras.Sequential | type(network)):
            yield from _layers(layer)
        else:
            yield layer


def _elements(layer: keras.layers.Layer) -> int:
    """Numbers in a layer's output for one example."""
    shapes = layer.output.shape if hasattr(layer.output, "shape") else layer.output[0].shape
    return int(np.prod([size for size in shapes[1:] if size is not None]))


def seconds(
    network: Network, experiment: Experiment, train_examples: int, val_examples: int, *, jit_compile: bool
) -> float:
    """Training time on this device, from the measured time of compiled predictions.

    Args:
        network: its weights stay as they are.
        experiment: the recipe.
        train_examples: seen in an epoch.
        val_examples: looked at after it.
        jit_compile: as the training will be compiled.
    """
    train = experiment.train
    first, image = _prediction(network.model, train.batch_size, experiment.data.image_size, jit_compile=jit_compile)
    full = 0 if experiment.model.freeze == "backbone" else train.epochs - train.head_epochs
    head = train.epochs - full
    larger = (experiment.data.as_evaluated.image_size / experiment.data.image_size) ** 2
    passes = (full * FULL + head) * train_examples + train.epochs * val_examples * larger
    return image * passes + first * ((HEAD_START if head else 0) + (FULL_START if full else 0))


def _prediction(model: keras.Model, batch_size: int, image_size: int, *, jit_compile: bool) -> tuple[float, float]:
    """Seconds of the first prediction of a batch, which compiles, and of an image in the following ones."""
    model.jit_compile = jit_compile
    batch = np.zeros((batch_size, image_size, image_size, 3), np.uint8)
    first = _seconds(lambda: model.predict_on_batch(batch))
    times = [_seconds(lambda: model.predict_on_batch(batch))]
    while len(times) < CALLS and first + sum(times) < PATIENCE:
        times.append(_seconds(lambda: model.predict_on_batch(batch)))
    return first, median(times) / batch_size


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
