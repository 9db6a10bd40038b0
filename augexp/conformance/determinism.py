"""The same again: threads, processes, eager and compiled, and no draw twice."""

import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.augment.op import IMPLEMENTATIONS
from augexp.config.ops import OPS
from augexp.conformance import laws
from augexp.conformance.libraries import Implementation, Library, checked_ops
from augexp.conformance.property import (
    Effort,
    Finding,
    Property,
    digest,
    first_of,
    identity,
    mix_batch,
    noise,
    none_of,
    start_any_per,
)


def _threads(one: Implementation, effort: Effort) -> Finding | None:
    if not one.in_graph or start_any_per(one) is None:
        return None
    steps = min(effort.steps, 64)
    alone, eight = (_digests_of_data(one, steps, threads) for threads in (1, 8))
    return none_of(sum(a != b for a, b in zip(alone, eight, strict=True)), steps)


def _digests_of_data(one: Implementation, steps: int, threads: int) -> list[bytes]:
    """What tf.data gets from a run, step by step."""
    mix = start_any_per(one)
    if mix is None:
        raise ValueError(f"{one.library} has no {one.op}")
    images, labels = tf.constant(noise(16, 32, 48)), tf.constant(identity(16))
    numbers = tf.data.Dataset.range(steps)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return mix(images, labels, step)

    batches = numbers.map(batch, num_parallel_calls=threads, deterministic=True)
    return [digest(*batch) for batch in batches.as_numpy_iterator()]


def eager(one: Implementation, _effort: Effort, limit: float) -> Finding | None:
    """Whether a batch is the same, within a limit in grey levels, with and without a graph."""
    if not one.in_graph or start_any_per(one) is None:
        return None
    compiled = _first_batch(one)
    tf.config.run_functions_eagerly(True)
    try:
        eager = _first_batch(one)
    finally:
        tf.config.run_functions_eagerly(False)
    pixels, labels = (float(np.abs(a.astype(float) - b).max()) for a, b in zip(compiled, eager, strict=True))
    return Finding(pixels <= limit and labels <= 2.0**-23, f"{pixels:.2g}")


def _first_batch(one: Implementation) -> tuple[NDArray[Any], NDArray[Any]]:
    return first_of(one, noise(16, 32, 48), identity(16))


def fingerprint(one: Implementation) -> str:
    """A hash of the first batch of a run; `-` where the library has no such op."""
    return "-" if start_any_per(one) is None else digest(*_first_batch(one)).hex()


def _second_run(one: Implementation, _effort: Effort) -> Finding | None:
    if start_any_per(one) is None:
        return None
    same = fingerprint(one) == fingerprint(one)
    return Finding(same, "same" if same else "differs")


def _second_process(one: Implementation, _effort: Effort) -> Finding | None:
    if start_any_per(one) is None:
        return None
    modules = sorted({IMPLEMENTATIONS[OPS[op]].__module__ for op in checked_ops()})
    elsewhere = _fingerprints_elsewhere(one.library, tuple(modules))
    if one.op not in elsewhere:  # defined where no other process can import it
        return None
    same = fingerprint(one) == elsewhere[one.op]
    return Finding(same, "same" if same else "differs")


PRINT_FINGERPRINTS = """
import contextlib, importlib, sys
from augexp.network import device
device.load_tensorflow()
from augexp.conformance import determinism, libraries
library, *modules = sys.argv[1:]
for module in modules:
    with contextlib.suppress(ImportError):
        importlib.import_module(module)
for op in libraries.checked_ops():
    print("fingerprint", op, determinism.fingerprint(libraries.implementation(library, op)))
"""


@cache
def _fingerprints_elsewhere(library: Library, modules: tuple[str, ...]) -> dict[str, str]:
    """The fingerprints of a library's ops in a process of their own, which imports the modules that define ours."""
    command = [sys.executable, "-c", PRINT_FINGERPRINTS, library, *modules]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    lines = [line.split() for line in answer.splitlines()]
    return {line[1]: line[2] for line in lines if line[:1] == ["fingerprint"]}


def _repeats(one: Implementation, effort: Effort) -> Finding | None:
    mix = start_any_per(one)
    if mix is None:
        return None
    # So large that neither a box for a whole batch nor a permutation, of which there are 16!, comes twice by chance.
    images, labels = noise(16, 128, 192), identity(16)
    repeats = laws.repeats(lambda step: digest(*mix_batch(mix, images, labels, step)), effort.steps)
    return none_of(repeats, effort.steps)


SAME_AGAIN = (
    Property("steps unlike, 1 and 8 threads", "0", _threads),
    Property("same seed again", "same", _second_run),
    Property("same seed, other process", "same", _second_process),
    Property("repeats in 1,000 steps", "0", _repeats),
)
