"""One of several ops, for each batch or example: the usual switch between cutmix and mixup."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from augexp.augment.op import Op, Params, implements, per_example
from augexp.config.ops import OneOf, Per


@implements(OneOf)
def one_of(ops: Sequence[Op], weights: Sequence[float] | None, per: Per) -> Op:
    """Applies one of the ops, drawn with chances proportional to `weights` (None: equal). Images become float32.

    params: `choice` (B,) int32, and those of every op under `number/name`, such as `0/lam`.
    """
    ends = np.cumsum(np.ones(len(ops)) if weights is None else weights)
    chances = tf.constant(ends / ends[-1], tf.float32)

    def sample(seed: tf.Tensor, batch: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
        draws = tf.random.stateless_uniform([tf.where(per == "batch", 1, batch)], tf.random.fold_in(seed, 0))
        choice = tf.minimum(tf.searchsorted(chances, draws, side="right"), len(ops) - 1)
        params = {"choice": tf.broadcast_to(choice, [batch])}
        for i, op in enumerate(ops):
            drawn = op.sample(tf.random.fold_in(seed, i + 1), batch, height, width)
            params |= {f"{i}/{name}": value for name, value in drawn.items()}
        return params

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        def apply_one(i: int) -> tuple[tf.Tensor, tf.Tensor]:
            changed, changed_labels = ops[i].apply(images, labels, params_of(i, params))
            return tf.cast(changed, tf.float32), changed_labels

        choice = params["choice"]
        if per == "batch":
            mixed, soft = tf.switch_case(choice[0], [partial(apply_one, i) for i in range(len(ops))])
            return mixed, soft
        mixed, soft = tf.cast(images, tf.float32), labels
        for i in range(len(ops)):
            changed, changed_labels = apply_one(i)
            mixed = tf.where(per_example(choice == i), changed, mixed)
            soft = tf.where((choice == i)[:, None], changed_labels, soft)
        return mixed, soft

    def by_class(params: Params, classes: tf.Tensor) -> dict[str, tf.Tensor]:
        settled = [op.settled(params_of(i, params), classes) for i, op in enumerate(ops)]
        return {f"{i}/{name}": value for i, one in enumerate(settled) for name, value in one.items()}

    goes_by_class = any(op.by_class for op in ops)
    return Op(sample, apply, all(op.compiled for op in ops), by_class if goes_by_class else None)


def params_of(number: int, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of op `number` among those that `one_of` drew."""
    prefix = f"{number}/"
    return {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
