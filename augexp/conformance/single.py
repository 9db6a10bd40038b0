"""What can be proven of one op of a strategy, the user's own above all: the rows of `augexp check op`."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from augexp.augment import own, strategy
from augexp.augment.op import Op
from augexp.config.ops import OwnOp, Spec
from augexp.conformance.property import SEED, digest, identity, noise
from augexp.data import pipeline
from augexp.errors import UserError, first_line

SIZES = (32, 64)  # pixels
BATCH = 64  # so that ops that draw a bit an image don't repeat a batch by chance
THREADS_STEPS, DRAWS_STEPS = 64, 200
SPEED_SIZE = 224
SPEED_SECONDS = 2.0
LABEL_LIMIT = 1e-4

Batch = tuple[tf.Tensor, tf.Tensor]


class Proof(NamedTuple):
    """One row: what was asked, whether it holds, and what was seen."""

    what: str
    ok: bool
    text: str


def prove(spec: Spec) -> Iterator[Proof]:
    """Every row for an op, measured from its outputs.

    Raises:
        UserError: if the op can't be built at all.
    """
    op = strategy.op(spec)
    said = set()  # an op that fails does so in every row
    for what, ask in _ROWS.items():
        proof = _row(what, ask, spec, op)
        if proof.ok or proof.text not in said:
            yield proof
        said.add(proof.text)


def _row(what: str, ask: Callable[[Spec, Op], tuple[bool, str]], spec: Spec, op: Op) -> Proof:
    try:
        with own.explained():
            return Proof(what, *ask(spec, op))
    except UserError as error:
        return Proof(what, ok=False, text=str(error).removeprefix(f"{own.MARK}{spec.name}: "))
    except Exception as error:  # ops are others' code
        return Proof(what, ok=False, text=f"{type(error).__name__}: {first_line(error)}")


def _images(spec: Spec, _op: Op) -> tuple[bool, str]:
    if isinstance(spec, OwnOp):
        for size in SIZES:
            own.refuse_fault(spec, size)
    seen = set()
    for size in SIZES:
        for dtype in (np.uint8, np.float32):
            given = noise(BATCH, size, size, dtype)
            images, _ = _batches(spec)(tf.constant(given), tf.constant(identity(BATCH)), tf.constant(0, tf.int64))
            seen.add(images.dtype.name)
            if images.shape != given.shape:
                return False, f"shape {tuple(images.shape)} for {given.shape}"
            if not (np.isfinite(images).all() and np.min(images) >= -own.BEYOND and np.max(images) <= 255 + own.BEYOND):
                return False, "values outside of [0, 255]"
    return True, f"{' or '.join(sorted(seen))} in [0, 255], of the shape that came, at {SIZES[0]} and {SIZES[1]} px"


def _labels(spec: Spec, _op: Op) -> tuple[bool, str]:
    labels = identity(BATCH)
    found = _batches(spec)(tf.constant(_noise()), tf.constant(labels), tf.constant(0, tf.int64))[1].numpy()
    if not any(one.mixes for one in spec.alternatives()):
        unlike = int((found != labels).any(axis=1).sum())
        return (
            unlike == 0,
            f"{unlike} of {BATCH} changed, by an op that doesn't say so" if unlike else "unchanged",
        )
    error = float(np.abs(found.sum(axis=1) - 1).max())
    weights = np.diagonal(found)
    text = (
        f"rows sum to 1 within {error:.0e}; weights of the image's own label {weights.min():.2f} to {weights.max():.2f}"
    )
    return error <= LABEL_LIMIT and bool((found >= 0).all()), text


def _threads(spec: Spec, _op: Op) -> tuple[bool, str]:
    alone, eight = (_digests(spec, THREADS_STEPS, threads) for threads in (1, 8))
    unlike = sum(one != other for one, other in zip(alone, eight, strict=True))
    text = f"{unlike} of {THREADS_STEPS} batches unlike on 1 and on 8 threads"
    return unlike == 0, text + ("; it draws from a randomness of its own, or keeps a state" if unlike else "")


def _draws(spec: Spec, _op: Op) -> tuple[bool, str]:
    found = _digests(spec, DRAWS_STEPS, 2)
    different = len(set(found))
    if different == 1:
        idle = isinstance(spec, OwnOp) and own.changes_nothing(spec, SIZES[0])
        return not idle, "it changed no image" if idle else "none: it does the same to every batch"
    return different == len(found), f"{len(found) - different} of {len(found)} batches are repetitions"


def _compiled(spec: Spec, op: Op) -> tuple[bool, str]:
    source = spec.source if isinstance(spec, OwnOp) else None
    if source is None:
        return True, "compiled by XLA" if op.compiled else "TensorFlow, not compiled by XLA"
    ways = {
        "images": "NumPy, one image after the other, outside of TensorFlow",
        "albumentations": "Albumentations, one image after the other, outside of TensorFlow",
        "torchvision": "torchvision, one image after the other, outside of TensorFlow",
        "keras": "a Keras layer, called outside of the graph, a new one for each batch",
        "batches": "compiled by XLA" if source.compiled else "TensorFlow, not compiled by XLA",
    }
    return True, ways[source.kind]


def _speed(spec: Spec, _op: Op) -> tuple[bool, str]:
    images = tf.constant(noise(BATCH, SPEED_SIZE, SPEED_SIZE, np.uint8))
    steps = iter(_data(spec, images, 1_000_000, pipeline.THREADS))
    next(steps)
    count, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SPEED_SECONDS:
        next(steps)
        count += BATCH
    return True, f"{count / seconds:,.0f} images/s at {SPEED_SIZE} px in batches of {BATCH}, on this machine"


_ROWS: dict[str, Callable[[Spec, Op], tuple[bool, str]]] = {
    "images": _images,
    "labels": _labels,
    "same seed": _threads,
    "draws": _draws,
    "how": _compiled,
    "speed": _speed,
}


def _batches(spec: Spec) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Batch]:
    augment = strategy.build([spec])

    def batch(images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor) -> Batch:
        return augment(images, labels, tf.stack([tf.constant(SEED, tf.int64), step]))

    return batch


def _noise() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return noise(BATCH, SIZES[0], SIZES[0], np.uint8)


def _data(spec: Spec, images: tf.Tensor, steps: int, threads: int) -> tf.data.Dataset:
    of_step, labels = _batches(spec), tf.constant(identity(len(images)))
    numbers = tf.data.Dataset.range(steps)
    return numbers.map(lambda step: of_step(images, labels, step), num_parallel_calls=threads, deterministic=True)


def _digests(spec: Spec, steps: int, threads: int) -> list[bytes]:
    batches = _data(spec, tf.constant(_noise()), steps, threads).as_numpy_iterator()
    return [digest(*batch) for batch in batches]
