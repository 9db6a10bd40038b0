"""Color jitter against torchvision's documented formulas, in NumPy."""

import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import jitter
from tests.batches import DRAWS, DTYPES, changed, make_images, sample

Image = NDArray[np.float64]


def blend(image: Image, other: Any, factor: float) -> Image:
    return np.clip(factor * image + (1 - factor) * other, 0, 255)


def gray(image: Image) -> Image:
    return image @ np.array([[0.299], [0.587], [0.114]])


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
