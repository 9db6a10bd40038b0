from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import ops
from augexp.augment.ops import Op

DTYPES = [np.uint8, np.float32]
DRAWS = 20_000


def make_batch(batch: int, height: int, width: int, dtype: Any = np.uint8) -> tuple[tf.Tensor, tf.Tensor]:
    """Random images in [0, 255] and one-hot labels of five classes."""
    random = np.random.default_rng([batch, height, width])
    images = random.integers(0, 256, (batch, height, width, 3))
    fraction = random.uniform(size=images.shape) * (images < 255) if dtype == np.float32 else 0
    return tf.constant((images + fraction).astype(dtype)), tf.one_hot(random.integers(0, 5, batch), 5)


def sample(op: Op, batch: int, height: int = 8, width: int = 8, seed: int = 0) -> dict[str, NDArray[Any]]:
    drawn = op.sample(tf.constant([seed, 7], tf.int64), tf.constant(batch), tf.constant(height), tf.constant(width))
    return {name: value.numpy() for name, value in drawn.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@given(flip=st.lists(st.booleans(), min_size=1, max_size=5), height=st.integers(1, 6), width=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_flip_mirrors_the_chosen_images_and_no_other(dtype: Any, flip: list[bool], height: int, width: int) -> None:
    images, labels = make_batch(len(flip), height, width, dtype)
    flipped, same = ops.flip_left_right(0.5).apply(images, labels, {"flip": tf.constant(flip)})
    expected = np.stack([np.fliplr(image) if yes else image for image, yes in zip(images.numpy(), flip, strict=True)])
    assert flipped.dtype == dtype
    np.testing.assert_array_equal(flipped, expected)
    assert same is labels


def test_flip_agrees_with_tf_image() -> None:
    images, labels = make_batch(3, 4, 7)
    flipped, _ = ops.flip_left_right(1.0).apply(images, labels, {"flip": tf.constant([True] * 3)})
    np.testing.assert_array_equal(flipped, tf.image.flip_left_right(images))


@pytest.mark.parametrize("prob", [0.0, 0.1, 0.5, 1.0])
def test_the_share_of_flipped_images_is_prob(prob: float) -> None:
    flips = sample(ops.flip_left_right(prob), DRAWS)["flip"]
    assert flips.shape == (DRAWS,)
    assert stats.binomtest(int(flips.sum()), DRAWS, prob).pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@given(delta=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_brightness_adds_and_clips(dtype: Any, delta: list[float]) -> None:
    images, labels = make_batch(len(delta), 3, 5, dtype)
    brighter, same = ops.brightness(1.0).apply(images, labels, {"delta": tf.constant(delta, tf.float32)})
    shift = np.array(delta, np.float64)[:, None, None, None] * 255
    assert brighter.dtype == np.float32
    np.testing.assert_allclose(brighter, np.clip(images.numpy().astype(np.float64) + shift, 0, 255), atol=1e-4)
    assert same is labels


@pytest.mark.parametrize("delta", [-0.3, 0.0, 0.2])
def test_brightness_agrees_with_tf_image(delta: float) -> None:
    images, labels = make_batch(2, 6, 5)
    brighter, _ = ops.brightness(0.3).apply(images, labels, {"delta": tf.constant([delta] * 2)})
    oracle = tf.clip_by_value(tf.image.adjust_brightness(tf.cast(images, tf.float32) / 255.0, delta), 0.0, 1.0) * 255.0
    np.testing.assert_allclose(brighter, oracle, atol=1e-3)


@pytest.mark.parametrize("max_delta", [0.05, 0.2, 1.0])
def test_delta_is_uniform_around_zero(max_delta: float) -> None:
    delta = sample(ops.brightness(max_delta), DRAWS)["delta"]
    assert 0.999 * max_delta < np.abs(delta).max() <= np.float32(max_delta)
    assert stats.kstest(delta, stats.uniform(-max_delta, 2 * max_delta).cdf).pvalue > 1e-4


def test_no_delta_leaves_every_value() -> None:
    images, labels = make_batch(3, 4, 4)
    op = ops.brightness(0.0)
    same, _ = op.apply(images, labels, op.sample(tf.constant([1, 2]), tf.constant(3), tf.constant(4), tf.constant(4)))
    np.testing.assert_array_equal(same, images)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), size=st.integers(1, 5), batch=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_window_is_the_slice_at_its_place(dtype: Any, data: st.DataObject, size: int, batch: int) -> None:
    height, width = data.draw(st.integers(size, 9)), data.draw(st.integers(size, 9))
    top = data.draw(st.lists(st.integers(0, height - size), min_size=batch, max_size=batch))
    left = data.draw(st.lists(st.integers(0, width - size), min_size=batch, max_size=batch))
    images, labels = make_batch(batch, height, width, dtype)
    cut, same = ops.random_window(size).apply(images, labels, {"top": tf.constant(top), "left": tf.constant(left)})
    places = zip(images.numpy(), top, left, strict=True)
    assert cut.dtype == dtype
    np.testing.assert_array_equal(cut, [image[y : y + size, x : x + size] for image, y, x in places])
    assert same is labels


@pytest.mark.parametrize("width", [8, 10])
def test_windows_lie_uniformly_over_every_place_that_fits(width: int) -> None:
    drawn = sample(ops.random_window(6), DRAWS, height=8, width=width)
    columns = width - 6 + 1
    places = np.bincount(drawn["top"] * columns + drawn["left"], minlength=3 * columns)
    assert (drawn["top"].max(), drawn["left"].max()) == (2, columns - 1)
    assert stats.chisquare(places).pvalue > 1e-4


def test_a_window_as_large_as_the_image_is_the_image() -> None:
    images, labels = make_batch(3, 6, 6)
    op = ops.random_window(6)
    drawn = op.sample(tf.constant([1, 2]), tf.constant(3), tf.constant(6), tf.constant(6))
    np.testing.assert_array_equal(op.apply(images, labels, drawn)[0], images)


@pytest.mark.parametrize("op", [ops.flip_left_right(0.5), ops.brightness(0.2), ops.random_window(4)])
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_every_parameter_has_a_row_an_example_and_follows_the_seed(op: Op, batch: int) -> None:
    drawn, again, other = (sample(op, batch, 40, 50, seed) for seed in (3, 3, 4))
    for name, values in drawn.items():
        assert values.shape[0] == batch
        np.testing.assert_array_equal(values, again[name])
    assert batch < 64 or any((drawn[name] != other[name]).any() for name in drawn)
