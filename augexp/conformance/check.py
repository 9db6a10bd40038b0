"""Every property of every op, asked of every library: the rows of `augexp check mixing`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from augexp.config.ops import OPS
from augexp.conformance.contracts import CONTRACTS
from augexp.conformance.determinism import SAME_AGAIN
from augexp.conformance.erasing import ERASURE
from augexp.conformance.libraries import Implementation, Library, checked_ops, implementation
from augexp.conformance.mixing import of_mixing
from augexp.conformance.property import Effort, Finding, Property


class Row(NamedTuple):
    """A property of an op, and what each library's implementation showed."""

    op: str
    name: str
    limit: str
    findings: dict[str, Finding | None]


def properties(op: str) -> list[Property]:
    """The properties of an op, in the order of the table."""
    own = of_mixing(op) if OPS[op].mixes else ERASURE
    return [*own, *CONTRACTS, *SAME_AGAIN]


def count() -> int:
    """How many rows `check` yields."""
    return sum(len(properties(op)) for op in checked_ops())


def check(libraries: Sequence[Library], effort: Effort = Effort()) -> Iterator[Row]:  # noqa: B008
    """Measures every property of each op for each library, a row at a time.

    Raises:
        UserError: if a library isn't installed.
    """
    with _without_tracing_warnings():
        for op in checked_ops():
            asked_of = [implementation(library, op) for library in libraries]
            for asked in properties(op):
                yield Row(op, asked.name, asked.limit, {one.library: find(asked, one, effort) for one in asked_of})


@contextmanager
def _without_tracing_warnings() -> Iterator[None]:
    # TensorFlow warns of functions that are traced often; here each setting is traced once, and used up.
    logger = tf.get_logger()
    before = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(before)


def find(asked: Property, one: Implementation, effort: Effort) -> Finding | None:
    """Measures one property; an exception is a finding too."""
    try:
        # NaN in the outputs is what is looked for.
        with np.errstate(invalid="ignore"):
            return asked.measure(one, effort)
    except Exception as error:  # other libraries raise all kinds
        return Finding(ok=False, value=type(error).__name__)
