"""Ops that change the colours of each image in an order of its own: color jitter, and the three-augment policy.

An image goes through its own steps alone, in one loop that XLA compiles, as in `augment.policies`. The contract is that
of `augment.op`.
"""

import math
from collections.abc import Callable
from functools import partial

import tensorflow as tf

from augexp.augment.op import Op, Params, implements, on_images, uniform
from augexp.augment.photometric import TRUNCATE, blend, blurred, invert_from, luma, turn_hue
from augexp.config.ops import ColorJitter, ThreeAugment

STEPS = ("brightness", "contrast", "saturation", "hue")


@implements(ColorJitter)
def color_jitter(brightness: float, contrast: float, saturation: float, hue: float) -> Op:
    """Brightness, contrast, saturation and hue in random order; torchvision's law, without its rounding in between.

    params: `order` (B, 4) int32, the numbers of the steps in the order in which they are done; `amount` (B, 4) float32,
    that of each step by its number: factors from U(1 - b, 1 + b), and turns of the colour circle from U(-h, h).
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return draw_jitter(seed, batch, (brightness, contrast, saturation, hue))

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return each_alone(images, params, jittered)

    return on_images(sample, change)


def draw_jitter(seed: tf.Tensor, batch: tf.Tensor, strengths: tuple[float, ...]) -> dict[str, tf.Tensor]:
    """The `order` and `amount` (B, N) of the first N steps, one a strength."""
    for_order, for_amount = tf.unstack(tf.random.split(seed, 2))
    shape = [batch, len(strengths)]
    middle = [0.0 if name == "hue" else 1.0 for name in STEPS[: len(strengths)]]
    amount = middle + tf.constant(strengths, tf.float32) * tf.random.stateless_uniform(shape, for_amount, -1.0, 1.0)
    return {"order": tf.argsort(tf.random.stateless_uniform(shape, for_order)), "amount": amount}


def each_alone(images: tf.Tensor, params: Params, change: Callable[[tf.Tensor, Params], tf.Tensor]) -> tf.Tensor:
    """Images (B, H, W, 3) through `change`, of one image (H, W, 3) float32 and its own row of the parameters."""

    def one(row: tuple[tf.Tensor, Params]) -> tf.Tensor:
        image, own = row
        return change(tf.cast(image, tf.float32), own)

    return tf.map_fn(one, (images, dict(params)), fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32))


def jittered(image: tf.Tensor, params: Params) -> tf.Tensor:
    """An image (H, W, 3) float32 through its steps; params: `order`, `amount` (N,)."""
    order, amount = params["order"], params["amount"]
    names = STEPS[: order.shape[0]]

    def step(i: tf.Tensor, planes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        branches = [partial(_step, name, planes, amount[number]) for number, name in enumerate(names)]
        return i + 1, tf.switch_case(order[i], branches)

    # Channels apart, (3, H, W), are twice as fast to work on.
    planes = tf.transpose(image, [2, 0, 1])
    return tf.transpose(tf.while_loop(lambda i, _: i < len(names), step, (0, planes))[1], [1, 2, 0])


def _step(name: str, planes: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    match name:
        case "brightness":
            return blend(planes, tf.zeros_like(planes), amount)
        case "contrast":
            return blend(planes, tf.reduce_mean(luma(planes, axis=-3)), amount)
        case "saturation":
            return blend(planes, luma(planes, axis=-3), amount)
        case "hue":
            return tf.where(amount == 0, planes, turn_hue(planes, 6 * amount, axis=-3))
        case _:
            raise ValueError(f"no such step: {name}")


# --- three-augment -------------------------------------------------------------------------------------------------


@implements(ThreeAugment)
def three_augment(color_jitter: float, threshold: float, sigma: tuple[float, float]) -> Op:
    """Grayscale, solarize or blur, then brightness, contrast and saturation, and a mirror (Touvron et al., 2022).

    The paper crops at random before, which is an op of its own: `random_crop` or `random_resized_crop`.

    params: `choice` (B,) int32: 0 grayscale, 1 solarize, 2 blur; `sigma` (B,) float32, in pixels; `flip` (B,) bool; and
    `order`, `amount` (B, 3) as in `color_jitter`.
    """
    radius = math.ceil(TRUNCATE * sigma[1])

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_choice, for_sigma, for_flip, for_jitter = tf.unstack(tf.random.split(seed, 4))
        return {
            "choice": tf.random.stateless_uniform([batch], for_choice, 0, 3, tf.int32),
            "sigma": uniform(for_sigma, batch, *sigma),
            "flip": tf.random.stateless_uniform([batch], for_flip) < 0.5,
            **draw_jitter(for_jitter, batch, (color_jitter,) * 3),
        }

    def one(image: tf.Tensor, own: Params) -> tf.Tensor:
        alone = image[None]
        branches = [
            lambda: tf.broadcast_to(luma(alone), tf.shape(alone)),
            lambda: invert_from(alone, tf.constant([threshold], tf.float32)),
            lambda: blurred(alone, own["sigma"][None], radius),
        ]
        changed = jittered(tf.switch_case(own["choice"], branches)[0], own)
        return tf.where(own["flip"], changed[:, ::-1], changed)

    return on_images(sample, lambda images, params: each_alone(images, params, one))
