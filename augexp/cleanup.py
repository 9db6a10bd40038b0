"""What can be deleted without losing a number: checkpoints of finished runs, decoded images."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from augexp import runs


@dataclass(frozen=True)
class Removable:
    """A file or folder, its size in bytes, and what it was for."""

    path: Path
    size: int
    what: str


def checkpoints(folders: Sequence[Path]) -> list[Removable]:
    """The checkpoints of finished runs that no process is writing."""
    found = [folder / "checkpoint" for folder in folders if runs.is_finished(folder) and not runs.is_locked(folder)]
    return [Removable(path, _size(path), "checkpoint of a finished run") for path in found if path.is_dir()]


def decoded(cache: Path) -> list[Removable]:
    """The decoded images in a cache folder; the next run that needs them decodes again."""
    entries = sorted(path.parent for path in cache.glob("*/meta.json"))
    return [Removable(path, _size(path), "decoded images") for path in entries]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(found: Sequence[Removable]) -> None:
    """Deletes them."""
    for item in found:
        shutil.rmtree(item.path)


def lines(found: Sequence[Removable]) -> list[str]:
    """A line each, and the sum."""
    total = sum(item.size for item in found)
    return [*(f"{item.path}: {item.what}, {item.size / 1e6:,.1f} MB" for item in found), f"{total / 1e9:,.2f} GB"]
