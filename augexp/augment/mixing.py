"""Ops that touch labels: cutmix and mixup, and what all that mix have in common. The contract is that of `augment.op`.

A label's weight is exactly the share of pixels it has; lam and labels are float32 whatever the precision policy.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from augexp.augment.op import Op, Params, implements, lines_of
from augexp.config.ops import CutMix, MixUp, Per, Targets


def draw_lam(seed: tf.Tensor, batch: tf.Tensor, alpha: float, prob: float, per: Per) -> tf.Tensor:
    """(B,) float32, Beta(alpha, alpha) with chance `prob`, else 1 (not mixed); one draw for all when `per` is batch.

    Beta is drawn as a ratio of two gammas, in logarithms: for small alpha the gammas themselves underflow to 0 / 0.
    log Gamma(a) = log Gamma(a + 1) + log(U) / a (Marsaglia and Tsang, 2000).
    """
    count = draws(batch, per)
    first, second, mixed = tf.unstack(tf.random.split(seed, 3))
    logit = log_gamma(first, count, alpha) - log_gamma(second, count, alpha)
    lam = tf.cast(tf.sigmoid(logit), tf.float32)
    lam = tf.where(tf.random.stateless_uniform([count], mixed) < prob, lam, 1.0)
    return tf.broadcast_to(lam, [batch])


def draws(batch: tf.Tensor, per: Per) -> tf.Tensor:
    """How many draws there are for a batch."""
    return tf.where(per == "batch", 1, batch)


def for_all(drawn: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    """(B, ...) of what was drawn for each example, or once for the batch (1, ...)."""
    return tf.broadcast_to(drawn, tf.concat([[batch], tf.shape(drawn)[1:]], axis=0))


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


def partners_of(images: tf.Tensor, partner: tf.Tensor) -> tf.Tensor:
    """(B, H, W, 3) of images of that shape: the other one of each; XLA gathers lines faster than pixels."""
    return tf.reshape(tf.gather(lines_of(images), partner), tf.shape(images))


def mix_labels(labels: tf.Tensor, partner: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Weight * labels + (1 - weight) * labels[partner], float32."""
    return weight[:, None] * labels + (1 - weight)[:, None] * tf.gather(labels, partner)


def join_labels(labels: tf.Tensor, partner: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Of each class the larger of both targets, where both have a weight above 0; float32.

    One-hot labels become 1 for every class that has a weight, and smoothed ones as they are smoothed.
    """
    both = tf.stack([labels, tf.gather(labels, partner)], axis=1)
    return present_labels(both, tf.stack([weight, 1 - weight], axis=1))


def present_labels(labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """(B, K): of each class the largest target among the labels (B, S, K) whose weight (B, S) is above 0."""
    return tf.reduce_max(tf.where(weights[..., None] > 0, labels, 0.0), axis=1)


MixLabels = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
JOINS: Mapping[Targets, MixLabels] = {"soft": mix_labels, "binary": join_labels}
"""By the kind of the targets: labels (B, K), partner (B,) and weight (B,) -> labels (B, K)."""


def with_other_classes(op: Op) -> Op:
    """The op with partners of another class than the example's own, wherever the batch has one.

    Its params are `partner` (B,), or `sources` (B, S) of which the first is the example itself.
    """

    def by_class(params: Params, classes: tf.Tensor) -> dict[str, tf.Tensor]:
        settled = op.settled(params, classes)
        if "partner" in settled:
            return settled | {"partner": other_class(settled["partner"], classes)}
        own, *partners = tf.unstack(settled["sources"], axis=1)
        return settled | {"sources": tf.stack([own, *(other_class(one, classes) for one in partners)], axis=1)}

    return op._replace(by_class=by_class)


def other_class(partner: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """(B,) int32: the first of another class among `partner[i], partner[i + 1], ...`, round the batch.

    Of a random permutation, that is any example of the other classes with the same chance, and the partner as drawn
    where it fits. In a batch of one class, all partners are as drawn.

    Args:
        partner: (B,) int32, a permutation.
        classes: (B,) of the examples.
    """

    def is_own(found: tf.Tensor) -> tf.Tensor:
        return tf.gather(classes, found) == classes

    def step(shift: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return shift + 1, tf.where(is_own(found), tf.roll(partner, -shift, 0), found)

    _, found = tf.while_loop(
        lambda shift, found: (shift < tf.size(partner)) & tf.reduce_any(is_own(found)), step, (1, partner)
    )
    return tf.where(is_own(found), partner, found)


@implements(CutMix)
def cutmix(alpha: float, prob: float, *, correct_lam: bool, per: Per, labels: Targets = "soft") -> Op:
    """Pastes a box of the partner's image (Yun et al., 2019).

    The box has side ratio sqrt(1 - lam) and its centre is uniform over the pixels; it is clipped to the image.

    params: `lam` (B,) float32 as drawn, `partner` (B,) int32, `box` (B, 4) int32 as y1, x1, y2, x2 (ends excluded),
    `weight` (B,) float32, the label weight of the first image.
    """
    join = JOINS[labels]

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner, for_box = tf.unstack(tf.random.split(seed, 3))
        lam = draw_lam(for_lam, batch, alpha, prob, per)
        box = _draw_box(for_box, lam, height, width, per)
        weight = share_kept(box, height, width) if correct_lam else lam
        return {"lam": lam, "partner": draw_partner(for_partner, batch), "box": box, "weight": weight}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = paste(images, partners_of(images, params["partner"]), params["box"])
        return mixed, join(labels, params["partner"], params["weight"])

    return Op(sample, apply)


def _draw_box(seed: tf.Tensor, lam: tf.Tensor, height: tf.Tensor, width: tf.Tensor, per: Per) -> tf.Tensor:
    top, bottom = _draw_side(tf.random.fold_in(seed, 0), lam, height, per)
    left, right = _draw_side(tf.random.fold_in(seed, 1), lam, width, per)
    return tf.stack([top, left, bottom, right], axis=1)


def _draw_side(seed: tf.Tensor, lam: tf.Tensor, size: tf.Tensor, per: Per) -> tuple[tf.Tensor, tf.Tensor]:
    batch = tf.size(lam)
    centre = tf.random.stateless_uniform([draws(batch, per)], seed, 0, size, tf.int32)
    return around(tf.broadcast_to(centre, [batch]), length_of(lam, size), size)


def length_of(lam: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """(B,) int32: the pixels of a side of a box of share 1 - lam, before it is clipped."""
    return tf.cast(tf.round(tf.cast(size, tf.float32) * tf.sqrt(1 - lam)), tf.int32)


def around(centre: tf.Tensor, length: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Start and end (excluded) of `length` pixels around a pixel, clipped to a side of `size`; int32."""
    start = centre - length // 2
    return tf.clip_by_value(start, 0, size), tf.clip_by_value(start + length, 0, size)


def share_kept(box: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """(B,) float32: the share of pixels outside of each box (B, 4)."""
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
def mixup(alpha: float, prob: float, *, per: Per, labels: Targets = "soft") -> Op:
    """Blends pixels and labels with the partner's by the same lam (Zhang et al., 2018).

    params: `lam` (B,) float32, `partner` (B,) int32.
    """
    join = JOINS[labels]

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner = tf.unstack(tf.random.split(seed, 2))
        return {"lam": draw_lam(for_lam, batch, alpha, prob, per), "partner": draw_partner(for_partner, batch)}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        lines, lam = lines_of(images), params["lam"][:, None, None]
        # The partner is gathered before the cast: four times fewer bytes.
        partner = tf.cast(tf.gather(lines, params["partner"]), tf.float32)
        # Rounding may lead a hair beyond 255.
        mixed = tf.clip_by_value(lam * tf.cast(lines, tf.float32) + (1 - lam) * partner, 0.0, 255.0)
        return tf.reshape(mixed, tf.shape(images)), join(labels, params["partner"], params["lam"])

    return Op(sample, apply)
