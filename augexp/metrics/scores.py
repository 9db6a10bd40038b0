"""Class probabilities and labels -> accuracy, top-5 accuracy, recall by class, cross-entropy, Brier score."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from augexp.metrics.recall import macro_recall, worst_class_recall

TOP = 5


Floats = NDArray[np.float32]


Labels = NDArray[np.int32]


def metrics(probability: Floats, labels: Labels) -> dict[str, float | int]:
    """Accuracy, top-5 accuracy, macro and worst-class recall, and plain cross-entropy (nats).

    Args:
        probability: (N, K) float32.
        labels: (N,) class numbers.

    Returns:
        `accuracy`, `top5_accuracy` (top-K where K < 5), `macro_recall`, `worst_class_recall`, `cross_entropy`,
        `examples`.
    """
    found = per_example(probability, labels)
    means = {name: float(found[name].mean(dtype=np.float64)) for name in ("accuracy", "top5_accuracy", "cross_entropy")}
    return means | of_classes(found["accuracy"], labels) | {"examples": len(labels)}


def of_classes(correct: Floats, labels: Labels) -> dict[str, float]:
    """`macro_recall` and `worst_class_recall`, of the classes that have examples.

    Args:
        correct: (N,) 1 where right, else 0.
        labels: (N,) class numbers.
    """
    return {
        "macro_recall": macro_recall(correct, labels),
        "worst_class_recall": worst_class_recall(correct, labels),
    }


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


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Class probabilities (N, K) float32, rows summing to 1.

    Of a network of sigmoids (`train.loss: binary`) too: that a class is there and no other, given that exactly one is,
    has the odds exp(logit), which is the softmax.
    """
    return np.asarray(softmax(logits / np.float32(temperature), axis=1), np.float32)
