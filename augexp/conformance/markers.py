"""Images that carry their own number and coordinates, and labels that carry their own: read back after mixing.

Nothing here knows an implementation.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


def marked(batch: int, height: int, width: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """(B, H, W, 3) images whose pixels say where they come from: image number, row and column, each modulo 256."""
    numbers, rows, columns = np.ogrid[:batch, :height, :width]
    shape = (batch, height, width)
    return np.stack([np.broadcast_to(part % 256, shape) for part in (numbers, rows, columns)], axis=-1).astype(dtype)


def coloured(batch: int, height: int, width: int, dtype: Any = np.uint8, colouring: int = 0) -> NDArray[Any]:
    """(B, H, W, 3) images of one random colour each: the mean colour after mixing tells how much each gave.

    One `colouring` tells three sources apart, two of them six.
    """
    colours = np.random.default_rng([batch, height, width, colouring]).integers(0, 256, (batch, 1, 1, 3))
    return np.broadcast_to(colours, (batch, height, width, 3)).astype(dtype)


class Pasted(NamedTuple):
    """What `marked` images show after cutmix: a row an image."""

    partner: Ints  # (B,) the image's own number where nothing was pasted
    box: Ints  # (B, 4) y1, x1, y2, x2 (ends excluded) around the pasted pixels; zeros where there are none
    share: Floats  # (B,) of the pixels that were pasted
    foreign: int  # pixels that are neither the image's nor the partner's at their place
    ragged: int  # images in which the pasted pixels don't fill their box


def read_pasted(images: NDArray[Any]) -> Pasted:
    """Reads at most 256 `marked` images after cutmix, (B, H, W, 3) of any dtype."""
    batch, height, width = images.shape[:3]
    number, row, column = _channels(images)
    own, rows, columns = np.ogrid[:batch, :height, :width]
    pasted = number != own
    # Any pasted pixel tells the partner, the first one is the cheapest; without one it is the image itself.
    partner = number.reshape(batch, -1)[np.arange(batch), pasted.reshape(batch, -1).argmax(axis=1)].astype(np.int64)
    known = ~pasted | (number == partner[:, None, None])
    in_place = (row == rows % 256) & (column == columns % 256)
    (top, bottom), (left, right) = _extent(pasted.any(axis=2)), _extent(pasted.any(axis=1))
    count = pasted.sum(axis=(1, 2))
    return Pasted(
        partner=np.clip(partner, 0, batch - 1),
        box=np.stack([top, left, bottom, right], axis=1),
        share=count / (height * width),
        foreign=int((~(known & in_place)).sum()),
        ragged=int((count != (bottom - top) * (right - left)).sum()),
    )


def _channels(images: NDArray[Any]) -> list[NDArray[Any]]:
    # Apart, comparisons run several times as fast.
    return [np.ascontiguousarray(images[..., channel]) for channel in range(3)]


class Erased(NamedTuple):
    """What `marked` images show after erasing."""

    share: Floats  # (B,) of the pixels that are the filling
    foreign: int  # pixels that are neither the image's own at their place nor the filling
    ragged: int  # images in which the erased pixels don't fill their box


def read_erased(images: NDArray[Any], filling: float) -> Erased:
    """Reads at most 255 `marked` images after a part of them was replaced by a filling of one grey level."""
    batch, height, width = images.shape[:3]
    number, row, column = _channels(images)
    own, rows, columns = np.ogrid[:batch, :height, :width]
    erased = (number == filling) & (row == filling) & (column == filling)
    kept = (number == own) & (row == rows % 256) & (column == columns % 256)
    (top, bottom), (left, right) = _extent(erased.any(axis=2)), _extent(erased.any(axis=1))
    count = erased.sum(axis=(1, 2))
    ragged = int((count != (bottom - top) * (right - left)).sum())
    return Erased(count / (height * width), int((~(erased | kept)).sum()), ragged)


def _extent(covered: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """First and one past last place that is covered, of each row; 0 and 0 where none is."""
    some = covered.any(axis=1)
    end = covered.shape[1] - covered[:, ::-1].argmax(axis=1)
    return covered.argmax(axis=1), np.where(some, end, 0)


class Weights(NamedTuple):
    """What identity labels show after mixing: a row an example."""

    lam: Floats  # (B,) the weight of the example's own label
    partner: Ints  # (B,) of the largest other label; the example itself where there is none


def read_labels(labels: NDArray[Any]) -> Weights:
    """Reads labels (B, B) that were the identity before mixing."""
    numbers = np.arange(len(labels))
    others = np.array(labels, np.float64)
    others[numbers, numbers] = 0
    return Weights(labels[numbers, numbers], np.where(others.any(axis=1), others.argmax(axis=1), numbers))


def label_error(labels: NDArray[Any], pasted: Pasted) -> float:
    """Largest difference of a label's weight from its share of pixels; `labels` were the identity before mixing."""
    numbers = np.arange(len(labels))
    expected = np.zeros(labels.shape)
    expected[numbers, numbers] += 1 - pasted.share
    expected[numbers, pasted.partner] += pasted.share
    return float(np.abs(labels - expected).max())


def row_error(labels: NDArray[Any]) -> float:
    """Largest difference of a row's sum from 1; NaN where a label is."""
    return float(np.abs(labels.sum(axis=1, dtype=np.float64) - 1).max())


def blend_error(before: NDArray[Any], after: NDArray[Any], labels: NDArray[Any]) -> float:
    """Largest difference, in grey levels, of images from the blend that their identity labels tell."""
    blend = np.asarray(labels, np.float64) @ before.reshape(len(before), -1).astype(np.float64)
    return float(np.abs(after.reshape(len(after), -1) - blend).max())


def share_error(before: NDArray[Any], after: NDArray[Any], labels: NDArray[Any]) -> float:
    """Largest difference, in [0, 1], of the mean colours of mixed `coloured` images from what their labels tell.

    Whether pixels were pasted or blended, a source's share of them is its share of the mean.
    """
    told = np.asarray(labels, np.float64) @ before[:, 0, 0].astype(np.float64)
    return float(np.abs(after.mean(axis=(1, 2), dtype=np.float64) - told).max() / 255)


def blend_weight(before: NDArray[Any], after: NDArray[Any], partner: Ints) -> Floats:
    """(B,) lam by least squares from the pixels; NaN where an example is its own partner."""
    flat = before.reshape(len(before), -1).astype(np.float64)
    other = flat[partner]
    step = flat - other
    with np.errstate(invalid="ignore"):
        weight: Floats = ((after.reshape(len(after), -1) - other) * step).sum(axis=1) / (step**2).sum(axis=1)
    return weight
