"""Predictions of a trained model, and the metrics of predictions."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import softmax

TOP = 5


def predict(model: keras.Model, batches: tf.data.Dataset) -> NDArray[np.float32]:
    """Class probabilities, (N, K) float32, in the order of the batches."""
    logits = model.predict(batches, verbose=0)
    return softmax(np.asarray(logits, np.float32), axis=1)


def metrics(probability: NDArray[np.float32], labels: NDArray[np.int32]) -> dict[str, float | int]:
    """Accuracy, top-5 accuracy and plain cross-entropy (nats).

    Args:
        probability: (N, K) float32.
        labels: (N,) class numbers.

    Returns:
        `accuracy`, `top5_accuracy` (top-K where K < 5), `cross_entropy`, `examples`.
    """
    of_label = probability[np.arange(len(labels)), labels]
    # All that are not less probable come before the label: a tie, or NaN, counts against the model.
    ahead = (~(probability < of_label[:, None])).sum(axis=1) - 1
    return {
        "accuracy": float((ahead == 0).mean()),
        "top5_accuracy": float((ahead < TOP).mean()),
        "cross_entropy": float(-np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean()),
        "examples": len(labels),
    }
