"""Batches, and how tests draw an op's parameters and apply it."""

from typing import Any

import numpy as np
import tensorflow as tf
from hypothesis import strategies as st
from numpy.typing import NDArray

from augexp.augment.op import Op

DTYPES = ["uint8", "float32"]
DRAWS = 20_000
CLASSES = 5

Shape = tuple[int, int, int]
shapes: st.SearchStrategy[Shape] = st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 2**31 - 1)


def make_images(batch: int, height: int, width: int, dtype: str = "uint8", seed: int = 0) -> NDArray[Any]:
    """Random images in [0, 255]: whole grey levels, or as float32 with fractions; both ends are among them."""
    random = np.random.default_rng([seed, batch, height, width])
    images = random.integers(0, 256, (batch, height, width, 3))
    images[random.uniform(size=images.shape) < 0.02] = 0
    images[random.uniform(size=images.shape) < 0.02] = 255
    fraction = random.uniform(size=images.shape) * ((images > 0) & (images < 255)) if dtype == "float32" else 0
    return (images + fraction).astype(dtype)


def make_labels(batch: int) -> NDArray[np.float32]:
    """Soft labels whose rows sum to 1."""
    return np.random.default_rng(batch).dirichlet(np.ones(CLASSES), batch).astype(np.float32)


def sample(op: Op, batch: int, height: int = 8, width: int = 8, seed: int = 0) -> dict[str, NDArray[Any]]:
    """The op's parameters for one batch."""
    drawn = op.sample(tf.constant([seed, 7], tf.int64), tf.constant(batch), tf.constant(height), tf.constant(width))
    return {name: value.numpy() for name, value in drawn.items()}


def changed(op: Op, images: NDArray[Any], /, **params: Any) -> NDArray[Any]:
    """Images after an op that is to leave shape and labels as they are, and values in [0, 255]."""
    labels = tf.constant(make_labels(len(images)))
    tensors = {name: tf.constant(value) for name, value in params.items()}
    result, same = op.apply(tf.constant(images), labels, tensors)
    np.testing.assert_array_equal(same, labels)
    assert result.shape == images.shape
    found: NDArray[Any] = result.numpy()
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 255
    return found


def floats(values: float | list[float], batch: int | None = None) -> NDArray[np.float32]:
    """(B,) float32 from a list, or one number for all."""
    return np.full(batch, values, np.float32) if batch is not None else np.array(values, np.float32)
