"""The ops of kornia and of Albumentations on one batch; both draw anew for each image.

kornia works on a batch of floats; Albumentations on one NumPy image after the other, in one thread.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], Any]


def kornia(op: str, images: NDArray[Any], labels: NDArray[np.float32]) -> Iterator[tuple[str, Call]]:
    """For floats only: kornia takes nothing else."""
    if images.dtype != np.float32:
        return
    import torch
    from kornia import augmentation as k
    from kornia.augmentation import auto

    size = images.shape[1]
    known: dict[str, Callable[[], Any]] = {
        "flip_left_right": lambda: k.RandomHorizontalFlip(p=1.0),
        "flip_up_down": lambda: k.RandomVerticalFlip(p=1.0),
        "rotate90": lambda: k.RandomRotation90((1, 3), p=1.0),
        "random_crop": lambda: k.RandomCrop((size, size), padding=size // 8, p=1.0),
        "random_resized_crop": lambda: k.RandomResizedCrop((size, size), p=1.0),
        "rotate": lambda: k.RandomRotation(15.0, p=1.0),
        "translate": lambda: k.RandomAffine(0.0, translate=(0.1, 0.1), p=1.0),
        "shear": lambda: k.RandomAffine(0.0, shear=(-11.0, 11.0, -11.0, 11.0), p=1.0),
        "zoom": lambda: k.RandomAffine(0.0, scale=(0.8, 1.2), p=1.0),
        "perspective": lambda: k.RandomPerspective(0.5, p=1.0),
        "elastic": lambda: k.RandomElasticTransform(p=1.0),
        "brightness": lambda: k.RandomBrightness((0.8, 1.2), p=1.0),
        "contrast": lambda: k.RandomContrast((0.8, 1.2), p=1.0),
        "saturation": lambda: k.RandomSaturation((0.8, 1.2), p=1.0),
        "hue": lambda: k.RandomHue((-0.05, 0.05), p=1.0),
        "color_jitter": lambda: k.ColorJitter(0.4, 0.4, 0.4, 0.1, p=1.0),
        "grayscale": lambda: k.RandomGrayscale(p=1.0),
        "channel_shuffle": lambda: k.RandomChannelShuffle(p=1.0),
        "gamma": lambda: k.RandomGamma((0.7, 1.5), p=1.0),
        "gaussian_noise": lambda: k.RandomGaussianNoise(0.0, 0.1, p=1.0),
        "blur": lambda: k.RandomGaussianBlur((13, 13), (0.1, 2.0), p=1.0),
        "sharpness": lambda: k.RandomSharpness(0.5, p=1.0),
        "posterize": lambda: k.RandomPosterize(4, p=1.0),
        "solarize": lambda: k.RandomSolarize(0.5, p=1.0),
        "equalize": lambda: k.RandomEqualize(p=1.0),
        "autocontrast": lambda: k.RandomAutoContrast(p=1.0),
        "invert": lambda: k.RandomInvert(p=1.0),
        "random_erasing": lambda: k.RandomErasing(p=1.0),
        "auto_augment": lambda: auto.AutoAugment("imagenet"),
        "rand_augment": lambda: auto.RandAugment(2, 9),
        "trivial_augment": auto.TrivialAugment,
        "cutmix": lambda: k.RandomCutMixV2(p=1.0, use_correct_lambda=True),
        "mixup": lambda: k.RandomMixUpV2(p=1.0),
    }
    if op not in known:
        return
    transform = known[op]()
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous() / 255
    numbers = torch.from_numpy(labels.argmax(1))
    mixes = op in ("cutmix", "mixup")
    yield "kornia", (lambda: transform(batch, numbers)) if mixes else (lambda: transform(batch))


def albumentations(op: str, images: NDArray[Any]) -> Iterator[tuple[str, Call]]:
    """For uint8 only, its own dtype."""
    if images.dtype != np.uint8:
        return
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
    import albumentations as a

    size = images.shape[1]
    known: dict[str, Callable[[], Any]] = {
        "flip_left_right": lambda: a.HorizontalFlip(p=1.0),
        "flip_up_down": lambda: a.VerticalFlip(p=1.0),
        "rotate90": lambda: a.RandomRotate90(p=1.0),
        "d4": lambda: a.D4(p=1.0),
        "random_resized_crop": lambda: a.RandomResizedCrop((size, size), p=1.0),
        "rotate": lambda: a.Rotate((-15, 15), p=1.0),
        "translate": lambda: a.Affine(translate_percent=(-0.1, 0.1), p=1.0),
        "shear": lambda: a.Affine(shear=(-11, 11), p=1.0),
        "zoom": lambda: a.Affine(scale=(0.8, 1.2), p=1.0),
        "perspective": lambda: a.Perspective((0.05, 0.25), p=1.0),
        "elastic": lambda: a.ElasticTransform(50, 5, p=1.0),
        "brightness": lambda: a.RandomBrightnessContrast(0.2, 0.0, p=1.0),
        "contrast": lambda: a.RandomBrightnessContrast(0.0, 0.2, p=1.0),
        "hue": lambda: a.HueSaturationValue(18, 0, 0, p=1.0),
        "color_jitter": lambda: a.ColorJitter((0.6, 1.4), (0.6, 1.4), (0.6, 1.4), (-0.1, 0.1), p=1.0),
        "grayscale": lambda: a.ToGray(p=1.0),
        "channel_shuffle": lambda: a.ChannelShuffle(p=1.0),
        "gamma": lambda: a.RandomGamma((70, 150), p=1.0),
        "gaussian_noise": lambda: a.GaussNoise((0.0, 0.1), p=1.0),
        "blur": lambda: a.GaussianBlur(blur_limit=(13, 13), sigma_limit=(0.1, 2.0), p=1.0),
        "sharpness": lambda: a.Sharpen(p=1.0),
        "posterize": lambda: a.Posterize(4, p=1.0),
        "solarize": lambda: a.Solarize((0.5, 0.5), p=1.0),
        "equalize": lambda: a.Equalize(p=1.0),
        "autocontrast": lambda: a.AutoContrast(p=1.0),
        "invert": lambda: a.InvertImg(p=1.0),
        "coarse_dropout": lambda: a.CoarseDropout(p=1.0),
        "grid_mask": lambda: a.GridDropout(p=1.0),
        "jpeg_quality": lambda: a.ImageCompression(quality_range=(75, 95), p=1.0),
    }
    if op in known:
        transform = known[op]()
        yield "albumentations", lambda: [transform(image=image)["image"] for image in images]
