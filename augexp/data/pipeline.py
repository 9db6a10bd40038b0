"""Random-access tf.data over the decoded cache: step -> example numbers -> gather -> strategy.

Any batch can be computed alone, from (seed, step); the number of threads changes nothing. Only train is shuffled and
augmented.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.augment import geometric, strategy
from augexp.augment.strategy import ChainParams
from augexp.config.ops import OpSpec
from augexp.data.splits import Part
from augexp.errors import UserError

# tf.data's own choice may leave all cores but one idle: three_augment at 3,031 images/s, and at 4,507 with two threads.
THREADS = min(os.cpu_count() or 1, 16)
# Without AutoGraph, which would rewrite the source of every function that is called, and take a second a run.
as_it_is = tf.autograph.experimental.do_not_convert


class Batch(NamedTuple):
    """One training batch, and how it came about."""

    images: tf.Tensor  # (B, S, S, 3) uint8 or float32 in [0, 255]
    labels: tf.Tensor  # (B, K) float32
    sources: tf.Tensor  # (B, S, S, 3) uint8, before the strategy
    params: ChainParams  # a dict an op


@dataclass(frozen=True)
class Recipe:
    """What decides a training batch, beside the examples and the step."""

    strategy: tuple[OpSpec, ...]
    batch_size: int
    image_size: int
    num_classes: int
    seed: int
    label_smoothing: float = 0.0
    balanced: bool = False  # every class as often as any other
    class_names: tuple[str, ...] = ()  # for ops that change some classes only


def steps_per_epoch(part: Part, batch_size: int) -> int:
    """Whole batches in one pass; what is left over comes first in the next pass, so nothing is used less.

    Raises:
        UserError: if one batch is larger than the train split.
    """
    if batch_size > len(part):
        raise UserError(
            f"train.batch_size {batch_size} is larger than the train split ({len(part)} examples); "
            f"choose at most {len(part)}"
        )
    return len(part) // batch_size


def train_batches(part: Part, recipe: Recipe, steps: range, threads: int = THREADS) -> tf.data.Dataset:
    """Augmented training batches of the given steps, in order.

    Args:
        part: the examples; shuffled anew in each pass. A balanced pass holds about as many, every class equally often,
            and goes on where the one before left the examples of a class.
        recipe: strategy, sizes and seed.
        steps: numbers of the steps, counted from the start of the run.
        threads: parallel batches, which are the same for any number.

    Returns:
        A data set of (images (B, S, S, 3), labels (B, K) float32).
    """
    draw = batch_at(part, recipe)

    def images_and_labels(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = draw(step)
        return batch.images, batch.labels

    numbers = tf.data.Dataset.range(steps.start, steps.stop)
    batches = numbers.map(as_it_is(images_and_labels), num_parallel_calls=threads, deterministic=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def batch_at(part: Part, recipe: Recipe) -> Callable[[tf.Tensor], Batch]:
    """The function from a step (int64 scalar) to its batch: the one place where training batches are made."""
    examples = _Examples(part, recipe.num_classes, recipe.label_smoothing)
    number = _balanced_numbers(part, recipe) if recipe.balanced else _numbers(len(part), recipe)
    window, augment = (
        _window(recipe, decoded_size=part.images.shape[1]),
        strategy.build(recipe.strategy, recipe.class_names),
    )

    def draw(step: tf.Tensor) -> Batch:
        # Called outside tf.data, as previews do, these ops would move the whole cache to a GPU.
        with tf.device("CPU:0"):
            step = tf.cast(step, tf.int64)
            decoded, targets = examples.gather(number(step))
            seed = tf.stack([tf.constant(recipe.seed, tf.int64), step])
            sources, targets = window(decoded, targets, seed)
            params = augment.sample(seed, sources, tf.argmax(targets, axis=1))
            mixed, soft = augment.apply(sources, targets, params)
        mixed.set_shape([recipe.batch_size, recipe.image_size, recipe.image_size, 3])
        return Batch(mixed, soft, sources, params)

    return draw


View = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Decoded images (B, C, C, 3) uint8 and their numbers (B,) int64 in a part -> what the network sees (B, S, S, 3)."""


def centre(image_size: int) -> View:
    """The middle window, which is what val and test are scored on."""

    def view(decoded: tf.Tensor, _numbers: tf.Tensor) -> tf.Tensor:
        margin = (decoded.shape[1] - image_size) // 2
        window = slice(margin, margin + image_size)
        return decoded[:, window, window]

    return view


def eval_batches(part: Part, batch_size: int, num_classes: int, view: View) -> tf.data.Dataset:
    """Each example exactly once, in order; the last batch may be short.

    Returns:
        A data set of (images (B, S, S, 3), one-hot labels (B, K) float32).
    """
    examples = _Examples(part, num_classes)

    def gather(numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = examples.gather(numbers)
        return view(images, numbers), labels

    numbers = tf.data.Dataset.range(len(part)).batch(batch_size)
    batches = numbers.map(as_it_is(gather), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.prefetch(tf.data.AUTOTUNE)


class _Examples:
    """The examples of a part as tensors, gathered by number."""

    def __init__(self, part: Part, num_classes: int, label_smoothing: float = 0.0) -> None:
        with tf.device("CPU:0"):
            self.images, self.rows, self.labels = _tensor(part.images), tf.constant(part.rows), tf.constant(part.labels)
        self.num_classes, self.label_smoothing = num_classes, label_smoothing

    def gather(self, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (B, C, C, 3) uint8 and targets (B, K) float32: one-hot, smoothed here, before any mixing."""
        images = tf.gather(self.images, tf.gather(self.rows, numbers))
        rest = self.label_smoothing / self.num_classes
        on = 1 - self.label_smoothing + rest
        return images, tf.one_hot(tf.gather(self.labels, numbers), self.num_classes, on_value=on, off_value=rest)


def _tensor(array: NDArray[np.uint8]) -> tf.Tensor:
    # tf.constant would copy the whole memory map into RAM; DLPack shares it, and the system pages in what is gathered.
    return tf.experimental.dlpack.from_dlpack(np.asarray(array).__dlpack__())


Numbers = Callable[[tf.Tensor], tf.Tensor]
"""A step (int64 scalar) -> the numbers (B,) int64 of its examples."""


def _numbers(examples: int, recipe: Recipe) -> Numbers:
    """Every example once in each pass."""

    def of(step: tf.Tensor) -> tf.Tensor:
        return _places(step, recipe, examples)[1]

    return of


def _balanced_numbers(part: Part, recipe: Recipe) -> Numbers:
    """Every class equally often in each pass, and every example of a class as often as the others of it."""
    sizes = np.bincount(part.labels)
    classes = np.flatnonzero(sizes)
    # By class, in an order of the seed's.
    shuffled = np.random.default_rng(recipe.seed).permutation(len(part))
    order = tf.constant(shuffled[np.argsort(part.labels[shuffled], kind="stable")], tf.int64)
    counts = tf.constant(sizes[classes], tf.int64)
    starts = tf.cumsum(counts, exclusive=True)
    draws = -(-len(part) // len(classes))  # of each class in a pass

    def of(step: tf.Tensor) -> tf.Tensor:
        passes, places = _places(step, recipe, draws * len(classes))
        one = places % len(classes)
        turn = passes * draws + places // len(classes)
        return tf.gather(order, tf.gather(starts, one) + turn % tf.gather(counts, one))

    return of


def _places(step: tf.Tensor, recipe: Recipe, length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """(B,) int64 twice: which pass, and a place in [0, length): an endless row of passes, each a permutation."""
    positions = step * recipe.batch_size + tf.range(recipe.batch_size, dtype=tf.int64)
    first = positions[0] // length
    # A batch is no larger than a pass, so it lies in at most two.
    in_first = _shuffled(positions % length, recipe.seed, first, length)
    in_second = _shuffled(positions % length, recipe.seed, first + 1, length)
    return positions // length, tf.where(positions // length == first, in_first, in_second)


def _shuffled(places: tf.Tensor, seed: int, pass_number: tf.Tensor, examples: int) -> tf.Tensor:
    key = tf.stack([tf.constant(seed, tf.int64), pass_number])
    return tf.random.experimental.index_shuffle(places, seed=key, max_index=examples - 1)


def _window(recipe: Recipe, decoded_size: int) -> strategy.Strategy:
    """A random window of the network's size where the decoded images are larger, for every strategy alike."""
    if decoded_size == recipe.image_size:
        return strategy.build(())
    return strategy.of_ops(["random_window"], [geometric.random_window(recipe.image_size)])
