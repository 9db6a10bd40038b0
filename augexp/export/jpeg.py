"""JPEG -> what the network sees, in TensorFlow's graph, as `data.decode` and `data.pipeline.centre` do with Pillow.

The same down to a grey level: turned upright as EXIF says, decoded at the scale that Pillow takes, squashed or cropped,
brought to size with or without antialiasing. JPEGs of four channels (CMYK) may come out in other colours.
"""

import tensorflow as tf

from augexp.export.facts import Facts

HEAD = 2**17  # bytes in which EXIF is looked for; it is a segment of at most 2**16 among the first
EXIF = b"Exif\0\0"
ORIENTATION = 0x0112  # tag of EXIF
# Of EXIF's orientations 1 to 8, after an exchange of rows and columns from 5 on: whether rows, columns are reversed.
REVERSED = (
    *((False, False), (False, True), (True, True), (True, False)),
    *((False, False), (False, True), (True, True), (True, False)),
)


def pixels(encoded: tf.Tensor, about: Facts) -> tf.Tensor:
    """The content of a JPEG file, a scalar string -> RGB (S, S, 3) float32, whole numbers in [0, 255]."""
    size, target = about.decoded_size, about.image_size
    # Antialiasing weighs twice as many pixels as there will be.
    image = _upright(_decoded(encoded, size * (2 if about.antialias else 1)), _orientation(encoded))
    box = _box(image, crop=about.resize == "crop")
    resized = _antialiased(image, box, size) if about.antialias else _bilinear(image, box, size)
    margin = (size - target) // 2
    return tf.ensure_shape(resized[margin : margin + target, margin : margin + target], (target, target, 3))


def _decoded(encoded: tf.Tensor, least: int) -> tf.Tensor:
    """RGB (H, W, 3) uint8, a half, a quarter or an eighth as large where both sides stay at least `least`."""
    shape = tf.io.extract_jpeg_shape(encoded)
    scale = tf.reduce_min(shape[:2]) // least
    smaller = tf.reduce_sum(tf.cast(scale >= tf.constant((2, 4, 8)), tf.int32))

    def at(ratio: int) -> tf.Tensor:
        return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    return tf.switch_case(smaller, [lambda: at(1), lambda: at(2), lambda: at(4), lambda: at(8)])


# --- EXIF ------------------------------------------------------------------------------------------------------------


def _orientation(encoded: tf.Tensor) -> tf.Tensor:
    """EXIF's number for how the image is turned, 1 ... 8; 1 where nothing says."""
    head = tf.io.decode_raw(tf.strings.substr(encoded, 0, HEAD), tf.uint8)
    count = tf.maximum(tf.size(head) - len(EXIF) + 1, 0)
    begins = tf.reduce_all([head[i : i + count] == byte for i, byte in enumerate(EXIF)], axis=0)
    places = tf.where(begins)[:, 0]
    return tf.cond(
        tf.size(places) > 0,
        lambda: _of_exif(tf.pad(head[tf.cast(places[0], tf.int32) + len(EXIF) :], [[0, 8]])),
        lambda: tf.constant(1, tf.int64),
    )


def _of_exif(tiff: tf.Tensor) -> tf.Tensor:
    """The same of the bytes (N,) uint8 that follow EXIF's mark: a TIFF, whose first directory tells."""
    last = tf.size(tiff, tf.int64) - 1
    is_little = tiff[0] == ord("I")

    def number(at: tf.Tensor, size: int) -> tf.Tensor:
        """Whole numbers of so many bytes at places (...,) int64; what a broken file points beyond is its last byte."""
        found = tf.gather(tiff, tf.clip_by_value(at[..., None] + tf.range(size, dtype=tf.int64), 0, last))
        powers = 256 ** tf.range(size, dtype=tf.int64)
        return tf.reduce_sum(tf.cast(found, tf.int64) * tf.where(is_little, powers, powers[::-1]), axis=-1)

    directory = number(tf.constant(4, tf.int64), 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    told = number(entries + 8, 2)[number(entries, 2) == ORIENTATION]
    first = tf.concat([told, [1]], axis=0)[0]
    return tf.where((first >= 1) & (first <= len(REVERSED)), first, tf.constant(1, tf.int64))


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    turned = tf.cond(orientation > 4, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    reverse = tf.gather(tf.constant(REVERSED), orientation - 1)
    return tf.raw_ops.Reverse(tensor=turned, dims=tf.concat([reverse, [False]], axis=0))


# --- size ------------------------------------------------------------------------------------------------------------


def _box(image: tf.Tensor, *, crop: bool) -> tf.Tensor:
    """Top, left, height and width (4,) int32 of what is kept: all of it, or the central square."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    if not crop:
        return tf.stack([0, 0, height, width])
    side = tf.minimum(height, width)
    return tf.stack([(height - side) // 2, (width - side) // 2, side, side])


def _bilinear(image: tf.Tensor, box: tf.Tensor, size: int) -> tf.Tensor:
    """Each pixel from the four nearest."""
    top, left, height, width = tf.unstack(box)
    kept = image[None, top : top + height, left : left + width]
    return _rounded(tf.raw_ops.ResizeBilinear(images=kept, size=(size, size), half_pixel_centers=True))[0]


def _antialiased(image: tf.Tensor, box: tf.Tensor, size: int) -> tf.Tensor:
    """As Pillow does it: columns first, rounded, then rows; pixels around the box weigh in at its edges."""
    top, left, height, width = tf.unstack(tf.cast(box, tf.float32))
    columns = _resampled(image[None], (tf.shape(image)[0], size), (1.0, size / width), (0.0, -left * size / width))
    return _resampled(columns, (size, size), (size / height, 1.0), (-top * size / height, 0.0))[0]


def _resampled(
    images: tf.Tensor, size: tuple[tf.Tensor | int, int], scale: tuple[tf.Tensor | float, ...],
    translation: tuple[tf.Tensor | float, ...],
) -> tf.Tensor:  # fmt: skip
    found = tf.raw_ops.ScaleAndTranslate(
        images=images, size=tf.stack(size), scale=tf.stack(scale), translation=tf.stack(translation),
        kernel_type="triangle", antialias=True,
    )  # fmt: skip
    return _rounded(found)


def _rounded(images: tf.Tensor) -> tf.Tensor:
    return tf.floor(images + 0.5)
