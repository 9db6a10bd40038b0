"""How likely what was read is under the law that an op promises."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from augexp.conformance.markers import Floats, Ints

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


def others_p(partners: Ints, classes: Ints) -> float:
    """P value of partners (N, B) that are uniform over the examples of other classes; an example's own number is none.

    The rows of a batch depend on each other: the smallest p of the B chi-square tests is taken B times.
    """
    numbers = np.arange(len(classes))
    found = [
        stats.chisquare(np.bincount(drawn[drawn != i], minlength=len(classes))[classes != classes[i]]).pvalue
        for i, drawn in zip(numbers, partners.T, strict=True)
    ]
    return float(min(1.0, len(classes) * min(found)))


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
