"""Color jitter and three-augment against torchvision's documented formulas, in NumPy."""

import itertools
import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage, stats

from augexp.augment import jitter
from tests.batches import DRAWS, DTYPES, changed, make_images, sample

Image = NDArray[np.float64]


def blend(image: Image, other: Any, factor: float) -> Image:
    found: Image = np.clip(factor * image + (1 - factor) * other, 0, 255)
    return found


def gray(image: Image) -> Image:
    found: Image = image @ np.array([[0.299], [0.587], [0.114]])
    return found


def turn(image: Image, turns: float) -> Image:
    hsv = mpl.colors.rgb_to_hsv(image / 255)
    hsv[..., 0] = (hsv[..., 0] + turns) % 1
    found: Image = mpl.colors.hsv_to_rgb(hsv) * 255
    return found


STEPS: list[Any] = [
    lambda image, amount: blend(image, 0, amount),
    lambda image, amount: blend(image, gray(image).mean(), amount),
    lambda image, amount: blend(image, gray(image), amount),
    turn,
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_steps_are_done_in_the_order_drawn(dtype: str) -> None:
    orders = np.array(list(itertools.permutations(range(4))), np.int32)
    images = make_images(len(orders), 9, 7, dtype)
    random = np.random.default_rng(0)
    amount = random.uniform([0.3, 0.3, 0.3, -0.5], [1.7, 1.7, 1.7, 0.5], (len(orders), 4)).astype(np.float32)
    found = changed(jitter.color_jitter(0.7, 0.7, 0.7, 0.5), images, order=orders, amount=amount)
    assert found.dtype == np.float32
    for image, order, amounts, one in zip(images.astype(np.float64), orders, amount, found, strict=True):
        expected = image
        for step in order:
            expected = STEPS[step](expected, float(amounts[step]))
        np.testing.assert_allclose(one, expected, rtol=0, atol=0.01)


def test_every_order_is_equally_likely_and_amounts_are_uniform_about_no_change() -> None:
    drawn = sample(jitter.color_jitter(0.4, 0.3, 1.0, 0.1), DRAWS)
    _, counts = np.unique(drawn["order"], axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-4
    for i, (middle, strength) in enumerate([(1, 0.4), (1, 0.3), (1, 1.0), (0, 0.1)]):
        law = stats.uniform(middle - strength, 2 * strength)
        assert stats.kstest(drawn["amount"][:, i], law.cdf).pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_strength_leaves_the_image(dtype: str) -> None:
    images = make_images(5, 6, 8, dtype)
    op = jitter.color_jitter(0, 0, 0, 0)
    np.testing.assert_array_equal(changed(op, images, **sample(op, 5)), images)


# --- three-augment -------------------------------------------------------------------------------------------------


def first_of_three(image: Image, choice: int, sigma: float) -> Image:
    if choice == 0:
        return gray(image).repeat(3, -1)
    if choice == 1:
        return np.where(image < 128, image, 255 - image)
    radius = math.ceil(3 * sigma)
    found: Image = ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest", radius=(radius, radius, 0))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_three_augment_is_one_of_three_then_jitter_and_a_mirror(dtype: str) -> None:
    count = 24
    images = make_images(count, 9, 14, dtype)
    op = jitter.three_augment(0.3, 128.0, (0.1, 2.0))
    params = sample(op, count, 9, 14)
    params["choice"], params["flip"] = np.arange(count, dtype=np.int32) % 3, np.arange(count) % 2 == 0
    found = changed(op, images, **params)
    assert found.dtype == np.float32
    for i, image in enumerate(images.astype(np.float64)):
        expected = first_of_three(image, i % 3, float(params["sigma"][i]))
        for step in params["order"][i]:
            expected = STEPS[step](expected, float(params["amount"][i, step]))
        expected = expected[:, ::-1] if params["flip"][i] else expected
        np.testing.assert_allclose(found[i], expected, rtol=0, atol=0.01)


def test_each_of_the_three_and_either_side_are_equally_likely() -> None:
    drawn = sample(jitter.three_augment(0.3, 128.0, (0.1, 2.0)), DRAWS)
    assert stats.chisquare(np.bincount(drawn["choice"], minlength=3)).pvalue > 1e-4
    assert stats.binomtest(int(drawn["flip"].sum()), DRAWS).pvalue > 1e-4
    assert stats.kstest(drawn["sigma"], stats.uniform(0.1, 1.9).cdf).pvalue > 1e-4
    assert (drawn["order"].shape, drawn["amount"].shape) == ((DRAWS, 3), (DRAWS, 3))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 3), (6, 7), (12, 13), (13, 12), (30, 25)])
def test_the_blur_of_three_augment_is_scipys_at_any_size(size: tuple[int, int]) -> None:
    images = make_images(2, *size, "float32")
    params = sample(jitter.three_augment(0.0, 128.0, (2.0, 2.0)), 2, *size)
    params |= {"choice": np.array([2, 2], np.int32), "flip": np.array([False, False])}
    found = changed(jitter.three_augment(0.0, 128.0, (2.0, 2.0)), images, **params)
    expected = [ndimage.gaussian_filter(one, (2, 2, 0), mode="nearest", radius=(6, 6, 0)) for one in images]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)
