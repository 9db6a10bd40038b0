"""Train, validation and test: who belongs where, decided by a stable hash of each example's id.

An example keeps its place whatever is added to or taken from other classes, on every machine and in every run of the
same division. Which division that is, `data.split_seed` and `data.folds` say.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.config.schema import FROM_SEED, VALIDATION_SHARE, Data, Experiment
from augexp.data import cache, copies, grouped, sources
from augexp.data.cache import Decoded, DecodedSplit
from augexp.data.copies import Copies, Split
from augexp.data.examples import SHOWN, check_classes, say_lacking
from augexp.data.grey import Ranges
from augexp.errors import UserError, brief

TEST_SHARE = 0.2  # of a data set that holds nothing out

Rows = NDArray[np.int64]
Groups = Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """Some examples of a decoded split; nothing is copied."""

    images: NDArray[np.uint8]  # (N, S, S, 3), RGB: the whole decoded split
    rows: Rows  # (n,), ascending: the rows of `images` that belong to this part
    labels: NDArray[np.int32]  # (n,)
    ids: list[str]  # n
    digests: Sequence[str] = ()  # n, of the pixels

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
    copies: Copies = field(default_factory=Copies)  # equal images, before any were dropped
    has_own_val: bool = False  # val is a split of the data set's own

    @property
    def validation(self) -> Literal["train", "val", "test"]:
        """What val is: a share of train, a split of the data set's own, or the test set."""
        if self.val is self.test:
            return "test"
        return "val" if self.has_own_val else "train"


@dataclass(frozen=True)
class Division:
    """One of many ways to divide examples: `number` 0 without folds is that of earlier versions."""

    number: int = 0
    folds: int | None = None
    fold: int = 0

    def salt(self, purpose: str) -> str:
        """What makes a hash choose otherwise for each purpose and division."""
        return f"{purpose}:" if self.number == 0 else f"{purpose}{self.number}:"


def division(data: Data, seed: int) -> Division:
    """The division of the run of a seed."""
    if data.split_seed == FROM_SEED:
        return Division(seed)
    first = int(data.split_seed)
    if data.folds is None:
        return Division(first)
    again, fold = divmod(seed, data.folds)
    return Division(first + again, data.folds, fold)


def split(decoded: Decoded, data: Data, groups: Groups = MappingProxyType({}), seed: int = 0) -> Splits:
    """Carves validation (and test where none is held out, or with folds) from train, by class, and drops copies across.

    Args:
        decoded: the examples.
        data: how they are to be split.
        groups: by the ids of examples, what must not be divided between train, val and test.
        seed: of the run; it counts where `data` divides by it.

    Raises:
        UserError: if there are no images, one class only, a class without train images or with fewer than two for
            folds, nothing to validate on, or copies across splits where `data.duplicates` refuses them.
    """
    into = division(data, seed)
    train, test = _held_out(decoded, data, groups, into)
    has_own_val = data.validation is None and "val" in decoded.splits
    if data.validation == "test":
        val = test
    elif has_own_val:
        val = _whole(decoded.splits["val"])
    else:
        train, val = _carve(train, data.validation or VALIDATION_SHARE, into.salt("val"), groups)
        _refuse_undivided(data.source, val, groups, "validate", "name those of val in a column split")
    if has_own_val or data.validation == "test":
        _say_undivided(decoded, data)
    found = _copies(train, val, test, data)
    if found.dropped:
        train, chosen_by = _without_copies(train, val, found, data.source, decoded.class_names)
        val = test if val is test else chosen_by
    if data.train_per_class is not None:
        train = _first_of_each_class(train, data.train_per_class, into.salt("train"))
    check_classes(data.source, decoded.class_names, train.labels, test=test.labels, val=val.labels)
    say_lacking(data.source, decoded.class_names, test=test.labels, val=val.labels)
    fingerprint = _with_groups(decoded, groups) if groups else decoded.fingerprint
    # Seeds that divide the images otherwise drop others, and yet are of one data set.
    fingerprint = _with_dropped(fingerprint, found) if found.dropped and not data.divides_by_seed else fingerprint
    names, left_out = decoded.class_names, decoded.skipped
    return Splits(train, val, test, names, fingerprint, left_out, decoded.grey, found, has_own_val)


def _say_undivided(decoded: Decoded, data: Data) -> None:
    """Of a set whose val isn't carved from train: that another division is none, if one was asked for."""
    is_fixed = "all" not in decoded.splits and data.folds is None and data.train_per_class is None
    if is_fixed and data.split_seed != 0:
        console.say_once(
            f"{data.source}: data.split_seed={data.split_seed} changes nothing, as train, val and test are as the data "
            "has them; data.validation=0.1 takes val from train, and data.folds=5 test, too"
        )


def _copies(train: Part, val: Part, test: Part, data: Data) -> Copies:
    parts: dict[Split, Part] = {"train": train, "test": test}
    if val is not test:
        parts["val"] = val
    found = Copies(data.duplicates, copies.find(parts))
    copies.refuse(data.source, found)
    return found


def _without_copies(
    train: Part, val: Part, found: Copies, source: str, class_names: tuple[str, ...]
) -> tuple[Part, Part]:
    """Train and val without the images that stand in what is held out from them.

    Raises:
        UserError: if a class would have no train images left, or val none at all.
    """
    rows: dict[Split, list[int]] = {"train": [], "val": [], "test": []}
    for member, _ in found.dropped:
        rows[member.split].append(member.row)
    left, chosen_by = _without(train, rows["train"]), _without(val, rows["val"])
    lost = [class_names[label] for label in sorted(set(train.labels.tolist()) - set(left.labels.tolist()))]
    if lost or len(val) > len(chosen_by) == 0:
        emptied = f"train image of {', '.join(lost[:SHOWN])}" if lost else "image of val"
        raise UserError(
            f"{source}: every {emptied} stands in what is held out, too, and data.duplicates: drop would leave none; "
            "put other images there, or write data.duplicates=keep"
        )
    return left, chosen_by


def _without(part: Part, rows: Sequence[int]) -> Part:
    return _take(part, np.flatnonzero(~np.isin(part.rows, rows)))


def _with_dropped(fingerprint: str, found: Copies) -> str:
    """Fewer images are other data, and so another fingerprint."""
    dropped = sorted([member.split, member.id] for member, _ in found.dropped)
    return hashlib.sha256(json.dumps([fingerprint, dropped]).encode()).hexdigest()


def _held_out(decoded: Decoded, data: Data, groups: Groups, into: Division) -> tuple[Part, Part]:
    if into.folds is not None:
        if "all" not in decoded.splits:
            console.say_once(f"{data.source}: its test set is not used; data.folds={into.folds} divides train")
        return _by_fold(decoded, data.source, groups, into)
    if "all" in decoded.splits:
        train, test = _carve(_whole(decoded.splits["all"]), TEST_SHARE, into.salt("test"), groups)
        _refuse_undivided(data.source, test, groups, "test", "name those of test in a column split")
        return train, test
    return _whole(decoded.splits["train"]), _whole(decoded.splits["test"])


def _by_fold(decoded: Decoded, source: str, groups: Groups, into: Division) -> tuple[Part, Part]:
    """What stays, and one fold of K, alike in classes."""
    part = _whole(decoded.splits["all"] if "all" in decoded.splits else decoded.splits["train"])
    place = np.array(
        grouped.folds(part.ids, part.labels, groups, into.folds or 0, lambda group: id_hash(into.salt("fold") + group)),
        np.int64,
    )
    empty = into.folds - len(set(place.tolist())) if into.folds else 0
    if empty:
        raise UserError(
            f"{source}: data.folds={into.folds}: {empty:,} of them would have no image to test on, as there are "
            f"{len(part):,} images{' in groups that are held out whole' if groups else ''}; set fewer folds"
        )
    for label in np.unique(part.labels):
        if len(set(place[part.labels == label].tolist())) < 2:
            what = "groups" if groups else "images"
            raise UserError(
                f"{source}: data.folds={into.folds}: the class {decoded.class_names[label]} has fewer than two {what}, "
                "so that with one fold held out there is nothing to train on; add images, or leave the class out"
            )
    return _take(part, np.flatnonzero(place != into.fold)), _take(part, np.flatnonzero(place == into.fold))


def _with_groups(decoded: Decoded, groups: Groups) -> str:
    """Other groups make other splits, and so another fingerprint."""
    ids = sorted(id_ for split in decoded.splits.values() for id_ in split.ids)
    text = json.dumps([decoded.fingerprint, [[id_, groups.get(id_)] for id_ in ids]])
    return hashlib.sha256(text.encode()).hexdigest()


def _whole(split: DecodedSplit) -> Part:
    digests = split.digests or [copies.digest(image) for image in split.images]
    return Part(split.images, np.arange(len(split.ids), dtype=np.int64), split.labels, split.ids, digests)


def _carve(part: Part, share: float, salt: str, groups: Groups) -> tuple[Part, Part]:
    """What stays, and the share of every class that is taken."""
    if groups:
        chosen = grouped.choose(part.ids, part.labels, groups, share, lambda group: id_hash(salt + group))
        taken = np.array(chosen, np.int64)
    else:
        taken = _choose(part, salt, lambda n: min(max(round(share * n), 1), n - 1))
    stays = np.setdiff1d(np.arange(len(part)), taken)
    return _take(part, stays), _take(part, taken)


def _refuse_undivided(source: str, held_out: Part, groups: Groups, purpose: str, way_out: str) -> None:
    if groups and not len(held_out):
        raise UserError(
            f"{source}: there are no images to {purpose} on: no class has a second group to hold out, and a group is "
            f"never divided; add images of other groups, or {way_out}"
        )


def _first_of_each_class(part: Part, count: int, salt: str) -> Part:
    return _take(part, _choose(part, salt, lambda n: min(count, n)))


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
    ids, digests = ([of_all[i] for i in kept] for of_all in (part.ids, part.digests))
    return Part(part.images, part.rows[kept], part.labels[kept], ids, digests)


def load_splits(experiment: Experiment, *, train_too: bool = False) -> Splits:
    """Train, val and test of an experiment, decoded if they aren't yet.

    Args:
        experiment: with `data.eval_size`, val and test are at that size.
        train_too: and train, as what looks at a trained network sees it.
    """
    data = experiment.data
    source = sources.open_source(data)
    decoded = cache.load_or_build(source, data)
    found = split(decoded, data, source.groups, experiment.seed)
    if data.eval_size is None:
        return found
    return _at_eval_size(found, decoded, cache.load_or_build(source, data.as_evaluated), train_too=train_too)


def _at_eval_size(found: Splits, decoded: Decoded, other: Decoded, *, train_too: bool) -> Splits:
    """The same examples of the same data, decoded once more at another size.

    Raises:
        UserError: if one of them couldn't be decoded there.
    """

    def moved(part: Part) -> Part:
        name = next(name for name, split in decoded.splits.items() if split.images is part.images)
        rows = {id_: row for row, id_ in enumerate(other.splits[name].ids)}
        if missing := [id_ for id_ in part.ids if id_ not in rows]:
            raise UserError(
                f"{brief(missing)}: decoded at data.image_size and not at data.eval_size, as reading failed there; "
                "delete the decoded images of both sizes (data.cache_dir), and start again"
            )
        there = np.array([rows[id_] for id_ in part.ids], np.int64)
        order = np.argsort(there)
        sorted_part = _take(part, order)
        return replace(sorted_part, images=other.splits[name].images, rows=there[order])

    test = moved(found.test)
    return replace(
        found,
        train=moved(found.train) if train_too else found.train,
        val=test if found.val is found.test else moved(found.val),
        test=test,
        fingerprint=hashlib.sha256(json.dumps([found.fingerprint, other.fingerprint]).encode()).hexdigest(),
    )


def expected_splits(experiment: Experiment) -> Splits | None:
    """The splits as training will find them, decoding nothing; None where the data isn't downloaded yet."""
    data = experiment.data
    if not sources.is_prepared(data):
        return None
    source = sources.open_source(data)
    return split(cache.find(source, data) or cache.expected(source, data), data, source.groups, experiment.seed)
