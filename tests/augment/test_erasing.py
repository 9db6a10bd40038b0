"""Cutout and random erasing against NumPy."""

import math
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import erasing
from augexp.augment.op import Op
from tests.batches import DRAWS, DTYPES, Shape, changed, make_images, sample, seeds, shapes

HEIGHT, WIDTH = 2000, 3000  # so large that whole pixels don't show
VALUES: list[float | Literal["random"]] = ["random", 0.0, 128.0]


def erased(images: NDArray[Any], box: NDArray[np.int32], filling: Any) -> NDArray[Any]:
    """Images with each box filled, pixel by pixel; `filling` broadcasts to them."""
    result = images.copy()
    filling = np.broadcast_to(filling, images.shape)
    for i, (top, left, bottom, right) in enumerate(box):
        for y in range(top, bottom):
            for x in range(left, right):
                result[i, y, x] = filling[i, y, x]
    return result


def sides(box: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]


# --- cutout --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds, length=st.floats(0, 1, exclude_min=True), fill=st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_cutout_blanks_the_square_around_a_pixel_and_nothing_else(
    dtype: str, shape: Shape, seed: int, length: float, fill: int
) -> None:
    images = make_images(*shape, dtype)
    op = erasing.cutout(length, fill)
    params = sample(op, *shape, seed)
    assert list(params) == ["box"]
    found = changed(op, images, **params)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, erased(images, params["box"], fill))
    side = round(float(np.float32(length) * np.float32(min(shape[1:]))))
    for box in params["box"]:
        for start, end, size in ((box[0], box[2], shape[1]), (box[1], box[3], shape[2])):
            assert (start, end) in {(max(c - side // 2, 0), min(c - side // 2 + side, size)) for c in range(size)}


def test_the_centres_of_cutout_are_uniform_over_the_pixels() -> None:
    box = sample(erasing.cutout(0.3, 0), DRAWS, 10, 14)["box"]  # 3 pixels, of which one at least is never cut off
    row, column = (np.where(box[:, i] > 0, box[:, i] + 1, box[:, i + 2] - 2) for i in (0, 1))
    counts = np.histogram2d(row, column, bins=(range(11), range(15)))[0]
    assert counts.sum() == DRAWS
    assert stats.chisquare(counts.ravel()).pvalue > 1e-4


@pytest.mark.parametrize(("length", "side"), [(0.5, 16), (0.25, 8), (1.0, 32), (0.01, 0), (0.2, 6)])
def test_the_side_of_cutout_is_a_share_of_the_shorter_side(length: float, side: int) -> None:
    for size in ((32, 50), (50, 32)):
        height, width = sides(sample(erasing.cutout(length, 0), 2000, *size)["box"])
        assert (height.max(), width.max()) == (side, side)
        assert side < 8 or height.min() < side


# --- random erasing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=6, deadline=None)
def test_random_erasing_fills_its_box_and_nothing_else(
    value: float | Literal["random"], dtype: str, shape: Shape, seed: int
) -> None:
    images = make_images(*shape, dtype)
    op = erasing.random_erasing((0.02, 0.9), (0.3, 1 / 0.3), value)
    params = sample(op, *shape, seed)
    assert set(params) == ({"box", "noise"} if value == "random" else {"box"})
    found = changed(op, images, **params)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, erased(images, params["box"], params["noise"] if value == "random" else value))


def simulate_torchvision(scale: tuple[float, float], ratio: tuple[float, float], count: int) -> NDArray[np.int64]:
    """`RandomErasing.get_params` on an image of HEIGHT x WIDTH: (count, 4) top, left, height, width; 0 for none."""
    random = np.random.default_rng(2)
    found: list[Any] = []
    for _ in range(count):
        for _ in range(10):
            area = HEIGHT * WIDTH * random.uniform(*scale)
            aspect = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if h < HEIGHT and w < WIDTH:
                found.append((random.integers(HEIGHT - h + 1), random.integers(WIDTH - w + 1), h, w))
                break
        else:
            found.append((0, 0, 0, 0))
    return np.array(found)


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [((0.02, 0.4), (0.3, 1 / 0.3)), ((0.1, 0.1), (0.2, 1.0)), ((0.7, 1.0), (0.5, 3.0)), ((0.9, 1.0), (1.5, 2.0))],
)
def test_erased_boxes_follow_torchvisions_law(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    box = sample(erasing.random_erasing(scale, ratio, 0.0), DRAWS, HEIGHT, WIDTH)["box"]
    height, width = sides(box)
    there = height > 0
    law = simulate_torchvision(scale, ratio, DRAWS // 4)
    share = (law[:, 2] > 0).mean()
    assert abs(there.mean() - share) < 5 * math.sqrt(share * (1 - share) / len(law) * 1.25) + 1e-9
    law = law[law[:, 2] > 0]
    if not there.any():
        return
    for ours, theirs in zip((box[:, 0], box[:, 1], height, width), law.T, strict=True):
        assert stats.ks_2samp(ours[there], theirs).pvalue > 1e-4
    area, aspect = height * width / (HEIGHT * WIDTH), height / np.maximum(width, 1)
    assert stats.ks_2samp(area[there], law[:, 2] * law[:, 3] / (HEIGHT * WIDTH)).pvalue > 1e-4
    assert stats.ks_2samp(aspect[there], law[:, 2] / law[:, 3]).pvalue > 1e-4


@given(shape=shapes, seed=seeds, data=st.data())
@settings(max_examples=30, deadline=None)
def test_erased_boxes_lie_in_the_image_and_leave_some_of_it(shape: Shape, seed: int, data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    narrow, broad = sorted(data.draw(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100))))
    box = sample(erasing.random_erasing((low, high), (narrow, broad), 0.0), *shape, seed)["box"]
    height, width = sides(box)
    assert ((box[:, :2] >= 0) & (box[:, 2:] <= shape[1:])).all()
    assert ((height >= 0) & (width >= 0)).all()
    assert ((height * width == 0) | ((height < shape[1]) & (width < shape[2]))).all()


def test_where_no_box_is_smaller_than_the_image_nothing_is_erased() -> None:
    op = erasing.random_erasing((1.0, 1.0), (1.0, 1.0), 0.0)
    for size in ((1, 1), (8, 8)):
        params = sample(op, 3, *size)
        assert (params["box"][:, :2] == params["box"][:, 2:]).any(1).all()
        images = make_images(3, *size)
        np.testing.assert_array_equal(changed(op, images, **params), images)


def test_noise_takes_every_grey_level_equally_often_and_anew_in_each_channel() -> None:
    noise = sample(erasing.random_erasing((0.1, 0.2), (1, 1), "random"), 5, 51, 53)["noise"]
    assert (noise.shape, noise.dtype.name) == ((5, 51, 53, 3), "uint8")
    assert stats.chisquare(np.bincount(noise.ravel(), minlength=256)).pvalue > 1e-4
    values = noise.astype(np.float64)
    for one, other in (
        (values[..., 0], values[..., 1]),
        (values[:, 1:], values[:, :-1]),
        (values[1:], values[:-1]),
    ):
        assert stats.pearsonr(one.ravel(), other.ravel()).pvalue > 1e-4


# --- several boxes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds, most=st.integers(1, 31), fill=st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_coarse_dropout_blanks_its_boxes_and_nothing_else(
    dtype: str, shape: Shape, seed: int, most: int, fill: int
) -> None:
    images = make_images(*shape, dtype)
    op = erasing.coarse_dropout((1, most), (0.0, 1.0), fill)
    boxes = sample(op, *shape, seed)["boxes"]
    assert boxes.shape == (shape[0], most, 4)
    assert ((boxes[..., :2] >= 0) & (boxes[..., :2] <= boxes[..., 2:]) & (boxes[..., 2:] <= shape[1:])).all()
    expected = images
    for number in range(most):
        expected = erased(expected, boxes[:, number], fill)
    found = changed(op, images, boxes=boxes)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_the_number_of_boxes_their_sides_and_their_places_are_uniform() -> None:
    boxes = sample(erasing.coarse_dropout((2, 5), (0.1, 0.3), 0), DRAWS, HEIGHT, WIDTH)["boxes"]
    there = (boxes[..., 2] > boxes[..., 0]).sum(1)
    assert stats.chisquare(np.bincount(there)[2:]).pvalue > 1e-4
    first = boxes[:, 0].astype(np.float64)
    for start, end, side in ((first[:, 0], first[:, 2], HEIGHT), (first[:, 1], first[:, 3], WIDTH)):
        assert stats.kstest((end - start) / side, stats.uniform(0.1, 0.2).cdf).pvalue > 1e-4
        assert stats.kstest((start + 0.5) / (side - end + start + 1), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds, ratio=st.floats(0, 1), fill=st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_grid_mask_blanks_a_square_in_each_unit(dtype: str, shape: Shape, seed: int, ratio: float, fill: int) -> None:
    images = make_images(*shape, dtype)
    op = erasing.grid_mask((0.01, 1), ratio, fill)
    params = sample(op, *shape, seed)
    expected = images.copy()
    for i, (unit, hole, (down, right)) in enumerate(zip(*params.values(), strict=True)):
        assert 0 <= min(down, right) <= max(down, right) < unit <= max(min(shape[1:]), 1)
        assert hole == unit - round(float(np.float32(ratio) * np.float32(unit)))
        for top in range(-down, shape[1], unit):
            for left in range(-right, shape[2], unit):
                expected[i, max(top, 0) : max(top + hole, 0), max(left, 0) : max(left + hole, 0)] = fill
    found = changed(op, images, **params)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_grid_mask_keeps_the_papers_share_at_shifts_that_are_uniform() -> None:
    params = sample(erasing.grid_mask((0.25, 0.25), 0.6, 0), DRAWS, 40, 40)
    assert (set(params["unit"]), set(params["hole"])) == ({10}, {4})
    counts = np.bincount(10 * params["shift"][:, 0] + params["shift"][:, 1], minlength=100)
    assert stats.chisquare(counts).pvalue > 1e-4
    # 2 r - r^2 of the pixels, in whole units.
    images = np.full((8, 40, 40, 3), 9, np.uint8)
    found = changed(erasing.grid_mask((0.25, 0.25), 0.6, 0), images, **{name: v[:8] for name, v in params.items()})
    np.testing.assert_allclose((found == 9).mean((1, 2, 3)), 2 * 0.6 - 0.36, atol=1e-6)


# --- both ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op", [erasing.cutout(0.5, 9.0), *(erasing.random_erasing((0.1, 0.5), (0.5, 2), value) for value in VALUES)]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_empty_box_leaves_every_value_and_each_image_has_its_own_box(op: Op, dtype: str) -> None:
    images = make_images(3, 6, 7, dtype)
    params = sample(op, 3, 6, 7)
    assert {values.shape[0] for values in params.values()} == {3}
    params["box"] = np.array([[2, 3, 2, 5], [1, 1, 3, 6], [0, 4, 6, 4]], np.int32)
    found = changed(op, images, **params)
    np.testing.assert_array_equal(found[[0, 2]], images[[0, 2]])
    same = (found[1] == images[1]).all(-1)
    assert same.sum() <= 6 * 7 - 2 * 5 + 1
    same[1:3, 1:6] = True
    assert same.all()
