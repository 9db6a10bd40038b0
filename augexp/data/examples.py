"""The shape that every source of examples ends in, and what is asked of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from augexp.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

SplitName = Literal["train", "test", "all"]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Listing:
    """Who the examples of a split are, in their fixed order."""

    ids: list[str]  # stable and unique
    labels: Labels  # (N,) int32, an index into the class names


@dataclass(frozen=True)
class Examples:
    """One split before decoding."""

    count: int
    listing: Callable[[], Listing]  # may read through the whole split
    # (index int64, bytes of an image file), in the order of the listing; or grey values (H, W) float32.
    encoded: Callable[[], "tf.data.Dataset"]
    # Where the set has boxes, likewise: (boxes (n, 4) as top, left, bottom, right in shares of the side, bytes).
    boxed: Callable[[], "tf.data.Dataset"] | None = None


@dataclass(frozen=True)
class Source:
    """A data set before decoding: `train` with or without `test`, or `all` where nothing is held out."""

    name: str
    version: str  # changes when the raw content does; cheap
    class_names: tuple[str, ...]
    splits: Mapping[SplitName, Examples]


def check_classes(source: str, class_names: tuple[str, ...], train: Labels, test: Labels | None) -> None:
    """Refuses examples that no classifier can be trained on; labels are (N,) int32.

    Raises:
        UserError: for no images, fewer than two classes, or a class without train images.
    """
    for purpose, labels in (("train", train), ("test", test)):
        if labels is not None and not len(labels):
            raise UserError(f"{source}: there are no images to {purpose} on")
    if len(class_names) < 2:
        raise UserError(f"{source}: at least two classes are needed, found only {class_names[0]}")
    empty = set(range(len(class_names))) - set(train.tolist())
    unknown = sorted(empty & set(test.tolist())) if test is not None else []
    if unknown:
        raise UserError(f"{source}: the test split has classes that train hasn't: {_named(class_names, unknown)}")
    if empty:
        raise UserError(f"{source}: no train images in {_named(class_names, sorted(empty))}")


def _named(class_names: tuple[str, ...], indices: list[int]) -> str:
    return ", ".join(class_names[i] for i in indices)


def listed(ids: list[str], labels: Labels, encoded: Callable[[], "tf.data.Dataset"]) -> Examples:
    listing = Listing(ids, labels)
    return Examples(len(ids), lambda: listing, encoded)
