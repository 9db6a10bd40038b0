"""The embedded handwritten digits of scikit-learn: no download, seconds to train on."""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augexp.data.examples import DIGITS, Source, listed

if TYPE_CHECKING:
    import tensorflow as tf


def open_digits() -> Source:
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    ids = [f"{i:04d}" for i in range(len(pixels))]

    def encoded() -> "tf.data.Dataset":
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices([_png(image) for image in pixels]).enumerate()

    examples = listed(ids, digits.target.astype(np.int32), encoded)
    return Source(DIGITS, "8x8", tuple(str(digit) for digit in range(10)), {"all": examples})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()
