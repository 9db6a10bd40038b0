"""Ops that move pixels: symmetries, and windows and warps that share one resampling kernel.

The contract is that of `augment.op`. Positions are in pixels, the centre of the first pixel at (0, 0).
"""

import math

import tensorflow as tf

from augexp.augment.op import Op, Params, Sample, implements, on_images, per_example, uniform
from augexp.config.ops import (
    D4,
    CentralCrop,
    FillMode,
    FlipLeftRight,
    FlipUpDown,
    Interpolation,
    RandomCrop,
    RandomResizedCrop,
    Rotate,
    Rotate90,
    Shear,
    Translate,
    Zoom,
)

ATTEMPTS = 10  # windows drawn until one fits, as in torchvision


@implements(FlipLeftRight)
def flip_left_right(prob: float) -> Op:
    """Mirrors an image with chance `prob`; params: `flip` (B,) bool."""

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return tf.where(per_example(params["flip"]), images[:, :, ::-1], images)

    return on_images(_draw_flip(prob), change)


@implements(FlipUpDown)
def flip_up_down(prob: float) -> Op:
    """Turns an image upside down with chance `prob`; params: `flip` (B,) bool."""

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return tf.where(per_example(params["flip"]), images[:, ::-1], images)

    return on_images(_draw_flip(prob), change)


def _draw_flip(prob: float) -> Sample:
    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"flip": tf.random.stateless_uniform([batch], seed) < prob}

    return sample


@implements(Rotate90)
def rotate90() -> Op:
    """Turns counter-clockwise; params: `quarters` (B,) int32, 1 to 3, and 2 where the sides differ."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        quarters = tf.random.stateless_uniform([batch], seed, 1, 4, tf.int32)
        return {"quarters": tf.where(height == width, quarters, 2)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        quarters = params["quarters"]
        return _symmetric(images, quarters % 2 == 1, (quarters == 1) | (quarters == 2), quarters >= 2)

    return on_images(sample, change)


@implements(D4)
def d4() -> Op:
    """One of the symmetries of the square; of the rectangle where the sides differ.

    params: `transpose`, `flip_rows`, `flip_columns` (B,) bool, done in this order.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        transpose, flip_rows, flip_columns = tf.unstack(tf.random.stateless_uniform([3, batch], seed) < 0.5)
        return {
            "transpose": transpose & (height == width),
            "flip_rows": flip_rows,
            "flip_columns": flip_columns,
        }

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return _symmetric(images, params["transpose"], params["flip_rows"], params["flip_columns"])

    return on_images(sample, change)


def _symmetric(images: tf.Tensor, transpose: tf.Tensor, flip_rows: tf.Tensor, flip_columns: tf.Tensor) -> tf.Tensor:
    """Images transposed, turned upside down and mirrored, where (B,) bools say so; only squares can be transposed."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    side = tf.minimum(height, width)
    transposed = tf.transpose(images[:, :side, :side], [0, 2, 1, 3])
    # Nothing is padded to a square; of other images, which aren't transposed, the shape must hold.
    transposed = tf.pad(transposed, [[0, 0], [0, height - side], [0, width - side], [0, 0]])
    images = tf.where(per_example(transpose), transposed, images)
    images = tf.where(per_example(flip_rows), images[:, ::-1], images)
    return tf.where(per_example(flip_columns), images[:, :, ::-1], images)


# --- windows -------------------------------------------------------------------------------------------------------


def random_window(size: int) -> Op:
    """Cuts a `size` x `size` window at a random place; params: `top`, `left` (B,) int32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = tf.random.split(seed, 2)
        top = tf.random.stateless_uniform([batch], seeds[0], 0, height - size + 1, tf.int32)
        left = tf.random.stateless_uniform([batch], seeds[1], 0, width - size + 1, tf.int32)
        return {"top": top, "left": left}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        rows = tf.gather(images, params["top"][:, None] + tf.range(size), axis=1, batch_dims=1)
        return tf.gather(rows, params["left"][:, None] + tf.range(size), axis=2, batch_dims=1)

    return on_images(sample, change)


@implements(RandomCrop)
def random_crop(padding: float, fill_mode: FillMode, fill_value: float) -> Op:
    """Pads each border by a share of the side and cuts a window of the image's size (He et al., 2016).

    params: `top`, `left` (B,) int32, whole pixels from -padding to padding; 0 is the image itself.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        def draw(key: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
            most = tf.cast(tf.round(padding * tf.cast(side, tf.float32)), tf.int32)
            return tf.random.stateless_uniform([batch], key, -most, most + 1, tf.int32)

        for_top, for_left = tf.unstack(tf.random.split(seed, 2))
        return {"top": draw(for_top, height), "left": draw(for_left, width)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        top, left = tf.cast(params["top"], tf.float32), tf.cast(params["left"], tf.float32)
        one, zero = tf.ones_like(top), tf.zeros_like(top)
        return resample(images, tf.stack([one, zero, left, zero, one, top], 1), "nearest", fill_mode, fill_value)

    return on_images(sample, change)


@implements(RandomResizedCrop)
def random_resized_crop(scale: tuple[float, float], ratio: tuple[float, float], interpolation: Interpolation) -> Op:
    """Cuts a window of random area and aspect and resizes it (Szegedy et al., 2015); torchvision's law.

    The area is U(scale) of the image's, the aspect (width / height) log-uniform in `ratio`; the first of ten draws that
    fits is taken, else the largest central window whose aspect is allowed.

    params: `window` (B, 4) float32 as top, left, bottom, right in whole pixels (ends excluded).
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = tf.unstack(tf.random.split(seed, 3))
        tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
        h, w = draw_sides(seeds[0], batch, tall, wide, scale, ratio)
        fits = (w <= wide) & (h <= tall) & (w > 0) & (h > 0)
        h, w, found = first_fit(h, w, fits, _largest(tall, wide, ratio))
        top, left = place(seeds[1], batch, tall - h, found), place(seeds[2], batch, wide - w, found)
        return {"window": tf.stack([top, left, top + h, left + w], 1)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return resample(images, _zoom(images, params["window"]), interpolation, "nearest")

    return on_images(sample, change)


def draw_sides(
    seed: tf.Tensor,
    batch: tf.Tensor,
    height: tf.Tensor,
    width: tf.Tensor,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Heights and widths (B, ATTEMPTS) float32 in whole pixels, of area U(scale) and aspect log-uniform in `ratio`."""
    for_area, for_ratio = tf.unstack(tf.random.split(seed, 2))
    shape = [batch, ATTEMPTS]
    share = scale[0] + (scale[1] - scale[0]) * tf.random.stateless_uniform(shape, for_area)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = tf.exp(low + (high - low) * tf.random.stateless_uniform(shape, for_ratio))
    area = share * height * width
    return tf.round(tf.sqrt(area / aspect)), tf.round(tf.sqrt(area * aspect))


def first_fit(
    heights: tf.Tensor, widths: tf.Tensor, fits: tf.Tensor, otherwise: tuple[tf.Tensor, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The first of each row's windows that fits: its height and width (B,), else `otherwise`; and if there is one."""
    first, found = tf.argmax(fits, axis=1, output_type=tf.int32), tf.reduce_any(fits, axis=1)
    height, width = (tf.gather(sides, first, batch_dims=1) for sides in (heights, widths))
    return tf.where(found, height, otherwise[0]), tf.where(found, width, otherwise[1]), found


def _largest(height: tf.Tensor, width: tf.Tensor, ratio: tuple[float, float]) -> tuple[tf.Tensor, tf.Tensor]:
    """Sides of the largest window whose aspect lies in `ratio`; at least a pixel, whatever the aspect."""
    tall, wide = tf.round(width / ratio[0]), tf.round(height * ratio[1])
    return tf.clip_by_value(tall, 1.0, height), tf.clip_by_value(wide, 1.0, width)


def place(seed: tf.Tensor, batch: tf.Tensor, room: tf.Tensor, free: tf.Tensor) -> tf.Tensor:
    """(B,) float32 whole pixels, uniform in [0, room] where `free`, else in the middle."""
    anywhere = tf.floor(tf.random.stateless_uniform([batch], seed) * (room + 1))
    # u * (room + 1) may round up to room + 1.
    return tf.where(free, tf.minimum(anywhere, room), tf.floor(room / 2))


@implements(CentralCrop)
def central_crop(fraction: tuple[float, float], interpolation: Interpolation) -> Op:
    """Cuts the central `fraction` of each side and resizes it; params: `fraction` (B,) float32.

    As Pillow's `resize(box=...)`, and unlike a crop before a resize, it reads what lies beyond the window's edge.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"fraction": uniform(seed, batch, *fraction)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        height, width = _sides(images)
        margin = (1 - params["fraction"]) / 2
        top, left = margin * height, margin * width
        return resample(
            images, _zoom(images, tf.stack([top, left, height - top, width - left], 1)), interpolation, "nearest"
        )

    return on_images(sample, change)


def _zoom(images: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """The matrix that fills the image with a window (B, 4), given by its edges: top, left, bottom, right."""
    height, width = _sides(images)
    top, left, bottom, right = tf.unstack(window, axis=1)
    x, y = (right - left) / width, (bottom - top) / height
    zero = tf.zeros_like(x)
    # The window's edge lies half a pixel before the centre of its first pixel.
    return tf.stack([x, zero, left + (x - 1) / 2, zero, y, top + (y - 1) / 2], 1)


# --- warps ---------------------------------------------------------------------------------------------------------


@implements(Rotate)
def rotate(degrees: float, interpolation: Interpolation, fill_mode: FillMode, fill_value: float) -> Op:
    """Rotates about the centre; params: `degrees` (B,) float32, positive counter-clockwise."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"degrees": uniform(seed, batch, -degrees, degrees)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return resample(images, rotation(images, params["degrees"]), interpolation, fill_mode, fill_value)

    return on_images(sample, change)


@implements(Translate)
def translate(
    width_factor: float, height_factor: float, interpolation: Interpolation, fill_mode: FillMode, fill_value: float
) -> Op:
    """Shifts; params: `dx`, `dy` (B,) float32 in pixels, positive to the right and downwards."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_x, for_y = tf.unstack(tf.random.split(seed, 2))
        dx = uniform(for_x, batch, -width_factor, width_factor) * tf.cast(width, tf.float32)
        dy = uniform(for_y, batch, -height_factor, height_factor) * tf.cast(height, tf.float32)
        return {"dx": dx, "dy": dy}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return resample(images, translation(params["dx"], params["dy"]), interpolation, fill_mode, fill_value)

    return on_images(sample, change)


@implements(Shear)
def shear(x_factor: float, y_factor: float, interpolation: Interpolation, fill_mode: FillMode, fill_value: float) -> Op:
    """Shears about the centre; params: `x`, `y` (B,) float32, pixels along the one axis for each along the other."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_x, for_y = tf.unstack(tf.random.split(seed, 2))
        return {"x": uniform(for_x, batch, -x_factor, x_factor), "y": uniform(for_y, batch, -y_factor, y_factor)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        one = tf.ones_like(params["x"])
        matrix = about_centre(images, one, params["x"], params["y"], one)
        return resample(images, matrix, interpolation, fill_mode, fill_value)

    return on_images(sample, change)


@implements(Zoom)
def zoom(factor: tuple[float, float], interpolation: Interpolation, fill_mode: FillMode, fill_value: float) -> Op:
    """Magnifies about the centre; params: `factor` (B,) float32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"factor": uniform(seed, batch, *factor)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        step = 1 / params["factor"]
        zero = tf.zeros_like(step)
        return resample(images, about_centre(images, step, zero, zero, step), interpolation, fill_mode, fill_value)

    return on_images(sample, change)


def rotation(images: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """(B, 6): the matrix of a rotation about the centre, counter-clockwise."""
    angle = degrees * (math.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    return about_centre(images, cos, -sin, sin, cos)


def translation(dx: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """(B, 6): the matrix of a shift by `dx` to the right and `dy` downwards, in pixels."""
    one, zero = tf.ones_like(dx), tf.zeros_like(dx)
    return tf.stack([one, zero, -dx, zero, one, -dy], 1)


def about_centre(images: tf.Tensor, a: tf.Tensor, b: tf.Tensor, d: tf.Tensor, e: tf.Tensor) -> tf.Tensor:
    """(B, 6): the matrix [a b; d e], each (B,), with the image's centre as its fixed point."""
    height, width = _sides(images)
    x, y = (width - 1) / 2, (height - 1) / 2
    return tf.stack([a, b, x - a * x - b * y, d, e, y - d * x - e * y], 1)


def _sides(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Height and width as float32."""
    sides = tf.cast(tf.shape(images)[1:3], tf.float32)
    return sides[0], sides[1]


# --- the kernel ----------------------------------------------------------------------------------------------------


def resample(
    images: tf.Tensor,
    matrix: tf.Tensor,
    interpolation: Interpolation,
    fill_mode: FillMode,
    fill_value: float = 0.0,
) -> tf.Tensor:
    """Each output pixel (x, y) read at (a x + b y + c, d x + e y + f) of its image.

    Args:
        images: (B, H, W, 3) uint8 or float32.
        matrix: (B, 6) float32: a, b, c, d, e, f.
        interpolation: `nearest` keeps the dtype, `bilinear` gives float32.
        fill_mode: beyond the border `constant` reads `fill_value`, `nearest` the border, `reflect` the mirror image.
        fill_value: grey level.
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    columns = tf.cast(tf.range(width), tf.float32)[None, None, :]
    rows = tf.cast(tf.range(height), tf.float32)[None, :, None]
    a, b, c, d, e, f = (value[:, None, None] for value in tf.unstack(matrix, axis=1))
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    return read_at(images, x, y, interpolation, fill_mode, fill_value)


def read_at(
    images: tf.Tensor,
    x: tf.Tensor,
    y: tf.Tensor,
    interpolation: Interpolation,
    fill_mode: FillMode,
    fill_value: float = 0.0,
) -> tf.Tensor:
    """Each output pixel read at its position in its image, `x` and `y` (B, H, W) float32; the rest as in `resample`."""
    x, y = _fold(x, tf.shape(images)[2], fill_mode), _fold(y, tf.shape(images)[1], fill_mode)
    # Grey levels have no fractions, nor has what is filled in between them.
    fill = tf.cast(tf.cast(fill_value, images.dtype), tf.float32) if fill_mode == "constant" else None
    if interpolation == "nearest":
        return tf.cast(_read(images, tf.floor(y + 0.5), tf.floor(x + 0.5), fill), images.dtype)
    top, left = tf.floor(y), tf.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]

    def line(row: tf.Tensor) -> tf.Tensor:
        first, second = (_read(images, row, left + i, fill) for i in (0, 1))
        return (1 - right) * first + right * second

    # Rounding may lead a hair beyond the two values it lies between.
    return tf.clip_by_value((1 - down) * line(top) + down * line(top + 1), 0.0, 255.0)


def _fold(positions: tf.Tensor, side: tf.Tensor, fill_mode: FillMode) -> tf.Tensor:
    """Positions as they are, mirrored at the image's edges, or held at its border pixels."""
    side = tf.cast(side, tf.float32)
    if fill_mode == "constant":
        return positions
    if fill_mode == "reflect":
        there = positions + 0.5
        there -= 2 * side * tf.floor(there / (2 * side))
        positions = tf.minimum(there, 2 * side - there) - 0.5
    return tf.clip_by_value(positions, 0.0, side - 1)


def _read(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, fill: tf.Tensor | None) -> tf.Tensor:
    """(B, H, W, 3) float32: pixels at whole positions (B, H, W); outside the image `fill`, or the border if None."""
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    # Far outside, floats have no int32; one pixel beyond the border is as good.
    row = tf.cast(tf.clip_by_value(rows, -1.0, tf.cast(height, tf.float32)), tf.int32)
    column = tf.cast(tf.clip_by_value(columns, -1.0, tf.cast(width, tf.float32)), tf.int32)
    inside_row, inside_column = tf.clip_by_value(row, 0, height - 1), tf.clip_by_value(column, 0, width - 1)
    number = (tf.range(batch)[:, None, None] * height + inside_row) * width + inside_column
    pixels = tf.cast(tf.gather(tf.reshape(images, [-1, 3]), number), tf.float32)
    if fill is None:
        return pixels
    # As exact as tf.where, of which XLA makes branches, and takes twice the time.
    inside = tf.cast((row == inside_row) & (column == inside_column), tf.float32)[..., None]
    return inside * pixels + (1 - inside) * fill
