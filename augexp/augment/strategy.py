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
    saliency,
)
from augexp.augment.op import COMMON, IMPLEMENTATIONS, Op, Params, among, sometimes
from augexp.config.ops import MixingSpec, OneOf, OwnOp, Spec, check_classes, listed

ChainParams = Sequence[Params]  # of every op in turn
Apply = Callable[[tf.Tensor, tf.Tensor, ChainParams], tuple[tf.Tensor, tf.Tensor]]


def op(spec: Spec, class_names: Sequence[str] = ()) -> Op:
    """The op that a spec describes.

    Args:
        spec: name and parameters.
        class_names: by their numbers, for an op that changes some classes only.

    Raises:
        LookupError: if no function implements it.
        UserError: if it is an own op whose file was not read.
    """
    made = sometimes(own.op(spec), spec.prob) if isinstance(spec, OwnOp) else _ours(spec, class_names)
    return made if spec.only is None else among(made, listed(spec, class_names))


def _ours(spec: Spec, class_names: Sequence[str]) -> Op:
    make = IMPLEMENTATIONS.get(type(spec))
    if make is None:
        raise LookupError(f"no function makes {spec.name}; decorate one with @implements({type(spec).__name__})")
    settings = {field: getattr(spec, field) for field in type(spec).model_fields if field not in COMMON}
    if isinstance(spec, OneOf):
        settings["ops"] = [op(inner, class_names) for inner in spec.ops]
    if "prob" not in settings or "prob" in inspect.signature(make).parameters:
        made = make(**settings)
    else:
        prob = settings.pop("prob")
        made = sometimes(make(**settings), prob)
    if isinstance(spec, MixingSpec) and spec.partner == "other_class":
        return mixing.with_other_classes(made)
    return made


@dataclass(frozen=True)
class Strategy:
    """Named ops in order, and their common compiled `apply`."""

    names: tuple[str, ...]
    ops: tuple[Op, ...]
    compiled: Apply

    def sample(self, seed: tf.Tensor, images: tf.Tensor, classes: tf.Tensor | None = None) -> ChainParams:
        """Draws the parameters of one batch, a dict an op.

        An op's draw depends on the seed and its own name only, so `cutmix` cuts the same boxes alone and after `basic`.

        Args:
            seed: (2,) integers, one pair for each step.
            images: (B, H, W, 3); only the shape is read.
            classes: (B,) numbers of the classes of the examples, for ops that go by them.

        Raises:
            ValueError: if such an op isn't told the classes.
        """
        batch, height, width = tf.unstack(tf.shape(images)[:3])
        keys = _keys(self.names)
        drawn = [
            op.sample(tf.random.fold_in(seed, key), batch, height, width)
            for op, key in zip(self.ops, keys, strict=True)
        ]
        if not any(op.by_class for op in self.ops):
            return drawn
        if classes is None:
            raise ValueError("an op goes by the class of an example: the classes of the examples are needed")
        return [op.settled(params, classes) for op, params in zip(self.ops, drawn, strict=True)]

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
        """Sample, then apply; the heaviest label is the class, for ops that go by it."""
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
    return of_ops([spec.name for spec in specs], [op(spec, class_names) for spec in specs])


def of_ops(names: Sequence[str], chain: Sequence[Op]) -> Strategy:
    """A strategy from ops and the names that key their draws."""
    # One XLA function for neighbouring ops fuses their pixel loops; drawing stays outside: XLA has no gamma sampler.
    runs = [_compile(list(ops), jit=jit) for jit, ops in itertools.groupby(chain, lambda op: op.compiled)]

    def apply(images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        rest = iter(params)
        for count, run in runs:
            images, labels = run(images, labels, list(itertools.islice(rest, count)))
        return images, labels

    return Strategy(tuple(names), tuple(chain), apply)


def _compile(chain: Sequence[Op], *, jit: bool) -> tuple[int, Apply]:
    """The number of ops, and one function of their parameters that applies them all."""

    def apply(images: tf.Tensor, labels: tf.Tensor, params: ChainParams) -> tuple[tf.Tensor, tf.Tensor]:
        for op, drawn in zip(chain, params, strict=True):
            images, labels = op.apply(images, labels, drawn)
        return images, labels

    return len(chain), tf.function(apply, jit_compile=jit, autograph=False)


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
