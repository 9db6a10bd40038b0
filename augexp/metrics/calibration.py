"""Does a network know how sure it may be? Reliability, calibration error, temperature scaling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from augexp.metrics.scores import Floats, Labels

BINS = 15  # of a reliability diagram


HOTTEST = 100.0  # temperatures are looked for between 1 / HOTTEST and HOTTEST


@dataclass(frozen=True)
class Bin:
    """Examples of like confidence: its mean, the share that is right, and how many they are."""

    confidence: float
    accuracy: float
    examples: int


def reliability(probability: Floats, labels: Labels, bins: int = BINS) -> list[Bin]:
    """Bins of equally many examples, by the probability of the class that is said; fewer where examples are fewer."""
    confidence = probability.max(axis=1).astype(np.float64)
    right = probability.argmax(axis=1) == labels
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return [Bin(float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy (Naeini et al., 2015), in [0, 1]."""
    gaps = [one.examples * abs(one.confidence - one.accuracy) for one in bins]
    return sum(gaps) / sum(one.examples for one in bins)


def temperature(logits: Floats, labels: Labels) -> float:
    """The one number to divide logits (N, K) by for the least cross-entropy (Guo et al., 2017)."""
    exact = logits.astype(np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = log_softmax(exact / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(labels)), labels].mean())

    limit = float(np.log(HOTTEST))
    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-limit, limit), method="bounded").x))
