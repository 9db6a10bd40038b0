"""The shape that every source of examples ends in, and what is asked of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Union

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

SplitName = Literal["train", "val", "test", "all"]
Labels = NDArray[np.int32]
Encoded = Union[Callable[[], "tf.data.Dataset"], Sequence[Path]]  # noqa: UP007 - a name in quotes can't stand beside |

SHOWN = 10  # classes in a message
_PURPOSES = {"train": "train", "val": "validate", "test": "test"}


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
    # (index int64, bytes of an image file), in the order of the listing; or grey values (H, W) float32, or pixels uint8
    # (H, W) or (H, W, channels).
    # Or the image files themselves, in that order.
    encoded: Encoded
    # Where the set has boxes, likewise: (boxes (n, 4) as top, left, bottom, right in shares of the side, bytes).
    boxed: Callable[[], "tf.data.Dataset"] | None = None


@dataclass(frozen=True)
class Source:
    """A data set before decoding: `train` and `test`, with or without `val`, or `all` where nothing is held out."""

    name: str
    version: str  # changes when the raw content does; cheap
    class_names: tuple[str, ...]
    splits: Mapping[SplitName, Examples]
    groups: Mapping[str, str] = field(default_factory=dict)  # id -> what must not be divided between splits
    left_out: str = ""  # in words: what was found beside the examples and isn't used


def check_classes(source: str, class_names: tuple[str, ...], train: Labels, **held_out: Labels | None) -> None:
    """Refuses examples that no classifier can be trained on; labels are (N,) int32.

    Raises:
        UserError: for no images, fewer than two classes, or a class without train images.
    """
    if not len(train):
        raise UserError(f"{source}: there are no images to train on")
    for split, labels in held_out.items():
        if labels is not None and not len(labels):
            raise UserError(
                f"{source}: there are no images to {_PURPOSES[split]} on; put some into {split}, or more than two of a "
                f"class into train and leave {split} out"
            )
    if len(class_names) < 2:
        raise UserError(f"{source}: at least two classes are needed, found only {class_names[0]}")
    empty = set(range(len(class_names))) - set(train.tolist())
    for split, labels in held_out.items():
        if labels is not None:
            _refuse_unknown(source, class_names, train, split, labels)
    if empty:
        raise UserError(
            f"{source}: no train images in {_named(class_names, sorted(empty))}; add some, or take the class away"
        )


def _refuse_unknown(source: str, class_names: tuple[str, ...], train: Labels, split: str, labels: Labels) -> None:
    """Refuses a split with classes that can't be learnt; where it has no other, it may be one without labels."""
    known, there = set(train.tolist()), set(labels.tolist())
    if there <= known:
        return
    trained = f"train's are {_named(class_names, sorted(known))}"
    if there.isdisjoint(known):
        raise UserError(
            f"{source}: the {split} split has none of train's classes, only {_named(class_names, sorted(there))}; "
            f"{trained}; call them as in train, or, if its images have no labels, take {split} away"
        )
    raise UserError(
        f"{source}: the {split} split has classes without train images: "
        f"{_named(class_names, sorted(there - known))}; {trained}; give each of them train images, or take it out of "
        f"{split}"
    )


def check_splits(source: str, class_names: tuple[str, ...], labels: Mapping[SplitName, Labels]) -> None:
    """Refuses splits as `check_classes` does, and says which classes of train are not among what is held out.

    Raises:
        UserError: if no classifier can be trained on them.
    """
    train = labels["train"] if "train" in labels else labels["all"]
    held_out = {split: found for split, found in labels.items() if split in ("val", "test")}
    check_classes(source, class_names, train, **{str(split): found for split, found in held_out.items()})
    say_lacking(source, class_names, **{str(split): found for split, found in held_out.items()})


def say_lacking(source: str, class_names: tuple[str, ...], **held_out: Labels) -> None:
    """Says which classes have no images in what is held out; labels are (N,) int32."""
    for split, found in held_out.items():
        lacking = sorted(set(range(len(class_names))) - set(found.tolist()))
        if lacking:
            console.say_once(f"{source}: no {split} images in {_named(class_names, lacking)}")


def _named(class_names: tuple[str, ...], indices: list[int]) -> str:
    more = f" and {len(indices) - SHOWN:,} more" if len(indices) > SHOWN else ""
    return ", ".join(class_names[i] for i in indices[:SHOWN]) + more


def listed(ids: list[str], labels: Labels, encoded: Encoded) -> Examples:
    listing = Listing(ids, labels)
    return Examples(len(ids), lambda: listing, encoded)
