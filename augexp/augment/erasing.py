"""Ops that blank a part of an image and leave its label; by the contract of `augment.op`.

params of cutout and random erasing: `box` (B, 4) int32 as top, left, bottom, right (ends excluded), empty where nothing
is erased.
"""

from typing import Literal

import tensorflow as tf

from augexp.augment.geometric import draw_sides, first_fit, place
from augexp.augment.mixing import around, paste
from augexp.augment.op import Op, Params, implements, lines_of, on_images, uniform
from augexp.config.ops import CoarseDropout, Cutout, GridMask, RandomErasing


@implements(Cutout)
def cutout(length: float, fill_value: float) -> Op:
    """Blanks a square around a random pixel, clipped to the image (DeVries and Taylor, 2017).

    Args:
        length: side of the square as a share of the image's shorter side.
        fill_value: grey level.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        shorter = tf.cast(tf.minimum(height, width), tf.float32)
        side = tf.cast(tf.round(length * shorter), tf.int32)
        for_row, for_column = tf.unstack(tf.random.split(seed, 2))
        top, bottom = around(tf.random.stateless_uniform([batch], for_row, 0, height, tf.int32), side, height)
        left, right = around(tf.random.stateless_uniform([batch], for_column, 0, width, tf.int32), side, width)
        return {"box": tf.stack([top, left, bottom, right], 1)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return paste(images, tf.fill(tf.shape(images), tf.cast(fill_value, images.dtype)), params["box"])

    return on_images(sample, change)


@implements(RandomErasing)
def random_erasing(scale: tuple[float, float], ratio: tuple[float, float], value: float | Literal["random"]) -> Op:
    """Replaces a box of area U(scale) and log-uniform aspect in `ratio` (Zhong et al., 2020).

    The first of ten draws smaller than the image is taken; where none is, nothing is erased.
    `value` is a grey level, or `random` for noise, which is one more parameter: `noise` (B, H, W, 3) uint8.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_box, for_noise = tf.unstack(tf.random.split(seed, 2))
        params = {"box": _draw_box(for_box, batch, height, width, scale, ratio)}
        if value == "random":
            params["noise"] = _draw_noise(for_noise, batch, height, width)
        return params

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        filling = params["noise"] if value == "random" else tf.fill(tf.shape(images), value)
        return paste(images, tf.cast(filling, images.dtype), params["box"])

    return on_images(sample, change)


def _draw_box(
    seed: tf.Tensor,
    batch: tf.Tensor,
    height: tf.Tensor,
    width: tf.Tensor,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tf.Tensor:
    seeds = tf.unstack(tf.random.split(seed, 3))
    rows, columns = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    tall, wide = draw_sides(seeds[0], batch, rows, columns, scale, (1 / ratio[1], 1 / ratio[0]))
    nothing = tf.zeros_like(rows)
    h, w, found = first_fit(tall, wide, (tall < rows) & (wide < columns), (nothing, nothing))
    top, left = place(seeds[1], batch, rows - h, found), place(seeds[2], batch, columns - w, found)
    return tf.cast(tf.stack([top, left, top + h, left + w], 1), tf.int32)


def _draw_noise(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    # A draw gives four bytes, and each byte is a value.
    draws = tf.random.stateless_uniform(
        [(batch * height * width * 3 + 3) // 4], seed, minval=None, maxval=None, dtype=tf.int32
    )
    values = tf.reshape(tf.bitcast(draws, tf.uint8), [-1])[: batch * height * width * 3]
    return tf.reshape(values, [batch, height, width, 3])


# --- several boxes -------------------------------------------------------------------------------------------------


@implements(CoarseDropout)
def coarse_dropout(holes: tuple[float, float], length: tuple[float, float], fill_value: float) -> Op:
    """Blanks a number of boxes at random places, each wholly in the image.

    params: `boxes` (B, N, 4) int32 as top, left, bottom, right (ends excluded), N the largest of `holes`; empty where
    an image has fewer.
    """
    most = int(holes[1])

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_count, for_rows, for_columns = tf.unstack(tf.random.split(seed, 3))
        count = tf.random.stateless_uniform([batch, 1], for_count, int(holes[0]), most + 1, tf.int32)
        there = tf.range(most) < count
        top, bottom = _draw_sides(for_rows, there, height, length)
        left, right = _draw_sides(for_columns, there, width, length)
        return {"boxes": tf.stack([top, left, bottom, right], axis=2)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        top, left, bottom, right = tf.unstack(params["boxes"], axis=2)
        rows, columns = _bits(top, bottom, tf.shape(images)[1]), _bits(left, right, tf.shape(images)[2])
        return _fill_where(images, rows, columns, fill_value)

    return on_images(sample, change)


def _draw_sides(
    seed: tf.Tensor, there: tf.Tensor, side: tf.Tensor, length: tuple[float, float]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Starts and ends (excluded) of boxes along a side (B, N), int32; alike where `there` is none."""
    for_length, for_start = tf.unstack(tf.random.split(seed, 2))
    whole = tf.cast(side, tf.float32)
    share = length[0] + (length[1] - length[0]) * tf.random.stateless_uniform(tf.shape(there), for_length)
    pixels = tf.where(there, tf.round(share * whole), 0.0)
    room = whole - pixels
    # u * (room + 1) may round up to room + 1.
    start = tf.minimum(tf.floor(tf.random.stateless_uniform(tf.shape(there), for_start) * (room + 1)), room)
    return tf.cast(start, tf.int32), tf.cast(start + pixels, tf.int32)


def _bits(start: tf.Tensor, end: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """(B, side) int32: bit n of a pixel is set where it lies from start n to end n (excluded), both (B, N), N <= 31."""
    places = tf.range(side)
    inside = (places >= start[..., None]) & (places < end[..., None])
    values = tf.bitwise.left_shift(1, tf.range(start.shape[1]))
    return tf.reduce_sum(tf.where(inside, values[:, None], 0), axis=1)


def _fill_where(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, fill_value: float) -> tf.Tensor:
    """Images with a grey level where a row (B, H) and a column (B, W), int32, have a bit in common."""
    common = tf.bitwise.bitwise_and(rows[:, :, None], tf.repeat(columns, 3, axis=1)[:, None, :])
    filled = tf.where(common != 0, tf.cast(fill_value, images.dtype), lines_of(images))
    return tf.reshape(filled, tf.shape(images))


@implements(GridMask)
def grid_mask(unit: tuple[float, float], ratio: float, fill_value: float) -> Op:
    """Blanks a square in each unit of a grid (Chen et al., 2020).

    Args:
        unit: side of a unit, in shares of the image's shorter side.
        ratio: share of the unit's side that is kept.
        fill_value: grey level.

    params: `unit` (B,) int32, the side in pixels; `hole` (B,) int32, that of the square; `shift` (B, 2) int32, in
    [0, unit), how far the first unit lies beyond the top and the left border.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_unit, for_shift = tf.unstack(tf.random.split(seed, 2))
        shorter = tf.cast(tf.minimum(height, width), tf.float32)
        pixels = tf.maximum(tf.round(uniform(for_unit, batch, *unit) * shorter), 1.0)
        shift = tf.floor(tf.random.stateless_uniform([batch, 2], for_shift) * pixels[:, None])
        return {
            "unit": tf.cast(pixels, tf.int32),
            "hole": tf.cast(pixels - tf.round(ratio * pixels), tf.int32),
            "shift": tf.cast(tf.minimum(shift, pixels[:, None] - 1), tf.int32),
        }

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        def in_hole(side: int) -> tf.Tensor:
            places = tf.range(tf.shape(images)[1 + side]) + params["shift"][:, side, None]
            return tf.cast(places % params["unit"][:, None] < params["hole"][:, None], tf.int32)

        return _fill_where(images, in_hole(0), in_hole(1), fill_value)

    return on_images(sample, change)
