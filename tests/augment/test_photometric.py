"""Ops on values against Pillow, tf.image and their definitions."""

import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage, stats

from augexp.augment import photometric
from augexp.augment.op import Op
from tests.batches import DRAWS, DTYPES, Shape, changed, floats, make_images, sample, seeds, shapes

factors = st.floats(0, 100, width=32)


def colours() -> NDArray[np.uint8]:
    """(2, 32, 32, 3): grays, black, white, pure and mixed colours, the steps of each channel."""
    levels = np.array([0, 1, 64, 127, 128, 200, 254, 255])
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(16, 32, 3)
    return np.concatenate([cube, cube[:, ::-1]]).astype(np.uint8)[None].repeat(2, 0)


def pictures(dtype: str = "uint8") -> NDArray[Any]:
    """Random and soft images, and all colours; one size."""
    noise = make_images(2, 32, 32)
    soft = ndimage.gaussian_filter(noise, (0, 3, 3, 0)).clip(60, 190)
    return np.concatenate([noise, soft, colours()]).astype(dtype)


def through_pillow(images: NDArray[np.uint8], change: Any) -> NDArray[np.uint8]:
    return np.stack([np.asarray(change(Image.fromarray(image))) for image in images])


# --- against tf.image ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(delta=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_brightness_adds_and_clips(dtype: str, delta: list[float]) -> None:
    images = make_images(len(delta), 3, 5, dtype)
    brighter = changed(photometric.brightness(1.0), images, delta=floats(delta))
    shift = np.array(delta, np.float64)[:, None, None, None] * 255
    assert brighter.dtype == np.float32
    np.testing.assert_allclose(brighter, np.clip(images.astype(np.float64) + shift, 0, 255), atol=1e-4)


@pytest.mark.parametrize("delta", [-0.3, 0.0, 0.2])
def test_brightness_agrees_with_tf_image(delta: float) -> None:
    images = pictures()
    brighter = changed(photometric.brightness(0.3), images, delta=floats(delta, len(images)))
    oracle = tf.clip_by_value(tf.image.adjust_brightness(images.astype(np.float32) / 255, delta), 0.0, 1.0) * 255.0
    np.testing.assert_allclose(brighter, oracle, atol=1e-3)


@pytest.mark.parametrize("factor", [0.0, 0.3, 0.8, 1.2, 3.0])
def test_contrast_agrees_with_tf_image(factor: float) -> None:
    images = pictures()
    found = changed(photometric.contrast(0, 3), images, factor=floats(factor, len(images)))
    oracle = np.clip(tf.image.adjust_contrast(images.astype(np.float32), factor), 0, 255)
    np.testing.assert_allclose(found, oracle, rtol=0, atol=2e-3)


@pytest.mark.parametrize("factor", [0.0, 0.3, 0.8, 1.2, 3.0, 100.0])
def test_saturation_agrees_with_tf_image(factor: float) -> None:
    images = pictures()
    found = changed(photometric.saturation(0, 3), images, factor=floats(factor, len(images)))
    oracle = tf.image.adjust_saturation(images.astype(np.float32) / 255, factor) * 255
    np.testing.assert_allclose(found, oracle, rtol=0, atol=5e-3)


@pytest.mark.parametrize("delta", [-0.5, -0.33, -0.05, 0.01, 0.2, 0.5])
def test_hue_agrees_with_tf_image(delta: float) -> None:
    images = pictures()
    found = changed(photometric.hue(0.5), images, delta=floats(delta, len(images)))
    oracle = tf.image.adjust_hue(images.astype(np.float32) / 255, delta) * 255
    np.testing.assert_allclose(found, oracle, rtol=0, atol=5e-3)


def test_a_hue_turned_by_a_third_moves_the_channels_on() -> None:
    images = pictures()
    found = changed(photometric.hue(0.5), images, delta=floats(1 / 3, len(images)))
    np.testing.assert_allclose(found, images[..., [2, 0, 1]], rtol=0, atol=1e-3)


def test_grayscale_agrees_with_tf_image_and_pillow() -> None:
    images = pictures()
    found = changed(photometric.grayscale(), images)
    assert (found == found[..., :1]).all()
    np.testing.assert_allclose(found, np.repeat(tf.image.rgb_to_grayscale(images.astype(np.float32)), 3, -1), atol=0.03)
    pillow = through_pillow(images, lambda image: image.convert("L"))
    np.testing.assert_allclose(found[..., 0], pillow, rtol=0, atol=0.51)


@pytest.mark.parametrize("size", [(1, 1), (7, 12), (32, 32)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_jpeg_agrees_with_tf_image(dtype: str, size: tuple[int, int]) -> None:
    images = make_images(4, *size)
    quality = np.array([1, 50, 93, 100], np.int32)
    found = changed(photometric.jpeg_quality(1, 100), images.astype(dtype), quality=quality)
    oracle = [tf.image.adjust_jpeg_quality(image, level) for image, level in zip(images, quality, strict=True)]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, oracle)


def test_jpeg_rounds_floats_to_grey_levels() -> None:
    images = make_images(2, 9, 9, "float32")
    quality = np.array([40, 95], np.int32)
    op = photometric.jpeg_quality(1, 100)
    whole = np.round(images).astype(np.uint8)
    np.testing.assert_array_equal(changed(op, images, quality=quality), changed(op, whole, quality=quality))


# --- against Pillow ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.9])
def test_sharpness_agrees_with_pillow(factor: float) -> None:
    images = pictures()
    found = changed(photometric.sharpness(0, 2), images, factor=floats(factor, len(images)))
    pillow = through_pillow(images, lambda image: ImageEnhance.Sharpness(image).enhance(factor))
    np.testing.assert_allclose(np.round(found), pillow, rtol=0, atol=1)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.9, 6.0])
def test_sharpness_agrees_with_scipys_convolution(factor: float) -> None:
    images = make_images(2, 9, 12, "float32")
    found = changed(photometric.sharpness(0, 6), images, factor=floats(factor, len(images)))
    values = images.astype(np.float64)
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]])[None, :, :, None] / 13
    values[:, 1:-1, 1:-1] = (factor * values + (1 - factor) * ndimage.convolve(values, kernel))[:, 1:-1, 1:-1]
    np.testing.assert_allclose(found, values.clip(0, 255), rtol=0, atol=2e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 2), (2, 2), (3, 3)])
def test_sharpness_leaves_border_pixels_as_pillow_does(size: tuple[int, int]) -> None:
    images = make_images(3, *size)
    found = changed(photometric.sharpness(0, 2), images, factor=floats(0, 3))
    border = np.ones(size, bool)
    border[1:-1, 1:-1] = False
    np.testing.assert_array_equal(found[:, border], images[:, border])
    np.testing.assert_allclose(found[:, ~border], through_pillow(images, _smoothed)[:, ~border], rtol=0, atol=0.51)


def _smoothed(image: Image.Image) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_posterize_is_pillows(dtype: str) -> None:
    images = np.concatenate([pictures(), pictures()[:2]])
    bits = np.arange(1, 9, dtype=np.int32)
    found = changed(photometric.posterize((1, 8)), images.astype(dtype), bits=bits)
    assert found.dtype == dtype
    for one, image, kept in zip(found, images, bits, strict=True):
        np.testing.assert_array_equal(one, ImageOps.posterize(Image.fromarray(image), int(kept)))


@given(shape=shapes, seed=seeds)
@settings(max_examples=15, deadline=None)
def test_posterize_rounds_floats_before_it_takes_bits_away(shape: Shape, seed: int) -> None:
    images = make_images(*shape, "float32", seed)
    bits = np.random.default_rng(seed).integers(1, 9, len(images)).astype(np.int32)
    found = changed(photometric.posterize((1, 8)), images, bits=bits)
    for one, image, kept in zip(found, images, bits, strict=True):
        step = 2 ** (8 - int(kept))
        np.testing.assert_array_equal(one, image if kept == 8 else np.round(image) // step * step)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threshold", [0, 1, 127, 128, 255, 256])
def test_solarize_is_pillows(dtype: str, threshold: int) -> None:
    images = pictures()
    found = changed(photometric.solarize((0, 256)), images.astype(dtype), threshold=floats(threshold, len(images)))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, through_pillow(images, lambda image: ImageOps.solarize(image, threshold)))


def test_solarize_inverts_from_a_threshold_with_fractions_on() -> None:
    images = np.array([[[[99, 100, 101]]], [[[99.4, 99.5, 99.6]]]], np.float32)
    found = changed(photometric.solarize((0, 256)), images, threshold=floats([99.5, 99.5]))
    expected = np.array([[[[99, 155, 154]]], [[[99.4, 155.5, 155.4]]]])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_invert_and_equalize_are_pillows(dtype: str) -> None:
    images = pictures()
    for op, change in ((photometric.invert(), ImageOps.invert), (photometric.equalize(), ImageOps.equalize)):
        found = changed(op, images.astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, through_pillow(images, change))


@given(shape=shapes, seed=seeds, levels=st.sampled_from([1, 2, 3, 256]))
@settings(max_examples=40, deadline=None)
def test_equalize_is_pillows_for_any_size_and_few_colours(shape: Shape, seed: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, levels)
    images = palette[random.integers(0, levels, (*shape, 3))].astype(np.uint8)
    found = changed(photometric.equalize(), images)
    np.testing.assert_array_equal(found, through_pillow(images, ImageOps.equalize))


def test_equalize_is_pillows_where_one_colour_rules() -> None:
    images = np.full((3, 40, 40, 3), 10, np.uint8)
    images[1, :3] = 200
    images[2, :, :30] = make_images(1, 40, 30)[0]
    np.testing.assert_array_equal(changed(photometric.equalize(), images), through_pillow(images, ImageOps.equalize))


@pytest.mark.parametrize("dtype", DTYPES)
def test_autocontrast_agrees_with_pillow(dtype: str) -> None:
    images = pictures()
    found = changed(photometric.autocontrast(), images.astype(dtype))
    np.testing.assert_allclose(found, through_pillow(images, ImageOps.autocontrast), rtol=0, atol=1)
    assert (found[2:4].min((1, 2)) == 0).all()
    np.testing.assert_allclose(found[2:4].max((1, 2)), 255, rtol=1e-6)


@given(shape=shapes, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_autocontrast_stretches_every_channel_that_has_two_values(shape: Shape, seed: int) -> None:
    images = make_images(*shape, "float32", seed)
    images[0, ..., 1] = images[0, 0, 0, 1]
    found = changed(photometric.autocontrast(), images)
    low, high = (images.astype(np.float64).min((1, 2), keepdims=True), images.max((1, 2), keepdims=True))
    flat = low == high
    expected = np.where(flat, images, (images - low) * 255 / np.where(flat, 1, high - low))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(found[0, ..., 1], images[0, ..., 1])


# --- against SciPy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=8, deadline=None)
def test_blur_agrees_with_scipy_even_where_it_is_wider_than_the_image(dtype: str, shape: Shape, seed: int) -> None:
    images = make_images(*shape, dtype, seed)
    sigma = np.random.default_rng(seed).uniform(0, 6, len(images)).astype(np.float32)
    found = changed(photometric.blur((0, 6)), images, sigma=sigma)
    for one, image, width in zip(found, images, sigma.astype(np.float64), strict=True):
        values = image.astype(np.float64)
        expected = ndimage.gaussian_filter(values, (width, width, 0), mode="nearest", radius=int(np.ceil(3 * width)))
        np.testing.assert_allclose(one, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_blur_agrees_with_scipys_own_radius_to_one_grey_level(sigma: float) -> None:
    images = pictures()
    found = changed(photometric.blur((0.1, 2.0)), images, sigma=floats(sigma, len(images)))
    widths = (0, sigma, sigma, 0)
    expected = ndimage.gaussian_filter(images.astype(np.float64), widths, mode="nearest", truncate=3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1)


@given(value=st.floats(0, 255, width=32), sigma=st.floats(0, 2, width=32))
@settings(max_examples=10, deadline=None)
def test_blur_leaves_one_colour(value: float, sigma: float) -> None:
    images = np.full((1, 4, 5, 3), value, np.float32)
    found = changed(photometric.blur((0, 2)), images, sigma=floats([sigma]))
    np.testing.assert_allclose(found, images, rtol=1e-5, atol=1e-6)


# --- no strength ---------------------------------------------------------------------------------------------------

IDLE: list[tuple[Op, str, float, Any]] = [
    (photometric.brightness(1), "delta", 0, np.float32),
    (photometric.contrast(0, 100), "factor", 1, np.float32),
    (photometric.saturation(0, 100), "factor", 1, np.float32),
    (photometric.hue(0.5), "delta", 0, np.float32),
    (photometric.sharpness(0, 100), "factor", 1, np.float32),
    (photometric.blur((0, 1)), "sigma", 0, np.float32),
    (photometric.blur((0, 0)), "sigma", 0, np.float32),
    (photometric.posterize((1, 8)), "bits", 8, np.int32),
    (photometric.solarize((0, 256)), "threshold", 256, np.float32),
]


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=8, deadline=None)
def test_no_strength_leaves_every_value(dtype: str, shape: Shape, seed: int) -> None:
    images = make_images(*shape, dtype, seed)
    for op, name, value, kind in IDLE:
        np.testing.assert_array_equal(changed(op, images, **{name: np.full(len(images), value, kind)}), images)


def test_no_strength_leaves_even_values_near_0() -> None:
    images = np.array([[[[1e-7, 0, 0], [0, 1e-20, 0], [3e-7, 2e-7, 1e-7]]]], np.float32)
    for op, name, value, kind in IDLE:
        np.testing.assert_array_equal(changed(op, images, **{name: np.full(1, value, kind)}), images)


@given(value=st.floats(0, 255, width=32, allow_subnormal=False), factor=factors, delta=st.floats(-0.5, 0.5, width=32))
@settings(max_examples=40, deadline=None)
def test_gray_and_black_pixels_have_no_colour_to_scale_or_turn(value: float, factor: float, delta: float) -> None:
    images = np.full((1, 1, 2, 3), value, np.float32)
    images[0, 0, 1] = 0
    np.testing.assert_array_equal(changed(photometric.hue(0.5), images, delta=floats([delta])), images)
    found = changed(photometric.saturation(0, 100), images, factor=floats([factor]))
    np.testing.assert_allclose(found, images, rtol=2e-5)


# --- any strength --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "name", "low", "high"),
    [
        (photometric.brightness(1), "delta", -1, 1),
        (photometric.contrast(0, 100), "factor", 0, 100),
        (photometric.saturation(0, 100), "factor", 0, 100),
        (photometric.hue(0.5), "delta", -0.5, 0.5),
        (photometric.sharpness(0, 100), "factor", 0, 100),
        (photometric.blur((0, 3)), "sigma", 0, 3),
        (photometric.solarize((0, 256)), "threshold", 0, 256),
    ],
)
@given(shape=shapes, seed=seeds, data=st.data(), dtype=st.sampled_from(DTYPES))
@settings(max_examples=8, deadline=None)
def test_each_image_follows_its_own_parameter_and_stays_in_range(
    op: Op, name: str, low: float, high: float, shape: Shape, seed: int, data: st.DataObject, dtype: str
) -> None:
    images = make_images(*shape, dtype, seed)
    values = floats(data.draw(st.lists(st.floats(low, high, width=32), min_size=shape[0], max_size=shape[0])))
    together = changed(op, images, **{name: values})
    assert together.dtype == (dtype if name == "threshold" else "float32")
    for i in range(len(images)):
        alone = changed(op, images[i : i + 1], **{name: values[i : i + 1]})[0]
        np.testing.assert_allclose(together[i], alone, rtol=0, atol=1e-4 * max(1, high))


@given(shape=shapes, seed=seeds, dtype=st.sampled_from(DTYPES))
@settings(max_examples=12, deadline=None)
def test_ops_without_parameters_see_each_image_alone(shape: Shape, seed: int, dtype: str) -> None:
    images = make_images(*shape, dtype, seed)
    kinds = {"grayscale": "float32", "invert": dtype, "autocontrast": "float32", "equalize": dtype}
    for name, kind in kinds.items():
        op = getattr(photometric, name)()
        assert sample(op, 3) == {}
        together = changed(op, images)
        assert together.dtype == kind
        for i in range(len(images)):
            np.testing.assert_array_equal(together[i], changed(op, images[i : i + 1])[0])


# --- what is drawn -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "name", "low", "high"),
    [
        (photometric.brightness(0.05), "delta", -0.05, 0.05),
        (photometric.brightness(1.0), "delta", -1.0, 1.0),
        (photometric.contrast(0.2, 1.8), "factor", 0.2, 1.8),
        (photometric.saturation(0.8, 1.2), "factor", 0.8, 1.2),
        (photometric.hue(0.05), "delta", -0.05, 0.05),
        (photometric.hue(0.5), "delta", -0.5, 0.5),
        (photometric.blur((0.1, 2.0)), "sigma", 0.1, 2.0),
        (photometric.sharpness(0.1, 1.9), "factor", 0.1, 1.9),
        (photometric.solarize((128, 256)), "threshold", 128, 256),
    ],
)
def test_parameters_are_uniform_in_the_whole_range(op: Op, name: str, low: float, high: float) -> None:
    drawn = sample(op, DRAWS)[name]
    margin = 0.01 * (high - low)
    assert drawn.dtype == np.float32
    assert np.float32(low) <= drawn.min() < low + margin < high - margin < drawn.max() <= np.float32(high)
    assert stats.kstest(drawn, stats.uniform(low, high - low).cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("op", "name", "low", "high"),
    [
        (photometric.posterize((4, 8)), "bits", 4, 8),
        (photometric.posterize((1, 1)), "bits", 1, 1),
        (photometric.jpeg_quality(50, 100), "quality", 50, 100),
        (photometric.jpeg_quality(7, 7), "quality", 7, 7),
    ],
)
def test_whole_parameters_take_each_value_equally_often(op: Op, name: str, low: int, high: int) -> None:
    drawn = sample(op, DRAWS)[name]
    counts = np.bincount(drawn - low)
    assert (drawn.dtype.name, drawn.min(), drawn.max()) == ("int32", low, high)
    assert low == high or stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(
    ("op", "name", "value"),
    [
        (photometric.brightness(0), "delta", 0),
        (photometric.contrast(0.7, 0.7), "factor", 0.7),
        (photometric.hue(0), "delta", 0),
        (photometric.blur((1.5, 1.5)), "sigma", 1.5),
        (photometric.solarize((256, 256)), "threshold", 256),
    ],
)
def test_a_range_of_one_value_gives_that_value(op: Op, name: str, value: float) -> None:
    assert set(sample(op, 50)[name]) == {np.float32(value)}


# --- channels, gamma, noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_channels_are_taken_in_the_order_drawn(dtype: str) -> None:
    orders = np.array(list(itertools.permutations(range(3))), np.int32)
    images = make_images(6, 4, 5, dtype)
    found = changed(photometric.channel_shuffle(), images, order=orders)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [image[..., order] for image, order in zip(images, orders, strict=True)])


def test_every_order_of_the_channels_is_equally_likely() -> None:
    _, counts = np.unique(sample(photometric.channel_shuffle(), DRAWS)["order"], axis=0, return_counts=True)
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [0.0, 0.01, 0.4, 1.0, 2.2, 100.0])
def test_gamma_is_a_power_of_the_share(dtype: str, factor: float) -> None:
    images = pictures(dtype)
    found = changed(photometric.gamma(0, 100), images, factor=floats(factor, len(images)))
    assert found.dtype == np.float32
    power = np.float64(np.float32(factor))
    np.testing.assert_allclose(found, 255 * (images.astype(np.float64) / 255) ** power, rtol=0, atol=2e-3)
    if factor == 1:
        np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_is_added_in_its_standard_deviation_and_clipped(dtype: str) -> None:
    images = make_images(4, 16, 16, dtype)
    op = photometric.gaussian_noise((0.0, 0.3))
    params = sample(op, 4, 16, 16)
    found = changed(op, images, **params)
    assert found.dtype == np.float32
    normal = stats.norm.ppf((params["noise"].astype(np.float64) + 0.5) / 65536)
    shift = 255 * params["std"].astype(np.float64)[:, None, None, None] * normal
    np.testing.assert_allclose(found, np.clip(images + shift, 0, 255), rtol=0, atol=0.01)


def test_noise_is_normal_and_each_values_own() -> None:
    images = np.full((2, 101, 151, 3), 128, np.float32)
    op = photometric.gaussian_noise((0.1, 0.1))
    added = (changed(op, images, **sample(op, 2, 101, 151)) - 128) / 25.5
    assert stats.kstest(added.ravel(), stats.norm.cdf).pvalue > 1e-4
    for one, other in ((added[..., 0], added[..., 1]), (added[:, 1:], added[:, :-1]), (added[:1], added[1:])):
        assert stats.pearsonr(one.ravel(), other.ravel()).pvalue > 1e-4


def test_the_strength_of_noise_is_uniform_in_its_range() -> None:
    std = sample(photometric.gaussian_noise((0.1, 0.4)), DRAWS, 1, 1)["std"]
    assert stats.kstest(std, stats.uniform(0.1, 0.3).cdf).pvalue > 1e-4
