"""Perspective and elastic deformations against Pillow, SciPy and their definitions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, stats

from augexp.augment import deformations
from augexp.augment.op import Op
from augexp.config.ops import FillMode, Interpolation
from tests.batches import DRAWS, DTYPES, Shape, changed, make_images, sample, seeds, shapes

FILLS: list[FillMode] = ["constant", "reflect", "nearest"]
READS: list[Interpolation] = ["bilinear", "nearest"]
SCIPY: dict[FillMode, Any] = {"constant": "grid-constant", "reflect": "reflect", "nearest": "nearest"}
GRID = 29


def a_perspective(scale: float = 0.5, interpolation: Interpolation = "bilinear", fill: FillMode = "constant") -> Op:
    return deformations.perspective(scale, interpolation, fill, 50.0)


# --- perspective ---------------------------------------------------------------------------------------------------


def coefficients(corners: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """Of (a x + b y + c) / (g x + h y + 1), as torchvision's `_get_perspective_coeffs` solves for them."""
    starts = [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)]
    rows, values = [], []
    for (x, y), (u, v) in zip(corners.astype(np.float64), starts, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.linalg.solve(np.array(rows), np.array(values))


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(17, 24), (40, 31), (9, 9)])
def test_perspective_reads_where_torchvisions_coefficients_say(
    fill_mode: FillMode, dtype: str, size: tuple[int, int]
) -> None:
    images = make_images(6, *size, dtype)
    op = a_perspective(0.5, "bilinear", fill_mode)
    params = sample(op, 6, *size)
    found = changed(op, images, **params)
    assert found.dtype == np.float32
    for image, corners, one in zip(images, params["corners"], found, strict=True):
        a, b, c, d, e, f, g, h = coefficients(corners, *size)
        y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
        depth = g * x + h * y + 1
        places = [(d * x + e * y + f) / depth, (a * x + b * y + c) / depth]
        expected = [
            ndimage.map_coordinates(image[..., i].astype(float), places, order=1, mode=SCIPY[fill_mode], cval=50)
            for i in range(3)
        ]
        # Near the horizon positions are large, and so are their rounding errors.
        clear = (depth > 0.1) & (np.abs(places).max(0) < 200)
        assert clear.mean() > 0.8
        np.testing.assert_allclose(one[clear], np.stack(expected, -1)[clear], rtol=0, atol=0.05)


def test_perspective_agrees_with_pillow() -> None:
    size = (30, 41)
    images = ndimage.gaussian_filter(make_images(8, *size), (0, 2, 2, 0))
    op = a_perspective(0.4)
    params = sample(op, 8, *size)
    found = changed(op, images, **params)
    for image, corners, one in zip(images, params["corners"], found, strict=True):
        # Pillow's positions are edges, ours centres.
        matrix = np.append(coefficients(corners, *size), 1).reshape(3, 3)
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        edges = half @ matrix @ np.linalg.inv(half)
        edges = (edges / edges[2, 2]).ravel()[:8]
        transform = Image.Transform.PERSPECTIVE
        pillow = np.asarray(
            Image.fromarray(image).transform(
                size[::-1], transform, edges, Image.Resampling.BILINEAR, fillcolor=(50,) * 3
            )
        )
        inside = ndimage.binary_erosion((pillow != 50).any(-1), iterations=2)
        assert inside.mean() > 0.2
        np.testing.assert_allclose(one[inside], pillow[inside], rtol=0, atol=1.5)


def test_the_corners_of_the_image_end_up_at_the_corners_drawn() -> None:
    images = np.zeros((4, 21, 31, 3), np.float32)
    for y in (0, 20):
        for x in (0, 30):
            images[:, y, x] = 200
    params = sample(a_perspective(), 4, 21, 31)
    found = changed(a_perspective(), images, **params)
    for one, corners in zip(found, params["corners"].astype(int), strict=True):
        np.testing.assert_allclose([one[y, x, 0] for x, y in corners], 200, atol=0.1)


@pytest.mark.parametrize(("scale", "most"), [(0.5, (2, 3)), (1.0, (5, 7)), (0.0, (0, 0))])
def test_each_corner_moves_inwards_by_any_whole_number_of_pixels(scale: float, most: tuple[int, int]) -> None:
    corners = sample(a_perspective(scale), DRAWS, 11, 15)["corners"]
    far = np.array([[0, 0], [14, 0], [14, 10], [0, 10]])
    moved = np.abs(corners - far)
    assert (np.sign(far - corners)[moved > 0] == np.sign(far - [7, 5])[None].repeat(DRAWS, 0)[moved > 0]).all()
    for corner in range(4):
        for axis, furthest in ((0, most[1]), (1, most[0])):
            counts = np.bincount(moved[:, corner, axis].astype(int), minlength=furthest + 1)
            assert len(counts) == furthest + 1
            assert furthest == 0 or stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes)
@settings(max_examples=10, deadline=None)
def test_corners_that_stay_leave_the_image(interpolation: Interpolation, dtype: str, shape: Shape) -> None:
    images = make_images(*shape, dtype)
    op = a_perspective(0.0, interpolation)
    np.testing.assert_allclose(changed(op, images, **sample(op, *shape)), images, rtol=0, atol=1e-3)


@pytest.mark.slow
@given(shape=shapes, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_corners_that_cross_give_finite_images(shape: Shape, seed: int) -> None:
    op = a_perspective(1.0)
    changed(op, make_images(*shape), **sample(op, *shape, seed))


# --- elastic -------------------------------------------------------------------------------------------------------


def an_elastic(
    alpha: float = 34.0, sigma: float = 4.0, interpolation: Interpolation = "bilinear", fill: FillMode = "constant"
) -> Op:
    return deformations.elastic(alpha, sigma, interpolation, fill, 50.0)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize(("alpha", "sigma"), [(34.0, 4.0), (8.0, 1.5), (100.0, 6.0)])
@pytest.mark.parametrize("size", [(29, 29), (40, 24), (7, 50), (1, 1)])
def test_elastic_is_scipys_smoothed_noise_stretched_to_the_image(
    fill_mode: FillMode, alpha: float, sigma: float, size: tuple[int, int]
) -> None:
    images = ndimage.gaussian_filter(make_images(3, *size, "float32"), (0, 1, 1, 0))
    op = an_elastic(alpha, sigma, "bilinear", fill_mode)
    noise = sample(op, 3, *size)["noise"]
    found = changed(op, images, noise=noise)
    for image, one, moves in zip(images, found, noise.astype(np.float64), strict=True):
        grid = [np.clip((np.arange(side) + 0.5) * GRID / side - 0.5, 0, GRID - 1) for side in size]
        at = np.meshgrid(*grid, indexing="ij")
        places = []
        for axis, side in enumerate(size):
            field = alpha * ndimage.gaussian_filter(moves[axis], sigma, mode="constant")
            shift = ndimage.map_coordinates(field, at, order=1, mode="nearest") * side / GRID
            places.append(np.mgrid[: size[0], : size[1]][axis] + shift)
        expected = [
            ndimage.map_coordinates(image[..., i].astype(float), places, order=1, mode=SCIPY[fill_mode], cval=50)
            for i in range(3)
        ]
        np.testing.assert_allclose(one, np.stack(expected, -1), rtol=0, atol=0.05)


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_alpha_leaves_the_image(interpolation: Interpolation, dtype: str) -> None:
    images = make_images(2, 9, 12, dtype)
    op = an_elastic(0.0, 4.0, interpolation)
    found = changed(op, images, **sample(op, 2, 9, 12))
    assert found.dtype == (dtype if interpolation == "nearest" else "float32")
    np.testing.assert_array_equal(found, images)


def test_noise_is_uniform_and_its_own_for_each_image_and_axis() -> None:
    noise = sample(an_elastic(), 20)["noise"]
    assert stats.kstest(noise.ravel(), stats.uniform(-1, 2).cdf).pvalue > 1e-4
    assert len({part.tobytes() for image in noise for part in image}) == 40
