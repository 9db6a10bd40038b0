"""A list of specs -> one strategy: how a batch's parameters are drawn, and one compiled function to apply them all."""

import itertools
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

import tensorflow as tf

from augexp.augment import choice, erasing, geometric, mixing, photometric, policies
from augexp.augment.op import Op, Params, sometimes
from augexp.config.ops import (
    AugMix,
    AutoContrast,
    Blur,
    Brightness,
    CentralCrop,
    Contrast,
    CutMix,
    Cutout,
    Equalize,
    FillMode,
    FlipLeftRight,
    FlipUpDown,
    Grayscale,
    Hue,
    Interpolation,
    Invert,
    JpegQuality,
    MixUp,
    OneOf,
    OpSpec,
    Posterize,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Rotate,
    Saturation,
    Sharpness,
    Shear,
    Solarize,
    Translate,
    TrivialAugment,
)

ChainParams = Sequence[Params]  # of every op in turn
Apply = Callable[[tf.Tensor, tf.Tensor, ChainParams], tuple[tf.Tensor, tf.Tensor]]


def op(spec: OpSpec) -> Op:
    """The op that a spec names: the one registry."""
    match spec:
        case FlipLeftRight():
            return geometric.flip_left_right(spec.prob)
        case FlipUpDown():
            return geometric.flip_up_down(spec.prob)
        case RandomCrop():
            found = geometric.random_crop(spec.padding, spec.fill_mode, spec.fill_value)
        case RandomResizedCrop():
            found = geometric.random_resized_crop(spec.scale, spec.ratio, spec.interpolation)
        case CentralCrop():
            found = geometric.central_crop(spec.fraction, spec.interpolation)
        case Rotate():
            found = geometric.rotate(spec.degrees, *_border(spec))
        case Translate():
            found = geometric.translate(spec.width_factor, spec.height_factor, *_border(spec))
        case Shear():
            found = geometric.shear(spec.x_factor, spec.y_factor, *_border(spec))
        case Brightness():
            found = photometric.brightness(spec.max_delta)
        case Contrast():
            found = photometric.contrast(spec.lower, spec.upper)
        case Saturation():
            found = photometric.saturation(spec.lower, spec.upper)
        case Hue():
            found = photometric.hue(spec.max_delta)
        case Grayscale():
            found = photometric.grayscale()
        case JpegQuality():
            found = photometric.jpeg_quality(spec.min_jpeg_quality, spec.max_jpeg_quality)
        case Blur():
            found = photometric.blur(spec.sigma)
        case Sharpness():
            found = photometric.sharpness(spec.lower, spec.upper)
        case Posterize():
            found = photometric.posterize(spec.bits)
        case Solarize():
            found = photometric.solarize(spec.threshold)
        case Equalize():
            found = photometric.equalize()
        case AutoContrast():
            found = photometric.autocontrast()
        case Invert():
            found = photometric.invert()
        case RandAugment():
            found = policies.rand_augment(spec.num_ops, spec.magnitude, spec.fill_value)
        case TrivialAugment():
            found = policies.trivial_augment(spec.fill_value)
        case AugMix():
            depth = spec.chain_depth
            found = policies.aug_mix(spec.severity, spec.mixture_width, depth, spec.alpha, spec.fill_value)
        case CutMix():
            return mixing.cutmix(spec.alpha, spec.prob, correct_lam=spec.correct_lam, per=spec.per)
        case MixUp():
            return mixing.mixup(spec.alpha, spec.prob, per=spec.per)
        case Cutout():
            found = erasing.cutout(spec.length, spec.fill_value)
        case RandomErasing():
            found = erasing.random_erasing(spec.scale, spec.ratio, spec.value)
        case OneOf():
            return choice.one_of([op(inner) for inner in spec.ops], spec.weights, spec.per)
        case _:
            assert_never(spec)
    return sometimes(found, spec.prob)


def _border(spec: Rotate | Translate | Shear) -> tuple[Interpolation, FillMode, float]:
    return spec.interpolation, spec.fill_mode, spec.fill_value


@dataclass(frozen=True)
class Strategy:
    """Named ops in order, and their common compiled `apply`."""

    names: tuple[str, ...]
    ops: tuple[Op, ...]
    compiled: Apply

    def sample(self, seed: tf.Tensor, images: tf.Tensor) -> ChainParams:
        """Draws the parameters of one batch, a dict an op.

        An op's draw depends on the seed and its own name only, so `cutmix` cuts the same boxes alone and after `basic`.

        Args:
            seed: (2,) integers, one pair for each step.
            images: (B, H, W, 3); only the shape is read.
        """
        batch, height, width = tf.unstack(tf.shape(images)[:3])
        keys = _keys(self.names)
        return [
            op.sample(tf.random.fold_in(seed, key), batch, height, width)
            for op, key in zip(self.ops, keys, strict=True)
        ]

    def apply(self, images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        """Applies drawn parameters.

        Args:
            images: (B, H, W, 3), uint8 or float32 in [0, 255].
            labels: (B, K) float32, one-hot or soft.
            params: what `sample` drew.

        Returns:
            Images, uint8 if every op keeps whole grey levels and float32 otherwise, and labels (B, K) float32.

        Raises:
            ValueError: if images are no RGB batch, or labels are class numbers.
        """
        _check_batch(images, labels)
        return self.compiled(images, labels, params) if self.ops else (images, labels)

    def __call__(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sample, then apply."""
        _check_batch(images, labels)
        return self.apply(images, labels, self.sample(seed, images))


def build(specs: Sequence[OpSpec]) -> Strategy:
    """The strategy of a list of specs; an empty list leaves a batch as it is."""
    return of_ops([spec.name for spec in specs], [op(spec) for spec in specs])


def of_ops(names: Sequence[str], chain: Sequence[Op]) -> Strategy:
    """A strategy from ops and the names that key their draws."""
    # One XLA function for neighbouring ops fuses their pixel loops; drawing stays outside: XLA has no gamma sampler.
    runs = [_compile(list(ops), jit=jit) for jit, ops in itertools.groupby(chain, lambda op: op.compiled)]

    def apply(images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        rest = iter(params)
        for count, run in runs:
            images, labels = run(images, labels, list(itertools.islice(rest, count)))
        return images, labels

    return Strategy(tuple(names), tuple(chain), apply)


def _compile(chain: Sequence[Op], *, jit: bool) -> tuple[int, Apply]:
    """The number of ops, and one function of their parameters that applies them all."""

    def apply(images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        for op, drawn in zip(chain, params, strict=True):
            images, labels = op.apply(images, labels, drawn)
        return images, labels

    return len(chain), tf.function(apply, jit_compile=jit)


def _keys(names: Sequence[str]) -> list[int]:
    """A number for each op, by its name and which of its name it is."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append(zlib.crc32(f"{name}:{seen[name]}".encode()) % 2**31)
        seen[name] += 1
    return keys


def _check_batch(images: tf.Tensor, labels: tf.Tensor) -> None:
    if images.shape.rank != 4 or images.shape[-1] != 3:
        raise ValueError(f"images of shape (B, H, W, 3) are needed, not {tuple(images.shape)}")
    if labels.dtype != tf.float32 or labels.shape.rank != 2:
        raise ValueError(
            f"labels must be one-hot float32 of shape (B, K), not {labels.dtype.name} of shape {tuple(labels.shape)}; "
            "use tf.one_hot(labels, num_classes)"
        )
