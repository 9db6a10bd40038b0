"""SaliencyMix: a box around the point at which the partner stands out most, which is found without a network.

The contract is that of `augment.op`; a label's weight is exactly the share of pixels it has.
"""

import tensorflow as tf

from augexp.augment.mixing import JOINS, around, draw_lam, draw_partner, for_all, length_of, paste, share_kept
from augexp.augment.op import Op, Params, grey_levels, implements
from augexp.config.ops import Per, SaliencyMix, Targets

GRID = 56  # cells along a side, at most
SURROUNDS = (12, 24, 28, 48, 56, 112)  # pixels; how far the surroundings of a pixel reach
SHARES = 64  # of a grey level, in which saliency is counted
BITS = 15  # of fractions; 255 * SHARES * 2^BITS, twice, is within int32


@implements(SaliencyMix)
def saliencymix(alpha: float, *, per: Per = "example", labels: Targets = "soft") -> Op:
    """Pastes a box of the partner's image around its most salient point (Uddin et al., 2021).

    The box has side ratio sqrt(1 - lam) and is clipped to the image; it is pasted where it was. `per: batch` takes one
    lam, and the point of the first example's partner, for all.

    params: `lam` (B,) float32 as drawn, `partner` (B,) int32.
    """
    join = JOINS[labels]

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_partner = tf.unstack(tf.random.split(seed, 2))
        return {"lam": draw_lam(for_lam, batch, alpha, 1.0, per), "partner": draw_partner(for_partner, batch)}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        partner, (batch, height, width, _) = params["partner"], tf.unstack(tf.shape(images))
        points = tf.gather(salient_points(images), partner)
        if per == "batch":
            points = for_all(points[:1], batch)
        box = _box(points, params["lam"], height, width)
        mixed = paste(images, tf.gather(images, partner), box)
        return mixed, join(labels, partner, share_kept(box, height, width))

    return Op(sample, apply)


def _box(points: tf.Tensor, lam: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    top, bottom = around(points[:, 0], length_of(lam, height), height)
    left, right = around(points[:, 1], length_of(lam, width), width)
    return tf.stack([top, left, bottom, right], axis=1)


def salient_points(images: tf.Tensor) -> tf.Tensor:
    """(B, 2) int32: row and column of the most salient pixel of each image (B, H, W, 3), the first of equals."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    found = saliency(images)
    columns = tf.shape(found)[2]
    cell = tf.argmax(tf.reshape(found, [tf.shape(found)[0], -1]), axis=1, output_type=tf.int32)
    row, column = cell // columns, cell % columns
    return tf.stack([_pixel(row, height, tf.shape(found)[1]), _pixel(column, width, columns)], axis=1)


def saliency(images: tf.Tensor) -> tf.Tensor:
    """How far each cell's grey level is from the mean of its surroundings (Montabone and Soto, 2010).

    The sum over the surroundings, squares that reach as many pixels as OpenCV's; without its scaling to [0, 255].

    Args:
        images: (B, H, W, 3), [0, 255].

    Returns:
        (B, min(H, GRID), min(W, GRID)) int32. In whole numbers, so that it is the same however it is compiled.
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    grey = _smoothed(_cells(images))
    rows, columns = tf.shape(grey)[1], tf.shape(grey)[2]
    sums = _sums(grey)
    total = tf.zeros_like(grey)
    for reach in SURROUNDS:
        (top, bottom), (left, right) = _surroundings(reach, rows, height), _surroundings(reach, columns, width)
        lower, upper = tf.gather(sums, bottom, axis=1), tf.gather(sums, top, axis=1)
        bands = lower - upper
        inside = tf.gather(bands, right, axis=2) - tf.gather(bands, left, axis=2)
        cells = (bottom - top)[:, None] * (right - left)
        # The mean of the others is (inside - grey) / (cells - 1); a product, as XLA divides whole numbers one by one.
        parts = tf.cast(float(SHARES << BITS) / tf.cast(tf.maximum(cells - 1, 1), tf.float32), tf.int32)
        total += tf.bitwise.right_shift(tf.abs(grey * cells - inside) * parts, BITS)
    return total


def _cells(images: tf.Tensor) -> tf.Tensor:
    """(B, R, C) int32, [0, 255]: grey levels of cells, the mean of four pixels of each."""
    rows, columns = (tf.minimum(side, GRID) for side in tf.unstack(tf.shape(images)[1:3]))
    four = images
    for axis, cells in ((1, rows), (2, columns)):
        four = tf.gather(four, _pixel(tf.range(2 * cells), tf.shape(images)[axis], 2 * cells), axis=axis)
    red, green, blue = tf.unstack(tf.cast(grey_levels(four), tf.int32), axis=3)
    luma = 299 * red + 587 * green + 114 * blue  # thousandths, as in `photometric.LUMA`
    whole = tf.reduce_sum(tf.reshape(luma, [-1, rows, 2, columns, 2]), axis=[2, 4])
    return (whole + 2000) // 4000


def _pixel(cell: tf.Tensor, side: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """The pixel in the middle of a cell of a side."""
    return (2 * cell + 1) * side // (2 * cells)


def _smoothed(grey: tf.Tensor) -> tf.Tensor:
    """Twice by a 3 x 3 binomial, so that no single pixel stands out."""
    for _ in range(2):
        for axis in (1, 2):
            before, after = (tf.gather(grey, _neighbours(grey, axis, step), axis=axis) for step in (-1, 1))
            grey = tf.bitwise.right_shift(before + 2 * grey + after + 2, 2)
    return grey


def _neighbours(grey: tf.Tensor, axis: int, step: int) -> tf.Tensor:
    side = tf.shape(grey)[axis]
    return tf.clip_by_value(tf.range(side) + step, 0, side - 1)


def _sums(grey: tf.Tensor) -> tf.Tensor:
    """(B, R + 1, C + 1) int32: the sum of all cells above and to the left.

    As products, which XLA is faster at than at running sums; exact, for it is less than 2^24.
    """
    above, left = (
        tf.cast(tf.range(side + 1)[:, None] > tf.range(side), tf.float32) for side in tf.unstack(tf.shape(grey)[1:])
    )
    return tf.cast(above @ tf.cast(grey, tf.float32) @ tf.transpose(left), tf.int32)


def _surroundings(reach: int, cells: tf.Tensor, side: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First cell and last (excluded) of a square that reaches so many pixels from each cell; (cells,) int32."""
    steps = tf.maximum((reach * cells + side // 2) // side, 1)
    return tf.maximum(tf.range(cells) - steps, 0), tf.minimum(tf.range(cells) + steps + 1, cells)
