"""Ops that change the colours of each image in an order of its own: color jitter, and the three-augment policy.

An image goes through its own steps alone, in one loop that XLA compiles, as in `augment.policies`; its channels lie
apart, (3, H, W), which is several times as fast. The contract is that of `augment.op`.
"""

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from augexp.augment.op import Op, Params, implements, on_images
from augexp.augment.photometric import blend, luma, turn_hue
from augexp.config.ops import ColorJitter

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


def each_alone(
    images: tf.Tensor, params: Params, change: Callable[[tf.Tensor, Params], tf.Tensor]
) -> tf.Tensor:
    """Images (B, H, W, 3) through `change`, of one image (3, H, W) float32 and its own row of the parameters."""

    def one(row: tuple[tf.Tensor, dict[str, tf.Tensor]]) -> tf.Tensor:
        image, own = row
        planes = tf.transpose(tf.cast(image, tf.float32), [2, 0, 1])
        return tf.transpose(change(planes, own), [1, 2, 0])

    return tf.map_fn(
        one, (images, dict(params)), fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32)
    )


def jittered(planes: tf.Tensor, params: Params) -> tf.Tensor:
    """An image (3, H, W) float32 through its steps; params: `order`, `amount` (N,)."""
    order, amount = params["order"], params["amount"]
    names = STEPS[: order.shape[0]]

    def step(i: tf.Tensor, planes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        branches = [partial(_step, name, planes, amount[number]) for number, name in enumerate(names)]
        return i + 1, tf.switch_case(order[i], branches)

    return tf.while_loop(lambda i, _: i < len(names), step, (0, planes))[1]


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
