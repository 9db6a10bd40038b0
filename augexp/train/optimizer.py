"""SGD and AdamW with a rate of its own for the backbone, which Keras doesn't offer; and the averages of the weights."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from augexp.config.schema import Train


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

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Leaves the weights alone: Keras would set them to their averages after every `fit`, and a run has several."""

    @property
    def averages(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Each trained variable with its average; none without `train.ema`."""
        if not self.use_ema:  # type: ignore[attr-defined]
            return []
        return list(zip(self._trainable_variables, self._model_variables_moving_average, strict=True))  # type: ignore[attr-defined]


class SGD(_OwnRates, keras.optimizers.SGD):  # type: ignore[misc]
    """Stochastic gradient descent with momentum."""


class AdamW(_OwnRates, keras.optimizers.Adam):  # type: ignore[misc]
    """Adam with decoupled weight decay."""


class _From(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A schedule that starts at a later step.

    Starting the optimizer's own counter there would also tell Adam that its moments, which start at zero, are warm.
    """

    def __init__(self, first_step: int, whole: keras.optimizers.schedules.LearningRateSchedule) -> None:
        self.first_step, self.whole = first_step, whole

    def __call__(self, step: Any) -> Any:
        return self.whole(step + self.first_step)


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

    With `train.ema`, the averages are variables of the optimizer. They begin as the weights after its first step.
    """
    options: dict[str, Any] = {
        **({} if train.ema is None else {"use_ema": True, "ema_momentum": train.ema}),
        **({} if train.clip_norm is None else {"global_clipnorm": train.clip_norm}),
        "slow": frozenset(id(variable) for variable in slow),
        "slow_rate": slow_rate,
        "decay": train.weight_decay,
        "learning_rate": _From(first_step, schedule(train, total_steps)),
    }
    if train.optimizer == "sgd":
        optimizer: Any = SGD(momentum=train.momentum, **options)
    else:
        optimizer = AdamW(**options)
    return optimizer


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Inside, a model that is being trained has the averages of its weights in their place, where there are any.

    The moving statistics of batch norm are averages already, and stay as they are.
    """
    # In mixed_float16, Keras wraps the optimizer.
    averages = getattr(model.optimizer, "inner_optimizer", model.optimizer).averages
    # Copies: JAX deletes the array of a variable that it hands to a step, and so would delete the average's own.
    weights = [np.array(keras.ops.convert_to_numpy(variable)) for variable, _ in averages]
    for variable, average in averages:
        variable.assign(np.array(keras.ops.convert_to_numpy(average)))
    try:
        yield
    finally:
        for (variable, _), weight in zip(averages, weights, strict=True):
            variable.assign(weight)


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
