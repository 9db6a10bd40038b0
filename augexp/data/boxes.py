"""Where the objects of a data set are, in the square that the network sees; only some TFDS sets say."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.config import Data
from augexp.data.sources import open_source
from augexp.data.splits import Part
from augexp.errors import UserError

Boxes = NDArray[np.float32]  # (n, 4): top, left, bottom, right as shares of the side, ends excluded


def of_part(part: Part, data: Data) -> list[Boxes]:
    """The boxes of each example of a part, in its order.

    Raises:
        UserError: if the data set has none.
    """
    source = open_source(data)
    found: dict[str, Boxes] = {}
    for examples in source.splits.values():
        if examples.boxed is None:
            raise UserError(
                f"data.source {data.source}: it has no boxes around its objects, which localisation is measured by; "
                "TFDS sets such as stanford_dogs have them"
            )
        sized = examples.boxed().map(
            lambda boxes, encoded: (boxes, _shape(encoded)), num_parallel_calls=tf.data.AUTOTUNE
        )
        for id_, (boxes, shape) in zip(examples.listing().ids, sized.as_numpy_iterator(), strict=True):
            found[id_] = seen(boxes, tuple(shape), data)
    return [found[id_] for id_ in part.ids]


def _shape(encoded: tf.Tensor) -> tf.Tensor:
    """Height and width of an image file."""
    return tf.shape(tf.io.decode_image(encoded, channels=3, expand_animations=False))[:2]


def seen(boxes: Boxes, shape: tuple[int, int], data: Data) -> Boxes:
    """Boxes in shares of a whole image (height, width) -> in shares of the square that the network sees, cut to it."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    if data.resize == "crop":
        boxes = _zoomed(boxes, *(min(shape) / side for side in shape))
    share = data.image_size / data.decoded_size
    return np.clip(_zoomed(boxes, share, share), 0, 1)


def _zoomed(boxes: Boxes, height: float, width: float) -> Boxes:
    """Boxes in shares of the central window that has these shares of height and width."""
    scale = np.array([height, width, height, width], np.float32)
    return np.asarray((boxes - (1 - scale) / 2) / scale, np.float32)
