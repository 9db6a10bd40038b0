"""Ops that put an image together from whole parts of others: RICAP, ResizeMix and GridMix; labels weigh by the pixels.

The contract is that of `augment.op`; a label's weight is exactly the share of pixels it has.
"""

import tensorflow as tf

from augexp.augment.geometric import place
from augexp.augment.mixing import (
    JOINS,
    draw_lam,
    draw_partner,
    draws,
    for_all,
    partners_of,
    paste,
    present_labels,
)
from augexp.augment.op import Op, Params, implements, lines_of, uniform
from augexp.config.ops import GridMix, Per, ResizeMix, Ricap, Targets

# --- RICAP ---------------------------------------------------------------------------------------------------------


@implements(Ricap)
def ricap(alpha: float, *, per: Per = "example", labels: Targets = "soft") -> Op:
    """Patches four images together at a point of each side ~ Beta(alpha, alpha), the paper's beta.

    A patch is a crop from a random place of its image, as large as its corner. The left top one is the example's own.

    params: `split` (B, 2) int32, the row and the column at which the patches meet; `sources` (B, 4) int32, the examples
    at the left top, right top, left bottom and right bottom; `crop` (B, 4, 2) int32, the row and the column in its
    image from which each comes; `weights` (B, 4) float32.
    """
    join = present_labels if labels == "binary" else _weighed

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_row, for_column, for_crop, *for_sources = tf.unstack(tf.random.split(seed, 6))
        row, column = _split(for_row, batch, height, alpha, per), _split(for_column, batch, width, alpha, per)
        tall = tf.stack([row, row, height - row, height - row], axis=1)
        wide = tf.stack([column, width - column, column, width - column], axis=1)
        room = tf.stack([height - tall, width - wide], axis=2)
        partners = [draw_partner(one, batch) for one in for_sources]
        return {
            "split": tf.stack([row, column], axis=1),
            "sources": tf.stack([tf.range(batch), *partners], axis=1),
            "crop": for_all(_anywhere(for_crop, room[: draws(batch, per)]), batch),
            "weights": tf.cast(tall * wide / (height * width), tf.float32),
        }

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        return _patched(images, params), join(tf.gather(labels, params["sources"]), params["weights"])

    return Op(sample, apply)


def _weighed(labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """(B, K): the sum of labels (B, S, K) by their weights (B, S)."""
    return tf.reduce_sum(weights[..., None] * labels, axis=1)


def _split(seed: tf.Tensor, batch: tf.Tensor, side: tf.Tensor, alpha: float, per: Per) -> tf.Tensor:
    share = draw_lam(seed, batch, alpha, 1.0, per)
    return tf.cast(tf.round(share * tf.cast(side, tf.float32)), tf.int32)


def _anywhere(seed: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
    """Whole numbers of room's shape, uniform in [0, room], int32."""
    free = tf.cast(room, tf.float32)
    # u * (room + 1) may round up to room + 1.
    return tf.cast(tf.minimum(tf.floor(tf.random.stateless_uniform(tf.shape(room), seed) * (free + 1)), free), tf.int32)


def _patched(images: tf.Tensor, params: Params) -> tf.Tensor:
    """Each image from its four patches; the dtype stays."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    split, sources, crop = params["split"], params["sources"], params["crop"]
    rows, columns = tf.range(height), tf.range(width)
    below, right = rows >= split[:, 0:1], columns >= split[:, 1:2]

    def start(number: int, *, down: int, across: int) -> tf.Tensor:
        """(B, 1): the number, among all pixels of the batch, of the one that a patch would have at the left top."""
        row = sources[:, number] * height + crop[:, number, 0] - down * split[:, 0]
        return (row * width + crop[:, number, 1] - across * split[:, 1])[:, None]

    lefts, rights = (
        tf.where(below, start(2 + across, down=1, across=across), start(across, down=0, across=across)) + rows * width
        for across in (0, 1)
    )
    pixels = tf.where(right[:, None, :], rights[:, :, None], lefts[:, :, None]) + columns
    return tf.gather(tf.reshape(images, [-1, 3]), pixels)


# --- ResizeMix -----------------------------------------------------------------------------------------------------


@implements(ResizeMix)
def resizemix(scale: tuple[float, float], *, per: Per = "example", labels: Targets = "soft") -> Op:
    """Pastes the whole partner, each side shrunk by the same U(scale), at a place wholly in the image.

    Its pixels are the nearest ones, so whole grey levels stay whole.

    params: `partner` (B,) int32; `box` (B, 4) int32 as top, left, bottom, right (ends excluded), at least a pixel;
    `weight` (B,) float32, the share of pixels kept.
    """
    join = JOINS[labels]

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_scale, for_row, for_column, for_partner = tf.unstack(tf.random.split(seed, 4))
        share = uniform(for_scale, draws(batch, per), *scale)
        top, bottom = _draw_side(for_row, share, height)
        left, right = _draw_side(for_column, share, width)
        kept = height * width - (bottom - top) * (right - left)
        return {
            "partner": draw_partner(for_partner, batch),
            "box": for_all(tf.stack([top, left, bottom, right], axis=1), batch),
            "weight": for_all(tf.cast(kept / (height * width), tf.float32), batch),
        }

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = paste(images, _shrunk(images, params["partner"], params["box"]), params["box"])
        return mixed, join(labels, params["partner"], params["weight"])

    return Op(sample, apply)


def _draw_side(seed: tf.Tensor, share: tf.Tensor, side: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Start and end (excluded) of a share of a side, at a random place; (B,) int32."""
    whole = tf.cast(side, tf.float32)
    pixels = tf.maximum(tf.round(share * whole), 1.0)
    start = place(seed, tf.size(share), whole - pixels, tf.constant(True))
    return tf.cast(start, tf.int32), tf.cast(start + pixels, tf.int32)


def _shrunk(images: tf.Tensor, partner: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Images of the same size, whose boxes (B, 4) hold the whole partner; what lies beside a box has no meaning."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    top, left, bottom, right = tf.split(box, 4, axis=1)
    rows = partner[:, None] * height + _unshrunk(height, top, bottom)
    # Numbers of pixels from whole rows and columns: eight times as fast as a place for each pixel.
    pixels = (rows * width)[:, :, None] + _unshrunk(width, left, right)[:, None, :]
    return tf.gather(tf.reshape(images, [-1, 3]), pixels)


def _unshrunk(side: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """(B, side) int32: the pixel whose square holds the centre of each pixel of a shrunk side (B, 1)."""
    # In whole numbers: (i + 1/2) side / length.
    read = (2 * (tf.range(side) - start) + 1) * side // (2 * (end - start))
    return tf.clip_by_value(read, 0, side - 1)


# --- GridMix -------------------------------------------------------------------------------------------------------


@implements(GridMix)
def gridmix(cells: int, alpha: float, *, per: Per = "example", labels: Targets = "soft") -> Op:
    """Takes each of `cells` x `cells` cells from the image with chance lam ~ Beta(alpha, alpha), else from the partner.

    params: `lam` (B,) float32 as drawn; `partner` (B,) int32; `taken` (B, cells, cells) bool, from the partner;
    `weight` (B,) float32, the share of pixels kept.
    """
    join = JOINS[labels]

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        for_lam, for_cells, for_partner = tf.unstack(tf.random.split(seed, 3))
        lam = draw_lam(for_lam, batch, alpha, 1.0, per)
        drawn = tf.random.stateless_uniform([draws(batch, per), cells, cells], for_cells)
        taken = for_all(drawn, batch) >= lam[:, None, None]
        pixels = _cell_sizes(height, cells)[:, None] * _cell_sizes(width, cells)
        kept = tf.reduce_sum(tf.where(taken, 0, pixels), axis=[1, 2])
        return {
            "lam": lam,
            "partner": draw_partner(for_partner, batch),
            "taken": taken,
            "weight": tf.cast(kept / (height * width), tf.float32),
        }

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        partner = partners_of(images, params["partner"])
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        # A row's cells are the bits of one number.
        values = tf.bitwise.left_shift(1, tf.range(cells))
        bits = tf.reduce_sum(tf.where(params["taken"], values, 0), axis=2)
        rows = tf.gather(bits, _cell_of(height, cells), axis=1)[:, :, None]
        columns = tf.repeat(tf.gather(values, _cell_of(width, cells)), 3)
        taken = tf.bitwise.bitwise_and(rows, columns) != 0
        mixed = tf.reshape(tf.where(taken, lines_of(partner), lines_of(images)), tf.shape(images))
        return mixed, join(labels, params["partner"], params["weight"])

    return Op(sample, apply)


def _cell_of(side: tf.Tensor, cells: int) -> tf.Tensor:
    """(side,) int32: the cell that each pixel lies in."""
    return tf.range(side) * cells // side


def _cell_sizes(side: tf.Tensor, cells: int) -> tf.Tensor:
    """(cells,) int32: how many pixels of a side lie in each cell."""
    ends = (tf.range(cells + 1) * side + cells - 1) // cells
    return ends[1:] - ends[:-1]
