"""What others offer for the same op, each as a function without arguments that augments one batch.

Keras runs in a `tf.function`; the libraries of `OPTIONAL` take part where they are installed. Where a library draws
once for the whole batch instead of for each image, that faster mode is the one measured, and its name says so.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tests.tools.bench import others

OPTIONAL = ("torchvision", "kornia", "albumentations", "timm")
Call = Callable[[], Any]
KERAS: dict[str, Callable[[], keras.layers.Layer]] = {
    "flip_left_right": lambda: keras.layers.RandomFlip("horizontal"),
    "flip_up_down": lambda: keras.layers.RandomFlip("vertical"),
    "rotate": lambda: keras.layers.RandomRotation(15 / 360, fill_mode="constant"),
    "translate": lambda: keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
    "shear": lambda: keras.layers.RandomShear(0.2, 0.2, fill_mode="constant"),
    "central_crop": lambda: keras.layers.RandomZoom((-0.5, 0.0)),
    "zoom": lambda: keras.layers.RandomZoom((-0.2, 0.2), fill_mode="constant"),
    "perspective": lambda: keras.layers.RandomPerspective(0.5, 0.5),
    "elastic": lambda: keras.layers.RandomElasticTransform(1.0, fill_mode="constant"),
    "brightness": lambda: keras.layers.RandomBrightness(0.2),
    "contrast": lambda: keras.layers.RandomContrast(0.2),
    "saturation": lambda: keras.layers.RandomSaturation((0.4, 0.6)),
    "hue": lambda: keras.layers.RandomHue(0.05),
    "color_jitter": lambda: keras.layers.RandomColorJitter(
        brightness_factor=0.4, contrast_factor=0.4, saturation_factor=0.4, hue_factor=0.1
    ),
    "grayscale": lambda: keras.layers.RandomGrayscale(0.1),
    "blur": lambda: keras.layers.RandomGaussianBlur(factor=0.5, kernel_size=13, sigma=(0.1, 2.0)),
    "sharpness": lambda: keras.layers.RandomSharpness((0.1, 0.9)),
    "posterize": lambda: keras.layers.RandomPosterization(4),
    "solarize": lambda: keras.layers.Solarization(threshold_factor=(0.5, 1.0)),
    "equalize": keras.layers.Equalization,
    "autocontrast": keras.layers.AutoContrast,
    "invert": lambda: keras.layers.RandomInvert(0.5),
    "rand_augment": lambda: keras.layers.RandAugment(num_ops=2),
    "aug_mix": keras.layers.AugMix,
    "cutmix": keras.layers.CutMix,
    "mixup": keras.layers.MixUp,
    "random_erasing": keras.layers.RandomErasing,
}


def rivals(op: str, images: NDArray[Any], labels: NDArray[np.float32]) -> Iterator[tuple[str, Call]]:
    """Names and calls of all that do `op` on a batch: images (B, S, S, 3), one-hot labels (B, K)."""
    if op in KERAS:
        yield "keras", _keras(KERAS[op](), images, labels)
    if op in TUTORIAL and images.dtype == np.float32:
        yield "tutorial", _tutorial(TUTORIAL[op], images, labels)
    if find_spec("torchvision"):
        yield from _torchvision(op, images, labels)
    if find_spec("kornia"):
        yield from others.kornia(op, images, labels)
    if find_spec("albumentations"):
        yield from others.albumentations(op, images)
    if find_spec("timm") and images.dtype == np.float32:
        yield from _timm(op, images, labels)


def _keras(layer: keras.layers.Layer, images: NDArray[Any], labels: NDArray[np.float32]) -> Call:
    data: Any = tf.constant(images)
    if isinstance(layer, keras.layers.CutMix | keras.layers.MixUp):
        data = {"images": data, "labels": tf.constant(labels)}
    augment = tf.function(lambda batch: layer(batch, training=True))
    return lambda: augment(data)


# --- the tutorial's per-image loop ---------------------------------------------------------------------------------


def _cutmix_image(images: tf.Tensor, j: int) -> tf.Tensor:
    """Four strips pasted together, as the notebook does it; box and share drawn for each image."""
    count, side = images.shape[0], images.shape[1]
    partner = tf.random.uniform([], 0, count, tf.int32)
    x, y = (tf.random.uniform([], 0, side, tf.int32) for _ in range(2))
    length = tf.cast(tf.cast(side, tf.float32) * tf.sqrt(1 - tf.random.uniform([])), tf.int32)
    top, bottom = tf.maximum(0, y - length // 2), tf.minimum(side, y + length // 2)
    left, right = tf.maximum(0, x - length // 2), tf.minimum(side, x + length // 2)
    middle = [images[j, top:bottom, :left], images[partner, top:bottom, left:right], images[j, top:bottom, right:]]
    return tf.concat([images[j, :top], tf.concat(middle, 1), images[j, bottom:]], 0)


def _mixup_image(images: tf.Tensor, j: int) -> tf.Tensor:
    share = tf.random.uniform([])
    return (1 - share) * images[j] + share * images[tf.random.uniform([], 0, images.shape[0], tf.int32)]


TUTORIAL = {"cutmix": _cutmix_image, "mixup": _mixup_image}


def _tutorial(mix: Callable[[tf.Tensor, int], tf.Tensor], images: NDArray[Any], labels: NDArray[np.float32]) -> Call:
    def loop(batch: tf.Tensor, soft: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.stack([mix(batch, j) for j in range(len(images))]), soft

    tensors, compiled = (tf.constant(images), tf.constant(labels)), tf.function(loop)
    return lambda: compiled(*tensors)


# --- PyTorch -------------------------------------------------------------------------------------------------------


def _torchvision(op: str, images: NDArray[Any], labels: NDArray[np.float32]) -> Iterator[tuple[str, Call]]:
    import torch
    from torchvision.transforms import v2

    size, classes = images.shape[1], labels.shape[1]
    known: dict[str, Callable[[], Any]] = {
        "flip_left_right": lambda: v2.RandomHorizontalFlip(1.0),
        "flip_up_down": lambda: v2.RandomVerticalFlip(1.0),
        "random_crop": lambda: v2.RandomCrop(size, padding=size // 8),
        "random_resized_crop": lambda: v2.RandomResizedCrop(size, antialias=False),
        "rotate": lambda: v2.RandomRotation(15, v2.InterpolationMode.BILINEAR),
        "translate": lambda: v2.RandomAffine(0, (0.1, 0.1), interpolation=v2.InterpolationMode.BILINEAR),
        "shear": lambda: v2.RandomAffine(0, shear=(-11, 11, -11, 11), interpolation=v2.InterpolationMode.BILINEAR),
        "zoom": lambda: v2.RandomAffine(0, scale=(0.8, 1.2), interpolation=v2.InterpolationMode.BILINEAR),
        "perspective": lambda: v2.RandomPerspective(0.5, 1.0),
        "elastic": lambda: v2.ElasticTransform(50.0, 5.0),
        "color_jitter": lambda: v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
        "channel_shuffle": v2.RandomChannelPermutation,
        "gaussian_noise": lambda: v2.GaussianNoise(0.0, 0.1),
        "brightness": lambda: v2.ColorJitter(brightness=0.2),
        "contrast": lambda: v2.ColorJitter(contrast=0.2),
        "saturation": lambda: v2.ColorJitter(saturation=0.2),
        "hue": lambda: v2.ColorJitter(hue=0.05),
        "grayscale": lambda: v2.RandomGrayscale(1.0),
        "blur": lambda: v2.GaussianBlur(13, (0.1, 2.0)),
        "sharpness": lambda: v2.RandomAdjustSharpness(1.5, 1.0),
        "posterize": lambda: v2.RandomPosterize(4, 1.0),
        "solarize": lambda: v2.RandomSolarize(128 if images.dtype == np.uint8 else 0.5, 1.0),
        "equalize": lambda: v2.RandomEqualize(1.0),
        "autocontrast": lambda: v2.RandomAutocontrast(1.0),
        "invert": lambda: v2.RandomInvert(1.0),
        "auto_augment": v2.AutoAugment,
        "rand_augment": v2.RandAugment,
        "trivial_augment": v2.TrivialAugmentWide,
        "aug_mix": v2.AugMix,
        "random_erasing": lambda: v2.RandomErasing(1.0, value="random"),
        "cutmix": lambda: v2.CutMix(num_classes=classes),
        "mixup": lambda: v2.MixUp(num_classes=classes, alpha=0.2),
    }
    floats_only = ("mixup", "gaussian_noise")
    if op not in known or (op in floats_only and images.dtype == np.uint8):
        return
    transform = known[op]()
    batch, numbers = _torch_batch(images), torch.from_numpy(labels.argmax(1))
    mixes = op in ("cutmix", "mixup")
    yield "torchvision, a draw a batch", (lambda: transform(batch, numbers)) if mixes else (lambda: transform(batch))


def _torch_batch(images: NDArray[Any]) -> Any:
    """(B, 3, S, S), uint8 or floats in [0, 1]."""
    import torch

    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return batch / 255 if images.dtype == np.float32 else batch


def _timm(op: str, images: NDArray[Any], labels: NDArray[np.float32]) -> Iterator[tuple[str, Call]]:
    if op not in ("cutmix", "mixup"):
        return
    import torch
    from timm.data.mixup import Mixup

    batch, numbers = _torch_batch(images), torch.from_numpy(labels.argmax(1))
    for mode in ("batch", "pair", "elem"):
        alphas = {"cutmix_alpha": 1.0, "mixup_alpha": 0.0} if op == "cutmix" else {"mixup_alpha": 0.2}
        mix = Mixup(**alphas, mode=mode, num_classes=labels.shape[1])
        # timm mixes in place.
        yield f"timm, {mode}", lambda mix=mix: mix(batch.clone(), numbers)  # type: ignore[misc]
