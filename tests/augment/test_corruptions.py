"""Every corruption against an oracle of its own, at every severity and size."""

import io
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, optimize, stats
from sklearn.datasets import load_sample_images

from augexp.augment import corruptions
from augexp.augment.corruptions import AREAS, CORRUPTIONS, OCCLUSIONS, SEVERITIES, Corrupt, Occlusion
from tests.batches import make_images

Pixels = NDArray[np.uint8]
SEVERITY = {
    "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": (60, 25, 12, 5, 3),
    "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "defocus_blur": (3, 4, 6, 8, 10),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
    "jpeg": (25, 18, 15, 10, 7),
}
MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
# A corruption traces anew for each object; tests share them.
corruption = cache(corruptions.corruption)
occlusion = cache(corruptions.occlusion)
EVERY: list[Any] = [pytest.param(corruption, (name, 3), id=name) for name in CORRUPTIONS] + [
    pytest.param(occlusion, (kind, 0.3), id=kind) for kind in OCCLUSIONS
]


def corrupted(corrupt: Corrupt, images: Pixels, numbers: Any = None) -> Pixels:
    numbers = np.arange(len(images)) if numbers is None else numbers
    found: Pixels = corrupt(tf.constant(images), tf.constant(numbers, tf.int64)).numpy()
    assert found.dtype == np.uint8
    assert found.shape == images.shape
    return found


@cache
def photos(size: int) -> Pixels:
    """(2, size, size, 3): a temple and a flower."""
    squares = [Image.fromarray(image[:420, 110:530]) for image in load_sample_images().images]
    return np.stack([np.asarray(square.resize((size, size), Image.Resampling.BOX)) for square in squares])


def plain(level: int, batch: int = 8, size: int = 64) -> Pixels:
    return np.full((batch, size, size, 3), level, np.uint8)


def assert_rounds_to(found: Pixels, exact: NDArray[np.float64]) -> None:
    """`found` is `exact` rounded and clipped; where single precision blurs a tie, either side will do."""
    np.testing.assert_allclose(found, exact.clip(0, 255), rtol=0, atol=0.502)


def test_the_names() -> None:
    assert (*SEVERITY, "motion_blur") == (*(name for name in CORRUPTIONS if name != "motion_blur"), "motion_blur")
    assert SEVERITIES == (1, 2, 3, 4, 5)
    assert AREAS == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


# --- one image, one result -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "setting"), EVERY)
@pytest.mark.parametrize("size", [8, 37])
def test_the_batch_and_its_order_change_no_byte(make: Any, setting: Any, size: int) -> None:
    corrupt = make(*setting)
    images = np.concatenate([photos(size), make_images(5, size, size)])
    numbers = np.array([7, 0, 3, 2**40, 3, 5, 1])
    together = corrupted(corrupt, images, numbers)
    alone = [corrupted(corrupt, images[i : i + 1], numbers[i : i + 1])[0] for i in range(7)]
    np.testing.assert_array_equal(together, alone)
    order = np.random.default_rng(0).permutation(7)
    np.testing.assert_array_equal(corrupted(corrupt, images[order], numbers[order]), together[order])


@pytest.mark.slow
@pytest.mark.parametrize(("make", "setting"), EVERY)
def test_tf_data_and_its_threads_change_no_byte(make: Any, setting: Any) -> None:
    corrupt = make(*setting)
    images = np.concatenate([photos(96), make_images(10, 96, 96)])
    eager = corrupted(corrupt, images)
    examples = tf.data.Dataset.from_tensor_slices((images, np.arange(12))).repeat(2)
    for batch in (1, 5, 12):
        batches = examples.batch(batch).map(corrupt, num_parallel_calls=tf.data.AUTOTUNE)
        assert batches.element_spec.shape.as_list() == [None, 96, 96, 3]
        np.testing.assert_array_equal(np.concatenate(list(batches)), np.concatenate([eager, eager]))


@pytest.mark.parametrize(("make", "setting"), EVERY)
def test_a_graph_needs_to_know_no_size(make: Any, setting: Any) -> None:
    corrupt = make(*setting)
    spec = [tf.TensorSpec([None, None, None, 3], tf.uint8), tf.TensorSpec([None], tf.int64)]
    graph = tf.function(corrupt, input_signature=spec)
    for size in (8, 33):
        np.testing.assert_array_equal(corrupted(graph, photos(size)), corrupted(corrupt, photos(size)))


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "impulse_noise", "motion_blur"])
def test_images_of_other_numbers_differ(name: str) -> None:
    images = np.repeat(photos(32)[:1], 16, 0)
    found = corrupted(corruption(name, 3), images)
    assert len({image.tobytes() for image in found}) == 16
    noise = (found.astype(float) - found.mean(0)).reshape(16, -1)
    # 16 strangers, less their mean, correlate by -1 / 15.
    if name != "motion_blur":
        np.testing.assert_allclose(np.corrcoef(noise)[~np.eye(16, dtype=bool)], -1 / 15, atol=0.1)


# --- severity ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 32, 96])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_more_severe_is_further_from_the_image(name: str, size: int) -> None:
    # Few cells or blocks may happen to suit an image, and at 8 pixels two severities have cells of one size.
    size = 96 if name in ("jpeg", "pixelate") else size
    images = np.repeat(photos(size), 4, 0)
    found = [corrupted(corruption(name, severity), images) for severity in SEVERITIES]
    distance = np.array([np.abs(one.astype(float) - images).reshape(2, -1).mean(1) for one in found])
    assert (distance[0] > 0.1).all()
    assert (np.diff(distance, axis=0) > 0).all(), distance


# --- noise ---------------------------------------------------------------------------------------------------------


def assert_law(found: Pixels, below: Any) -> None:
    """The shares of values up to each level are `below` that level, as by Kolmogorov and Smirnov at one in 1000."""
    levels = np.arange(255)
    shares = np.searchsorted(np.sort(found.ravel()), levels, side="right") / found.size
    np.testing.assert_allclose(shares, below(levels), rtol=0, atol=1.95 / found.size**0.5)


def neighbours(values: NDArray[Any]) -> float:
    """The largest correlation of values with those to the right, below, and of the next channel."""
    pairs = [
        (values[:, :, :-1], values[:, :, 1:]),
        (values[:, :-1], values[:, 1:]),
        (values[..., :-1], values[..., 1:]),
    ]
    return max(abs(float(np.corrcoef(one.ravel(), other.ravel())[0, 1])) for one, other in pairs)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("level", [0, 120, 251])
def test_gaussian_noise_is_normal(severity: int, level: int) -> None:
    found = corrupted(corruption("gaussian_noise", severity), plain(level))
    sd = 255 * SEVERITY["gaussian_noise"][severity - 1]
    assert_law(found, lambda levels: stats.norm.cdf((levels + 0.5 - level) / sd))
    assert neighbours(found) < 0.02


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("level", [1, 120, 255])
def test_shot_noise_is_a_count_of_photons(severity: int, level: int) -> None:
    found = corrupted(corruption("shot_noise", severity), plain(level))
    photons = SEVERITY["shot_noise"][severity - 1]
    counts = np.arange(200)
    possible = np.minimum(np.round(counts * 255 / photons), 255)
    chance = stats.poisson.pmf(counts, level * photons / 255)
    assert_law(found, lambda levels: [chance[possible <= one].sum() for one in levels])
    assert np.isin(found, possible).all()
    assert neighbours(found) < 0.02


@pytest.mark.parametrize("severity", SEVERITIES)
def test_shot_noise_has_the_mean_and_variance_of_poisson(severity: int) -> None:
    photons = SEVERITY["shot_noise"][severity - 1]
    values = corrupted(corruption("shot_noise", severity), plain(60)) / 255
    rate = 60 * photons / 255
    reached = stats.poisson.cdf(photons, rate)
    counts = np.minimum(np.arange(100), photons)
    chance = stats.poisson.pmf(np.arange(100), rate)
    mean = (counts * chance).sum() / photons
    variance = ((counts / photons - mean) ** 2 * chance).sum()
    assert reached > 0.9
    np.testing.assert_allclose([values.mean(), values.var()], [mean, variance], rtol=0.02)


def test_black_has_no_photons() -> None:
    np.testing.assert_array_equal(corrupted(corruption("shot_noise", 5), plain(0)), 0)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_impulse_noise_is_salt_and_pepper_for_each_channel(severity: int) -> None:
    images = make_images(8, 64, 64).clip(1, 254)
    found = corrupted(corruption("impulse_noise", severity), images)
    amount = SEVERITY["impulse_noise"][severity - 1]
    salt, pepper = found == 255, found == 0
    np.testing.assert_array_equal(found[~(salt | pepper)], images[~(salt | pepper)])
    for speck in (salt, pepper):
        assert stats.binomtest(int(speck.sum()), speck.size, amount / 2).pvalue > 1e-3
    both = (salt | pepper)[..., 0] & (salt | pepper)[..., 1]
    assert stats.binomtest(int(both.sum()), both.size, amount**2).pvalue > 1e-3
    assert neighbours(salt) < 0.02


# --- blur ----------------------------------------------------------------------------------------------------------


def mean_at(image: NDArray[Any], points: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weighted mean of a channel, interpolated by SciPy, at offsets from each pixel."""
    values = image.astype(float)
    shifted = [ndimage.shift(values, -point, order=1, mode="mirror") for point in points]
    result: NDArray[np.float64] = np.tensordot(weights / weights.sum(), np.stack(shifted), 1)
    return result


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("size", [8, 32, 61])
def test_defocus_blur_is_the_mean_over_a_disk(severity: int, size: int) -> None:
    images = np.concatenate([photos(size), make_images(1, size, size)])[..., :1]
    radius = SEVERITY["defocus_blur"][severity - 1] * size / 224
    kernel = disk_kernel(radius)
    found = corrupted(corruption("defocus_blur", severity), images.repeat(3, -1))
    for one, image in zip(found, images, strict=True):
        expected = ndimage.convolve(image[..., 0].astype(float), kernel, mode="mirror")
        np.testing.assert_allclose(one[..., 0], expected, rtol=0, atol=1)
        np.testing.assert_array_equal(one[..., 1:], one[..., :1].repeat(2, -1))


def disk_kernel(radius: float) -> NDArray[np.float64]:
    """A disk by its points, each shared out among the four pixels around it."""
    side = np.linspace(-radius, radius, 400)
    rows, columns = (values[np.hypot(*np.meshgrid(side, side)) <= radius] for values in np.meshgrid(side, side))
    half = int(np.ceil(radius))
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    for y in (0, 1):
        for x in (0, 1):
            share = np.abs(1 - y - (rows - top)) * np.abs(1 - x - (columns - left))
            np.add.at(kernel, (top + y + half, left + x + half), share)
    kernel /= kernel.sum()
    return kernel


@pytest.mark.parametrize("severity", SEVERITIES)
def test_defocus_blur_is_near_imagenet_cs_at_its_size(severity: int) -> None:
    radius = SEVERITY["defocus_blur"][severity - 1]
    offsets = np.arange(-radius - 2, radius + 3)
    disk = (np.hypot(*np.meshgrid(offsets, offsets)) <= radius).astype(float)
    kernel = ndimage.gaussian_filter(disk / disk.sum(), 0.1 if severity == 1 else 0.5)
    values = photos(224)[:1, ..., 0].astype(float)
    expected = ndimage.convolve(values[0], kernel, mode="mirror")
    found = corrupted(corruption("defocus_blur", severity), photos(224)[:1])[0, ..., 0]
    difference = np.abs(found - expected).mean()
    assert difference < 0.1 * np.abs(values - expected).mean()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_motion_blur_is_a_mean_along_some_line_within_45_degrees(severity: int) -> None:
    size = 56
    image = photos(size)[0, ..., 0]
    found = corrupted(corruption("motion_blur", severity), photos(size)[:1])[0, ..., 0]
    radius, sigma = np.array(MOTION[severity - 1]) * size / 224
    along = np.linspace(0, 2 * radius, 4 * MOTION[severity - 1][0] + 1)

    def blurred(angle: float) -> NDArray[np.float64]:
        points = along[:, None] * np.array([np.sin(angle), np.cos(angle)])
        return mean_at(image, points, stats.norm.pdf(along / sigma))

    def miss(angle: float) -> float:
        return float(np.abs(found - blurred(angle)).mean())

    rough = min(np.radians(np.arange(-45, 46, 5)), key=miss)
    angle = optimize.minimize_scalar(miss, bounds=(rough - 0.1, rough + 0.1), method="bounded").x
    np.testing.assert_allclose(found, blurred(angle), rtol=0, atol=1.0)
    assert abs(np.degrees(angle)) < 45.1


@pytest.mark.slow
def test_the_angles_of_motion_blur_are_uniform() -> None:
    row, column = np.mgrid[:224, :224]
    ramps = np.stack([row, column, column], -1).astype(np.uint8)[None].repeat(64, 0)
    middle = corrupted(corruption("motion_blur", 5), ramps)[:, 112, 112].astype(float) - 112
    angles = np.degrees(np.arctan2(middle[:, 0], middle[:, 1]))
    assert (np.abs(angles) < 48).all()  # whole grey levels of 11
    assert stats.kstest(angles, stats.uniform(-45, 90).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", ["defocus_blur", "motion_blur", "pixelate"])
@given(colour=st.tuples(*[st.integers(0, 255)] * 3), size=st.sampled_from([8, 37]), severity=st.sampled_from([1, 5]))
@settings(max_examples=15, deadline=None)
def test_what_averages_leaves_one_colour(name: str, colour: tuple[int, int, int], size: int, severity: int) -> None:
    images = np.broadcast_to(np.array(colour, np.uint8), (2, size, size, 3))
    np.testing.assert_array_equal(corrupted(corruption(name, severity), images), images)


# --- light ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", SEVERITIES)
def test_contrast_scales_the_distance_from_each_channels_mean(severity: int) -> None:
    images = np.concatenate([photos(48), make_images(2, 48, 48), plain(9, 1, 48)])
    values = images.astype(float)
    mean = values.mean((1, 2), keepdims=True)
    expected = mean + SEVERITY["contrast"][severity - 1] * (values - mean)
    assert_rounds_to(corrupted(corruption("contrast", severity), images), expected)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_adds_to_the_value_of_hsv(severity: int) -> None:
    images = np.concatenate([photos(48), make_images(2, 48, 48), plain(0, 1, 48), plain(255, 1, 48)])
    hsv = rgb_to_hsv(images / 255)
    hsv[..., 2] = np.clip(hsv[..., 2] + SEVERITY["brightness"][severity - 1], 0, 1)
    assert_rounds_to(corrupted(corruption("brightness", severity), images), 255 * hsv_to_rgb(hsv))


# --- coding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("size", [8, 44, 96, 224])
def test_pixelate_is_pillows_box_there_and_back(severity: int, size: int) -> None:
    images = np.concatenate([photos(size), make_images(1, size, size)])
    cells = int(size * SEVERITY["pixelate"][severity - 1])
    found = corrupted(corruption("pixelate", severity), images)
    for one, image in zip(found, images, strict=True):
        small = Image.fromarray(image).resize((cells, cells), Image.Resampling.BOX)
        expected = np.asarray(small.resize((size, size), Image.Resampling.BOX))
        # Pillow rounds after its rows and again after its columns.
        np.testing.assert_allclose(one, expected.astype(float), rtol=0, atol=1)
        assert len(np.unique(one.reshape(-1, 3), axis=0)) <= cells**2


@pytest.mark.parametrize(("severity", "side"), [(2, 2), (5, 4)])
def test_pixelate_gives_the_mean_of_blocks(severity: int, side: int) -> None:
    images = make_images(2, 16, 16)
    blocks = images.astype(float).reshape(2, 16 // side, side, 16 // side, side, 3).mean((2, 4))
    expected = blocks.repeat(side, 1).repeat(side, 2)
    assert_rounds_to(corrupted(corruption("pixelate", severity), images), expected)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_agrees_with_pillow(severity: int) -> None:
    images = np.concatenate([photos(96), photos(37).repeat(3, 1)[:, :96, :37].repeat(3, 2)[:, :, :96]])
    for one, image in zip(corrupted(corruption("jpeg", severity), images), images, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=SEVERITY["jpeg"][severity - 1])
        expected = np.asarray(Image.open(file)).astype(float)
        np.testing.assert_array_equal(one, expected)
        assert np.abs(image - expected).mean() > 4


# --- occlusion -----------------------------------------------------------------------------------------------------

MEAN = np.array([124, 116, 104], np.uint8)


def box_of(image: Pixels, original: Pixels) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the one box of the mean colour; the rest must be as it was."""
    filled = (image == MEAN).all(-1)
    rows, columns = np.flatnonzero(filled.any(1)), np.flatnonzero(filled.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    assert filled[top:bottom, left:right].all()
    assert filled.sum() == (bottom - top) * (right - left)
    np.testing.assert_array_equal(image[~filled], original[~filled])
    return int(top), int(left), int(bottom), int(right)


@pytest.mark.parametrize("kind", OCCLUSIONS)
@given(size=st.integers(8, 64), area=st.sampled_from(AREAS), number=st.integers(0, 2**62))
@settings(max_examples=40, deadline=None)
def test_the_box_is_a_square_of_that_area_inside_the_image(
    kind: Occlusion, size: int, area: float, number: int
) -> None:
    images = make_images(2, size, size) | np.uint8(1)  # no pixel has the mean colour, which is even
    for one, image in zip(corrupted(occlusion(kind, area), images, [number, number + 1]), images, strict=True):
        top, left, bottom, right = box_of(one, image)
        assert bottom - top == right - left == round(size * area**0.5)
        if kind == "centre":
            assert 0 <= size - bottom - top <= 1
            assert (top, bottom) == (left, right)


@pytest.mark.parametrize(
    ("size", "area", "pixels"), [(224, 0.1, 71**2), (224, 0.5, 158**2), (10, 0.36, 36), (8, 1, 64)]
)
def test_the_area_of_a_box(size: int, area: float, pixels: int) -> None:
    for kind in OCCLUSIONS:
        found = corrupted(occlusion(kind, area), plain(1, 3, size))
        assert ((found == MEAN).all(-1).sum((1, 2)) == pixels).all()


def test_the_place_of_a_random_box_is_uniform() -> None:
    count, size, side = 4000, 10, 5
    images = plain(1, count, size)
    found = corrupted(tf.function(occlusion("random", 0.25)), images)
    corners = np.array([box_of(*pair)[:2] for pair in zip(found, images, strict=True)])
    places = np.histogram2d(corners[:, 0], corners[:, 1], bins=[np.arange(size - side + 2)] * 2)[0]
    assert places.size == 36
    assert stats.chisquare(places.ravel()).pvalue > 1e-3


# --- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "severity", "message"),
    [
        ("defocus", 1, "unknown corruption 'defocus'; did you mean defocus_blur?"),
        ("xyz", 1, "unknown corruption 'xyz'; known: gaussian_noise, shot_noise, impulse_noise, defocus_blur, "),
        ("jpeg", 0, "a severity of 1, 2, 3, 4 or 5 is needed, not 0"),
        ("jpeg", 6, "a severity of 1, 2, 3, 4 or 5 is needed, not 6"),
    ],
)
def test_an_unknown_corruption_is_refused(name: str, severity: int, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        corruptions.corruption(name, severity)


@pytest.mark.parametrize(
    ("kind", "area", "message"),
    [
        ("center", 0.1, "centre or random is needed, not 'center'; did you mean centre?"),
        ("random", 0.0, "an area above 0 and up to 1 is needed, not 0.0"),
        ("centre", 1.1, "an area above 0 and up to 1 is needed, not 1.1"),
        ("centre", float("nan"), "an area above 0 and up to 1 is needed, not nan"),
    ],
)
def test_an_unknown_occlusion_is_refused(kind: Any, area: float, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        corruptions.occlusion(kind, area)
