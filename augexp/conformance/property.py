"""What a property is, how it is asked of an implementation, and how an answer is held to its limit.

Each property is measured from outputs alone, in the same way for every implementation, with fixed seeds. A random
property fails a right implementation with a chance below 1e-4.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from augexp.conformance.libraries import Implementation, Mix, Setting

SEED = 20_190_513
P_LIMIT = 1e-4
LABEL_LIMIT = 1e-6
GREY_LIMIT = 1e-4  # of a grey level: a few units in the last place of a float32 near 255
ULP_LIMIT = 2.0**-15  # two units in the last place near 255: XLA contracts a multiplication and an addition into one
HEIGHT, WIDTH = 128, 192  # large enough that rounding to pixels hides in 10,000 boxes


class Finding(NamedTuple):
    """What was measured, in the words of the table, and whether it is within the limit."""

    ok: bool
    value: str


class Effort(NamedTuple):
    """How much is drawn; the tests of planted faults draw less."""

    draws: int = 100_000  # of lam, per example
    # A draw for a whole batch is a whole step. 20,000 for each of five alphas; other libraries are called from Python.
    batch_draws: int = 20_000
    called_draws: int = 5_000
    images: int = 10_000
    batches: int = 400
    steps: int = 1_000


class Property(NamedTuple):
    """One row: a name, the limit it is held to, and how it is measured; None is a question that can't be asked."""

    name: str
    limit: str
    measure: Callable[[Implementation, Effort], Finding | None]


def p_value(p: float) -> Finding:
    """Whether a law isn't refuted by its test."""
    return Finding(p >= P_LIMIT, f"p {p:.2g}")


def at_most(value: float, limit: float) -> Finding:
    """Whether an error is within its limit."""
    return Finding(bool(value <= limit), f"{value:.2g}")


def none_of(faults: int, of: int) -> Finding:
    """Whether there is no fault among so many tries."""
    return Finding(faults == 0, f"{faults} of {of}")


def mix_batch(mix: Mix, images: Any, labels: Any, step: int) -> tuple[NDArray[Any], NDArray[Any]]:
    mixed, soft = mix(images, labels, step)
    return np.asarray(mixed), np.asarray(soft)


def first_of(one: Implementation, images: Any, labels: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The first batch of a run."""
    mix = start_any_per(one)
    if mix is None:
        raise ValueError(f"{one.library} has no {one.op}")
    return mix_batch(mix, images, labels, 0)


def digest(images: NDArray[Any], labels: NDArray[Any]) -> bytes:
    """What tells one batch from another."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).digest()


def identity(batch: int) -> NDArray[np.float32]:
    return np.eye(batch, dtype=np.float32)


def noise(batch: int, height: int, width: int, dtype: Any = np.float32) -> NDArray[Any]:
    return np.random.default_rng([batch, height, width]).uniform(0, 255, (batch, height, width, 3)).astype(dtype)


def start_any_per(one: Implementation, setting: Setting = Setting()) -> Mix | None:  # noqa: B008
    """A run per example, or per batch where there is nothing else."""
    return one.start(setting, SEED) or one.start(setting._replace(per="batch"), SEED)


P = f"p > {P_LIMIT:.0e}"
