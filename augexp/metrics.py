"""Logits or class probabilities, and labels -> numbers. No network, no file, no TensorFlow here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

TOP = 5
BINS = 15  # of a reliability diagram
HOTTEST = 100.0  # temperatures are looked for between 1 / HOTTEST and HOTTEST

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


def metrics(probability: Floats, labels: Labels) -> dict[str, float | int]:
    """Accuracy, top-5 accuracy and plain cross-entropy (nats).

    Args:
        probability: (N, K) float32.
        labels: (N,) class numbers.

    Returns:
        `accuracy`, `top5_accuracy` (top-K where K < 5), `cross_entropy`, `examples`.
    """
    found = per_example(probability, labels)
    names = ("accuracy", "top5_accuracy", "cross_entropy")
    return {name: float(found[name].mean(dtype=np.float64)) for name in names} | {"examples": len(labels)}


def per_example(probability: Floats, labels: Labels) -> dict[str, Floats]:
    """The (N,) float32 values whose means are the metrics: those of `metrics`, and `brier` (Brier, 1950).

    The Brier score is the sum over classes of (probability - truth) squared: 0 for a sure right answer, 2 for a sure
    wrong one.
    """
    of_label = probability[np.arange(len(labels)), labels]
    # All that are not less probable come before the label: a tie, or NaN, counts against the model.
    ahead = (~(probability < of_label[:, None])).sum(axis=1) - 1
    squares = np.einsum("ij,ij->i", probability, probability, dtype=np.float64)
    return {
        "accuracy": (ahead == 0).astype(np.float32),
        "top5_accuracy": (ahead < TOP).astype(np.float32),
        "cross_entropy": -np.log(np.maximum(of_label, np.finfo(np.float32).tiny)),
        "brier": (squares - 2.0 * of_label + 1.0).astype(np.float32),
    }


# --- calibration ---------------------------------------------------------------------------------------------------


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


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Class probabilities (N, K) float32."""
    return np.asarray(softmax(logits / np.float32(temperature), axis=1), np.float32)


# --- mistakes ------------------------------------------------------------------------------------------------------


def confusion(said: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """(K, K): examples of class i taken for class j."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(labels, said, labels=np.arange(classes)), np.int64)


def most_confused(table: NDArray[np.int64], most: int) -> list[tuple[int, int, int]]:
    """(class, taken for, examples) of the commonest mistakes of a confusion matrix, commonest first."""
    mistakes = table - np.diag(np.diag(table))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, mistakes.shape)
    found = [(int(i), int(j), int(mistakes[i, j])) for i, j in zip(rows, columns, strict=True)]
    return [mistake for mistake in found if mistake[2]]


def confused_block(table: NDArray[np.int64], most: int) -> list[int]:
    """At most so many classes, in order, chosen for the mistakes among them: what a picture of many can show.

    Starts with the pair that is confused most often and adds, one by one, the class with most mistakes to and from
    those chosen.
    """
    classes = len(table)
    if classes <= most:
        return list(range(classes))
    mistakes: NDArray[Any] = table + table.T
    np.fill_diagonal(mistakes, 0)
    chosen = [int(index) for index in np.unravel_index(mistakes.argmax(), mistakes.shape)]
    while len(chosen) < most:
        ties = mistakes[:, chosen].sum(axis=1)
        ties[chosen] = -1
        chosen.append(int(ties.argmax()))
    return sorted(chosen)
