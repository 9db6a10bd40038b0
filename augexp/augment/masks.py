"""Ops that mix two images by a mask without straight edges: FMix and SmoothMix; labels weigh by the mask's mean.

The contract is that of `augment.op`.
"""

import math

import tensorflow as tf

from augexp.augment.mixing import JOINS, draw_lam, draw_partner, draws, for_all, partners_of
from augexp.augment.op import Op, Params, implements, uniform
from augexp.config.ops import FMix, Per, SmoothMix, Targets

WAVES = 16  # the most waves along a side: of noise with the paper's decay, all but 0.3 % of the amplitude
RANKED = 32  # pixels a side, at least, that a mask's threshold is found from
HALVINGS = 24  # of its range: as fine as float32


@implements(FMix)
def fmix(alpha: float, decay: float, *, per: Per = "example", labels: Targets = "soft") -> Op:
    """Keeps the pixels in which low-pass noise is highest, a share of lam ~ Beta(alpha, alpha) (Harris et al., 2020).

    The noise has waves of amplitude 1 / frequency^decay, up to 16 along a side. Its threshold comes from a grid of at
    most 63 x 63 of its pixels, so the share kept may be a percent off lam; labels weigh by the share itself.

    params: `share` (B,) float32, lam as drawn; `partner` (B,) int32; `spectrum` (B, 2, 33, 17) float32, standard
    normal: the real and the imaginary parts of the waves from -16 to 16 downwards and from 0 to 16 to the right.
    """
    join, is_binary = JOINS[labels], labels == "binary"

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner, for_spectrum = tf.unstack(tf.random.split(seed, 3))
        waves = [draws(batch, per), 2, 2 * WAVES + 1, WAVES + 1]
        return {
            "share": draw_lam(for_lam, batch, alpha, 1.0, per),
            "partner": draw_partner(for_partner, batch),
            "spectrum": for_all(tf.random.stateless_normal(waves, for_spectrum), batch),
        }

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        noise = low_pass(params["spectrum"], tf.shape(images)[1], tf.shape(images)[2], decay)
        kept = noise >= _threshold(noise, params["share"])[:, None, None]
        mixed = tf.where(kept[..., None], images, partners_of(images, params["partner"]))
        weight = tf.reduce_mean(tf.cast(kept, tf.float32), axis=[1, 2])
        if is_binary:
            # XLA's mean of ones may be a hair below 1, and a partner without a pixel would be a target.
            weight = tf.where(tf.reduce_all(kept, axis=[1, 2]), 1.0, weight)
        return mixed, join(labels, params["partner"], weight)

    return Op(sample, apply)


def low_pass(spectrum: tf.Tensor, height: tf.Tensor, width: tf.Tensor, decay: float) -> tf.Tensor:
    """(B, H, W) float32: the waves of a spectrum (B, 2, 33, 17), summed up as the inverse of a real Fourier transform.

    Waves shorter than two pixels are left out.
    """
    tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    down, across = tf.range(-WAVES, WAVES + 1, dtype=tf.float32), tf.range(WAVES + 1, dtype=tf.float32)
    longest = 1 / tf.maximum(tall, wide)
    frequency = tf.sqrt((down[:, None] / tall) ** 2 + (across / wide) ** 2)
    # Relative to the longest wave, which changes no mask, numbers stay small.
    amplitude = (longest / tf.maximum(frequency, longest)) ** decay
    # All but the first column stand for two waves each, of which the transform holds one.
    amplitude *= tf.where(across == 0, 1.0, 2.0)
    there = (2 * tf.abs(down[:, None]) <= tall) & (2 * across <= wide)
    real, imaginary = tf.unstack(spectrum * tf.where(there, amplitude, 0.0), axis=1)
    rows, columns = (2 * math.pi * tf.range(side)[:, None] / side for side in (tall, wide))
    cos, sin = tf.cos(rows * down), tf.sin(rows * down)
    # (real + i imaginary) (cos + i sin) of the rows, and the real part of that times (cos + i sin) of the columns.
    first = tf.einsum("hi,bij->bhj", cos, real) - tf.einsum("hi,bij->bhj", sin, imaginary)
    second = tf.einsum("hi,bij->bhj", sin, real) + tf.einsum("hi,bij->bhj", cos, imaginary)
    both = tf.concat([first, -second], axis=2)
    return tf.einsum("bhj,wj->bhw", both, tf.concat([tf.cos(columns * across), tf.sin(columns * across)], axis=1))


def _threshold(noise: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """(B,) float32: the level that a share of the pixels reaches; infinite where that is all of them, or none."""
    down, across = (tf.maximum(tf.shape(noise)[axis] // RANKED, 1) for axis in (1, 2))
    some = tf.reshape(noise[:, down // 2 :: down, across // 2 :: across], [tf.shape(noise)[0], -1])
    count = tf.shape(some)[1]
    number = tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32)
    low, high = tf.reduce_min(some, axis=1), tf.reduce_max(some, axis=1)
    # By halves: XLA's sort takes six times as long.
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        too_many = tf.reduce_sum(tf.cast(some >= middle[:, None], tf.int32), axis=1) > number
        low, high = tf.where(too_many, middle, low), tf.where(too_many, high, middle)
    # What isn't ranked may lie beyond what is.
    return tf.where(number == 0, math.inf, tf.where(number == count, -math.inf, high))


@implements(SmoothMix)
def smoothmix(sigma: tuple[float, float], *, per: Per = "example", labels: Targets = "soft") -> Op:
    """Blends the partner in by a Gaussian around a random pixel (Lee et al., 2020). Images become float32.

    params: `partner` (B,) int32; `row`, `column` (B,) int32; `sigma` (B,) float32, a share of either side; `rows`
    (B, H) and `columns` (B, W) float32, whose product is the Gaussian; `weight` (B,) float32, the mean of 1 - Gaussian.
    """
    join = JOINS[labels]

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_partner, for_row, for_column, for_sigma = tf.unstack(tf.random.split(seed, 4))
        count = draws(batch, per)
        row = for_all(tf.random.stateless_uniform([count], for_row, 0, height, tf.int32), batch)
        column = for_all(tf.random.stateless_uniform([count], for_column, 0, width, tf.int32), batch)
        drawn = {"row": row, "column": column, "sigma": for_all(uniform(for_sigma, count, *sigma), batch)}
        rows, columns = _bell(row, drawn["sigma"], height), _bell(column, drawn["sigma"], width)
        # The mean of a product of rows and columns.
        pasted = tf.reduce_mean(rows, axis=1) * tf.reduce_mean(columns, axis=1)
        return drawn | {
            "partner": draw_partner(for_partner, batch),
            "weight": tf.cast(1 - pasted, tf.float32),
            "rows": tf.cast(rows, tf.float32),
            "columns": tf.cast(columns, tf.float32),
        }

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        pasted = (params["rows"][:, :, None] * params["columns"][:, None, :])[..., None]
        partner = tf.cast(partners_of(images, params["partner"]), tf.float32)
        mixed = (1 - pasted) * tf.cast(images, tf.float32) + pasted * partner
        # Rounding may lead a hair beyond 255.
        return tf.clip_by_value(mixed, 0.0, 255.0), join(labels, params["partner"], params["weight"])

    return Op(sample, apply)


def _bell(centre: tf.Tensor, sigma: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """(B, side) float64: a Gaussian of height 1 around a pixel (B,), as wide as a share (B,) of the side.

    The last digits of an exponential depend on who computes it: float64 leaves none of them to float32.
    """
    distance = tf.cast(tf.range(side) - centre[:, None], tf.float64)
    return tf.exp(-0.5 * (distance / (tf.cast(sigma, tf.float64)[:, None] * tf.cast(side, tf.float64))) ** 2)
