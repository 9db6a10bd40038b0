"""What a batch holds of the smallest class: mixing takes its partners from there."""

import math

import numpy as np
from numpy.typing import NDArray

from augexp.audit.findings import Mixing


def of_smallest(counts: NDArray[np.int64], batch_size: int, *, balanced: bool = False) -> Mixing:
    """Of the smallest class.

    A batch is drawn without putting back, and a partner from the batch; so each other image of train is as likely.

    Args:
        counts: train images of each class (K,), all above 0.
        batch_size: of training; what exceeds train is taken for all of it.
        balanced: whether every class is drawn equally often, as `train.balance: sampler` does.
    """
    label = int(np.argmin(counts))
    drawn = np.full_like(counts, -(-counts.sum() // len(counts))) if balanced else counts  # in a pass
    own, total = int(drawn[label]), int(drawn.sum())
    batch = min(batch_size, total)
    same = (1 + (batch - 1) * (own - 1) / max(total - 1, 1)) / batch  # itself, or another one of its class
    return Mixing(label, batch_size, batch * own / total, _without(total, own, batch), 1 - same, balanced)


def _without(total: int, own: int, batch: int) -> float:
    """Chance that none of `own` among `total` is drawn: hypergeometric."""
    if batch > total - own:
        return 0.0
    logs = (math.lgamma(n + 1) for n in (total - own, total - batch, total - own - batch, total))
    first, second, third, fourth = logs
    return math.exp(first + second - third - fourth)
