"""The contract of every op, and what ops are made with.

An op is two pure functions on a batch:

    sample(seed, batch, height, width) -> params     draws the random parameters of one batch, a dict of tensors
    apply(images, labels, params) -> (images, labels)     deterministic, and compiled by XLA with the whole strategy

An op that goes by the classes of the examples has a third one, between the two; draws know no classes, so they are the
same for any:

    by_class(params, classes) -> params     what becomes of the drawn parameters, or is added; no draw

`images` is (B, H, W, 3), uint8 or float32 in [0, 255], RGB; `labels` is (B, K) float32, rows summing to 1, or of binary
targets in [0, 1]; `seed` is (2,) integers; `classes` is (B,) integers, those of the original examples.
Python's `if` and loops go by values that are known beforehand, such as the spec's: there is no AutoGraph, which took a
second a run.
Every parameter has a leading axis of B, so that example i can be told from its row i.
uint8 stays uint8 until an op needs fractions of a grey level; from there on images are float32.

A function decorated with `@implements(Spec)` makes the op that the spec describes.
Previews know some parameters by their names: `partner` (B,), the number of the other example; `box` (B, 4) as top,
left, bottom, right (ends excluded); `lam` (B,) as drawn, from Beta(alpha, alpha) where the spec has an alpha, and
`weight` (B,), the one that was used, where it is another and known before the pixels are.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import tensorflow as tf

from augexp.config.ops import Spec

Params = Mapping[str, tf.Tensor]
Sample = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


class Op(NamedTuple):
    """One op: how its parameters are drawn, and what they do."""

    sample: Sample
    apply: Callable[[tf.Tensor, tf.Tensor, Params], tuple[tf.Tensor, tf.Tensor]]
    compiled: bool = True  # XLA has no JPEG encoder, for one
    by_class: Callable[[Params, tf.Tensor], dict[str, tf.Tensor]] | None = None

    def settled(self, params: Params, classes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Drawn parameters as the classes of the examples (B,) have them."""
        return dict(params) | (self.by_class(params, classes) if self.by_class else {})


Make = TypeVar("Make", bound=Callable[..., Op])
COMMON = frozenset({"name", "only", "partner"})  # fields of a spec that its function doesn't see
IMPLEMENTATIONS: dict[type[Spec], Callable[..., Op]] = {}


def implements(spec: type[Spec]) -> Callable[[Make], Make]:
    """Registers a function that makes the op of a spec from its own fields, without `COMMON`, as keyword arguments.

    A function that takes no `prob` makes the op that is always applied; `sometimes` does the rest.

    Raises:
        TypeError: if the function's arguments aren't the spec's fields, or the spec has a function already.
    """

    def register(make: Make) -> Make:
        fields, taken = spec.model_fields.keys() - COMMON, inspect.signature(make).parameters.keys()
        if taken not in (fields, fields - {"prob"}):
            raise TypeError(f"{make.__name__} takes {sorted(taken)}, and {spec.__name__} has {sorted(fields)}")
        if spec in IMPLEMENTATIONS:
            raise TypeError(f"{spec.__name__} is implemented already, by {IMPLEMENTATIONS[spec].__name__}")
        IMPLEMENTATIONS[spec] = make
        return make

    return register


def on_images(sample: Sample, change: Callable[[tf.Tensor, Params], tf.Tensor], *, compiled: bool = True) -> Op:
    """An op that leaves labels alone: `change` maps images and parameters to images of the same shape."""
    return Op(sample, lambda images, labels, params: (change(images, params), labels), compiled)


def sometimes(op: Op, prob: float) -> Op:
    """The op with chance `prob` for each example; one more parameter, `applied` (B,) bool, says where.

    The op's own draws are the same for any `prob`.
    """
    if prob == 1:
        return op

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        applied = tf.random.stateless_uniform([batch], tf.random.fold_in(seed, 1)) < prob
        return op.sample(seed, batch, height, width) | {"applied": applied}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        changed, changed_labels = op.apply(images, labels, params)
        applied = params["applied"]
        kept = tf.cast(images, changed.dtype)
        return tf.where(per_example(applied), changed, kept), tf.where(applied[:, None], changed_labels, labels)

    return op._replace(sample=sample, apply=apply)


def among(op: Op, listed: Sequence[bool]) -> Op:
    """The op on examples of some classes alone; one more parameter, `chosen` (B,) bool, says on which.

    The others keep their pixels and labels; of an op that mixes, they may be partners all the same.

    Args:
        op: applied to them.
        listed: by the number of a class, whether it is one of them.
    """

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        changed, changed_labels = op.apply(images, labels, params)
        chosen, kept = params["chosen"], tf.cast(images, changed.dtype)
        return tf.where(per_example(chosen), changed, kept), tf.where(chosen[:, None], changed_labels, labels)

    def by_class(params: Params, classes: tf.Tensor) -> dict[str, tf.Tensor]:
        return op.settled(params, classes) | {"chosen": tf.gather(tf.constant(listed, tf.bool), classes)}

    return op._replace(apply=apply, by_class=by_class)


def per_example(values: tf.Tensor) -> tf.Tensor:
    """(B,) -> (B, 1, 1, 1), to stand beside images."""
    return values[:, None, None, None]


def uniform(seed: tf.Tensor, batch: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """(B,) float32 in [low, high]; low may equal high, which stateless_uniform itself refuses."""
    return low + (high - low) * tf.random.stateless_uniform([batch], seed)


def grey_levels(images: tf.Tensor) -> tf.Tensor:
    """Images as uint8: floats are rounded and clipped to [0, 255]."""
    if images.dtype == tf.uint8:
        return images
    return tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), tf.uint8)


def lines_of(images: tf.Tensor) -> tf.Tensor:
    """(B, H, W, 3) -> (B, H, 3 W): XLA's loops over such lines are several times faster."""
    shape = tf.shape(images)
    return tf.reshape(images, [shape[0], shape[1], 3 * shape[2]])
