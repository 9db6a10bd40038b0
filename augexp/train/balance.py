"""The loss of a run: cross-entropy, balanced softmax where classes are of unlike size, or binary cross-entropy."""

from typing import Any

import keras
import numpy as np

from augexp.config.schema import Train
from augexp.data.splits import Splits
from augexp.train.binary import BinaryCrossentropy

ABSENT = 0.5  # images that a class without any in train counts as, so that smoothed labels of it have a finite loss


def loss(train: Train, splits: Splits) -> keras.losses.Loss:
    """What is minimised; validation reports it too, and accuracies are of the plain logits."""
    if train.loss == "binary":
        return BinaryCrossentropy()
    if train.balance != "loss":
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return BalancedSoftmax(np.bincount(splits.train.labels, minlength=len(splits.class_names)))


class BalancedSoftmax(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of logits to which the log of each class's share of train is added (Ren et al., NeurIPS 2020).

    A network that minimises it has logits of classes that are all equally common.
    """

    def __init__(self, examples: Any) -> None:
        """Examples of each class (K,) in train."""
        super().__init__(name="balanced_softmax")
        counts = np.maximum(examples, ABSENT)
        self.log_prior = np.log(counts / counts.sum()).astype(np.float32)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B, K) targets, one-hot or soft, and logits (B, K) -> (B,)."""
        return keras.losses.categorical_crossentropy(y_true, y_pred + self.log_prior, from_logits=True)
