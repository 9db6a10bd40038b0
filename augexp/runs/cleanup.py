"""What can be deleted without losing a number: checkpoints of finished runs, decoded images."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from augexp.runs import folder as run_folder


@dataclass(frozen=True)
class Removable:
    """A file or folder, its size in bytes, and what it was for."""

    path: Path
    size: int
    what: str


def checkpoints(folders: Sequence[Path]) -> list[Removable]:
    """The checkpoints of finished runs that no process is writing."""
    finished = [folder for folder in folders if run_folder.is_finished(folder) and not run_folder.is_locked(folder)]
    found = [run_folder.checkpoint_path(folder) for folder in finished]
    return [
        Removable(path.parent, _size(path.parent), "checkpoint of a finished run") for path in found if path.exists()
    ]


def decoded(cache: Path) -> list[Removable]:
    """The decoded images in a cache folder; the next run that needs them decodes again."""
    entries = sorted(path.parent for path in cache.glob("*/meta.json") if _is_ours(path))
    return [Removable(path, _size(path), "decoded images") for path in entries]


def _is_ours(meta: Path) -> bool:
    """Whether a `meta.json` is that of decoded images: other programs write files of this name too."""
    try:
        found = json.loads(meta.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"fingerprint", "class_names", "splits"} <= found.keys()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(removable: Sequence[Removable]) -> None:
    """Deletes them."""
    for item in removable:
        shutil.rmtree(item.path)


def lines(removable: Sequence[Removable]) -> list[str]:
    """A line each, and the sum."""
    total = sum(item.size for item in removable)
    return [*(f"{item.path}: {item.what}, {item.size / 1e6:,.1f} MB" for item in removable), f"{total / 1e9:,.2f} GB"]
