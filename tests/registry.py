"""A registry of ops that is as it was, after a test has added to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from augexp.augment.op import IMPLEMENTATIONS
from augexp.config.ops import OPS


@contextmanager
def restored() -> Iterator[None]:
    """Ops that are defined within are forgotten at the end."""
    specs, functions = dict(OPS), dict(IMPLEMENTATIONS)
    try:
        yield
    finally:
        OPS.clear()
        OPS.update(specs)
        IMPLEMENTATIONS.clear()
        IMPLEMENTATIONS.update(functions)
