"""What the outputs of a mixing op tell: where each pixel came from, which partner, box and lam, and how likely that is.

Nothing here knows an implementation: images go in that carry their own number and coordinates, and are read back.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

# --- marked images -------------------------------------------------------------------------------------------------


def marked(batch: int, height: int, width: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """(B, H, W, 3) images whose pixels say where they come from: image number, row and column, each modulo 256."""
    numbers, rows, columns = np.ogrid[:batch, :height, :width]
    shape = (batch, height, width)
    return np.stack([np.broadcast_to(part % 256, shape) for part in (numbers, rows, columns)], axis=-1).astype(dtype)


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


# --- labels --------------------------------------------------------------------------------------------------------


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


def blend_weight(before: NDArray[Any], after: NDArray[Any], partner: Ints) -> Floats:
    """(B,) lam by least squares from the pixels; NaN where an example is its own partner."""
    flat = before.reshape(len(before), -1).astype(np.float64)
    other = flat[partner]
    step = flat - other
    with np.errstate(invalid="ignore"):
        weight: Floats = ((after.reshape(len(after), -1) - other) * step).sum(axis=1) / (step**2).sum(axis=1)
    return weight


# --- laws ----------------------------------------------------------------------------------------------------------

# float32 rounds what is within 6e-8 of 1 to 1 (3.6 % of the draws for alpha 0.2), and an example that is its own
# partner looks like lam = 1 too: the shape of a law is compared short of the ends.
LOW, HIGH = 1e-6, 1 - 1e-6


def beta_p(lam: Floats, alpha: float) -> float:
    """P value of lam ~ Beta(alpha, alpha) given lam < `HIGH`: how many exceed `LOW`, and Kolmogorov-Smirnov of them."""
    beta = stats.beta(alpha, alpha)
    below, inside = beta.cdf(LOW), beta.cdf(HIGH) - beta.cdf(LOW)
    lower = np.asarray(lam[lam < HIGH], np.float64)
    between = lower[lower > LOW]
    if not len(between):
        return 0.0
    counted = stats.binomtest(len(between), len(lower), min(float(inside / beta.cdf(HIGH)), 1.0)).pvalue
    shape = stats.kstest(between, lambda x: (beta.cdf(x) - below) / inside).pvalue
    return float(min(1.0, 2 * min(counted, shape)))


def moments_p(lam: Floats, alpha: float, own: float) -> float:
    """P value of the mean and variance of lam ~ Beta(alpha, alpha), each by its normal limit.

    Args:
        lam: draws.
        alpha: of the law.
        own: the share of draws whose example is its own partner, so that lam looks like 1.
    """
    law, values = stats.beta(alpha, alpha), np.asarray(lam, np.float64)
    variance = float(law.var())
    fourth = variance**2 * (float(law.stats("k")) + 3)
    mean_z = (values.mean() - (0.5 + 0.5 * own)) / np.sqrt(variance / len(lam))
    spread = ((values - 0.5) ** 2).mean() - ((1 - own) * variance + own / 4)
    spread_z = spread / np.sqrt((fourth - variance**2) / len(lam))
    return float(min(1.0, 4 * stats.norm.sf(max(abs(mean_z), abs(spread_z)))))


def share_p(count: int, of: int, prob: float) -> float:
    """P value of `count` successes of chance `prob` among `of`."""
    return float(stats.binomtest(count, of, prob).pvalue)


def partner_p(partners: Ints) -> float:
    """P value of uniform random permutations, (N, B): Anderson's chi-square of who was whose partner how often.

    Within a permutation partners exclude each other, so the sum over the B x B counts has (B - 1)^2 degrees of freedom
    after the factor (B - 1) / B (Anderson, 1959). Counts that are too even are as unlikely as uneven ones.
    """
    draws, batch = partners.shape
    counts = np.zeros((batch, batch))
    np.add.at(counts, (np.broadcast_to(np.arange(batch), partners.shape), partners), 1)
    expected = draws / batch
    statistic = (batch - 1) / batch * ((counts - expected) ** 2 / expected).sum()
    law = stats.chi2((batch - 1) ** 2)
    return float(2 * min(law.sf(statistic), law.cdf(statistic)))


class Boxes(NamedTuple):
    """Heights, widths, areas and centres of boxes, in shares of the image; a row a box."""

    height: Floats
    width: Floats
    area: Floats
    centre_y: Floats
    centre_x: Floats


def describe(edges: NDArray[Any], height: int, width: int) -> Boxes:
    """(N, 4) y1, x1, y2, x2 in pixels -> `Boxes`."""
    y1, x1, y2, x2 = (edges / [height, width, height, width]).T
    return Boxes(y2 - y1, x2 - x1, (y2 - y1) * (x2 - x1), (y1 + y2) / 2, (x1 + x2) / 2)


def simulate_paper(alpha: float, count: int, height: int, width: int) -> NDArray[np.float64]:
    """(count, 4) y1, x1, y2, x2 by the formula of Yun et al. (2019), real-valued: `r_w = W sqrt(1 - lam)`, centre
    uniform over the image, clipped to it.
    """
    random = np.random.default_rng(20190513)
    ratio = np.sqrt(1 - random.beta(alpha, alpha, count))
    edges = []
    for side in (height, width):
        centre = random.uniform(0, side, count)
        edges.append((np.maximum(centre - side * ratio / 2, 0), np.minimum(centre + side * ratio / 2, side)))
    (y1, y2), (x1, x2) = edges
    return np.stack([y1, x1, y2, x2], axis=1)


def box_p(edges: Ints, alpha: float, height: int, width: int) -> Boxes:
    """P values of the paper's law of boxes, two-sample Kolmogorov-Smirnov against 20 times as many simulated ones.

    The simulated edges are rounded to whole pixels too. Boxes of less than two pixels are left out of both: rounding
    is all that is left of them.
    """
    simulated = simulate_paper(alpha, 20 * len(edges), height, width).round()
    seen, law = (describe(_large(boxes), height, width) for boxes in (edges, simulated))
    return Boxes(*(_ks(one, other) for one, other in zip(seen, law, strict=True)))  # type: ignore[arg-type]


def _large(edges: NDArray[Any]) -> NDArray[Any]:
    large: NDArray[Any] = edges[((edges[:, 2:] - edges[:, :2]) >= 2).all(axis=1)]
    return large


def _ks(one: Floats, other: Floats) -> float:
    return float(stats.ks_2samp(one, other).pvalue) if len(one) else 0.0


def repeats(draws: Callable[[int], bytes], steps: int) -> int:
    """How many of `steps` draws had been seen before."""
    return steps - len({draws(step) for step in range(steps)})
