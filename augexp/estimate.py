"""What a run will cost before it starts: memory, and hours on a CPU."""

import time
from dataclasses import dataclass

import keras
import numpy as np

from augexp.config import Experiment
from augexp.model import Network

BACKWARD = 3  # a training step costs about three forward passes


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
    copies = 3 if experiment.train.optimizer == "sgd" else 4  # weight, gradient, one or two moments
    count = network.model.count_params()
    outputs = [_elements(layer) for layer in network.backbone.layers]
    kept = sum(outputs) if trains_backbone else 2 * max(outputs)
    width = 2 if keras.config.dtype_policy().name.startswith("mixed") else 4
    weights = 4 * count * (copies if trains_backbone else 1)
    return Memory(weights, kept * width * experiment.train.batch_size)


def _elements(layer: keras.layers.Layer) -> int:
    """Numbers in a layer's output for one example."""
    shapes = layer.output.shape if hasattr(layer.output, "shape") else layer.output[0].shape
    return int(np.prod([size for size in shapes[1:] if size is not None]))


def seconds(network: Network, experiment: Experiment, train_examples: int, val_examples: int) -> float:
    """Training time on this device, from the measured time of a forward pass."""
    train = experiment.train
    forward = _seconds_per_image(network.model, train.batch_size, experiment.data.image_size)
    full = 0 if experiment.model.freeze == "backbone" else train.epochs - train.head_epochs
    passes = full * BACKWARD + (train.epochs - full)
    return forward * (passes * train_examples + train.epochs * val_examples)


def _seconds_per_image(model: keras.Model, batch_size: int, image_size: int) -> float:
    batch = keras.ops.zeros((min(batch_size, 8), image_size, image_size, 3), "uint8")
    model(batch)  # the first call sets up kernels
    start = time.perf_counter()
    keras.ops.convert_to_numpy(model(batch))
    return (time.perf_counter() - start) / len(batch)
