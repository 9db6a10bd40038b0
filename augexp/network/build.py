"""The network of an experiment, with the initial weights of its seed."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from augexp.config.schema import Experiment
from augexp.network import model, parallel


def build_network(
    experiment: Experiment, precision: str, num_classes: int, *, pretrained: bool = True
) -> model.Network:
    """The network with the initial weights of the experiment's seed, equal for every strategy.

    Whatever was built or drawn before in this process changes nothing, and neither Keras's policy nor the random
    numbers of Python and NumPy are others afterwards.

    Args:
        experiment: its `model`, `train.devices`, seed and sizes of images count; with `data.eval_size` the network
            takes images of any size.
        precision: Keras's policy for the layers.
        num_classes: width of the head.
        pretrained: False leaves the weights random, for estimates and for weights that come later.

    Raises:
        UserError: as `model.build` does.
    """
    keras.utils.clear_session()  # names of layers count from one again
    devices = experiment.train.devices
    with _seeded(experiment.seed), policy(precision), parallel.shared(devices):
        size = experiment.data.image_size if experiment.data.eval_size is None else None
        network = model.build(experiment.model, size, num_classes, pretrained=pretrained)
    parallel.synchronize(network.backbone, devices)
    return network


@contextmanager
def policy(precision: str) -> Iterator[None]:
    """Inside, Keras's layers and optimizers are made for this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Inside, initializers draw from this seed."""
    # Keras draws from Python's and TensorFlow's own generators. TensorFlow's seed stays set: it can't be asked for the
    # earlier one, and with train.deterministic it refuses random ops without one.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
