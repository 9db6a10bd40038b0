"""Class-activation maps: where the evidence for a class lies (Zhou et al., 2016), and boxes around it.

The head is a global average pool and a dense layer, so the logit of a class is the mean over places of
`features @ head[:, class]`, up to the bias: that sum, place by place, is the map.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from augexp.data.boxes import Boxes
from augexp.errors import UserError
from augexp.network.model import Network
from augexp.network.trained import Trained

THRESHOLD = 0.2  # of the largest value; the paper's

Floats = NDArray[np.float32]


class Seen(NamedTuple):
    """A batch as the network sees it."""

    logits: Floats  # (B, K)
    features: Floats  # (B, h, w, C), before the pool


def looker(network: Network) -> Callable[[NDArray[Any]], Seen]:
    """A function from images (B, S, S, 3) in [0, 255] to logits and features."""
    whole = network.model
    both = keras.Model(whole.inputs, [whole.outputs[0], whole.get_layer("pool").input])

    def look(images: NDArray[Any]) -> Seen:
        logits, features = both.predict_on_batch(images)
        return Seen(np.asarray(logits, np.float32), np.asarray(features, np.float32))

    return look


def refuse_vectors(run: Trained) -> None:
    """Raises UserError if the backbone gives a vector: no place of an image has evidence of its own then."""
    if len(run.network.model.get_layer("pool").input.shape) != 4:
        raise UserError(
            f"{run.folder}: {run.experiment.model.backbone} gives a vector and no map of features: there are no places "
            "to look at"
        )


def activation_maps(network: Network, features: Floats, classes: NDArray[np.integer]) -> Floats:
    """The maps (B, h, w) of a class for each image; their mean over places is the logit without its bias.

    Args:
        network: whose head weighs the features.
        features: (B, h, w, C).
        classes: (B,).
    """
    kernel = keras.ops.convert_to_numpy(network.model.get_layer("head").kernel)
    return np.asarray(np.einsum("bhwc,bc->bhw", features, kernel[:, classes].T), np.float32)


def enlarge(maps: Floats, size: int) -> Floats:
    """Maps (B, h, w) at the size of the images, (B, size, size), bilinearly between the places' centres."""
    _, height, width = maps.shape
    rows, columns = ((np.arange(size) + 0.5) * side / size - 0.5 for side in (height, width))
    grid = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([ndimage.map_coordinates(one, grid, order=1, mode="nearest") for one in maps])


def box_of(heat: Floats) -> Floats:
    """The box around the largest connected part of a map (S, S) that is above a fifth of its maximum.

    It is (4,), as in `Boxes`. Negative evidence counts as none. A map without any positive value gives the whole image.
    """
    heat = np.maximum(heat, 0)
    if not heat.any():
        return np.array([0, 0, 1, 1], np.float32)
    parts, _ = ndimage.label(heat > THRESHOLD * heat.max())
    largest = np.bincount(parts.ravel())[1:].argmax() + 1
    rows, columns = ndimage.find_objects(parts)[largest - 1]
    ends = (rows.start, columns.start, rows.stop, columns.stop)
    return np.array(ends, np.float32) / np.float32(len(heat))


def overlap(box: Floats, others: Boxes) -> Floats:
    """Intersection over union of a box (4,) with boxes (n, 4)."""
    top, left = (np.maximum(box[i], others[:, i]) for i in (0, 1))
    bottom, right = (np.minimum(box[i], others[:, i]) for i in (2, 3))
    shared = np.maximum(bottom - top, 0) * np.maximum(right - left, 0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    own = (box[2] - box[0]) * (box[3] - box[1])
    return np.asarray(shared / np.maximum(areas + own - shared, np.finfo(np.float32).tiny), np.float32)
