"""FMix and SmoothMix against NumPy's Fourier transform and their definitions."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import masks
from augexp.augment.op import Op
from tests.batches import DRAWS, DTYPES, Shape, make_images, make_labels, sample, seeds, shapes

WAVES = 16


def mixed(op: Op, images: NDArray[Any], labels: NDArray[Any], **params: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    tensors = {name: tf.constant(value) for name, value in params.items()}
    found, soft = op.apply(tf.constant(images), tf.constant(labels), tensors)
    assert (found.shape, soft.dtype) == (images.shape, tf.float32)
    return found.numpy(), soft.numpy()


# --- FMix ----------------------------------------------------------------------------------------------------------


def paper_noise(spectrum: NDArray[Any], height: int, width: int, decay: float) -> NDArray[np.float64]:
    """`make_low_freq_image` of the paper's code, of the waves that a spectrum (2, 33, 17) holds; others are 0."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    amplitude = 1 / np.maximum(np.sqrt(down**2 + across**2), 1 / max(height, width)) ** decay
    whole = np.zeros((height, width // 2 + 1), complex)
    values = spectrum[0] + 1j * spectrum[1]
    for i in range(-WAVES, WAVES + 1):
        for j in range(WAVES + 1):
            if 2 * abs(i) < height and 2 * j < width:
                whole[i, j] = values[i + WAVES, j]
    return np.fft.irfft2(whole * amplitude, (height, width))


@pytest.mark.parametrize("decay", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("size", [(33, 35), (31, 50), (9, 5), (1, 1), (101, 51)])
def test_the_noise_is_the_inverse_fourier_transform_of_its_waves(decay: float, size: tuple[int, int]) -> None:
    spectrum = sample(masks.fmix(1.0, decay), 3, *size)["spectrum"]
    found = masks.low_pass(tf.constant(spectrum), tf.constant(size[0]), tf.constant(size[1]), decay).numpy()
    for one, waves in zip(found, spectrum.astype(np.float64), strict=True):
        expected = paper_noise(waves, *size, decay)
        # Up to a factor, which changes no mask.
        expected *= size[0] * size[1] / max(size) ** decay
        np.testing.assert_allclose(one, expected, rtol=0, atol=1e-4 * max(np.abs(expected).max(), 1e-3))


def test_what_is_left_out_of_the_noise_hardly_moves_a_mask() -> None:
    random = np.random.default_rng(0)
    side = 96
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    frequency = np.maximum(np.sqrt(down**2 + across**2), 1 / side)
    kept = (np.abs(down) * side <= WAVES) & (across * side <= WAVES)
    differences = []
    for _ in range(20):
        waves = (random.normal(size=frequency.shape) + 1j * random.normal(size=frequency.shape)) / frequency**3
        whole, low = (np.fft.irfft2(part, (side, side)) for part in (waves, waves * kept))
        differences.append(np.mean((whole > np.median(whole)) != (low > np.median(low))))
    assert np.mean(differences) < 0.003


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=25, deadline=None)
def test_fmix_keeps_the_highest_of_the_noise_and_labels_by_the_share(dtype: str, shape: Shape, seed: int) -> None:
    images, labels = make_images(*shape, dtype), make_labels(shape[0])
    op = masks.fmix(1.0, 3.0)
    params = sample(op, *shape, seed)
    found, soft = mixed(op, images, labels, **params)
    assert found.dtype == dtype
    noise = masks.low_pass(tf.constant(params["spectrum"]), tf.constant(shape[1]), tf.constant(shape[2]), 3.0).numpy()
    for i, partner in enumerate(params["partner"]):
        count = round(float(params["share"][i] * np.float32(shape[1] * shape[2])))
        highest = np.argsort(-noise[i], axis=None, kind="stable")[:count]
        mask = np.zeros(shape[1] * shape[2], bool)
        mask[highest] = True
        mask = mask.reshape(shape[1:])
        # Waves that are the same to the left and the right give pixels that tie.
        if len(np.unique(noise[i])) == noise[i].size:
            np.testing.assert_array_equal(found[i], np.where(mask[..., None], images[i], images[partner]))
            blend = mask.mean() * labels[i] + (1 - mask.mean()) * labels[partner]
            np.testing.assert_allclose(soft[i], blend, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (200, 130)])
def test_the_share_kept_is_lam_to_a_percent_and_the_label_weighs_by_it(size: tuple[int, int]) -> None:
    op, batch = masks.fmix(1.0, 3.0), 64
    params = sample(op, batch, *size)
    numbers = np.arange(batch, dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (batch, *size, 3))
    found, soft = mixed(op, images, np.eye(batch, dtype=np.float32), **params)
    kept = (found[..., 0] == numbers[:, None, None]).mean((1, 2))
    own = params["partner"] == numbers
    np.testing.assert_allclose(kept[~own], params["share"][~own], atol=0.02)
    np.testing.assert_allclose(soft.diagonal()[~own], kept[~own], atol=1e-6)


def test_lam_and_the_waves_of_fmix_follow_their_laws() -> None:
    params = sample(masks.fmix(1.0, 3.0), 500)
    assert stats.kstest(sample(masks.fmix(0.5, 3.0), 5000)["share"], stats.beta(0.5, 0.5).cdf).pvalue > 1e-4
    assert stats.kstest(params["spectrum"].ravel(), stats.norm.cdf).pvalue > 1e-4
    np.testing.assert_array_equal(np.sort(params["partner"]), np.arange(500))


# --- SmoothMix -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=25, deadline=None)
def test_smoothmix_blends_by_a_gaussian_and_labels_by_its_mean(dtype: str, shape: Shape, seed: int) -> None:
    _, height, width = shape
    images, labels = make_images(*shape, dtype), make_labels(shape[0])
    op = masks.smoothmix((0.25, 0.5))
    params = sample(op, *shape, seed)
    found, soft = mixed(op, images, labels, **params)
    assert found.dtype == np.float32
    y, x = np.mgrid[:height, :width].astype(np.float64)
    drawn = (params[name] for name in ("partner", "row", "column", "sigma"))
    for i, (partner, row, column, sigma) in enumerate(zip(*drawn, strict=True)):
        bell = np.exp(-(((y - row) / (sigma * height)) ** 2 + ((x - column) / (sigma * width)) ** 2) / 2)
        blend = (1 - bell[..., None]) * images[i] + bell[..., None] * images[partner].astype(np.float64)
        np.testing.assert_allclose(found[i], blend, rtol=0, atol=1e-3)
        weight = 1 - bell.mean()
        blend = weight * labels[i] + (1 - weight) * labels[partner]
        np.testing.assert_allclose(soft[i], blend, rtol=0, atol=1e-6)


def test_the_centre_and_the_width_of_smoothmix_are_uniform() -> None:
    params = sample(masks.smoothmix((0.25, 0.5)), DRAWS, 9, 7)
    counts = np.bincount(7 * params["row"] + params["column"], minlength=63)
    assert stats.chisquare(counts).pvalue > 1e-4
    assert stats.kstest(params["sigma"], stats.uniform(0.25, 0.25).cdf).pvalue > 1e-4
