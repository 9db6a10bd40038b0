"""Ops that blank a part of an image and leave its label: cutout and random erasing; by the contract of `augment.op`.

params of both: `box` (B, 4) int32 as top, left, bottom, right (ends excluded), empty where nothing is erased.
"""

from typing import Literal

import tensorflow as tf

from augexp.augment.geometric import draw_sides, first_fit, place
from augexp.augment.mixing import around, paste
from augexp.augment.op import Op, Params, implements, on_images
from augexp.config.ops import Cutout, RandomErasing


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
