"""Encoded images -> RGB uint8 of one size: with TensorFlow, and with Pillow what TensorFlow refuses."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Data
from augexp.data.examples import Examples

if TYPE_CHECKING:
    import tensorflow as tf
    from PIL import Image

CHUNK = 64  # images a write

Pixels = NDArray[np.uint8]
Indices = NDArray[np.int64]


def decode(examples: Examples, data: Data) -> Iterator[tuple[Indices, Pixels]]:
    """Chunks of indices (n,) and images (n, S, S, 3) uint8, in order; what TensorFlow can't decode is left out."""
    import tensorflow as tf

    def decode_one(index: tf.Tensor, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # TensorFlow takes the palette indices of a BMP for gray levels: leave all BMPs to Pillow.
        with tf.control_dependencies([tf.debugging.assert_none_equal(tf.strings.substr(encoded, 0, 2), b"BM")]):
            image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return index, _fit(image, data.decoded_size, data.resize)

    images = examples.encoded().map(decode_one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    chunks = images.ignore_errors().batch(CHUNK).prefetch(tf.data.AUTOTUNE)
    yield from chunks.as_numpy_iterator()


def _fit(image: "tf.Tensor", size: int, resize: Literal["squash", "crop"]) -> "tf.Tensor":
    """Any (H, W, 3) uint8 -> (size, size, 3) uint8: the whole image, or the central square of its short side."""
    import tensorflow as tf

    height, width = tf.shape(image)[0], tf.shape(image)[1]
    if resize == "crop":
        side = tf.minimum(height, width)
        image = tf.image.crop_to_bounding_box(image, (height - side) // 2, (width - side) // 2, side, side)
        height = width = side
    image = tf.cond(
        tf.logical_and(tf.equal(height, size), tf.equal(width, size)),
        lambda: image,
        lambda: tf.cast(tf.image.resize(image, (size, size)) + 0.5, tf.uint8),
    )
    return tf.ensure_shape(image, (size, size, 3))


def rescue(
    examples: Examples, data: Data, missing: NDArray[np.bool_], append: Callable[[Indices, Pixels], None]
) -> dict[int, str]:
    """Tries once more, with Pillow, what TensorFlow refused; the reason for each image that Pillow refuses too."""
    import tensorflow as tf

    if not missing.any():
        return {}
    reasons: dict[int, str] = {}
    again = examples.encoded().filter(lambda index, _: tf.gather(missing, index)).ignore_errors().batch(CHUNK)
    with ThreadPoolExecutor() as pool:
        for indices, encoded in again.as_numpy_iterator():
            results = list(pool.map(lambda content: _decode_with_pillow(content, data), encoded))
            good = [i for i, result in enumerate(results) if not isinstance(result, str)]
            reasons |= {int(indices[i]): result for i, result in enumerate(results) if isinstance(result, str)}
            if good:
                append(indices[good], np.stack([results[i] for i in good]))
    return reasons


def _decode_with_pillow(encoded: bytes, data: Data) -> Pixels | str:
    """An image (S, S, 3), or why there is none."""
    from PIL import Image, UnidentifiedImageError

    if not encoded:
        return "empty file"
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            pixels = _rgb(image)
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them stumble over.
        return str(error) or type(error).__name__
    fitted: Pixels = _fit(pixels, data.decoded_size, data.resize).numpy()
    return fitted


def _rgb(image: "Image.Image") -> Pixels:
    if image.mode.startswith("I;16"):
        # Pillow would clip 16 bits to 255 instead of scaling them.
        gray = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=-1)
    if image.mode == "P":
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))
