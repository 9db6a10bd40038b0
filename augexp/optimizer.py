"""SGD and AdamW with a rate of its own for the backbone, which Keras doesn't offer."""

from collections.abc import Collection, Sequence
from typing import Any

import keras

from augexp.config import Train


class _OwnRates:
    """Scales the learning rate of chosen variables, and decays weights at the scaled rate.

    Weight decay is decoupled (Loshchilov and Hutter, 2019) and leaves biases and normalisation alone.
    """

    def __init__(self, *, slow: Collection[int], slow_rate: float, decay: float, **options: Any) -> None:
        super().__init__(**options)
        self._slow, self._slow_rate, self._decay = slow, slow_rate, decay

    def build(self, variables: Sequence[keras.Variable]) -> None:
        super().build(variables)  # type: ignore[misc]
        # TensorFlow's backend hands update_step its own variables, not Keras's: only their index tells them apart.
        self._slow_indices = {index for index, variable in enumerate(variables) if id(variable) in self._slow}

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        slow = self._get_variable_index(variable) in self._slow_indices  # type: ignore[attr-defined]
        rate = learning_rate * self._slow_rate if slow else learning_rate
        if self._decay and len(variable.shape) > 1:
            self.assign_sub(variable, variable * keras.ops.cast(rate * self._decay, variable.dtype))  # type: ignore[attr-defined]
        super().update_step(gradient, variable, rate)  # type: ignore[misc]


class SGD(_OwnRates, keras.optimizers.SGD):  # type: ignore[misc]
    """Stochastic gradient descent with momentum."""


class AdamW(_OwnRates, keras.optimizers.Adam):  # type: ignore[misc]
    """Adam with decoupled weight decay."""


def build(
    train: Train, *, slow: Collection[keras.Variable], slow_rate: float, total_steps: int, first_step: int
) -> Any:
    """The optimizer of a phase that starts at `first_step` of a run of `total_steps`.

    Args:
        train: the recipe.
        slow: variables trained at `slow_rate` times the learning rate (the backbone's).
        slow_rate: in (0, 1].
        total_steps: length of the whole run; the schedule spans it, whatever phases it is cut into.
        first_step: where the schedule starts.
    """
    options = {
        "slow": frozenset(id(variable) for variable in slow),
        "slow_rate": slow_rate,
        "decay": train.weight_decay,
        "learning_rate": schedule(train, total_steps),
    }
    if train.optimizer == "sgd":
        optimizer: Any = SGD(momentum=train.momentum, **options)
    else:
        optimizer = AdamW(**options)
    optimizer.iterations.assign(first_step)
    return optimizer


def schedule(train: Train, total_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate by step: linear warm-up, then cosine to zero or constant."""
    warmup = total_steps * train.warmup_epochs // train.epochs
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else train.learning_rate,
        decay_steps=max(1, total_steps - warmup),
        # alpha is where the cosine ends, as a share of its start: 1 makes it constant.
        alpha=0.0 if train.schedule == "cosine" else 1.0,
        warmup_target=train.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
