"""Ops that bend images: perspective and elastic deformations. The contract is that of `augment.op`."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.augment.geometric import read_at
from augexp.augment.op import Op, Params, implements, on_images
from augexp.config.ops import Elastic, FillMode, Interpolation, Perspective

GRID = 29  # pixels a side of the digits in Simard et al.
TRUNCATE = 4.0  # of the Gaussian, in standard deviations


@implements(Perspective)
def perspective(distortion_scale: float, interpolation: Interpolation, fill_mode: FillMode, fill_value: float) -> Op:
    """Moves the corners inwards and the image with them; torchvision's law.

    params: `corners` (B, 4, 2) float32, the x and y at which the corners end up: left top, right top, right bottom,
    left bottom.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_x, for_y = tf.unstack(tf.random.split(seed, 2))
        x, y = _inwards(for_x, batch, width, distortion_scale), _inwards(for_y, batch, height, distortion_scale)
        right, bottom = _last(width), _last(height)
        x, y = tf.abs(x - right * [0.0, 1.0, 1.0, 0.0]), tf.abs(y - bottom * [0.0, 0.0, 1.0, 1.0])
        return {"corners": tf.stack([x, y], axis=2)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        x, y = _seen_through(images, params["corners"])
        return read_at(images, x, y, interpolation, fill_mode, fill_value)

    return on_images(sample, change)


def _inwards(seed: tf.Tensor, batch: tf.Tensor, side: tf.Tensor, share: float) -> tf.Tensor:
    """(B, 4) float32 whole pixels, uniform from 0 to a share of half the side."""
    most = tf.cast(tf.floor(share * tf.cast(side // 2, tf.float32)), tf.int32)
    return tf.cast(tf.random.stateless_uniform([batch, 4], seed, 0, most + 1, tf.int32), tf.float32)


def _last(side: tf.Tensor) -> tf.Tensor:
    """The last pixel of a side; 1 where there is but one, so that it can be divided by."""
    return tf.cast(tf.maximum(side - 1, 1), tf.float32)


def _seen_through(images: tf.Tensor, corners: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Positions x, y (B, H, W) that a perspective with these corners (B, 4, 2) reads.

    The map of the unit square to four corners (Heckbert, 1989), turned round by its adjugate.
    """
    (x0, x1, x2, x3), (y0, y1, y2, y3) = (
        [value[:, None, None] for value in tf.unstack(corners[:, :, axis], axis=1)] for axis in (0, 1)
    )
    across, down = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    area = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2)
    g, h = (across * (y3 - y2) - (x3 - x2) * down) / area, ((x1 - x2) * down - across * (y1 - y2)) / area
    a, b = x1 - x0 + g * x1, x3 - x0 + h * x3
    d, e = y1 - y0 + g * y1, y3 - y0 + h * y3
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    x = tf.cast(tf.range(width), tf.float32)[None, None, :]
    y = tf.cast(tf.range(height), tf.float32)[None, :, None]
    depth = (d * h - e * g) * x + (b * g - a * h) * y + (a * e - b * d)
    u = ((e - y0 * h) * x + (x0 * h - b) * y + (b * y0 - x0 * e)) / depth
    v = ((y0 * g - d) * x + (a - x0 * g) * y + (x0 * d - a * y0)) / depth
    # Corners that cross each other have pixels behind the eye, which see nothing; -2 is out of the image.
    seen = depth > 0
    return tf.where(seen, u * _last(width), -2.0), tf.where(seen, v * _last(height), -2.0)


@implements(Elastic)
def elastic(alpha: float, sigma: float, interpolation: Interpolation, fill_mode: FillMode, fill_value: float) -> Op:
    """Shifts pixels by noise that a Gaussian has smoothed (Simard et al., 2003).

    The field of shifts is the paper's, for an image of 29 pixels, and is stretched to the image's size: the same
    `alpha` and `sigma`, in pixels of those 29, bend images of any size alike.

    params: `noise` (B, 2, 29, 29) float32 ~ U(-1, 1), of y and of x.
    """
    smoothing = _smoothing(sigma)

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"noise": tf.random.stateless_uniform([batch, 2, GRID, GRID], seed, -1.0, 1.0)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        rows, columns = (tf.matmul(_stretching(side), smoothing) for side in (height, width))
        shifts = alpha / GRID * tf.einsum("hi,bkij,wj->bkhw", rows, params["noise"], columns)
        tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
        y = tf.range(tall)[None, :, None] + tall * shifts[:, 0]
        x = tf.range(wide)[None, None, :] + wide * shifts[:, 1]
        return read_at(images, x, y, interpolation, fill_mode, fill_value)

    return on_images(sample, change)


def _smoothing(sigma: float) -> NDArray[np.float32]:
    """(29, 29): the matrix that smooths along one axis; beyond the border is no noise."""
    radius = int(TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2)
    distance = np.abs(np.subtract.outer(np.arange(GRID), np.arange(GRID)))
    kernel = np.where(distance <= radius, np.exp(-0.5 * (distance / max(sigma, 1e-3)) ** 2), 0)
    smoothing: NDArray[np.float32] = (kernel / weights.sum()).astype(np.float32)
    return smoothing


def _stretching(side: tf.Tensor) -> tf.Tensor:
    """(side, 29): the matrix that reads 29 values at the places of `side` pixels, bilinearly."""
    places = (tf.range(tf.cast(side, tf.float32)) + 0.5) * (GRID / tf.cast(side, tf.float32)) - 0.5
    places = tf.clip_by_value(places, 0.0, GRID - 1.0)
    return tf.maximum(1 - tf.abs(places[:, None] - tf.range(GRID, dtype=tf.float32)), 0.0)
