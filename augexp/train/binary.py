"""Training a network of sigmoids: a class is there or not, and several may be (Wightman et al., 2021)."""

from typing import Any

import keras


class BinaryCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Binary cross-entropy of each class, summed over the classes.

    The gradient of a logit is sigmoid - target, as large as softmax - target is: a mean over K classes would need a
    learning rate K times as high.
    """

    def __init__(self) -> None:
        super().__init__(name="binary_crossentropy")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B, K) targets in [0, 1] and logits (B, K) -> (B,)."""
        return keras.ops.sum(keras.ops.binary_crossentropy(y_true, y_pred, from_logits=True), axis=-1)


def accuracy() -> keras.metrics.Metric:
    """The share of examples whose most probable class has the highest target, alone or among others."""
    return keras.metrics.MeanMetricWrapper(_is_there, name="accuracy")


def _is_there(y_true: Any, y_pred: Any) -> Any:
    said = keras.ops.argmax(y_pred, axis=-1, keepdims=True)
    found = keras.ops.take_along_axis(y_true, said, axis=-1)[:, 0]
    return keras.ops.cast(found >= keras.ops.max(y_true, axis=-1), "float32")
