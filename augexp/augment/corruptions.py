"""Damage to test images, to see how well a trained classifier stands it: noise, blur, light, coding, occlusion.

A corruption is a deterministic function of a batch:

    corrupt(images, numbers) -> images     (B, S, S, 3) uint8 RGB, (B,) int64 -> (B, S, S, 3) uint8, S from 8

`numbers` are the examples' numbers in their split. What is random about an image comes from the name of the corruption
and its number alone, so every severity has the same draws: the same specks, only stronger. Images are worked on one by
one, on the CPU, so that no bit of one can depend on the batch, the number of threads or the device.

The corruptions and their five severities are those of ImageNet-C (Hendrycks and Dietterich, "Benchmarking Neural
Network Robustness to Common Corruptions and Perturbations", ICLR 2019). It has images of 224 pixels: lengths in pixels
are meant at that size, and scale with S / 224. Results are rounded and clipped to [0, 255].
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf
from scipy import stats

from augexp.augment.mixing import paste
from augexp.augment.op import grey_levels
from augexp.augment.photometric import blend
from augexp.errors import did_you_mean

Corrupt = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Occlusion = Literal["centre", "random"]

SEVERITIES = (1, 2, 3, 4, 5)
AREAS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
OCCLUSIONS: tuple[Occlusion, ...] = get_args(Occlusion)
MEAN_COLOUR = (124, 116, 104)  # of ImageNet: zero after the usual normalisation
SIZE = 224  # of ImageNet-C's images

# One image (S, S, 3) uint8 and a seed (2,) int64 -> the image, uint8 or float32 in [0, 255] or beyond.
_Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def corruption(name: str, severity: int) -> Corrupt:
    """The corruption of that name, one of `CORRUPTIONS`, at a severity of 1 to 5.

    Raises:
        ValueError: no such name or severity.
    """
    if name not in _RECIPES:
        hint = did_you_mean(name, CORRUPTIONS) or f"; known: {', '.join(CORRUPTIONS)}"
        raise ValueError(f"unknown corruption {name!r}{hint}")
    if severity not in SEVERITIES:
        raise ValueError(f"a severity of 1, 2, 3, 4 or 5 is needed, not {severity!r}")
    make, settings = _RECIPES[name]
    return _one_by_one(make(settings[severity - 1]), _key(name))


def occlusion(kind: Occlusion, area: float) -> Corrupt:
    """A box of the mean colour of ImageNet, in the centre or at a random place wholly inside the image.

    Its side is round(S sqrt(area)) pixels, its place uniform. After the hole in the centre of Yun et al., "CutMix"
    (ICCV 2019), in the section on occlusion; the random place is augexp's own.

    Args:
        kind: one of `OCCLUSIONS`.
        area: share of the image's area, in (0, 1].

    Raises:
        ValueError: no such kind or area.
    """
    if kind not in OCCLUSIONS:
        raise ValueError(f"centre or random is needed, not {kind!r}{did_you_mean(str(kind), OCCLUSIONS)}")
    if not 0 < area <= 1:
        raise ValueError(f"an area above 0 and up to 1 is needed, not {area!r}")

    def corrupt(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU:0"):
            size = tf.shape(images)[1]
            side = tf.cast(tf.round(tf.cast(size, tf.float64) * area**0.5), tf.int32)
            corner = tf.fill([tf.size(numbers), 2], (size - side) // 2)
            if kind == "random":
                corner = _corners(numbers, size - side)
            filling = tf.broadcast_to(tf.constant(MEAN_COLOUR, tf.uint8), tf.shape(images))
            return paste(images, filling, tf.concat([corner, corner + side], 1))

    return corrupt


def _corners(numbers: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """(B, 2) int32, uniform in [0, last]."""
    key = _key("occlusion")
    return tf.map_fn(
        lambda number: tf.random.stateless_uniform([2], _seed(key, number), 0, last + 1, tf.int32),
        numbers,
        fn_output_signature=tf.TensorSpec([2], tf.int32),
    )


def _key(name: str) -> int:
    return zlib.crc32(name.encode())


def _seed(key: int, number: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(key, tf.int64), number])


def _one_by_one(change: _Change, key: int) -> Corrupt:
    def each(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda one: grey_levels(change(one[0], _seed(key, one[1]))),
            (images, numbers),
            fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
        )

    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8), tf.TensorSpec([None], tf.int64)]
    graph = tf.function(each, input_signature=signature)  # outside of a graph map_fn is slow

    def corrupt(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU:0"):
            return tf.ensure_shape(graph(images, numbers), images.shape)

    return corrupt


def _floats(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(image, tf.float32)


# --- noise ---------------------------------------------------------------------------------------------------------


def _gaussian_noise(sd: float) -> _Change:
    """Adds normal noise to each value; `sd` is a share of the range: .08, .12, .18, .26, .38."""

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return _floats(image) + 255 * sd * tf.random.stateless_normal(tf.shape(image), seed)

    return change


QUANTILES = 4096  # of a Poisson law; what is rarer than one in 8192 is cut off


def _shot_noise(photons: float) -> _Change:
    """Counts photons: Poisson(x c) / c for values x in [0, 1], with c of 60, 25, 12, 5, 3 photons for white."""
    # A table of the 256 laws: drawing from it is eight times as fast as tf.random.stateless_poisson.
    middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
    most = int(stats.poisson.ppf(middles[-1], photons))
    chances = np.asarray(stats.poisson.cdf(np.arange(most), np.arange(256)[:, None] * photons / 255))
    counts = np.array([np.searchsorted(row, middles) for row in chances])
    levels = tf.constant(np.minimum(np.round(counts * 255 / photons), 255).astype(np.uint8).ravel())

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draws = tf.random.stateless_uniform(tf.shape(image), seed, 0, QUANTILES, tf.int32)
        return tf.gather(levels, QUANTILES * tf.cast(image, tf.int32) + draws)

    return change


def _impulse_noise(amount: float) -> _Change:
    """Salt and pepper: a share of the values, .03, .06, .09, .17, .27, becomes 0 or 255, by the toss of a coin."""

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draws = tf.random.stateless_uniform(tf.shape(image), seed)
        speck = tf.where(draws < amount / 2, tf.zeros_like(image), 255)
        return tf.where(draws < amount, speck, image)

    return change


# --- blur ----------------------------------------------------------------------------------------------------------


def _defocus_blur(radius: float) -> _Change:
    """The mean over a disk of radius 3, 4, 6, 8, 10 pixels at 224.

    Pixels at the edge of the disk count in part, by bilinear interpolation, which softens it like a Gaussian of sd 0.41
    in place of ImageNet-C's of 0.1 (radius 3) or 0.5. So a disk smaller than a pixel still blurs, and more so the
    larger it is.
    """
    side = np.linspace(-radius, radius, 41)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    points = _floats(grid[np.hypot(grid[:, 0], grid[:, 1]) <= radius * (1 + 1e-9)])
    weights = tf.ones(tf.shape(points)[:1])

    def change(image: tf.Tensor, _seed: tf.Tensor) -> tf.Tensor:
        return _mean_around(image, points, weights, radius)

    return change


def _motion_blur(radius_and_sigma: tuple[float, float]) -> _Change:
    """A mean along a line, which fades away from the pixel as half a Gaussian; at an angle U(-45, 45) degrees.

    Its sigma is 3, 5, 8, 12, 15 pixels at 224, and it is cut off at twice the radius of 10, 15, 15, 15, 20: as
    ImageMagick's motion blur, of which ImageNet-C is made, to one side only.
    """
    radius, sigma = radius_and_sigma
    reach = 2 * radius
    along = np.arange(0, reach + 0.5, 0.5)
    weights = _floats(np.exp(-0.5 * (along / sigma) ** 2))

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        angle = tf.random.stateless_uniform([], seed, -np.pi / 4, np.pi / 4)
        points = _floats(along)[:, None] * tf.stack([tf.sin(angle), tf.cos(angle)])
        return _mean_around(image, points, weights, reach)

    return change


def _blurred(image: tf.Tensor, points: tf.Tensor, weights: tf.Tensor, reach: float) -> tf.Tensor:
    """Each pixel becomes a weighted mean of the image, interpolated bilinearly, at points around it.

    Args:
        image: it is mirrored at its border pixels, which don't repeat.
        points: (P, 2) float32, offsets down and right in pixels of an image of 224.
        weights: (P,) float32, in proportion.
        reach: the longest offset that can be.
    """
    size = tf.shape(image)[0]
    scale = tf.cast(size, tf.float32) / SIZE
    margin = tf.cast(tf.math.ceil(reach * scale), tf.int32)
    kernel = _kernel(points * scale, weights / tf.reduce_sum(weights), margin)
    padding = [[0, 0], [margin, margin], [margin, margin]]
    padded = tf.pad(tf.transpose(_floats(image), [2, 0, 1]), padding, "REFLECT")
    length = (size + 2 * margin + 15) // 16 * 16  # FFTs of a length with small factors are fast
    product = tf.signal.rfft2d(padded, [length, length]) * tf.signal.rfft2d(kernel, [length, length])
    inner = slice(2 * margin, 2 * margin + size)
    return tf.transpose(tf.signal.irfft2d(product, [length, length])[:, inner, inner], [1, 2, 0])


def _kernel(points: tf.Tensor, weights: tf.Tensor, margin: tf.Tensor) -> tf.Tensor:
    """(2 margin + 1, 2 margin + 1): what convolves an image with `weights` at `points`, its centre in the middle."""
    pixels = tf.range(-margin, margin + 1)
    # A convolution looks backwards, hence the plus.
    near = tf.maximum(1 - tf.abs(points[:, :, None] + _floats(pixels)), 0)
    return tf.matmul(near[:, 0] * weights[:, None], near[:, 1], transpose_a=True)


# By XLA: TensorFlow's own optimizer rewrites this arithmetic in a graph but not in tf.data, which moves last digits.
_mean_around = tf.function(_blurred, jit_compile=True)


# --- light ---------------------------------------------------------------------------------------------------------


def _contrast(factor: float) -> _Change:
    """Scales the distance from each channel's mean, as fog does: by .4, .3, .2, .1, .05."""

    def change(image: tf.Tensor, _seed: tf.Tensor) -> tf.Tensor:
        # A sum of whole numbers is the same in any order.
        total = tf.reduce_sum(tf.cast(image, tf.int64), [0, 1])
        mean = tf.cast(total / tf.cast(tf.size(image) // 3, tf.int64), tf.float32)
        return blend(_floats(image), mean, factor)

    return change


def _brightness(shift: float) -> _Change:
    """Adds .1, .2, .3, .4, .5 to the value of HSV in [0, 1], and clips it; hue and saturation stay."""

    def change(image: tf.Tensor, _seed: tf.Tensor) -> tf.Tensor:
        image = _floats(image)
        value = tf.reduce_max(image, -1, keepdims=True)
        brighter = tf.minimum(value + 255 * shift, 255.0)
        # Black has no hue: it becomes gray.
        return tf.where(value > 0, image * (brighter / tf.maximum(value, 1.0)), brighter)

    return change


# --- coding --------------------------------------------------------------------------------------------------------


def _pixelate(percent: int) -> _Change:
    """Cells of one colour, .6, .5, .4, .3, .25 of S to a side: scaled down and up again by Pillow's box filter.

    A pixel belongs to the cell that its centre lies in, and becomes the mean of that cell.
    """

    def change(image: tf.Tensor, _seed: tf.Tensor) -> tf.Tensor:
        size = tf.shape(image)[0]
        cells = size * percent // 100
        line = (2 * tf.range(size) + 1) * cells // (2 * size)
        cell = line[:, None] * cells + line
        # The sums are whole numbers, hence exact in any order.
        return tf.gather(tf.math.unsorted_segment_mean(_floats(image), cell, cells**2), cell)

    return change


def _jpeg(quality: int) -> _Change:
    """Encodes and decodes as JPEG, in quality 25, 18, 15, 10, 7; Pillow gives the same bytes."""
    return lambda image, _seed: tf.image.adjust_jpeg_quality(image, quality, dct_method="INTEGER_ACCURATE")


_RECIPES: dict[str, tuple[Callable[[Any], _Change], Sequence[Any]]] = {
    "gaussian_noise": (_gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": (_shot_noise, (60, 25, 12, 5, 3)),
    "impulse_noise": (_impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),
    "defocus_blur": (_defocus_blur, (3, 4, 6, 8, 10)),
    "motion_blur": (_motion_blur, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))),
    "contrast": (_contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),
    "brightness": (_brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "pixelate": (_pixelate, (60, 50, 40, 30, 25)),
    "jpeg": (_jpeg, (25, 18, 15, 10, 7)),
}
CORRUPTIONS = tuple(_RECIPES)
