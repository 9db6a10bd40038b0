"""Ops as a user adds them: a spec, and the function that makes the op. Importing this module registers them."""

from typing import Annotated, ClassVar, Literal

import tensorflow as tf
from pydantic import Field

from augexp.augment.mixing import draw_lam, draw_partner, mix_labels, paste
from augexp.augment.op import Op, Params, implements, on_images, per_example, uniform
from augexp.config.ops import Float, Probability, Share, Spec


class Fog(Spec):
    """Blends each image towards white by U(density)."""

    paper: ClassVar[str] = "Nobody, 2024"

    name: Literal["fog"] = "fog"
    density: tuple[Share, Share] = (0.2, 0.6)
    prob: Probability = 1.0


@implements(Fog)
def fog(density: tuple[float, float]) -> Op:
    """params: `density` (B,) float32, the share of white."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"density": uniform(seed, batch, *density)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        images = tf.cast(images, tf.float32)
        return images + per_example(params["density"]) * (255 - images)

    return on_images(sample, change)


class Halves(Spec):
    """Takes the left half of each image from a partner, and that share of the label."""

    mixes: ClassVar[bool] = True

    name: Literal["halves"] = "halves"
    prob: Probability = 1.0


@implements(Halves)
def halves() -> Op:
    """params: `partner` (B,) int32, `box` (B, 4) int32, `weight` (B,) float32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        middle = tf.fill([batch], width // 2)
        weight = tf.cast((width - middle) / width, tf.float32)
        return {"partner": draw_partner(seed, batch), "box": _left(middle, height), "weight": weight}

    return Op(sample, _paste)


class LeftPart(Spec):
    """Takes a left part of random width from a partner; the label goes by lam, which is no whole number of pixels."""

    mixes: ClassVar[bool] = True

    name: Literal["left_part"] = "left_part"
    alpha: Annotated[Float, Field(gt=0)] = 1.0


@implements(LeftPart)
def left_part(alpha: float) -> Op:
    """params: those of `halves`, and `lam` (B,) float32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner = tf.unstack(tf.random.split(seed, 2))
        lam = draw_lam(for_lam, batch, alpha, 1.0, "example")
        end = tf.cast(tf.round((1 - lam) * tf.cast(width, tf.float32)), tf.int32)
        return {"lam": lam, "partner": draw_partner(for_partner, batch), "box": _left(end, height), "weight": lam}

    return Op(sample, _paste)


def _left(end: tf.Tensor, height: tf.Tensor) -> tf.Tensor:
    """(B, 4): boxes of the columns before `end` (B,)."""
    zero = tf.zeros_like(end)
    return tf.stack([zero, zero, zero + height, end], axis=1)


def _paste(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
    mixed = paste(images, tf.gather(images, params["partner"]), params["box"])
    return mixed, mix_labels(labels, params["partner"], params["weight"])
