"""Ops on places against SciPy, tf.image and their definitions."""

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, stats

from augexp.augment import geometric
from augexp.augment.op import Op
from augexp.config.ops import FillMode, Interpolation
from tests.batches import DRAWS, DTYPES, Shape, changed, floats, make_images, make_labels, sample, seeds, shapes

FILLS: list[FillMode] = ["constant", "reflect", "nearest"]
READS: list[Interpolation] = ["bilinear", "nearest"]
SCIPY: dict[FillMode, Any] = {"constant": "grid-constant", "reflect": "reflect", "nearest": "nearest"}
NUMPY: dict[FillMode, Any] = {"constant": "constant", "reflect": "symmetric", "nearest": "edge"}
PILLOW = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}

Matrix = NDArray[np.float64]


def positions(height: int, width: int, matrix: NDArray[Any]) -> tuple[Matrix, Matrix]:
    """Where each output pixel is read: rows and columns, (H, W)."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    a, b, c, d, e, f = matrix.astype(np.float64)
    return d * x + e * y + f, a * x + b * y + c


def far_from_ties(height: int, width: int, matrix: NDArray[Any], margin: float = 1e-3) -> NDArray[np.bool_]:
    """Where a nearest pixel is no matter of rounding, (H, W)."""
    rows, columns = positions(height, width, matrix)
    off = [np.abs(place - np.floor(place) - 0.5) for place in (rows, columns)]
    clear: NDArray[np.bool_] = (off[0] > margin) & (off[1] > margin)
    return clear


# --- flips ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "mirror"), [(geometric.flip_left_right, np.fliplr), (geometric.flip_up_down, np.flipud)]
)
@pytest.mark.parametrize("dtype", DTYPES)
@given(flip=st.lists(st.booleans(), min_size=1, max_size=5), height=st.integers(1, 6), width=st.integers(1, 6))
@settings(max_examples=15, deadline=None)
def test_flip_mirrors_the_chosen_images_and_no_other(
    make: Any, mirror: Any, dtype: str, flip: list[bool], height: int, width: int
) -> None:
    images = make_images(len(flip), height, width, dtype)
    flipped = changed(make(0.5), images, flip=np.array(flip))
    assert flipped.dtype == dtype
    np.testing.assert_array_equal(
        flipped, [mirror(image) if yes else image for image, yes in zip(images, flip, strict=True)]
    )


@pytest.mark.parametrize("name", ["flip_left_right", "flip_up_down"])
def test_flip_agrees_with_tf_image(name: str) -> None:
    images = make_images(3, 4, 7)
    flipped = changed(getattr(geometric, name)(1.0), images, flip=np.array([True] * 3))
    np.testing.assert_array_equal(flipped, getattr(tf.image, name)(images))


@pytest.mark.parametrize("make", [geometric.flip_left_right, geometric.flip_up_down])
@pytest.mark.parametrize("prob", [0.0, 0.1, 0.5, 1.0])
def test_the_share_of_flipped_images_is_prob(make: Any, prob: float) -> None:
    flips = sample(make(prob), DRAWS)["flip"]
    assert flips.shape == (DRAWS,)
    assert stats.binomtest(int(flips.sum()), DRAWS, prob).pvalue > 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@given(quarters=st.lists(st.integers(1, 3), min_size=1, max_size=5), side=st.integers(1, 7))
@settings(max_examples=15, deadline=None)
def test_quarters_turn_as_numpy_does(dtype: str, quarters: list[int], side: int) -> None:
    images = make_images(len(quarters), side, side, dtype)
    turned = changed(geometric.rotate90(), images, quarters=np.array(quarters, np.int32))
    assert turned.dtype == dtype
    np.testing.assert_array_equal(turned, [np.rot90(one, k) for one, k in zip(images, quarters, strict=True)])


def test_squares_turn_by_any_quarter_and_rectangles_by_two() -> None:
    quarters = sample(geometric.rotate90(), DRAWS, 8, 8)["quarters"]
    assert stats.chisquare(np.bincount(quarters, minlength=4)[1:]).pvalue > 1e-4
    assert set(quarters) == {1, 2, 3}
    assert set(sample(geometric.rotate90(), 100, 8, 9)["quarters"]) == {2}
    images = make_images(100, 4, 5)
    turned = changed(geometric.rotate90(), images, **sample(geometric.rotate90(), 100, 4, 5))
    np.testing.assert_array_equal(turned, images[:, ::-1, ::-1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_eight_symmetries_are_all_of_the_square(dtype: str) -> None:
    image = make_images(1, 5, 5, dtype)
    bits = np.array([[bool(n & bit) for bit in (1, 2, 4)] for n in range(8)]).T
    found = changed(geometric.d4(), image.repeat(8, 0), transpose=bits[0], flip_rows=bits[1], flip_columns=bits[2])
    group = {np.rot90(one, k).tobytes() for one in (image[0], image[0, :, ::-1]) for k in range(4)}
    assert {one.tobytes() for one in found} == group
    assert found.dtype == dtype
    # A transposition first, then the flips.
    for one, (transpose, flip_rows, flip_columns) in zip(found, bits.T, strict=True):
        expected = image[0].swapaxes(0, 1) if transpose else image[0]
        expected = expected[::-1] if flip_rows else expected
        np.testing.assert_array_equal(one, expected[:, ::-1] if flip_columns else expected)


def test_each_symmetry_is_as_likely_as_any_other_and_rectangles_have_four() -> None:
    def numbers(height: int, width: int) -> NDArray[Any]:
        drawn = sample(geometric.d4(), DRAWS, height, width)
        found: NDArray[Any] = 4 * drawn["transpose"] + 2 * drawn["flip_rows"] + drawn["flip_columns"]
        return found

    square, wide = np.bincount(numbers(8, 8)), np.bincount(numbers(8, 9))
    assert (len(square), len(wide)) == (8, 4)
    assert min(stats.chisquare(square).pvalue, stats.chisquare(wide).pvalue) > 1e-4
    changed(geometric.d4(), make_images(9, 4, 7), **sample(geometric.d4(), 9, 4, 7))


# --- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), size=st.integers(1, 5), batch=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_window_is_the_slice_at_its_place(dtype: str, data: st.DataObject, size: int, batch: int) -> None:
    height, width = data.draw(st.integers(size, 9)), data.draw(st.integers(size, 9))
    top = data.draw(st.lists(st.integers(0, height - size), min_size=batch, max_size=batch))
    left = data.draw(st.lists(st.integers(0, width - size), min_size=batch, max_size=batch))
    images, labels = make_images(batch, height, width, dtype), tf.constant(make_labels(batch))
    places = {"top": tf.constant(top), "left": tf.constant(left)}
    cut, same = geometric.random_window(size).apply(tf.constant(images), labels, places)
    assert cut.dtype == dtype
    expected = [image[y : y + size, x : x + size] for image, y, x in zip(images, top, left, strict=True)]
    np.testing.assert_array_equal(cut, expected)
    assert same is labels


@pytest.mark.parametrize("width", [8, 10])
def test_windows_lie_uniformly_over_every_place_that_fits(width: int) -> None:
    drawn = sample(geometric.random_window(6), DRAWS, height=8, width=width)
    columns = width - 6 + 1
    places = np.bincount(drawn["top"] * columns + drawn["left"], minlength=3 * columns)
    assert (drawn["top"].max(), drawn["left"].max()) == (2, columns - 1)
    assert stats.chisquare(places).pvalue > 1e-4


def test_a_window_as_large_as_the_image_is_the_image() -> None:
    images = make_images(3, 6, 6)
    op = geometric.random_window(6)
    np.testing.assert_array_equal(changed(op, images, **sample(op, 3, 6, 6)), images)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=15, deadline=None)
def test_random_crop_is_a_slice_of_the_padded_image(fill_mode: FillMode, dtype: str, shape: Shape, seed: int) -> None:
    batch, height, width = shape
    images = make_images(*shape, dtype)
    random = np.random.default_rng(seed)
    top, left = random.integers(-height, height + 1, batch), random.integers(-width, width + 1, batch)
    top[0], left[0] = random.choice([-height, height]), random.choice([-width, width])
    op = geometric.random_crop(1.0, fill_mode, 77)
    cropped = changed(op, images, top=top.astype(np.int32), left=left.astype(np.int32))
    options = {"constant_values": 77} if fill_mode == "constant" else {}
    padded = np.pad(images, [(0, 0), (height, height), (width, width), (0, 0)], NUMPY[fill_mode], **options)
    assert cropped.dtype == dtype
    for i in range(batch):
        y, x = height + top[i], width + left[i]
        np.testing.assert_array_equal(cropped[i], padded[i, y : y + height, x : x + width])


@pytest.mark.parametrize(("padding", "most"), [(0.0, (0, 0)), (0.125, (2, 3)), (1.0, (16, 24))])
def test_random_crop_moves_uniformly_by_up_to_the_padding(padding: float, most: tuple[int, int]) -> None:
    drawn = sample(geometric.random_crop(padding, "constant", 0.0), DRAWS, 16, 24)
    for name, furthest in zip(("top", "left"), most, strict=True):
        counts = np.bincount(drawn[name] + furthest, minlength=2 * furthest + 1)
        assert len(counts) == 2 * furthest + 1
        assert furthest == 0 or stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_resized_crop_agrees_with_pillows_resize_of_a_box(
    interpolation: Interpolation, dtype: str, shape: Shape, seed: int
) -> None:
    batch, height, width = shape
    images = make_images(*shape, dtype)
    random = np.random.default_rng(seed)
    top, left = random.integers(0, height, batch), random.integers(0, width, batch)
    bottom, right = random.integers(top + 1, height + 1), random.integers(left + 1, width + 1)
    window = np.stack([top, left, bottom, right], 1).astype(np.float32)
    op = geometric.random_resized_crop((0.1, 1), (0.5, 2), interpolation)
    found = changed(op, images, window=window)
    assert found.dtype == ("float32" if interpolation == "bilinear" else dtype)
    for i in range(batch):
        y, x = np.arange(height), np.arange(width)
        rows = top[i] + (y + 0.5) * (bottom[i] - top[i]) / height - 0.5
        columns = left[i] + (x + 0.5) * (right[i] - left[i]) / width - 0.5
        clear = (np.abs(rows % 1 - 0.5) > 1e-3)[:, None] & (np.abs(columns % 1 - 0.5) > 1e-3)
        clear |= interpolation == "bilinear"
        expected = resize_box(images[i], window[i], interpolation)
        np.testing.assert_allclose(found[i][clear], expected[clear], rtol=0, atol=2e-3)


def resize_box(image: NDArray[Any], window: NDArray[Any], interpolation: Interpolation) -> NDArray[np.float32]:
    """A window (top, left, bottom, right) of an image, at the image's size, in Pillow's floats."""
    height, width = image.shape[:2]
    top, left, bottom, right = map(float, window)
    channels = [
        Image.fromarray(np.ascontiguousarray(image[..., i], np.float32)).resize(
            (width, height), PILLOW[interpolation], box=(left, top, right, bottom)
        )
        for i in range(3)
    ]
    return np.stack([np.asarray(channel) for channel in channels], -1)


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes)
@settings(max_examples=5, deadline=None)
def test_the_whole_window_and_the_whole_fraction_leave_every_value(
    interpolation: Interpolation, dtype: str, shape: Shape
) -> None:
    images = make_images(*shape, dtype)
    batch, height, width = shape
    whole = np.array([[0, 0, height, width]] * batch, np.float32)
    op = geometric.random_resized_crop((1, 1), (1, 1), interpolation)
    np.testing.assert_array_equal(changed(op, images, window=whole), images)
    op = geometric.central_crop((1, 1), interpolation)
    np.testing.assert_array_equal(changed(op, images, fraction=floats(1, batch)), images)


HEIGHT, WIDTH = 2000, 3000  # so large that whole pixels don't show


def simulate_torchvision(scale: tuple[float, float], ratio: tuple[float, float], count: int) -> NDArray[np.int64]:
    """`RandomResizedCrop.get_params` on an image of HEIGHT x WIDTH: (count, 4) top, left, height, width."""
    random = np.random.default_rng(3)
    found: list[Any] = []
    for _ in range(count):
        for _ in range(10):
            area = HEIGHT * WIDTH * random.uniform(*scale)
            aspect = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= WIDTH and 0 < h <= HEIGHT:
                found.append((random.integers(HEIGHT - h + 1), random.integers(WIDTH - w + 1), h, w))
                break
        else:
            if ratio[0] > WIDTH / HEIGHT:
                w, h = WIDTH, round(WIDTH / ratio[0])
            elif ratio[1] < WIDTH / HEIGHT:
                w, h = round(HEIGHT * ratio[1]), HEIGHT
            else:
                w, h = WIDTH, HEIGHT
            found.append(((HEIGHT - h) // 2, (WIDTH - w) // 2, h, w))
    return np.array(found)


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.3, 0.3), (0.2, 5)), ((0.8, 1.0), (0.5, 1.2)), ((0.9, 1), (2, 3))],
)
def test_windows_follow_torchvisions_law(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    op = geometric.random_resized_crop(scale, ratio, "bilinear")
    top, left, bottom, right = sample(op, DRAWS, HEIGHT, WIDTH)["window"].astype(np.float64).T
    law = simulate_torchvision(scale, ratio, DRAWS // 4).T
    assert ((top >= 0) & (left >= 0) & (bottom <= HEIGHT) & (right <= WIDTH)).all()
    for ours, theirs in zip((top, left, bottom - top, right - left), law, strict=True):
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-4
    area, aspect = (bottom - top) * (right - left) / (HEIGHT * WIDTH), (right - left) / (bottom - top)
    assert stats.ks_2samp(area, law[2] * law[3] / (HEIGHT * WIDTH)).pvalue > 1e-4
    assert stats.ks_2samp(aspect, law[3] / law[2]).pvalue > 1e-4


@pytest.mark.parametrize(
    ("size", "ratio", "window"),
    [
        ((10, 100), (3 / 4, 4 / 3), [0, 43, 10, 56]),
        ((100, 10), (3 / 4, 4 / 3), [43, 0, 56, 10]),
        ((50, 50), (100, 100), [24, 0, 25, 50]),
        ((50, 50), (0.01, 0.01), [0, 24, 50, 25]),
    ],
)
def test_where_no_draw_fits_the_largest_central_window_is_taken(
    size: tuple[int, int], ratio: tuple[float, float], window: list[int]
) -> None:
    op = geometric.random_resized_crop((0.99, 1.0), ratio, "bilinear")
    np.testing.assert_array_equal(sample(op, 4, *size)["window"], [window] * 4)


def test_a_free_place_is_anywhere_from_one_end_of_the_room_to_the_other() -> None:
    seed, room = tf.constant([1, 2], tf.int64), tf.constant([0.0, 3.0, 4.0] * 5000)
    placed = geometric.place(seed, tf.constant(15_000), room, tf.constant(True)).numpy()
    for i, places in enumerate((1, 4, 5)):
        counts = np.bincount(placed[i::3].astype(int), minlength=places)
        assert len(counts) == places
        assert places == 1 or stats.chisquare(counts).pvalue > 1e-4
    assert set(geometric.place(seed, tf.constant(15_000), room, tf.constant(False)).numpy()) == {0, 1, 2}


@given(shape=shapes, seed=seeds, data=st.data())
@settings(max_examples=20, deadline=None)
def test_every_window_lies_in_the_image_and_holds_a_pixel(shape: Shape, seed: int, data: st.DataObject) -> None:
    ends = st.floats(0.001, 1)
    scale = tuple(sorted(data.draw(st.tuples(ends, ends))))
    ratio = tuple(math.exp(part) for part in sorted(data.draw(st.tuples(st.floats(-4.6, 4.6), st.floats(-4.6, 4.6)))))
    op = geometric.random_resized_crop((scale[0], scale[1]), (ratio[0], ratio[1]), "bilinear")
    drawn = sample(op, *shape, seed)
    top, left, bottom, right = drawn["window"].T
    assert (drawn["window"] == np.round(drawn["window"])).all()
    assert ((top >= 0) & (top < bottom) & (bottom <= shape[1])).all()
    assert ((left >= 0) & (left < right) & (right <= shape[2])).all()
    changed(op, make_images(*shape), **drawn)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_central_crop_agrees_with_pillows_resize_of_a_box(dtype: str, shape: Shape, seed: int) -> None:
    batch, height, width = shape
    images = make_images(*shape, dtype)
    fraction = np.random.default_rng(seed).uniform(0.01, 1, batch).astype(np.float32)
    found = changed(geometric.central_crop((0.01, 1), "bilinear"), images, fraction=fraction)
    for i, share in enumerate(fraction.astype(np.float64)):
        y, x = (1 - share) / 2 * height, (1 - share) / 2 * width
        expected = resize_box(images[i], np.array([y, x, height - y, width - x]), "bilinear")
        np.testing.assert_allclose(found[i], expected, rtol=0, atol=0.01)


# --- warps ---------------------------------------------------------------------------------------------------------


def warps(interpolation: Interpolation, fill_mode: FillMode) -> list[tuple[Op, tuple[str, ...]]]:
    rest = (interpolation, fill_mode, 9.0)
    return [
        (geometric.rotate(180, *rest), ("degrees",)),
        (geometric.translate(1, 1, *rest), ("dx", "dy")),
        (geometric.shear(1, 1, *rest), ("x", "y")),
    ]


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes)
@settings(max_examples=4, deadline=None)
def test_no_rotation_shift_or_shear_leaves_every_value(
    interpolation: Interpolation, fill_mode: FillMode, dtype: str, shape: Shape
) -> None:
    images = make_images(*shape, dtype)
    for op, names in warps(interpolation, fill_mode):
        same = changed(op, images, **{name: floats(0, len(images)) for name in names})
        assert same.dtype == ("float32" if interpolation == "bilinear" else dtype)
        np.testing.assert_array_equal(same, images)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", READS)
@given(shape=shapes, turns=st.integers(-2, 2))
@settings(max_examples=6, deadline=None)
def test_positive_degrees_turn_counter_clockwise(
    interpolation: Interpolation, fill_mode: FillMode, shape: Shape, turns: int
) -> None:
    batch, side = shape[:2]
    images = make_images(batch, side, side)
    op = geometric.rotate(180, interpolation, fill_mode, 200.0)
    turned = changed(op, images, degrees=floats(90 * turns, batch))
    atol = 0 if interpolation == "nearest" else 2e-3
    np.testing.assert_allclose(turned, np.rot90(images, turns, (1, 2)), rtol=0, atol=atol)


@pytest.mark.parametrize("interpolation", READS)
def test_a_half_turn_flips_both_axes_of_any_shape(interpolation: Interpolation) -> None:
    for height, width in ((1, 1), (1, 7), (4, 9), (224, 160)):
        images = make_images(2, height, width)
        turned = changed(geometric.rotate(180, interpolation, "constant", 0), images, degrees=floats([180, -180]))
        np.testing.assert_allclose(turned, images[:, ::-1, ::-1], rtol=0, atol=0.02)


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("degrees", [-135.0, -33.3, -1.0, 7.0, 15.0, 77.7, 170.0])
def test_rotation_agrees_with_pillow(interpolation: Interpolation, degrees: float) -> None:
    images = make_images(1, 17, 24)
    turned = changed(geometric.rotate(180, interpolation, "constant", 50), images, degrees=floats([degrees]))
    pillow = Image.fromarray(images[0]).rotate(degrees, PILLOW[interpolation], fillcolor=(50, 50, 50))
    matrix = geometric.rotation(tf.constant(images), tf.constant([degrees])).numpy()[0]
    compare_with_pillow(turned[0], np.asarray(pillow), matrix, interpolation)


def compare_with_pillow(
    found: NDArray[Any], pillow: NDArray[Any], matrix: NDArray[Any], interpolation: Interpolation
) -> None:
    """Equal where neither Pillow's fixed-point numbers nor its sharp border make a difference."""
    height, width = found.shape[:2]
    rows, columns = positions(height, width, matrix)
    if interpolation == "nearest":
        clear = far_from_ties(height, width, matrix, 0.01)
        np.testing.assert_array_equal(found[clear], pillow[clear])
    else:
        clear = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
        np.testing.assert_allclose(found[clear], pillow[clear], rtol=0, atol=1.001)  # Pillow cuts fractions off
    assert clear.mean() > 0.3


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize(("x", "y"), [(0.3, 0.0), (0.0, -0.2), (-0.9, 0.0), (0.2, 0.1)])
def test_shear_agrees_with_pillows_transform(interpolation: Interpolation, x: float, y: float) -> None:
    images = make_images(1, 14, 21)
    height, width = images.shape[1:3]
    sheared = changed(geometric.shear(1, 1, interpolation, "constant", 0), images, x=floats([x]), y=floats([y]))
    # Pillow's positions are edges, ours centres: the image's centre is the fixed point in both.
    edges = (1, x, -x * height / 2, y, 1, -y * width / 2)
    pillow = Image.fromarray(images[0]).transform((width, height), Image.Transform.AFFINE, edges, PILLOW[interpolation])
    matrix = np.array([1, x, -x * (height - 1) / 2, y, 1, -y * (width - 1) / 2])
    compare_with_pillow(sheared[0], np.asarray(pillow), matrix, interpolation)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", READS)
@given(shape=shapes, dx=st.integers(-40, 40), dy=st.integers(-40, 40))
@settings(max_examples=8, deadline=None)
def test_whole_shifts_move_right_and_down_even_beyond_the_image(
    interpolation: Interpolation, fill_mode: FillMode, shape: Shape, dx: int, dy: int
) -> None:
    batch, height, width = shape
    images = make_images(*shape)
    op = geometric.translate(1, 1, interpolation, fill_mode, 33.0)
    shifted = changed(op, images, dx=floats(dx, batch), dy=floats(dy, batch))
    options = {"constant_values": 33} if fill_mode == "constant" else {}
    padded = np.pad(images, [(0, 0), (40, 40), (40, 40), (0, 0)], NUMPY[fill_mode], **options)
    expected = padded[:, 40 - dy : 40 - dy + height, 40 - dx : 40 - dx + width]
    np.testing.assert_array_equal(shifted, expected)


@pytest.mark.parametrize(
    ("op", "name", "most"),
    [
        (geometric.rotate(15, "nearest", "constant", 0), "degrees", 15),
        (geometric.rotate(180, "nearest", "constant", 0), "degrees", 180),
        (geometric.translate(0.1, 0.7, "nearest", "constant", 0), "dx", 0.1 * 30),
        (geometric.translate(0.1, 0.7, "nearest", "constant", 0), "dy", 0.7 * 20),
        (geometric.shear(0.2, 0.9, "nearest", "constant", 0), "x", 0.2),
        (geometric.shear(0.2, 0.9, "nearest", "constant", 0), "y", 0.9),
    ],
)
def test_warps_are_uniform_between_both_signs_of_the_setting(op: Op, name: str, most: float) -> None:
    drawn = sample(op, DRAWS, 20, 30)[name]
    assert -most <= drawn.min() < -0.99 * most < 0.99 * most < drawn.max() <= most
    assert stats.kstest(drawn, stats.uniform(-most, 2 * most).cdf).pvalue > 1e-4


def test_the_central_fraction_is_uniform_in_its_range() -> None:
    drawn = sample(geometric.central_crop((0.5, 1.0), "bilinear"), DRAWS)["fraction"]
    assert 0.5 <= drawn.min() < 0.505 < 0.995 < drawn.max() <= 1
    assert stats.kstest(drawn, stats.uniform(0.5, 0.5).cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("op", "names"),
    [
        (geometric.translate(1, 1, "nearest", "constant", 0), ("dx", "dy")),
        (geometric.shear(1, 1, "nearest", "constant", 0), ("x", "y")),
        (geometric.random_crop(1, "constant", 0), ("top", "left")),
    ],
)
def test_the_two_directions_are_drawn_independently(op: Op, names: tuple[str, str]) -> None:
    drawn = sample(op, DRAWS, 64, 64)
    assert stats.pearsonr(*(drawn[name].astype(np.float64) for name in names)).pvalue > 1e-4


# --- the kernel ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds, scale=st.sampled_from([0.3, 1.0, 5.0]))
@settings(max_examples=8, deadline=None)
def test_the_kernel_agrees_with_scipy(
    interpolation: Interpolation, fill_mode: FillMode, dtype: str, shape: Shape, seed: int, scale: float
) -> None:
    images = make_images(*shape, dtype)
    random = np.random.default_rng(seed)
    matrix = random.normal(0, scale, (len(images), 6)).astype(np.float32)
    matrix[:, [2, 5]] *= 6
    found = geometric.resample(tf.constant(images), tf.constant(matrix), interpolation, fill_mode, 17.0).numpy()
    assert found.dtype == ("float32" if interpolation == "bilinear" else dtype)
    for i, image in enumerate(images):
        places = np.stack(positions(shape[1], shape[2], matrix[i]))
        order: Any = 1 if interpolation == "bilinear" else 0
        for channel in range(3):
            values = image[..., channel].astype(np.float64)
            expected = ndimage.map_coordinates(values, places, order=order, mode=SCIPY[fill_mode], cval=17.0)
            clear = far_from_ties(shape[1], shape[2], matrix[i]) | (order == 1)
            np.testing.assert_allclose(found[i, ..., channel][clear], expected[clear], rtol=0, atol=0.02)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", READS)
def test_positions_far_beyond_any_int32_are_read_as_beyond_the_border(
    interpolation: Interpolation, fill_mode: FillMode
) -> None:
    images = make_images(4, 3, 5)
    far = [[1, 0, sign * 1e12, 0, 1, 0] for sign in (-1, 1)] + [[1, 0, 0, 0, 1, sign * 1e12] for sign in (-1, 1)]
    found = geometric.resample(tf.constant(images), tf.constant(far, tf.float32), interpolation, fill_mode, 8.0).numpy()
    assert 0 <= found.min() <= found.max() <= 255
    if fill_mode == "constant":
        assert (found == 8).all()
    if fill_mode == "nearest":
        ends = [images[0, :, :1], images[1, :, -1:], images[2, :1], images[3, -1:]]
        for one, end in zip(found, ends, strict=True):
            np.testing.assert_array_equal(one, np.broadcast_to(end, one.shape))


def test_each_image_is_read_by_its_own_row_of_the_matrix() -> None:
    images = make_images(3, 6, 7)
    matrix = np.random.default_rng(1).normal(0, 1, (3, 6)).astype(np.float32)
    together = geometric.resample(tf.constant(images), tf.constant(matrix), "bilinear", "reflect").numpy()
    for i in range(3):
        alone = geometric.resample(
            tf.constant(images[i : i + 1]), tf.constant(matrix[i : i + 1]), "bilinear", "reflect"
        )
        np.testing.assert_array_equal(together[i], alone.numpy()[0])


@pytest.mark.parametrize("interpolation", READS)
@pytest.mark.parametrize("factor", [0.4, 0.8, 1.0, 1.3, 3.0])
def test_zoom_agrees_with_pillows_transform(interpolation: Interpolation, factor: float) -> None:
    images = make_images(1, 15, 22)
    height, width = images.shape[1:3]
    op = geometric.zoom((0.1, 10), interpolation, "constant", 0)
    zoomed = changed(op, images, factor=floats([factor]))
    step = 1 / factor
    edges = (step, 0, (1 - step) * width / 2, 0, step, (1 - step) * height / 2)
    pillow = Image.fromarray(images[0]).transform((width, height), Image.Transform.AFFINE, edges, PILLOW[interpolation])
    matrix = np.array([step, 0, (1 - step) * (width - 1) / 2, 0, step, (1 - step) * (height - 1) / 2])
    rows, columns = positions(height, width, matrix)
    inside = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    clear = far_from_ties(height, width, matrix, 0.01) | (interpolation == "bilinear")
    np.testing.assert_allclose(
        zoomed[0][inside & clear],
        np.asarray(pillow)[inside & clear],
        rtol=0,
        atol=1.001 * (interpolation == "bilinear"),
    )
    if factor < 1:
        assert (zoomed[0, 0] == 0).all()


def test_the_factor_of_zoom_is_uniform_in_its_range() -> None:
    drawn = sample(geometric.zoom((0.5, 2.0), "nearest", "constant", 0), DRAWS)["factor"]
    assert stats.kstest(drawn, stats.uniform(0.5, 1.5).cdf).pvalue > 1e-4
