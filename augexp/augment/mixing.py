"""Ops that touch labels: cutmix and mixup. The contract is that of `augment.op`.

A label's weight is exactly the share of pixels it has; lam and labels are float32 whatever the precision policy.
"""

import tensorflow as tf

from augexp.augment.op import Op, Params, implements, lines_of, per_example
from augexp.config.ops import CutMix, MixUp, Per


def draw_lam(seed: tf.Tensor, batch: tf.Tensor, alpha: float, prob: float, per: Per) -> tf.Tensor:
    """(B,) float32, Beta(alpha, alpha) with chance `prob`, else 1 (not mixed); one draw for all when `per` is batch.

    Beta is drawn as a ratio of two gammas, in logarithms: for small alpha the gammas themselves underflow to 0 / 0.
    log Gamma(a) = log Gamma(a + 1) + log(U) / a (Marsaglia and Tsang, 2000).
    """
    count = tf.where(per == "batch", 1, batch)
    first, second, mixed = tf.unstack(tf.random.split(seed, 3))
    logit = log_gamma(first, count, alpha) - log_gamma(second, count, alpha)
    lam = tf.cast(tf.sigmoid(logit), tf.float32)
    lam = tf.where(tf.random.stateless_uniform([count], mixed) < prob, lam, 1.0)
    return tf.broadcast_to(lam, [batch])


def log_gamma(seed: tf.Tensor, count: tf.Tensor, alpha: float) -> tf.Tensor:
    """(count,) float64: logarithms of draws from Gamma(alpha)."""
    gamma_seed, uniform_seed = tf.unstack(tf.random.split(seed, 2))
    gamma = tf.random.stateless_gamma([count], gamma_seed, tf.constant(alpha + 1, tf.float64), dtype=tf.float64)
    # 1 - U lies in (0, 1], where U lies in [0, 1) and could be 0.
    uniform = 1 - tf.random.stateless_uniform([count], uniform_seed, dtype=tf.float64)
    return tf.math.log(gamma) + tf.math.log(uniform) / alpha


def draw_partner(seed: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    """(B,) int32, a random permutation of the batch: each example is somebody's partner once."""
    return tf.random.experimental.stateless_shuffle(tf.range(batch), seed)


def mix_labels(labels: tf.Tensor, partner: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Weight * labels + (1 - weight) * labels[partner], float32."""
    return weight[:, None] * labels + (1 - weight)[:, None] * tf.gather(labels, partner)


@implements(CutMix)
def cutmix(alpha: float, prob: float, *, correct_lam: bool, per: Per) -> Op:
    """Pastes a box of the partner's image (Yun et al., 2019).

    The box has side ratio sqrt(1 - lam) and its centre is uniform over the pixels; it is clipped to the image.

    params: `lam` (B,) float32 as drawn, `partner` (B,) int32, `box` (B, 4) int32 as y1, x1, y2, x2 (ends excluded),
    `weight` (B,) float32, the label weight of the first image.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner, for_box = tf.unstack(tf.random.split(seed, 3))
        lam = draw_lam(for_lam, batch, alpha, prob, per)
        box = _draw_box(for_box, lam, height, width, per)
        weight = _share_kept(box, height, width) if correct_lam else lam
        return {"lam": lam, "partner": draw_partner(for_partner, batch), "box": box, "weight": weight}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        partner = tf.gather(images, params["partner"])
        mixed = paste(images, partner, params["box"])
        return mixed, mix_labels(labels, params["partner"], params["weight"])

    return Op(sample, apply)


def _draw_box(seed: tf.Tensor, lam: tf.Tensor, height: tf.Tensor, width: tf.Tensor, per: Per) -> tf.Tensor:
    top, bottom = _draw_side(tf.random.fold_in(seed, 0), lam, height, per)
    left, right = _draw_side(tf.random.fold_in(seed, 1), lam, width, per)
    return tf.stack([top, left, bottom, right], axis=1)


def _draw_side(seed: tf.Tensor, lam: tf.Tensor, size: tf.Tensor, per: Per) -> tuple[tf.Tensor, tf.Tensor]:
    batch = tf.size(lam)
    length = tf.cast(tf.round(tf.cast(size, tf.float32) * tf.sqrt(1 - lam)), tf.int32)
    centre = tf.random.stateless_uniform([tf.where(per == "batch", 1, batch)], seed, 0, size, tf.int32)
    return around(tf.broadcast_to(centre, [batch]), length, size)


def around(centre: tf.Tensor, length: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Start and end (excluded) of `length` pixels around a pixel, clipped to a side of `size`; int32."""
    start = centre - length // 2
    return tf.clip_by_value(start, 0, size), tf.clip_by_value(start + length, 0, size)


def _share_kept(box: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    pasted = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    pixels = height * width
    return tf.cast((pixels - pasted) / pixels, tf.float32)


def paste(images: tf.Tensor, inner: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Images (B, H, W, 3) with `inner`, of the same shape and dtype, within each box (B, 4)."""
    lines, width = lines_of(images), tf.shape(images)[2]
    rows, columns = tf.range(tf.shape(lines)[1])[None, :], tf.repeat(tf.range(width), 3)[None, :]
    in_rows = (rows >= box[:, 0:1]) & (rows < box[:, 2:3])
    in_columns = (columns >= box[:, 1:2]) & (columns < box[:, 3:4])
    pasted = tf.where(in_rows[:, :, None] & in_columns[:, None, :], lines_of(inner), lines)
    return tf.reshape(pasted, tf.shape(images))


@implements(MixUp)
def mixup(alpha: float, prob: float, *, per: Per) -> Op:
    """Blends pixels and labels with the partner's by the same lam (Zhang et al., 2018).

    params: `lam` (B,) float32, `partner` (B,) int32.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner = tf.unstack(tf.random.split(seed, 2))
        return {"lam": draw_lam(for_lam, batch, alpha, prob, per), "partner": draw_partner(for_partner, batch)}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        lam = per_example(params["lam"])
        # The partner is gathered before the cast: four times fewer bytes.
        partner = tf.cast(tf.gather(images, params["partner"]), tf.float32)
        mixed = lam * tf.cast(images, tf.float32) + (1 - lam) * partner
        # Rounding may lead a hair beyond 255.
        return tf.clip_by_value(mixed, 0.0, 255.0), mix_labels(labels, params["partner"], params["lam"])

    return Op(sample, apply)
