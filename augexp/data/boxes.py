"""Where the objects of a data set are, in the square that the network sees; only some TFDS sets say."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.config.schema import Data
from augexp.data.decode import orientation, upright_size
from augexp.data.examples import Examples
from augexp.data.sources import open_source
from augexp.data.splits import Part
from augexp.errors import UserError

Boxes = NDArray[np.float32]  # (n, 4): top, left, bottom, right as shares of the side, ends excluded


def of_part(part: Part, data: Data) -> list[Boxes]:
    """The boxes of each example of a part, in its order.

    Raises:
        UserError: if the data set has none.
    """
    missing = set(part.ids)
    found: dict[str, Boxes] = {}
    for examples, boxed in open_boxed(data):
        ids = examples.listing().ids
        if missing.isdisjoint(ids):
            continue
        for id_, (boxes, encoded) in zip(ids, boxed().as_numpy_iterator(), strict=True):
            if id_ in missing:
                shape = upright_size(encoded)[::-1] if data.resize == "crop" else (1, 1)
                found[id_] = seen(upright(boxes, orientation(encoded)), shape, data)
    return [found[id_] for id_ in part.ids]


def open_boxed(data: Data) -> list[tuple[Examples, Callable[[], tf.data.Dataset]]]:
    """Each split's examples, and what gives their boxes (n, 4) beside their image files.

    Raises:
        UserError: if the data set has none.
    """
    splits = open_source(data).splits.values()
    boxed = [(examples, examples.boxed) for examples in splits if examples.boxed is not None]
    if len(boxed) < len(splits):
        raise UserError(
            f"data.source {data.source}: it has no boxes around its objects, which localisation is measured by; "
            "TFDS sets such as stanford_dogs have them"
        )
    return boxed


# By EXIF's orientation: where the top, left, bottom and right of the upright image come from, and whether those of its
# height and of its width are counted from the other end.
_TURNS = {
    2: ((0, 3, 2, 1), (False, True)),
    3: ((2, 3, 0, 1), (True, True)),
    4: ((2, 1, 0, 3), (True, False)),
    5: ((1, 0, 3, 2), (False, False)),
    6: ((1, 2, 3, 0), (False, True)),
    7: ((3, 2, 1, 0), (True, True)),
    8: ((3, 0, 1, 2), (True, False)),
}


def upright(boxes: Boxes, orientation: int) -> Boxes:
    """Boxes (n, 4) in an image file as it is stored, which is how TFDS reads it -> in the image as it is shown."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    if orientation not in _TURNS:
        return boxes
    order, flipped = _TURNS[orientation]
    turned = boxes[:, order]
    return np.where(np.tile(flipped, 2), 1 - turned, turned).astype(np.float32)


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
