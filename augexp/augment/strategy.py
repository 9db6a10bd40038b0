"""A list of specs -> one strategy: how a batch's parameters are drawn, and one compiled function to apply them all."""

import inspect
import itertools
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

# Importing these modules registers their ops.
from augexp.augment import (  # noqa: F401
    choice,
    deformations,
    erasing,
    geometric,
    jitter,
    masks,
    mixing,
    own,
    pasting,
    photometric,
    policies,
)
from augexp.augment.op import COMMON, IMPLEMENTATIONS, Op, Params, among, implements, sometimes
from augexp.config.ops import OneOf, OwnOp, Per, Spec, check_classes

ChainParams = Sequence[Params]  # of every op in turn
Apply = Callable[[tf.Tensor, tf.Tensor, ChainParams], tuple[tf.Tensor, tf.Tensor]]


def op(spec: Spec) -> Op:
    """The op that a spec describes.

    Raises:
        LookupError: if no function implements it.
        UserError: if it is an own op whose file was not read.
    """
    if isinstance(spec, OwnOp):
        made = sometimes(own.op(spec), spec.prob)
        return made if spec.only is None else among(made)
    make = IMPLEMENTATIONS.get(type(spec))
    if make is None:
        raise LookupError(f"no function makes {spec.name}; decorate one with @implements({type(spec).__name__})")
    settings = {field: getattr(spec, field) for field in type(spec).model_fields if field not in COMMON}
    if "prob" not in settings or "prob" in inspect.signature(make).parameters:
        made = make(**settings)
    else:
        prob = settings.pop("prob")
        made = sometimes(make(**settings), prob)
    return made if spec.only is None else among(made)


@implements(OneOf)
def _one_of(ops: Sequence[Spec], weights: Sequence[float] | None, per: Per) -> Op:
    return choice.one_of([op(spec) for spec in ops], weights, per)


@dataclass(frozen=True)
class Strategy:
    """Named ops in order, and their common compiled `apply`; for each, whom it changes, if not all."""

    names: tuple[str, ...]
    ops: tuple[Op, ...]
    compiled: Apply
    choosers: tuple["Chooser | None", ...] = ()

    def sample(self, seed: tf.Tensor, images: tf.Tensor, classes: tf.Tensor | None = None) -> ChainParams:
        """Draws the parameters of one batch, a dict an op.

        An op's draw depends on the seed and its own name only, so `cutmix` cuts the same boxes alone and after `basic`.

        Args:
            seed: (2,) integers, one pair for each step.
            images: (B, H, W, 3); only the shape is read.
            classes: (B,) numbers of the classes of the examples, for ops that change some classes only.

        Raises:
            ValueError: if such an op isn't told the classes.
        """
        batch, height, width = tf.unstack(tf.shape(images)[:3])
        keys = _keys(self.names)
        drawn = [
            op.sample(tf.random.fold_in(seed, key), batch, height, width)
            for op, key in zip(self.ops, keys, strict=True)
        ]
        if not any(self.choosers):
            return drawn
        if classes is None:
            raise ValueError("an op changes some classes only: the classes of the examples are needed")
        return [
            params if chooser is None else params | chooser(classes)
            for params, chooser in zip(drawn, self.choosers, strict=True)
        ]

    def apply(self, images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        """Applies drawn parameters.

        Args:
            images: (B, H, W, 3), uint8 or float32 in [0, 255].
            labels: (B, K) float32, one-hot or soft.
            params: what `sample` drew.

        Returns:
            Images, uint8 if every op keeps whole grey levels and float32 otherwise, and labels (B, K) float32.

        Raises:
            ValueError: if images are no RGB batch, or labels are class numbers.
        """
        _check_batch(images, labels)
        return self.compiled(images, labels, params) if self.ops else (images, labels)

    def __call__(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sample, then apply; labels are of one class each where an op changes some classes only."""
        _check_batch(images, labels)
        return self.apply(images, labels, self.sample(seed, images, tf.argmax(labels, axis=1)))


def build(specs: Sequence[Spec], class_names: Sequence[str] = ()) -> Strategy:
    """The strategy of a list of specs; an empty list leaves a batch as it is.

    Args:
        specs: ops in order.
        class_names: by their numbers, for ops that change some classes only.

    Raises:
        UserError: if an op is for a class that isn't among them.
    """
    check_classes(specs, class_names)
    choosers = [_chooser(spec, class_names) for spec in specs]
    return of_ops([spec.name for spec in specs], [op(spec) for spec in specs], choosers)


Chooser = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""Class numbers (B,) -> `chosen` (B,) bool; of ops that one op chooses from, under `number/chosen`."""


def _chooser(spec: Spec, class_names: Sequence[str]) -> Chooser | None:
    """None where the op changes every class, and so do those that it chooses from."""
    chosen = {}
    if spec.only is not None:
        chosen["chosen"] = tf.constant([name in spec.only for name in class_names])
    inner = [_chooser(one, class_names) for one in spec.ops] if isinstance(spec, OneOf) else []
    if not chosen and not any(inner):
        return None

    def choose(classes: tf.Tensor) -> dict[str, tf.Tensor]:
        found = {name: tf.gather(table, classes) for name, table in chosen.items()}
        for number, one in enumerate(inner):
            if one is not None:
                found |= {f"{number}/{name}": value for name, value in one(classes).items()}
        return found

    return choose


def of_ops(names: Sequence[str], chain: Sequence[Op], choosers: Sequence[Chooser | None] = ()) -> Strategy:
    """A strategy from ops and the names that key their draws."""
    # One XLA function for neighbouring ops fuses their pixel loops; drawing stays outside: XLA has no gamma sampler.
    runs = [_compile(list(ops), jit=jit) for jit, ops in itertools.groupby(chain, lambda op: op.compiled)]

    def apply(images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        rest = iter(params)
        for count, run in runs:
            images, labels = run(images, labels, list(itertools.islice(rest, count)))
        return images, labels

    return Strategy(tuple(names), tuple(chain), apply, tuple(choosers))


def _compile(chain: Sequence[Op], *, jit: bool) -> tuple[int, Apply]:
    """The number of ops, and one function of their parameters that applies them all."""

    def apply(images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        for op, drawn in zip(chain, params, strict=True):
            images, labels = op.apply(images, labels, drawn)
        return images, labels

    return len(chain), tf.function(apply, jit_compile=jit)


def _keys(names: Sequence[str]) -> list[int]:
    """A number for each op, by its name and which of its name it is."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append(zlib.crc32(f"{name}:{seen[name]}".encode()) % 2**31)
        seen[name] += 1
    return keys


def _check_batch(images: tf.Tensor, labels: tf.Tensor) -> None:
    if images.shape.rank != 4 or images.shape[-1] != 3:
        raise ValueError(f"images of shape (B, H, W, 3) are needed, not {tuple(images.shape)}")
    if labels.dtype != tf.float32 or labels.shape.rank != 2:
        raise ValueError(
            f"labels must be one-hot float32 of shape (B, K), not {labels.dtype.name} of shape {tuple(labels.shape)}; "
            "use tf.one_hot(labels, num_classes)"
        )
