"""Ops that change values and leave pixels where they are. The contract is that of `augment.op`.

Those that blend with a degenerate image (gray, smoothed, the mean) share one blend. Images stay in [0, 255].
"""

import math
from collections.abc import Callable

import tensorflow as tf

from augexp.augment.op import Op, Params, grey_levels, implements, lines_of, on_images, per_example, uniform
from augexp.config.ops import (
    AutoContrast,
    Blur,
    Brightness,
    ChannelShuffle,
    Contrast,
    Equalize,
    Gamma,
    GaussianNoise,
    Grayscale,
    Hue,
    Invert,
    JpegQuality,
    Posterize,
    Saturation,
    Sharpness,
    Solarize,
)

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as in JPEG and Pillow
TRUNCATE = 3.0  # of a Gaussian, in standard deviations


def blend(images: tf.Tensor, degenerate: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Factor * images + (1 - factor) * degenerate, clipped to [0, 255]; a factor of 1 is exactly the image."""
    return _clip(factor * images + (1 - factor) * degenerate)


def _clip(images: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(images, 0.0, 255.0)


def _floats(images: tf.Tensor) -> tf.Tensor:
    return tf.cast(images, tf.float32)


# --- brightness, contrast, colour ----------------------------------------------------------------------------------


@implements(Brightness)
def brightness(max_delta: float) -> Op:
    """Adds `delta` * 255 and clips to [0, 255]; params: `delta` (B,) float32 in [-max_delta, max_delta].

    The law of `tf.image.random_brightness`, without its rounding back to whole grey levels.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        # stateless_uniform refuses an empty range.
        draw = tf.random.stateless_uniform([batch], seed, -1.0, 1.0)
        return {"delta": draw * max_delta}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return _clip(_floats(images) + per_example(params["delta"]) * 255.0)

    return on_images(sample, change)


def _factor(lower: float, upper: float, change: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Op:
    """An op with one parameter, `factor` (B,) float32 in [lower, upper], given to `change` beside float images."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"factor": uniform(seed, batch, lower, upper)}

    return on_images(sample, lambda images, params: change(_floats(images), per_example(params["factor"])))


@implements(Contrast)
def contrast(lower: float, upper: float) -> Op:
    """Scales the distance from each channel's mean, as `tf.image.random_contrast`; params: `factor` (B,) float32."""
    return _factor(lower, upper, lambda images, factor: blend(images, _channel_means(images), factor))


def _channel_means(images: tf.Tensor) -> tf.Tensor:
    pixels = tf.cast(tf.shape(images)[1] * tf.shape(images)[2], tf.float32)
    return _each_channel(tf.reduce_sum, images) / pixels


def _each_channel(reduce: Callable[..., tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """(B, 1, 1, 3): a sum, minimum or maximum over the pixels."""
    shape = tf.shape(images)
    # XLA takes 32 pixels abreast twice as fast as one; never one after the other, which would lose digits of a sum.
    columns = tf.where(shape[1] * shape[2] % 32 == 0, 96, 3 * shape[2])
    abreast = reduce(tf.reshape(images, [shape[0], -1, columns]), 1)
    return reduce(tf.reshape(abreast, [shape[0], 1, -1, 3]), 2, keepdims=True)


@implements(Saturation)
def saturation(lower: float, upper: float) -> Op:
    """Scales the saturation of HSV, as `tf.image.random_saturation`; params: `factor` (B,) float32.

    A pixel's largest channel, HSV's value, stays; the others move away from it, at most until one is 0.
    """

    def change(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
        value, least = _extremes(images)
        most = value / tf.maximum(value - least, TINY)
        return blend(images, value, tf.minimum(factor, most))

    return _factor(lower, upper, change)


TINY = 1e-30  # of a grey level: keeps gray pixels, which have no colour to scale or turn, from a division by 0


def _extremes(images: tf.Tensor, axis: int = -1) -> tuple[tf.Tensor, tf.Tensor]:
    """The largest and the smallest channel of each pixel, (B, H, W, 1)."""
    # Twice as fast as reduce_max over three channels.
    red, green, blue = tf.split(images, 3, axis)
    return tf.maximum(tf.maximum(red, green), blue), tf.minimum(tf.minimum(red, green), blue)


@implements(Hue)
def hue(max_delta: float) -> Op:
    """Turns the hue of HSV, as `tf.image.random_hue`; params: `delta` (B,) float32, in turns of the colour circle."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"delta": uniform(seed, batch, -max_delta, max_delta)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        images, delta = _floats(images), per_example(params["delta"])
        return tf.where(delta == 0, images, turn_hue(images, 6 * delta))

    return on_images(sample, change)


def turn_hue(images: tf.Tensor, sixths: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Float images whose hue is turned by `sixths` of the circle; `axis` is that of the channels."""
    red, green, blue = tf.split(images, 3, axis)
    value, least = _extremes(images, axis)
    chroma = value - least
    unit = 1 / tf.maximum(chroma, TINY)
    angle = tf.where(
        value == red, (green - blue) * unit, tf.where(value == green, (blue - red) * unit + 2, (red - green) * unit + 4)
    )
    # A channel falls from the value to the least as the hue moves away from it; 5, 3, 1 place red, green and blue.
    places = tf.reshape(tf.constant([5.0, 3.0, 1.0]), [3] + [1] * (-1 - axis))
    distance = places + angle + sixths
    distance -= 6 * tf.floor(distance / 6)
    return value - chroma * tf.clip_by_value(tf.minimum(distance, 4 - distance), 0.0, 1.0)


def luma(images: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """(B, H, W, 1): the weighted mean of float channels (ITU-R 601), which stand along `axis`, below 0."""
    red, green, blue = tf.split(images, 3, axis)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


@implements(Grayscale)
def grayscale() -> Op:
    """Takes away all colour; no params."""
    return on_images(_nothing, lambda images, _: tf.broadcast_to(luma(_floats(images)), tf.shape(images)))


def _nothing(_seed: tf.Tensor, _batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
    return {}


@implements(ChannelShuffle)
def channel_shuffle() -> Op:
    """Puts the channels into another order; params: `order` (B, 3) int32, the channel that each is taken from."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"order": tf.argsort(tf.random.stateless_uniform([batch, 3], seed))}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        red, green, blue = tf.split(images, 3, axis=-1)
        taken = [per_example(number) for number in tf.unstack(params["order"], axis=1)]
        return tf.concat([tf.where(one == 0, red, tf.where(one == 1, green, blue)) for one in taken], axis=-1)

    return on_images(sample, change)


@implements(Gamma)
def gamma(lower: float, upper: float) -> Op:
    """Raises values, as shares of 255, to a power; params: `factor` (B,) float32, the power."""

    def change(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
        # XLA's own power is several times slower.
        raised = 255 * tf.exp(factor * tf.math.log(images / 255))
        raised = tf.where(images > 0, raised, tf.where(factor > 0, 0.0, 255.0))
        return tf.where(factor == 1, images, _clip(raised))

    return _factor(lower, upper, change)


# --- noise ---------------------------------------------------------------------------------------------------------


@implements(GaussianNoise)
def gaussian_noise(std: tuple[float, float]) -> Op:
    """Adds normal noise and clips to [0, 255].

    params: `std` (B,) float32, a share of 255; `noise` (B, H, W, 3) uint16, a draw for each value: the number of one of
    65,536 equally likely parts of the normal distribution, whose middle is added. All lie within 4.4 `std`.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_std, for_noise = tf.unstack(tf.random.split(seed, 2))
        # Normal draws take six times as long, and a draw gives two of these.
        count = batch * height * width * 3
        draws = tf.random.stateless_uniform([(count + 1) // 2], for_noise, minval=None, maxval=None, dtype=tf.int32)
        noise = tf.reshape(tf.bitcast(draws, tf.uint16), [-1])[:count]
        return {"std": uniform(for_std, batch, *std), "noise": tf.reshape(noise, [batch, height, width, 3])}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        # The middle of its part, from -1 to 1; neither end is reached.
        place = (_floats(params["noise"]) - 32767.5) / 32768
        return _clip(_floats(images) + per_example(255 * math.sqrt(2) * params["std"]) * tf.math.erfinv(place))

    return on_images(sample, change)


# --- sharpness -----------------------------------------------------------------------------------------------------


@implements(Blur)
def blur(sigma: tuple[float, float]) -> Op:
    """Gaussian blur, its kernel cut off at three standard deviations; the border pixels go on beyond the border.

    params: `sigma` (B,) float32 in pixels.
    """
    radius = math.ceil(TRUNCATE * sigma[1])

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sigma": uniform(seed, batch, *sigma)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        return blurred(_floats(images), params["sigma"], radius)

    return on_images(sample, change)


def blurred(images: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """Float images blurred by Gaussians of `sigma` (B,) pixels, each cut off at three of its own or at the radius."""
    kernel = _gaussian(sigma, radius)
    return _clip(_convolve(_convolve(images, kernel, axis=1), kernel, axis=2))


def _gaussian(sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """(B, 2 radius + 1): weights that sum to 1."""
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    # Not sigma squared: that of the smallest sigma would be 0.
    weights = tf.exp(-0.5 * (offsets / tf.maximum(sigma, 1e-3)[:, None]) ** 2)
    weights = tf.where(tf.abs(offsets) <= tf.math.ceil(TRUNCATE * sigma)[:, None], weights, 0.0)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _convolve(images: tf.Tensor, kernel: tf.Tensor, axis: int) -> tf.Tensor:
    radius = kernel.shape[1] // 2
    first, last = (images[:, :1], images[:, -1:]) if axis == 1 else (images[:, :, :1], images[:, :, -1:])
    padded = tf.concat([*[first] * radius, images, *[last] * radius], axis)
    padded, height, length = lines_of(padded), tf.shape(images)[1], 3 * tf.shape(images)[2]
    total = 0.0
    for i in range(kernel.shape[1]):
        shifted = padded[:, i : i + height] if axis == 1 else padded[:, :, 3 * i : 3 * i + length]
        total += kernel[:, i, None, None] * shifted
    return tf.reshape(total, tf.shape(images))


@implements(Sharpness)
def sharpness(lower: float, upper: float) -> Op:
    """Blends with the image smoothed by a 3 x 3 kernel, as Pillow's; params: `factor` (B,) float32."""
    return _factor(lower, upper, sharpen)


def sharpen(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Float images blended with themselves smoothed by (1 1 1; 1 5 1; 1 1 1) / 13; `factor` (B, 1, 1, 1).

    The border pixels stay.
    """
    lines = lines_of(images)
    below, rest = lines[:, 1:], lines[:, 2:]
    middle = below[:, : tf.shape(rest)[1]]
    columns = lines[:, : tf.shape(rest)[1]] + middle + rest
    right = columns[:, :, 6:]
    width = tf.shape(right)[2]
    inner = middle[:, :, 3 : 3 + width]
    smooth = (columns[:, :, :width] + columns[:, :, 3 : 3 + width] + right + 4 * inner) / 13
    inner = blend(inner, smooth, factor[:, 0])
    # Slices that are empty, not negative, for images of one or two pixels.
    middle = tf.concat([middle[:, :, :3], inner, middle[:, :, 3:][:, :, -3:]], 2)
    return tf.reshape(tf.concat([lines[:, :1], middle, below[:, -1:]], 1), tf.shape(images))


# --- grey levels ---------------------------------------------------------------------------------------------------


@implements(Posterize)
def posterize(bits: tuple[float, float]) -> Op:
    """Keeps the highest bits of each value; params: `bits` (B,) int32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"bits": tf.random.stateless_uniform([batch], seed, int(bits[0]), int(bits[1]) + 1, tf.int32)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        kept = tf.cast(keep_bits(grey_levels(images), params["bits"]), images.dtype)
        # Floats are rounded, but where no bit goes they stay.
        return kept if images.dtype == tf.uint8 else tf.where(per_example(params["bits"] < 8), kept, images)

    return on_images(sample, change)


def keep_bits(images: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """uint8 images with only their `bits` (B,) highest bits, 0 to 8."""
    mask = tf.cast(256 - tf.bitwise.left_shift(1, 8 - bits), tf.uint8)
    return tf.bitwise.bitwise_and(images, per_example(mask))


@implements(Solarize)
def solarize(threshold: tuple[float, float]) -> Op:
    """Inverts the values at and above a threshold; params: `threshold` (B,) float32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"threshold": uniform(seed, batch, *threshold)}

    return on_images(sample, lambda images, params: invert_from(images, params["threshold"]))


def invert_from(images: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Images whose values from `threshold` (B,) on are inverted."""
    return tf.where(_floats(images) < per_example(threshold), images, 255 - images)


@implements(Invert)
def invert() -> Op:
    """Makes a negative; no params."""
    return on_images(_nothing, lambda images, _: 255 - images)


@implements(AutoContrast)
def autocontrast() -> Op:
    """Stretches each channel to the full range, as Pillow's; a channel of one value stays; no params."""
    return on_images(_nothing, lambda images, _: stretch(_floats(images)))


def stretch(images: tf.Tensor) -> tf.Tensor:
    """Float images with each channel's least value at 0 and its largest at 255."""
    least = _each_channel(tf.reduce_min, images)
    span = _each_channel(tf.reduce_max, images) - least
    return tf.where(span > 0, _clip((images - least) * (255 / tf.maximum(span, TINY))), images)


@implements(Equalize)
def equalize() -> Op:
    """Spreads the grey levels of each channel evenly, as Pillow's; no params."""
    return on_images(_nothing, lambda images, _: tf.cast(spread(grey_levels(images)), images.dtype))


def spread(images: tf.Tensor) -> tf.Tensor:
    """uint8 images with the histogram of each channel flattened; Pillow's whole-number arithmetic."""
    batch = tf.shape(images)[0]
    # The place of each value in one long table: 256 levels of 3 channels of B images.
    place = tf.cast(images, tf.int32) + 256 * (tf.range(3) + 3 * tf.range(batch)[:, None, None, None])
    counts = tf.math.unsorted_segment_sum(tf.ones([tf.size(place)], tf.int32), tf.reshape(place, [-1]), 256 * 3 * batch)
    # XLA would compute the table anew for each pixel; through a sort, which changes nothing here, it doesn't fuse.
    table = tf.sort(_equalizing(tf.reshape(counts, [3 * batch, 256])), axis=1)
    return tf.gather(tf.reshape(table, [-1]), place)


def _equalizing(counts: tf.Tensor) -> tf.Tensor:
    """(N, 256) uint8: the new level of each level, from the histogram of a channel (N, 256)."""
    levels = tf.range(256)
    largest = tf.reduce_max(tf.where(counts > 0, levels, 0), axis=1)
    step = (tf.reduce_sum(counts, axis=1) - tf.gather(counts, largest, batch_dims=1))[:, None] // 255
    below = tf.cumsum(counts, axis=1, exclusive=True)
    table = tf.minimum((step // 2 + below) // tf.maximum(step, 1), 255)
    return tf.cast(tf.where(step > 0, table, levels), tf.uint8)


# --- JPEG ----------------------------------------------------------------------------------------------------------


@implements(JpegQuality)
def jpeg_quality(min_jpeg_quality: int, max_jpeg_quality: int) -> Op:
    """Encodes and decodes each image as JPEG, as `tf.image.random_jpeg_quality`; params: `quality` (B,) int32."""

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"quality": tf.random.stateless_uniform([batch], seed, min_jpeg_quality, max_jpeg_quality + 1, tf.int32)}

    def change(images: tf.Tensor, params: Params) -> tf.Tensor:
        decoded = tf.map_fn(
            lambda one: tf.image.adjust_jpeg_quality(one[0], one[1]),
            (grey_levels(images), params["quality"]),
            fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
        )
        return tf.cast(tf.ensure_shape(decoded, images.shape), images.dtype)

    return on_images(sample, change, compiled=False)
