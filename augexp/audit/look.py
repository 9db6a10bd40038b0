"""A data set looked at as training will see it: everything that is to be known before a GPU hour is spent."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.audit import doubts, mixing, near
from augexp.audit.findings import SHOWN, Files, Findings, Near, NearCopy, Pixels, Shown, Spread
from augexp.config.schema import Experiment
from augexp.data import cache, decode, doubtful, sources
from augexp.data.copies import Member, Split
from augexp.data.examples import Source
from augexp.data.splits import Part, Splits, id_hash, load_splits
from augexp.network import device

MOST_COMPARED = 40_000  # images among which near-copies are looked for
SHEETS = 40  # classes
ON_A_SHEET = 12  # images
BLOCK = 1024  # images

Place = tuple[Split, int]  # a split, and a position in it


def look(experiment: Experiment, per_class: int | None) -> Findings:
    """Everything that is found in the data of an experiment; decodes it, where it isn't yet.

    Args:
        experiment: its data, its initial network, its batch size.
        per_class: at most so many labels of a class are asked about, in train and in test; 0: none; None: as
            `doubts.ASKED`.

    Raises:
        UserError: if the data can't be had, or can't be trained on.
    """
    settings = _looking(experiment)
    splits = load_splits(settings)
    source = sources.open_source(settings.data)
    reasons = cache.load_or_build(source, settings.data).reasons
    parts = _parts(splits)
    counts = {split: _counts(part, len(splits.class_names)) for split, part in parts.items()}
    precision = device.resolve_precision(settings.train.precision, device.find())
    return Findings(
        source=settings.data.source,
        class_names=splits.class_names,
        image_size=settings.data.image_size,
        resize=settings.data.resize,
        validation=splits.validation,
        counts=counts,
        duplicates=experiment.data.duplicates,
        copies=splits.copies,
        left_out=tuple(reasons.items()),
        not_read=source.left_out,
        files=_files(source, parts),
        majority=doubtful.majority(splits),
        mixing=mixing.of_smallest(
            counts["train"], settings.train.batch_size, balanced=settings.train.balance == "sampler"
        ),
        near=_near(parts),
        doubts=doubts.find(settings, splits, precision, per_class),
        equal=_equal(splits),
        sheets=_sheets(splits),
    )


def _looking(experiment: Experiment) -> Experiment:
    """What training refuses is looked at as if it were dropped, and everything at the size of training."""
    data = experiment.data
    duplicates = "drop" if data.duplicates == "refuse" else data.duplicates
    return experiment.model_copy(update={"data": data.model_copy(update={"duplicates": duplicates, "eval_size": None})})


def _parts(splits: Splits) -> dict[Split, Part]:
    """Those that differ: val isn't among them where it is the test set."""
    parts: dict[Split, Part] = {"train": splits.train, "val": splits.val, "test": splits.test}
    return {split: part for split, part in parts.items() if split != "val" or part is not splits.test}


def _counts(part: Part, classes: int) -> NDArray[np.int64]:
    return np.bincount(part.labels, minlength=classes).astype(np.int64)


# --- files ---------------------------------------------------------------------------------------------------------


def _files(source: Source, parts: Mapping[Split, Part]) -> Files:
    total = sum(examples.count for examples in source.splits.values())
    found: list[tuple[int, int]] = []
    with console.progress("sizes of files", total) as advance:
        for examples in source.splits.values():
            for _, size in decode.sizes(examples):
                found.append(size)
                advance()
    sizes = np.array(found, np.float64).reshape(-1, 2)
    width, height = sizes[:, 0], sizes[:, 1]
    return Files(
        count=len(sizes),
        width=_spread(width),
        height=_spread(height),
        aspect=_spread(width / height),
        short=_spread(sizes.min(axis=1)),
        grey=sum(_grey(part) for part in parts.values()),
    )


def _spread(values: NDArray[np.float64]) -> Spread:
    return float(values.min()), float(np.median(values)), float(values.max())


def _grey(part: Part) -> int:
    """How many images have no colour."""
    blocks = (part.images[part.rows[start : start + BLOCK]] for start in range(0, len(part), BLOCK))
    return sum(int((block == block[..., :1]).all(axis=(1, 2, 3)).sum()) for block in blocks)


# --- near-copies ---------------------------------------------------------------------------------------------------


def _near(parts: Mapping[Split, Part]) -> Near:
    """Among images that are all different; equal ones stand in `Findings.copies`."""
    places = list(_different(parts))
    chosen = sorted(places, key=lambda place: id_hash(f"near:{parts[place[0]].ids[place[1]]}"))[:MOST_COMPARED]
    thumbs = np.concatenate([_thumbnails(parts, split, chosen) for split in parts])
    ordered = [place for split in parts for place in chosen if place[0] == split]
    flat = near.is_flat(thumbs)
    clear = [ordered[n] for n in np.flatnonzero(~flat)]
    found = near.find(thumbs[~flat])
    pairs = [
        NearCopy(_shown(parts, clear[one.first]), _shown(parts, clear[one.second]), one.likeness, one.mirrored)
        for one in found.pairs
    ]
    pairs.sort(key=lambda pair: (not pair.across, -pair.likeness, pair.first.id, pair.second.id))
    return Near(tuple(pairs), len(chosen), len(places), int(flat.sum()), found.among_alike)


def _different(parts: Mapping[Split, Part]) -> Iterator[Place]:
    """Once for each image that is like none before."""
    seen: set[str] = set()
    for split, part in parts.items():
        for place, digest in enumerate(part.digests):
            if digest not in seen:
                seen.add(digest)
                yield split, place


def _thumbnails(parts: Mapping[Split, Part], split: Split, chosen: Sequence[Place]) -> NDArray[np.float32]:
    part = parts[split]
    return near.thumbnails(part.images, np.array([part.rows[place] for of, place in chosen if of == split], np.int64))


def _shown(parts: Mapping[Split, Part], place: Place) -> Shown:
    split, position = place
    part = parts[split]
    return Shown(split, part.ids[position], int(part.labels[position]), part.images[part.rows[position]])


# --- pictures ------------------------------------------------------------------------------------------------------


def _equal(splits: Splits) -> dict[Member, Pixels]:
    whole: dict[Split, Part] = {"train": splits.train, "val": splits.val, "test": splits.test}
    first = [group[0] for group in splits.copies.worst_first[:SHOWN]]
    return {one: np.array(whole[one.split].images[one.row]) for one in first}


def _sheets(splits: Splits) -> dict[int, Pixels]:
    """Some train images of each class; of many classes, of the smallest."""
    part = splits.train
    counts = _counts(part, len(splits.class_names))
    chosen = np.argsort(counts, kind="stable")[:SHEETS]
    sheets = {}
    for label in sorted(chosen.tolist()):
        members = np.flatnonzero(part.labels == label).tolist()
        members.sort(key=lambda place: id_hash(f"sheet:{part.ids[place]}"))
        sheets[label] = np.stack([part.images[part.rows[place]] for place in members[:ON_A_SHEET]])
    return sheets
