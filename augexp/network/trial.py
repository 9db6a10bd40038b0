"""A network of the user's, tried before anything is trained."""

import keras
import numpy as np

from augexp.config import ownnet
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.network.build import build_network
from augexp.network.model import Network

TRIED = 2  # images, and classes


def refuse_fault(experiment: Experiment, precision: str) -> None:
    """Builds an own network twice from the seed, and has it look at noise; other networks are left alone.

    Raises:
        UserError: if it can't be built, gives other weights for the same seed, or the same network again, or anything
            but finite numbers.
    """
    settings = experiment.model
    if not ownnet.is_own(settings.backbone):
        return
    says = f"model.backbone {settings.backbone}: "
    first, again = (build_network(experiment, precision, TRIED, pretrained=False) for _ in range(TRIED))
    ids = [{id(variable) for variable in network.backbone.variables} for network in (first, again)]
    if ids[0] & ids[1]:
        raise UserError(
            f"{says}it gave the same layers twice, so that one run would leave its weights to the next; make them "
            "within the function"
        )
    if any(one.tobytes() != other.tobytes() for one, other in zip(_weights(first), _weights(again), strict=True)):
        raise UserError(
            f"{says}it gave other initial weights for the same seed; leave them to Keras's initializers, without seeds "
            "of np.random or of the clock"
        )
    for size in (experiment.data.image_size, experiment.data.as_evaluated.image_size):
        noise = np.random.default_rng(size).integers(0, 256, (TRIED, size, size, 3)).astype(np.float32)
        if not np.isfinite(keras.ops.convert_to_numpy(first.model(noise))).all():
            raise UserError(f"{says}it gave numbers that are not finite for images in [0, 255] (in {precision})")


def _weights(network: Network) -> list[np.ndarray]:
    return [np.asarray(weight) for weight in network.backbone.get_weights()]
