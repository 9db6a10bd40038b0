"""Ops that leave labels alone, and the contract of every op.

An op is two pure functions on a batch:

    sample(seed, batch, height, width) -> params     draws the random parameters of one batch, a dict of tensors
    apply(images, labels, params) -> (images, labels)     deterministic, and compiled by XLA with the whole strategy

`images` is (B, H, W, 3), uint8 or float32 in [0, 255], RGB; `labels` is (B, K) float32, rows summing to 1; `seed` is
(2,) integers.
Every parameter has a leading axis of B, so that example i can be told from its row i.
uint8 stays uint8 until an op needs fractions of a grey level; from there on images are float32.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf


class Op(NamedTuple):
    """One op: how its parameters are drawn, and what they do."""

    sample: Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
    apply: Callable[[tf.Tensor, tf.Tensor, Mapping[str, tf.Tensor]], tuple[tf.Tensor, tf.Tensor]]


def per_example(values: tf.Tensor) -> tf.Tensor:
    """(B,) -> (B, 1, 1, 1), to stand beside images."""
    return values[:, None, None, None]


def flip_left_right(prob: float) -> Op:
    """Mirrors an image with chance `prob`; params: `flip` (B,) bool."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"flip": tf.random.stateless_uniform([batch], seed) < prob}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.where(per_example(params["flip"]), images[:, :, ::-1], images), labels

    return Op(sample, apply)


def brightness(max_delta: float) -> Op:
    """Adds `delta` * 255 and clips to [0, 255]; params: `delta` (B,) float32 in [-max_delta, max_delta).

    The law of `tf.image.random_brightness`, without its rounding back to whole grey levels.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        # stateless_uniform refuses an empty range.
        draw = tf.random.stateless_uniform([batch], seed, -1.0, 1.0)
        return {"delta": draw * max_delta}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        shifted = tf.cast(images, tf.float32) + per_example(params["delta"]) * 255.0
        return tf.clip_by_value(shifted, 0.0, 255.0), labels

    return Op(sample, apply)


def random_window(size: int) -> Op:
    """Cuts a `size` x `size` window at a random place; params: `top`, `left` (B,) int32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = tf.random.split(seed, 2)
        top = tf.random.stateless_uniform([batch], seeds[0], 0, height - size + 1, tf.int32)
        left = tf.random.stateless_uniform([batch], seeds[1], 0, width - size + 1, tf.int32)
        return {"top": top, "left": left}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.gather(images, params["top"][:, None] + tf.range(size), axis=1, batch_dims=1)
        return tf.gather(rows, params["left"][:, None] + tf.range(size), axis=2, batch_dims=1), labels

    return Op(sample, apply)
