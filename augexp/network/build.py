"""The network of an experiment, with the initial weights of its seed."""

import keras

from augexp.config.schema import Experiment
from augexp.network import model, parallel


def build_network(
    experiment: Experiment, precision: str, num_classes: int, *, pretrained: bool = True
) -> model.Network:
    """The network with the initial weights of the experiment's seed, equal for every strategy."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(experiment.seed)
    keras.config.set_dtype_policy(precision)
    devices = experiment.train.devices
    with parallel.shared(devices):
        network = model.build(experiment.model, experiment.data.image_size, num_classes, pretrained=pretrained)
    parallel.synchronize(network.backbone, devices)
    return network
