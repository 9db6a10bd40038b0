"""Decode once: every image of a source as memory-mapped RGB uint8 of one size, shared by all runs.

An entry is a folder `<source>-<size>-<resize>-<key>` with one `<split>.npy` a split and `meta.json`. It appears all at
once, is never changed afterwards, and one process at a time builds it.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import augexp
from augexp import console, files, removal
from augexp.config.schema import Data
from augexp.data import copies, decode, entries
from augexp.data.decode import Pixels
from augexp.data.examples import Examples, Labels, Source, SplitName
from augexp.data.grey import COLOUR, Extent, Ranges, flat, ranges
from augexp.errors import UserError, counted, remedy
from augexp.files import locked

BAD_SHARE = 0.01  # of a split; more stops the run
LISTED = 20  # names in a message
CHECKED = 256  # images that a thread looks at in one go
SAMPLE = 64  # images of a split whose pixels are checked whenever an entry is opened
Bad = tuple[str, str]  # id, reason


@dataclass(frozen=True)
class DecodedSplit:
    """One split of an entry, in no particular order."""

    images: Pixels  # (N, S, S, 3), RGB; mapped copy-on-write, so writable without touching the file
    labels: Labels  # (N,) int32
    ids: list[str]
    digests: Sequence[str] | None = None  # of each image's pixels; None in an entry of an earlier version


@dataclass(frozen=True)
class Decoded:
    """A decoded data set."""

    class_names: tuple[str, ...]
    fingerprint: str  # of pixels, labels and ids; the same on every machine and for any order or date of the files
    splits: Mapping[SplitName, DecodedSplit]
    skipped: tuple[str, ...]  # ids of the images that can't be decoded
    grey: Ranges = field(default_factory=dict)  # of deep grey: which values were taken for black and white
    reasons: Mapping[str, str] = field(default_factory=dict)  # id of an image -> why it can't be decoded


class _DamagedError(Exception):
    """An entry that lacks something; the message says what."""


def load_or_build(source: Source, data: Data) -> Decoded:
    """The decoded images of a source, from the cache or decoded now.

    Raises:
        UserError: if more than 1 % of a split can't be decoded, the range of deep grey can't be known, or the cache
            folder can't hold the images.
    """
    return find(source, data) or _build_once(source, data)


def find(source: Source, data: Data) -> Decoded | None:
    """The decoded images of a source if they are in the cache, whole; builds nothing."""
    try:
        return _verified(entry_folder(source, data))
    except _DamagedError:
        return None


def expected(source: Source, data: Data) -> Decoded:
    """What decoding will give if every image is sound: ids and labels with black images that take no memory."""
    size = data.decoded_size
    splits = {}
    for name, examples in source.splits.items():
        listing = examples.listing()
        black = np.broadcast_to(np.uint8(0), (examples.count, size, size, 3))
        unlike = [f"{name}/{id_}" for id_ in listing.ids]  # no two are known to be equal
        splits[name] = DecodedSplit(black, listing.labels, listing.ids, unlike)
    return Decoded(source.class_names, "", splits, ())


def entry_folder(source: Source, data: Data) -> Path:
    """Where the decoded images of a source are or would be."""
    told = (source.version, source.class_names, decode.VERSION, decode.BACKGROUND, data.antialias)
    return cache_folder(data) / entries.name(source.name, data.decoded_size, data.resize, told)


def cache_folder(data: Data) -> Path:
    """Where decoded images are kept."""
    if data.cache_dir is not None:
        return Path(data.cache_dir).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "augexp"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _open(folder: Path) -> Decoded:
    try:
        meta = json.loads(files.read_bytes(folder / "meta.json", entries.MOST_META))
        if meta.pop("check", None) not in (None, _check(meta)):
            raise _DamagedError("meta.json is not what was written")
        splits = {name: _open_split(folder / f"{name}.npy", split) for name, split in meta["splits"].items()}
        grey = {kind: (float(low), float(high)) for kind, (low, high) in meta["grey"].items()}
        bad = {id_: str(reason) for id_, reason in meta["bad"]}
        return Decoded(tuple(meta["class_names"]), meta["fingerprint"], splits, tuple(bad), grey, bad)
    except FileNotFoundError as error:
        raise _DamagedError(f"no {Path(error.filename).name}") from None
    except OSError as error:
        raise _DamagedError(error.strerror or str(error)) from None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        raise _DamagedError(f"meta.json: {type(error).__name__}") from None


def _open_split(path: Path, split: Mapping[str, Any]) -> DecodedSplit:
    try:
        files.opened(path).close()  # a pipe would be waited for
        # Copy-on-write makes the array writable, as DLPack asks, and still leaves the file alone.
        images = np.load(path, mmap_mode="c")
    except (ValueError, EOFError):
        raise _DamagedError(f"{path.name} is cut off") from None
    if images.dtype != np.uint8 or list(images.shape) != split["shape"] or len(split["ids"]) != len(images):
        raise _DamagedError(f"{path.name} is not what meta.json says")
    digests = split.get("digests")
    opened = DecodedSplit(images, np.array(split["labels"], np.int32), list(split["ids"]), digests)
    if digests is not None:
        if len(digests) != len(images):
            raise _DamagedError("meta.json has no digest of each image")
        # Other ones each time; all are looked at once a version, and by `augexp check cache`.
        some = np.random.default_rng().choice(len(images), min(SAMPLE, len(images)), replace=False)
        if wrong := list(changed(opened, some.tolist())):
            raise _DamagedError(f"the pixels of {wrong[0]} are not what was decoded")
    return opened


def changed(split: DecodedSplit, rows: Iterable[int]) -> Iterator[str]:
    """Ids of the images among some rows whose pixels are not those that were decoded, in an entry that tells."""
    for row in rows:
        if split.digests is not None and copies.digest(split.images[row]) != split.digests[row]:
            yield split.ids[row]


def damage(folder: Path) -> str | None:
    """What is wrong with an entry, all of its pixels looked at; None where nothing is, or it doesn't tell."""
    try:
        _refuse_changed(folder, _open(folder))
    except _DamagedError as found:
        return str(found)
    return None


def _refuse_changed(folder: Path, entry: Decoded) -> None:
    """Looks at every pixel of an entry that tells; raises _DamagedError where some are not what was decoded."""
    telling = [split for split in entry.splits.values() if split.digests is not None]
    parts = [
        (split, range(first, min(first + CHECKED, len(split.ids))))
        for split in telling
        for first in range(0, len(split.ids), CHECKED)
    ]
    wrong: list[str] = []
    total = sum(len(rows) for _, rows in parts)
    with console.progress(f"checking {folder.name}", total) as advance, ThreadPoolExecutor() as pool:
        # A digest leaves other threads free.
        for (_, rows), found in zip(parts, pool.map(lambda part: list(changed(*part)), parts), strict=True):
            wrong += found
            advance(len(rows))
    if wrong:
        raise _DamagedError(f"the pixels of {counted(len(wrong), 'image')} are not what was decoded ({wrong[0]})")


def _verified(folder: Path) -> Decoded:
    """An entry; all of it is looked at unless this version of augexp has done so since its files were last written.

    Raises:
        _DamagedError: if something is wrong with it.
    """
    entry = _open(folder)
    if all(split.digests is None for split in entry.splits.values()):
        return entry
    paths = [folder / "meta.json", *(folder / f"{name}.npy" for name in entry.splits)]
    stamps = {path.name: [(now := path.stat()).st_size, now.st_mtime_ns] for path in paths}
    seen = {"augexp": augexp.__version__, "fingerprint": entry.fingerprint, "files": stamps}
    record = folder.with_name(f".{folder.name}.verified")
    with suppress(OSError, ValueError, RecursionError):
        if json.loads(files.read_bytes(record, 2**20)) == seen:
            return entry
    _refuse_changed(folder, entry)
    with suppress(OSError):  # a cache that this process may not write is looked at again
        files.write_json(record, seen)
    return entry


def tells(folder: Path) -> bool:
    """Whether an entry that can be opened has digests of its images; those of earlier versions have none."""
    return all(split.digests is not None for split in _open(folder).splits.values())


def _build_once(source: Source, data: Data) -> Decoded:
    folder = entry_folder(source, data)
    with (
        _writable(folder.parent),
        locked(folder.with_name(f".{folder.name}.lock"), f"another process is decoding into {folder}"),
    ):
        if folder.exists():
            try:
                return _verified(folder)
            except _DamagedError as damage:
                console.say(f"{folder}: damaged ({damage}), decoding again")
        return _build(source, data, folder)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: decoded images can't be written ({error.strerror or error}); "
            f"{remedy(error)}, or set data.cache_dir= to another folder"
        ) from error


def _build(source: Source, data: Data, folder: Path) -> Decoded:
    temporary = folder.with_name(f".{folder.name}.building")
    # Whoever left these was killed: this process holds the lock.
    _clear(temporary)
    _check_space(source, data, folder.parent)
    try:
        temporary.mkdir()
        start = time.monotonic()
        count = _fill(temporary, source, data)
        seconds = time.monotonic() - start
        _clear(folder)
        temporary.rename(folder)
    finally:
        with suppress(OSError, UserError):
            _clear(temporary)
    console.say(f"decoded {counted(count, 'image')} in {seconds:.1f} s ({count / seconds:,.0f} images/s) into {folder}")
    return _open(folder)


def _clear(folder: Path) -> None:
    """Deletes what was built in a folder, and the folder; one that holds something else is refused."""
    if not os.path.lexists(folder):
        return
    left = removal.remove(folder, entries.FILES)
    if left:
        raise UserError(
            f"{folder}: it holds what is not of decoded images ({', '.join(left[:3])}), and nothing of it is deleted; "
            "move it away, or set data.cache_dir= to another folder"
        )


def _check_space(source: Source, data: Data, folder: Path) -> None:
    needed = sum(examples.count for examples in source.splits.values()) * data.decoded_size**2 * 3
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: decoded images need {needed / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free; "
            "free space, or set data.cache_dir= to another folder"
        )


def _fill(folder: Path, source: Source, data: Data) -> int:
    """Decodes all splits into a folder and counts the images."""
    total = sum(examples.count for examples in source.splits.values())
    grey: Ranges = {}
    try:
        built = _build_splits(folder, source, data, None)
    except decode.UnknownRangeError:
        grey = _measured(source)
        built = _build_splits(folder, source, data, grey)
    bad = [bad for split in built.values() for bad in split.bad]
    if bad:
        named = ", ".join(_listed(bad))
        console.say(f"left out {len(bad)} of {counted(total, 'image')} that can't be decoded: {named}")
    files.write_text(folder / "meta.json", json.dumps(_meta(source, data, built, bad, grey)))
    return total - len(bad)


def _measured(source: Source) -> Ranges:
    """The ranges of deep grey in a set; reads all its files."""
    found: dict[str, Extent] = {}
    for examples in source.splits.values():
        ids = examples.listing().ids
        found |= {ids[index]: extent for index, extent in decode.extents(examples)}
    measured = ranges(source.name, found)
    for kind, (black, white) in measured.items():
        what = kind if kind == COLOUR else f"{kind} grey"
        console.say(f"{source.name}: {what} is read as {black:,.6g} = black to {white:,.6g} = white")
    if few := flat(found, measured):
        console.say(
            f"{source.name}: nearly flat, as it uses less than a 16th of that range: {counted(len(few), 'image')} "
            f"({few[0]}); if their scale is another, or a value stands for none, bring all to one"
        )
    return measured


def _build_splits(folder: Path, source: Source, data: Data, grey: Ranges | None) -> "dict[SplitName, _BuiltSplit]":
    total = sum(examples.count for examples in source.splits.values())
    built: dict[SplitName, _BuiltSplit] = {}
    with console.progress(f"decoding {source.name}", total) as advance:
        speed = _Speed(advance)
        for name, examples in source.splits.items():
            built[name] = _build_split(folder / f"{name}.npy", examples, data, speed, grey)
            _refuse_many_bad(data.source, name, built[name])
    return built


class _Speed:
    """Counts images into a progress bar, with the rate so far."""

    def __init__(self, advance: console.Advance) -> None:
        self._advance = advance
        self._start = time.monotonic()
        self._done = 0

    def __call__(self, count: int) -> None:
        self._done += count
        self._advance(count, f"{self._done / max(time.monotonic() - self._start, 1e-3):,.0f} images/s")


@dataclass
class _BuiltSplit:
    """What the file of a split holds so far."""

    shape: tuple[int, ...]
    ids: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)  # of each image's pixels, whole
    bad: list[Bad] = field(default_factory=list)

    def add(self, ids: list[str], labels: Labels, images: Pixels) -> None:
        self.ids += ids
        self.labels += labels.tolist()
        self.digests += [hashlib.sha256(image.data).hexdigest() for image in images]


def _meta(
    source: Source, data: Data, built: Mapping[SplitName, _BuiltSplit], bad: list[Bad], grey: Ranges
) -> dict[str, Any]:
    splits = {
        name: {
            "shape": split.shape,
            "ids": split.ids,
            "labels": split.labels,
            "digests": [digest[: copies.DIGITS] for digest in split.digests],
        }
        for name, split in built.items()
    }
    meta = {
        "source": source.name,
        "version": source.version,
        "class_names": source.class_names,
        "fingerprint": _fingerprint(source.class_names, built),
        "splits": splits,
        "bad": bad,
        "decoder": decode.VERSION,
        "background": decode.BACKGROUND,
        "antialias": data.antialias,
        "grey": grey,
    }
    return meta | {"check": _check(meta)}


def _check(meta: Mapping[str, Any]) -> str:
    """A digest of what an entry tells; it has a digest of each image, and so stands for all of it."""
    # Lists in place of tuples, and names of splits as they are read back.
    return _sha256(json.dumps(json.loads(json.dumps(meta)), sort_keys=True).encode())


def _fingerprint(class_names: tuple[str, ...], built: Mapping[SplitName, _BuiltSplit]) -> str:
    rows = sorted(
        [name, id_, label, digest]
        for name, split in built.items()
        for id_, label, digest in zip(split.ids, split.labels, split.digests, strict=True)
    )
    return _sha256(json.dumps([class_names, rows]).encode())


def _build_split(path: Path, examples: Examples, data: Data, speed: _Speed, grey: Ranges | None) -> _BuiltSplit:
    """Decodes one split into a `.npy` file."""
    listing = examples.listing()
    split = _BuiltSplit((examples.count, data.decoded_size, data.decoded_size, 3))
    missing = np.ones(examples.count, bool)
    reasons: dict[int, str] = {}

    def keep(chunk: decode.Chunk) -> None:
        file.write(chunk.images.data)
        split.add([listing.ids[i] for i in chunk.indices], listing.labels[chunk.indices], chunk.images)
        os.fsync(file.fileno())

    with path.open("wb") as file, ThreadPoolExecutor(1) as thread:
        kept: Future[None] = thread.submit(_write_header, file, split.shape)
        for chunk in decode.decode(examples, data, grey):
            kept.result()
            kept = thread.submit(keep, chunk)  # while the next is decoded
            missing[chunk.indices] = False
            reasons |= chunk.bad
            speed(len(chunk.indices))
        kept.result()
        split.shape = (len(split.ids), *split.shape[1:])
        _write_header(file, split.shape)
        file.flush()
        # Without it a power cut could leave a whole entry of zeros.
        os.fsync(file.fileno())
    split.bad = [(listing.ids[i], reasons.get(i, "can't be read")) for i in np.flatnonzero(missing).tolist()]
    return split


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """Starts a `.npy` file; a header for fewer images has the same length, so it can be written over."""
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _refuse_many_bad(source: str, name: SplitName, split: _BuiltSplit) -> None:
    count = len(split.ids) + len(split.bad)
    if len(split.bad) > BAD_SHARE * count:
        raise UserError(
            f"{source}: {len(split.bad):,} of {counted(count, 'image')} of the split {name} can't be decoded, "
            f"more than {BAD_SHARE:.0%}; repair or remove them:",
            *(f"  {line}" for line in _listed(split.bad)),
        )


def _listed(bad: list[Bad]) -> list[str]:
    more = [f"and {len(bad) - LISTED:,} more"] if len(bad) > LISTED else []
    return [f"{id_} ({reason})" for id_, reason in bad[:LISTED]] + more
