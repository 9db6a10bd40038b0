"""Policies: RandAugment, TrivialAugment, AutoAugment and AugMix, random ops drawn anew for each image.

Each image goes through its own ops alone, in one loop that XLA compiles: an image pays for what it draws, no more.
The ops are those of Pillow, as in the papers: whole grey levels in between, no interpolation, `fill_value` beyond the
border. The contract is that of `augment.op`; params of all policies:

    op: (B, ..., N) int32, numbers in NAMES, in the order in which they are applied
    level: (B, ..., N) float32, how strongly, in the unit that `operate` states
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.augment import photometric
from augexp.augment.geometric import resample, rotation, translation
from augexp.augment.mixing import draw_lam, log_gamma
from augexp.augment.op import Op, Params, grey_levels, implements, on_images, per_example
from augexp.augment.pairs import PAIRS, Policy
from augexp.config.ops import AugMix, AutoAugment, RandAugment, TrivialAugment

OPERATIONS = (
    "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast",
    "sharpness", "posterize", "solarize", "autocontrast", "equalize",
)  # fmt: skip
NAMES = (*OPERATIONS, "invert")  # which only AutoAugment draws
SIGNED = OPERATIONS[1:10]
BINS = 31  # magnitudes 0 to 30

Space = NDArray[np.float32]  # (14, bins): the level of each op at each magnitude


def _space(shear: float, translate: float, degrees: float, factor: float, bits: int, bins: int = BINS) -> Space:
    """The levels of each op, from none at magnitude 0 (solarize: next to none) to these at the last of the bins.

    `bits` is how many posterize takes away.
    """
    last = {
        "shear_x": shear, "shear_y": shear, "translate_x": translate, "translate_y": translate, "rotate": degrees,
        "brightness": factor, "color": factor, "contrast": factor, "sharpness": factor,
    }  # fmt: skip
    space = np.stack([np.linspace(0, last.get(name, 0), bins) for name in OPERATIONS])
    space[OPERATIONS.index("posterize")] = 8 - np.round(np.linspace(0, bits, bins))
    space[OPERATIONS.index("solarize")] = np.linspace(255, 0, bins)
    return space.astype(np.float32)


# As in torchvision; RandAugment shifts by a share of the side, TrivialAugment by pixels.
RAND_AUGMENT = _space(shear=0.3, translate=150 / 331, degrees=30, factor=0.9, bits=4)
AUTO_AUGMENT = _space(shear=0.3, translate=150 / 331, degrees=30, factor=0.9, bits=4, bins=10)
TRIVIAL_AUGMENT_WIDE = _space(shear=0.99, translate=32, degrees=135, factor=0.99, bits=6)

# Levels are first + n * slope for n ~ U(0.01, severity / 10).
AUG_MIX = {
    "autocontrast": (0, 0), "equalize": (0, 0), "posterize": (4, -4), "rotate": (0, 30), "solarize": (256, -256),
    "shear_x": (0, 0.3), "shear_y": (0, 0.3), "translate_x": (0, 1 / 3), "translate_y": (0, 1 / 3),
}  # fmt: skip
AUG_MIX_DEPTH = 3  # the longest chain, when depths are drawn


@implements(RandAugment)
def rand_augment(num_ops: int, magnitude: int, fill_value: float) -> Op:
    """`num_ops` ops, each of the given magnitude (Cubuk et al., 2020); params: `op`, `level` (B, num_ops)."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_op, for_sign = tf.unstack(tf.random.split(seed, 2))
        op = tf.random.stateless_uniform([batch, num_ops], for_op, 0, len(OPERATIONS), tf.int32)
        level = tf.gather(tf.constant(RAND_AUGMENT[:, magnitude]), op)
        return {"op": op, "level": _sign(for_sign, op, level) * _unit(op, height, width)}

    return on_images(sample, lambda images, params: _in_turn(images, params, fill_value))


@implements(TrivialAugment)
def trivial_augment(fill_value: float) -> Op:
    """One op of a random magnitude, from the wide space (Müller and Hutter, 2021); params: `op`, `level` (B, 1)."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_op, for_sign, for_magnitude = tf.unstack(tf.random.split(seed, 3))
        op = tf.random.stateless_uniform([batch, 1], for_op, 0, len(OPERATIONS), tf.int32)
        magnitude = tf.random.stateless_uniform([batch, 1], for_magnitude, 0, BINS, tf.int32)
        level = tf.gather_nd(tf.constant(TRIVIAL_AUGMENT_WIDE), tf.stack([op, magnitude], -1))
        return {"op": op, "level": _sign(for_sign, op, level)}

    return on_images(sample, lambda images, params: _in_turn(images, params, fill_value))


@implements(AutoAugment)
def auto_augment(policy: Policy, fill_value: float) -> Op:
    """One of the 25 pairs of ops of a policy, each op with its own chance (Cubuk et al., 2019).

    params: `op`, `level` (B, 2); an op that isn't applied is `identity`.
    """
    pairs = [[(NAMES.index(one.op), one.prob, one.magnitude) for one in pair] for pair in PAIRS[policy]]
    numbers, probs, magnitudes = np.moveaxis(np.array(pairs), 2, 0)
    levels = np.where(numbers < len(OPERATIONS), AUTO_AUGMENT[numbers.astype(int) % 14, magnitudes.astype(int)], 0)

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_pair, for_prob, for_sign = tf.unstack(tf.random.split(seed, 3))
        pair = tf.random.stateless_uniform([batch], for_pair, 0, len(pairs), tf.int32)
        op = tf.gather(tf.constant(numbers, tf.int32), pair)
        applied = tf.random.stateless_uniform([batch, 2], for_prob) < tf.gather(tf.constant(probs, tf.float32), pair)
        level = tf.gather(tf.constant(levels, tf.float32), pair)
        level = _sign(for_sign, op, level) * _unit(op, height, width)
        nothing = NAMES.index("identity")
        return {"op": tf.where(applied, op, nothing), "level": tf.where(applied, level, 0.0)}

    return on_images(sample, lambda images, params: _in_turn(images, params, fill_value, NAMES))


@implements(AugMix)
def aug_mix(severity: int, mixture_width: int, chain_depth: int, alpha: float, fill_value: float) -> Op:
    """Blends an image with a mixture of `mixture_width` chains of ops (Hendrycks et al., 2020). Images become float32.

    `chain_depth` ops a chain, or 1 to 3 at random if it is -1.

    params: `op`, `level` (B, mixture_width, depth); `weights` (B, mixture_width) float32 ~ Dirichlet(alpha), the shares
    of the chains; `m` (B,) float32 ~ Beta(alpha, alpha), the share of their mixture.
    """
    deepest = AUG_MIX_DEPTH if chain_depth == -1 else chain_depth

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_op, for_level, for_sign, for_depth, for_weights, for_m = tf.unstack(tf.random.split(seed, 6))
        shape = [batch, mixture_width, deepest]
        numbers = tf.constant([OPERATIONS.index(name) for name in AUG_MIX])
        op = tf.gather(numbers, tf.random.stateless_uniform(shape, for_op, 0, len(AUG_MIX), tf.int32))
        n = tf.random.stateless_uniform(shape, for_level, 0.01, severity / 10)
        level = _sign(for_sign, op, _aug_mix_level(op, n)) * _unit(op, height, width)
        if chain_depth == -1:
            depth = tf.random.stateless_uniform([batch, mixture_width, 1], for_depth, 1, deepest + 1, tf.int32)
            op = tf.where(tf.range(deepest) < depth, op, OPERATIONS.index("identity"))
        logs = tf.reshape(log_gamma(for_weights, batch * mixture_width, alpha), [batch, mixture_width])
        weights = tf.cast(tf.nn.softmax(logs), tf.float32)
        return {"op": op, "level": level, "weights": weights, "m": draw_lam(for_m, batch, alpha, 1.0, "example")}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        chains = {name: tf.reshape(params[name], [-1, deepest]) for name in ("op", "level")}
        mixture = _in_turn(tf.repeat(images, mixture_width, axis=0), chains, fill_value)
        mixture = tf.reshape(tf.cast(mixture, tf.float32), tf.concat([[-1, mixture_width], tf.shape(images)[1:]], 0))
        mixture = tf.reduce_sum(params["weights"][..., None, None, None] * mixture, axis=1)
        m = per_example(params["m"])
        return tf.clip_by_value((1 - m) * tf.cast(images, tf.float32) + m * mixture, 0.0, 255.0)

    return on_images(sample, change)


def _aug_mix_level(op: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    lines = np.array([AUG_MIX.get(name, (0, 0)) for name in OPERATIONS], np.float32)
    level = tf.gather(lines[:, 0], op) + tf.gather(lines[:, 1], op) * n
    return tf.where(op == OPERATIONS.index("posterize"), tf.math.ceil(level), level)


def _sign(seed: tf.Tensor, op: tf.Tensor, level: tf.Tensor) -> tf.Tensor:
    """The level, or its negative with chance 1/2 where the op goes both ways."""
    signed = tf.gather(tf.constant([name in SIGNED for name in NAMES]), op)
    return tf.where(signed & (tf.random.stateless_uniform(tf.shape(op), seed) < 0.5), -level, level)


def _unit(op: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Pixels in one unit of level: the side for shifts, else 1."""
    units = [{"translate_x": width, "translate_y": height}.get(name, 1) for name in NAMES]
    return tf.gather(tf.cast(tf.stack(units), tf.float32), op)


# --- the ops -------------------------------------------------------------------------------------------------------


def _in_turn(images: tf.Tensor, params: Params, fill_value: float, names: Sequence[str] = OPERATIONS) -> tf.Tensor:
    """Images (B, H, W, 3), each through its N ops, of `names`; params: `op`, `level` (B, N). The dtype stays."""

    def one(row: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, numbers, levels = row

        def step(i: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            branches = [partial(operate, name, image, levels[i], fill_value) for name in names]
            return i + 1, tf.switch_case(numbers[i], branches)

        count = tf.size(numbers)
        return tf.while_loop(lambda i, _: i < count, step, (0, image[None]))[1][0]

    changed = tf.map_fn(
        one,
        (grey_levels(images), params["op"], params["level"]),
        fn_output_signature=tf.TensorSpec(images.shape[1:], tf.uint8),
    )
    return tf.cast(changed, images.dtype)


def operate(name: str, images: tf.Tensor, level: tf.Tensor, fill_value: float) -> tf.Tensor:
    """One of NAMES as Pillow does it, to one grey level.

    Args:
        name: the op.
        images: (B, H, W, 3) uint8.
        level: float32 scalar: pixels (`translate`; positive reads from the right or below), pixels a pixel (`shear`,
            from the left top corner), degrees (`rotate`), factor - 1 (`brightness` to `sharpness`), bits kept
            (`posterize`), threshold (`solarize`); nothing to the others.
        fill_value: grey level beyond the border.
    """
    level = tf.reshape(level, [1])
    factor, floats = per_example(1 + level), tf.cast(images, tf.float32)
    zero, one = tf.zeros_like(level), tf.ones_like(level)

    def warp(matrix: tf.Tensor) -> tf.Tensor:
        return resample(images, tf.repeat(matrix, tf.shape(images)[0], 0), "nearest", "constant", fill_value)

    match name:
        case "identity":
            return images
        case "shear_x":
            return warp(tf.stack([one, level, level / 2, zero, one, zero], 1))
        case "shear_y":
            return warp(tf.stack([one, zero, zero, level, one, level / 2], 1))
        case "translate_x":
            return warp(translation(-level, zero))
        case "translate_y":
            return warp(translation(zero, -level))
        case "rotate":
            return warp(rotation(images, level))
        case "brightness":
            changed = photometric.blend(floats, tf.zeros_like(floats), factor)
        case "color":
            changed = photometric.blend(floats, photometric.luma(floats), factor)
        case "contrast":
            mean = tf.reduce_mean(photometric.luma(floats), [1, 2, 3], keepdims=True)
            changed = photometric.blend(floats, mean, factor)
        case "sharpness":
            changed = photometric.sharpen(floats, factor)
        case "posterize":
            return photometric.keep_bits(images, tf.cast(level, tf.int32))
        case "solarize":
            return photometric.invert_from(images, level)
        case "autocontrast":
            changed = photometric.stretch(floats)
        case "equalize":
            return photometric.spread(images)
        case "invert":
            return 255 - images
        case _:
            raise ValueError(f"no such operation: {name}")
    return grey_levels(changed)
