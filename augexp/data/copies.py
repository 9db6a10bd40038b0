"""Exact copies: images of one set whose decoded pixels are the same, within a split and across, under one label or two.

An image of train that stands in test, too, makes test say what was learnt by heart.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Duplicates
from augexp.errors import UserError

Split = Literal["train", "val", "test"]

RECORDED = 100  # pairs, or groups
DIGITS = 32  # of a digest, hexadecimal: 128 bits
HELD_OUT_FIRST: tuple[Split, ...] = ("test", "val", "train")  # what stands in one is dropped from those after it
WAYS_OUT = (
    "data.duplicates=drop leaves them out of what is trained and chosen on, data.duplicates=keep trains on them; "
    "`augexp data` names them all"
)


def digest(image: NDArray[np.uint8]) -> str:
    """Of the pixels of one image (S, S, 3); equal images have equal ones."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()[:DIGITS]


class Examples(Protocol):
    """What is asked of a part."""

    @property
    def rows(self) -> NDArray[np.int64]: ...
    @property
    def labels(self) -> NDArray[np.int32]: ...
    @property
    def ids(self) -> list[str]: ...
    @property
    def digests(self) -> Sequence[str]: ...


class Member(NamedTuple):
    """One of several equal images."""

    split: Split
    row: int  # of the decoded images of its part
    label: int
    id: str


Group = tuple[Member, ...]  # equal images, those of test first, then those of val; at least two


@dataclass(frozen=True)
class Copies:
    """What was found in a set, before anything was dropped, and what was done about it."""

    setting: Duplicates = "keep"
    groups: tuple[Group, ...] = ()

    @property
    def across(self) -> list[tuple[Member, Member]]:
        """Each image of train or val that stands in what is held out from it, and one that it is a copy of."""
        return [(member, group[0]) for group in self.groups for member in group if member.split != group[0].split]

    @property
    def dropped(self) -> list[tuple[Member, Member]]:
        """Those of `across` that were left out."""
        return self.across if self.setting == "drop" else []

    @property
    def contradicted(self) -> list[tuple[Member, Member]]:
        """Those of `across` that have different labels in the two splits."""
        return [(member, other) for member, other in self.across if member.label != other.label]

    @property
    def conflicting(self) -> list[Group]:
        """Images of one split that are equal and have different labels."""
        return [group for group in self.within if len({member.label for member in group}) > 1]

    @property
    def worst_first(self) -> list[Group]:
        """All groups: those in two splits, then those under different labels, then the others."""

        def harmless(group: Group) -> tuple[bool, bool]:
            return len({one.split for one in group}) == 1, len({one.label for one in group}) == 1

        return sorted(self.groups, key=harmless)

    @property
    def within(self) -> list[Group]:
        """Equal images of one split."""
        parts = [
            tuple(member for member in group if member.split == split)
            for group in self.groups
            for split in HELD_OUT_FIRST
        ]
        return [part for part in parts if len(part) > 1]


def find(parts: Mapping[Split, Examples]) -> tuple[Group, ...]:
    """All groups of equal images, by the first of their ids."""
    together: dict[str, list[Member]] = {}
    for split in HELD_OUT_FIRST:
        if split in parts:
            for key, member in _members(split, parts[split]):
                together.setdefault(key, []).append(member)
    groups = [tuple(members) for members in together.values() if len(members) > 1]
    return tuple(sorted(groups, key=lambda group: group[0].id))


def _members(split: Split, part: Examples) -> Iterator[tuple[str, Member]]:
    rows, labels = part.rows.tolist(), part.labels.tolist()
    for key, row, label, id_ in zip(part.digests, rows, labels, part.ids, strict=True):
        yield key, Member(split, row, label, id_)


def refuse(source: str, copies: Copies) -> None:
    """Raises UserError if `data.duplicates` is refuse and an image of train or val stands in what is held out."""
    if copies.setting == "refuse" and copies.across:
        raise UserError(f"{source}: data.duplicates is refuse, and {across_in_words(copies)}; {WAYS_OUT}")


def in_words(copies: Copies, class_names: Sequence[str]) -> str:
    """One line on copies across splits and under different labels; empty where there are none."""
    told = []
    if copies.across:
        done = "left out" if copies.setting == "drop" else "kept, so that accuracy may be what was learnt by heart"
        told.append(f"{across_in_words(copies)}: {done} (data.duplicates: {copies.setting})")
    if conflicting := copies.conflicting:
        images = sum(map(len, conflicting))
        one, other = _of_two_labels(conflicting[0])
        told.append(
            f"{images:,} images stand in one split under different labels ({one.id} is {class_names[one.label]}, "
            f"{other.id} {class_names[other.label]})"
        )
    return "; ".join(told)


def record(copies: Copies) -> dict[str, Any]:
    """What `environment.json` says: numbers, and of each kind no more than `RECORDED`."""
    dropped = Counter(member.split for member, _ in copies.dropped)
    return {
        "across": len(copies.across),
        "dropped": {split: dropped[split] for split in ("train", "val")},
        "pairs": [[member.id, other.id] for member, other in copies.across[:RECORDED]],
        "conflicting": len(copies.conflicting),
        "conflicts": [[member.id for member in group] for group in copies.conflicting[:RECORDED]],
    }


def across_in_words(copies: Copies) -> str:
    """`3 images stand in two splits, 2 of train in test, 1 of train in val (train/a.png is test/b.png)`; some do.

    It tells how many have other labels in the two.
    """
    pairs = copies.across
    counts = Counter((member.split, of.split) for member, of in pairs)
    told = []
    for held_out in HELD_OUT_FIRST:
        of_splits = [f"{counts[split, held_out]:,} of {split}" for split in ("train", "val") if counts[split, held_out]]
        if of_splits:
            told.append(f"{' and '.join(of_splits)} in {held_out}")
    if contradicted := len(copies.contradicted):
        told.append(f"{contradicted:,} of them under another label there")
    first, other = pairs[0]
    return (
        f"{len(pairs):,} {'images stand' if len(pairs) > 1 else 'image stands'} in two splits, {', '.join(told)} "
        f"({first.id} is {other.id})"
    )


def _of_two_labels(group: Group) -> tuple[Member, Member]:
    return group[0], next(member for member in group if member.label != group[0].label)
