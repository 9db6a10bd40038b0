"""Where examples come from, each as the bytes of image files.

Every source ends in the same shape, so that decoding, splitting and caching are written once. A new kind of source is a
module with the four functions of `SourceModule`, and a line in `SOURCES`.
"""

from typing import Protocol

from augexp.config.schema import Data
from augexp.data import digits, folder, table, tfds
from augexp.data.examples import Source


class SourceModule(Protocol):
    """What a module that knows a kind of source offers."""

    def takes(self, source: str) -> bool:
        """Whether `data.source` names one of this kind."""

    def open_source(self, data: Data) -> Source:
        """The set, downloaded and prepared first where it has to be. Raises UserError if it can't be had."""

    def is_prepared(self, data: Data) -> bool:
        """Whether `open_source` has nothing to download. Raises UserError if there is no such set."""

    def count_classes(self, data: Data) -> int:
        """Number of classes, without downloading. Raises UserError as `open_source` does."""


# The first that takes a name opens it; TFDS takes every name, so it comes last.
SOURCES: tuple[SourceModule, ...] = (digits, folder, table, tfds)


def open_source(data: Data) -> Source:
    """The data set that `data.source` names; a TFDS set is downloaded and prepared first where it has to be.

    Raises:
        UserError: if there is no such data set, it can't be had, or it is not image classification.
    """
    return _module(data).open_source(data)


def is_prepared(data: Data) -> bool:
    """Whether `open_source` has nothing to download.

    Raises:
        UserError: if TFDS knows no such data set.
    """
    return _module(data).is_prepared(data)


def is_listed_without_tensorflow(data: Data) -> bool:
    """Whether ids and labels can be had in a process that hasn't loaded TensorFlow, and won't."""
    return _module(data) is not tfds


def count_classes(data: Data) -> int:
    """Number of classes of a set that may not be downloaded yet.

    Raises:
        UserError: if there is no such data set, or it is not image classification.
    """
    if is_prepared(data):
        return len(open_source(data).class_names)
    return _module(data).count_classes(data)


def _module(data: Data) -> SourceModule:
    return next(module for module in SOURCES if module.takes(data.source))
