"""The embedded handwritten digits of scikit-learn: no download, seconds to train on."""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Data
from augexp.data.examples import Source, listed

if TYPE_CHECKING:
    import tensorflow as tf

NAME = "digits"


def takes(source: str) -> bool:
    """Whether `data.source` names the digits."""
    return source == NAME


def is_prepared(_data: Data) -> bool:
    """Always: they come with scikit-learn."""
    return True


def count_classes(_data: Data) -> int:
    """Ten."""
    return 10


def open_source(_data: Data) -> Source:
    """1,797 images of 8 x 8 grey levels, none held out."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    ids = [f"{i:04d}" for i in range(len(pixels))]

    def encoded() -> "tf.data.Dataset":
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices([_png(image) for image in pixels]).enumerate()

    examples = listed(ids, digits.target.astype(np.int32), encoded)
    return Source(NAME, "8x8", tuple(str(digit) for digit in range(10)), {"all": examples})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()
