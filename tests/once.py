"""Folders that all processes of a test session share."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled, in the first process that asked for it."""
    with FileLock(folder.with_suffix(".lock")):
        if not folder.with_suffix(".made").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            folder.with_suffix(".made").touch()
    return folder
