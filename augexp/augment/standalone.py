"""Strategies in one's own code: no configuration, no run folder, no command line.

A strategy as a configuration names it, for any batched tf.data set and any model:

>>> import numpy as np, tensorflow as tf
>>> from augexp.augment import build
>>> images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), np.uint8)
>>> labels = np.arange(64) % 10
>>> batches = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(64, seed=0).batch(16)
>>> train = build("basic+cutmix", num_classes=10).map(batches, seed=0)
>>> train.element_spec[0].shape, train.element_spec[1].shape
(TensorShape([None, 32, 32, 3]), TensorShape([None, 10]))

`model.fit(train)` with `keras.losses.CategoricalCrossentropy` trains on it; every epoch draws anew, and the same seed
draws the same epochs again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import tensorflow as tf
from pydantic import TypeAdapter, ValidationError

from augexp.augment.strategy import Strategy as Chain
from augexp.augment.strategy import build as build_chain
from augexp.config.ops import Spec, check_classes, ownfile
from augexp.config.schema import Strategy
from augexp.errors import UserError, brief

LEVELS = (0.0, 255.0)
BEYOND = 0.25  # of the range, that may be left on both sides: cubic resizing overshoots
STANDARDIZED = 16.0  # float images that are negative and never as high have been divided by a standard deviation


@dataclass(frozen=True)
class Augmentation:
    """A strategy that maps batches to batches.

    Attributes:
        ops: what is applied, in order.
        chain: the same, compiled.
        num_classes: K, of integer labels; None where labels are one-hot.
        value_range: of float images; uint8 images are in [0, 255].
    """

    ops: tuple[Spec, ...]
    chain: Chain
    num_classes: int | None = None
    value_range: tuple[float, float] = LEVELS

    def __call__(self, images: Any, labels: Any, seed: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """One batch.

        Args:
            images: (B, H, W, 3), RGB, uint8 in [0, 255] or float in `value_range`.
            labels: (B,) or (B, 1) integers in [0, num_classes), or (B, K) one-hot or soft.
            seed: two integers; the same two give the same batch, on any number of threads.

        Returns:
            Images (B, H, W, 3) of the dtype that came in, or float32 where an op needs fractions of a grey level, in
            the range that came in; and labels (B, K) float32.

        Raises:
            ValueError: for images, labels or a seed of another shape or type, and integer labels without `num_classes`.
            tf.errors.InvalidArgumentError: for float images that lie elsewhere than `value_range` says, and integer
                labels that are no number of a class.
        """
        images, targets = tf.convert_to_tensor(images), self._one_hot(tf.convert_to_tensor(labels))
        _check_sizes(images, targets)
        changed, mixed = self.chain(self._levels(images), targets, _two_integers(seed))
        return self._scaled(changed, images.dtype), mixed

    def map(self, dataset: tf.data.Dataset, *, seed: int = 0) -> tf.data.Dataset:
        """A data set of batches, each augmented; every pass over it draws anew; the same seed, the same passes.

        Args:
            dataset: of (images, labels) as `__call__` takes them, batched.
            seed: of all draws.

        Raises:
            ValueError: for a data set of something else.
        """
        _check_pairs(dataset)
        # Numbers that `enumerate` gives would be the same in every epoch, and so would the draws.
        draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)

        def augmented(number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return self(*batch, tf.stack([tf.constant(seed, tf.int64), number]))

        zipped = tf.data.Dataset.zip((draws, dataset))
        return zipped.map(augmented, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)

    def _one_hot(self, labels: tf.Tensor) -> tf.Tensor:
        numbers = labels.dtype.is_integer and (labels.shape.rank != 2 or labels.shape[1] == 1)
        if not numbers:
            return self._checked(tf.cast(labels, tf.float32))
        if self.num_classes is None:
            raise ValueError("integer labels: num_classes is needed, such as build(..., num_classes=120)")
        labels = labels[:, 0] if labels.shape.rank == 2 else labels  # Keras's own data sets have (N, 1)
        known = tf.reduce_all((labels >= 0) & (labels < tf.cast(self.num_classes, labels.dtype)))
        message = f"labels: with num_classes={self.num_classes} they are numbers from 0 to {self.num_classes - 1}"
        with tf.control_dependencies([tf.debugging.Assert(known, [message])]):
            return tf.one_hot(labels, self.num_classes)

    def _checked(self, targets: tf.Tensor) -> tf.Tensor:
        if targets.shape.rank == 2 and self.num_classes not in (None, targets.shape[1]):
            raise ValueError(
                f"labels: with num_classes={self.num_classes}, (B, {self.num_classes}) or integers are needed, not "
                f"{tuple(targets.shape)}"
            )
        return targets

    def _levels(self, images: tf.Tensor) -> tf.Tensor:
        """uint8, or float32 in [0, 255], which is what ops take."""
        if images.dtype == tf.uint8:
            return images
        if not images.dtype.is_floating:
            raise ValueError(f"images: uint8 or a float type is needed, not {images.dtype.name}")
        low, high = self.value_range
        with tf.control_dependencies([self._assert_range(images)]):
            images = tf.cast(tf.identity(images), tf.float32)
        if self.value_range == LEVELS:
            return images
        return (images - low) * (255 / (high - low))

    def _assert_range(self, images: tf.Tensor) -> tf.Operation:
        """Ops would clip what lies outside without a word, and change nothing to be seen in what is far smaller."""
        images = tf.cast(images, tf.float32)
        lowest, highest = tf.reduce_min(images), tf.reduce_max(images)
        low, high = self.value_range
        beyond = BEYOND * (high - low)
        fits = (lowest >= low - beyond) & (highest <= high + beyond)
        if self.value_range == LEVELS:
            fits &= (highest > tf.where(lowest < 0, STANDARDIZED, 1.0)) | ((lowest == 0) & (highest == 0))
        # Of no images, the lowest is above the highest.
        message = f"images don't lie in [{low:g}, {high:g}]: give build(..., value_range=(0, 1)) or whatever is theirs"
        return tf.debugging.Assert(fits | (lowest > highest), [message, lowest, highest])

    def _scaled(self, images: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Back to the range and the type that came in; fractions of a grey level stay float32."""
        if dtype == tf.uint8:
            return images
        low, high = self.value_range
        back = images if self.value_range == LEVELS else images * ((high - low) / 255) + low
        return tf.cast(back, dtype)


def _two_integers(seed: Any) -> tf.Tensor:
    seed = tf.convert_to_tensor(seed)
    if seed.shape != (2,) or not seed.dtype.is_integer:
        raise ValueError("seed: two integers are needed, such as (0, step)")
    return seed


def _check_sizes(images: tf.Tensor, targets: tf.Tensor) -> None:
    if images.shape.rank == 4 and targets.shape.rank and not images.shape[:1].is_compatible_with(targets.shape[:1]):
        raise ValueError(f"{images.shape[0]} images and {targets.shape[0]} labels: one label an image is needed")


def _check_pairs(dataset: Any) -> None:
    spec = getattr(dataset, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError("dataset: a tf.data.Dataset of batches (images, labels) is needed")
    if spec[0].shape.rank == 3:
        raise ValueError("dataset: batches are needed, not single images; call .batch(64) first")


def build(
    strategy: str | Sequence[str | Mapping[str, Any] | Spec],
    *,
    num_classes: int | None = None,
    value_range: tuple[float, float] = LEVELS,
) -> Augmentation:
    """The strategy of a name or of a list of ops, as in a configuration.

    Args:
        strategy: `"none"`, `"basic+cutmix"`, or ops with their parameters: `["flip_left_right", {"name": "cutmix",
            "alpha": 0.5}]`. `augexp ops` lists them; `"my_ops:fog"` is one's own, of a file in the working folder.
        num_classes: K, needed where labels are integers.
        value_range: of float images.

    Raises:
        ValueError: if there is no such op, a parameter is out of its range, or another argument is.
        UserError: if another library refuses what it is asked for.
    """
    count: Any = num_classes
    if count is not None and not (isinstance(count, Integral) and int(count) >= 1):
        raise ValueError(f"num_classes: a number from 1 on is needed, not {num_classes!r}")
    if not value_range[0] < value_range[1]:
        raise ValueError(f"value_range: two numbers, the lower first, are needed, not {value_range}")
    try:
        with ownfile.looking_in(Path.cwd()):
            ops = TypeAdapter(Strategy).validate_python(strategy)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "strategy"
        if first["type"] == "whole":
            raise ValueError(f"{place}: {first['msg']}") from None
        message, _, hint = first["msg"].partition("; did you mean")
        came = f", not {brief(first['input'])}{'; did you mean' + hint if hint else ''}"
        raise ValueError(f"{place}: {message}{came}") from None
    try:
        check_classes(ops, ())
    except UserError:
        raise ValueError("strategy: only: classes have numbers and no names here; leave it out") from None
    chain = build_chain(ops)
    low, high = map(float, value_range)
    return Augmentation(tuple(ops), chain, num_classes, (low, high))
