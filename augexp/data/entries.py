"""Entries of the cache of decoded images: what they are called, which files they are of, and how one is known as such.

An entry is a folder `<source>-<size>-<resize>-<key>`; the key is a digest of what `meta.json` says of the source and of
how it was decoded, so that another program's folder is never taken for one.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augexp import files
from augexp.removal import Own
from augexp.runs import cleanup
from augexp.runs.cleanup import Kept, Removable

FORMAT = 1  # part of every key: a change here retires all entries

FILES = Own(re.compile(r"(\.\d+-)?meta\.json|(train|val|test|all)\.npy"), proof="meta.json")
_NAME = re.compile(r".+-([0-9]+)-([a-z_]+)-([0-9a-f]{12})")
MOST_META = 2**30  # bytes: of ten million images


class NoEntry(Exception):  # noqa: N818 - it names what was found
    """A folder that is no entry; the message says why."""


def name(source: str, size: int, resize: str, told: Sequence[Any]) -> str:
    """What the folder of an entry is called.

    Args:
        source: name of the data source.
        size: of the decoded images, in pixels.
        resize: how they came to it.
        told: version and class names of the source, and how its files were decoded.
    """
    version, class_names, *how = told
    key = hashlib.sha256(json.dumps([FORMAT, source, version, class_names, size, resize, *how]).encode()).hexdigest()
    begins = re.sub(r"[^\w.-]+", "_", source)[:60]
    return f"{begins}-{size}-{resize}-{key[:12]}"


def refuse_foreign(folder: Path) -> None:
    """Raises NoEntry if a folder is not of the cache, as its name and its `meta.json` have it."""
    found = _NAME.fullmatch(folder.name)
    if found is None or folder.is_symlink():
        raise NoEntry("a link" if folder.is_symlink() else "not named as an entry is")
    try:
        meta = json.loads(files.read_bytes(folder / "meta.json", MOST_META))
        names = {_named(meta, int(found[1]), found[2], *keys) for keys in ((), ("decoder", "background", "antialias"))}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise NoEntry("no meta.json of decoded images") from None
    if folder.name not in names:
        raise NoEntry("its name is not that of what meta.json tells")


def _named(meta: Mapping[str, Any], size: int, resize: str, *how: str) -> str:
    """The name of an entry; those of earlier versions were called by less."""
    told = [meta["version"], meta["class_names"], *(meta.get(key) for key in how)]
    return name(meta["source"], size, resize, told)


def entries(cache: Path) -> list[Path]:
    """The entries in a cache folder, by name."""
    found = []
    for path in sorted(path for path in cache.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            refuse_foreign(path)
        except NoEntry:
            continue
        found.append(path)
    return found


def lost(cache: Path) -> list[tuple[Path, str]]:
    """What is called as an entry in a cache folder and is none, damaged or put there; and why."""
    found = []
    for path in sorted(
        path for path in cache.iterdir() if _NAME.fullmatch(path.name) and not path.name.startswith(".")
    ):
        try:
            refuse_foreign(path)
        except NoEntry as reason:
            found.append((path, str(reason)))
    return found


def removable(cache: Path) -> tuple[list[Removable], list[tuple[Path, str]]]:
    """The entries in a cache folder, which the next run that needs them makes anew; other folders, and why they stay.

    Raises:
        Kept: if there is no such folder, it lies behind a link, or it can't be read.
    """
    cleanup.refuse_link(cache)
    found, kept = [], []
    try:
        paths = sorted(path for path in cache.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise Kept(error.strerror or str(error)) from None
    for path in paths:
        try:
            refuse_foreign(path)
            found.append(cleanup.removable(path, "decoded images", FILES))
        except (NoEntry, Kept) as reason:
            kept.append((path, str(reason)))
    return found, kept
