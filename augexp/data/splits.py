"""Train, validation and test: who belongs where, decided by a stable hash of each example's id.

An example keeps its place whatever is added to or taken from other classes, on every machine and in every run.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Data, Experiment
from augexp.data import cache, sources
from augexp.data.cache import Decoded, DecodedSplit
from augexp.data.examples import check_classes
from augexp.data.grey import Ranges
from augexp.errors import UserError

TEST_SHARE = 0.2  # of a data set that holds nothing out

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Some examples of a decoded split; nothing is copied."""

    images: NDArray[np.uint8]  # (N, S, S, 3), RGB: the whole decoded split
    rows: Rows  # (n,), ascending: the rows of `images` that belong to this part
    labels: NDArray[np.int32]  # (n,)
    ids: list[str]  # n

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Splits:
    """What a run trains on, chooses its epoch by, and is scored on."""

    train: Part
    val: Part
    test: Part
    class_names: tuple[str, ...]
    fingerprint: str  # of the decoded content
    left_out: tuple[str, ...]  # ids of the images that can't be decoded
    grey: Ranges = field(default_factory=dict)  # of deep grey: which values were taken for black and white


def split(decoded: Decoded, data: Data) -> Splits:
    """Carves validation (and test where none is held out) from train, stratified by class.

    Raises:
        UserError: if there are no images, one class only, a class without train images, or nothing to validate on.
    """
    train, test = _held_out(decoded)
    if data.validation == "test":
        val = test
    else:
        train, val = _carve(train, data.validation, "val:")
    if data.train_per_class is not None:
        train = _first_of_each_class(train, data.train_per_class)
    check_classes(data.source, decoded.class_names, train.labels, test.labels)
    if not len(val):
        raise UserError(f"{data.source}: there are no images to validate on")
    return Splits(train, val, test, decoded.class_names, decoded.fingerprint, decoded.skipped, decoded.grey)


def _held_out(decoded: Decoded) -> tuple[Part, Part]:
    if "all" in decoded.splits:
        return _carve(_whole(decoded.splits["all"]), TEST_SHARE, "test:")
    return _whole(decoded.splits["train"]), _whole(decoded.splits["test"])


def _whole(split: DecodedSplit) -> Part:
    return Part(split.images, np.arange(len(split.ids), dtype=np.int64), split.labels, split.ids)


def _carve(part: Part, share: float, salt: str) -> tuple[Part, Part]:
    """What stays, and the share of every class that is taken."""
    taken = _choose(part, salt, lambda n: min(max(round(share * n), 1), n - 1))
    stays = np.setdiff1d(np.arange(len(part)), taken)
    return _take(part, stays), _take(part, taken)


def _first_of_each_class(part: Part, count: int) -> Part:
    return _take(part, _choose(part, "train:", lambda n: min(count, n)))


def _choose(part: Part, salt: str, how_many: Callable[[int], int]) -> Rows:
    """Positions in `part`, ascending: of each class the first `how_many(its size)` by salted hash of the id."""
    chosen: list[int] = []
    for label in np.unique(part.labels):
        members = np.flatnonzero(part.labels == label).tolist()
        members.sort(key=lambda position: id_hash(salt + part.ids[position]))
        chosen += members[: how_many(len(members))]
    return np.array(sorted(chosen), np.int64)


def id_hash(text: str) -> bytes:
    """What orders examples by their ids, alike everywhere; a file name may hold any bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _take(part: Part, positions: Iterable[int]) -> Part:
    kept = np.fromiter(positions, np.int64)
    return Part(part.images, part.rows[kept], part.labels[kept], [part.ids[i] for i in kept])


def load_splits(experiment: Experiment) -> Splits:
    """Train, val and test of an experiment, decoded if they aren't yet."""
    return split(cache.load_or_build(sources.open_source(experiment.data), experiment.data), experiment.data)


def expected_splits(experiment: Experiment) -> Splits | None:
    """The splits as training will find them, decoding nothing; None where the data isn't downloaded yet."""
    data = experiment.data
    if not sources.is_prepared(data):
        return None
    source = sources.open_source(data)
    return split(cache.find(source, data) or cache.expected(source, data), data)
