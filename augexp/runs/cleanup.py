"""What can be deleted without losing a number: checkpoints of finished runs, decoded images.

Only files that augexp has written are, each by its name, in a folder that is shown to be augexp's, and never through a
link; whatever else lies there is named and left.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from augexp import removal
from augexp.removal import Own
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.runs.records import BrokenRun


@dataclass(frozen=True)
class Removable:
    """A folder whose own files can be deleted, their size in bytes, and what they were for."""

    path: Path
    size: int
    what: str
    own: Own
    seen: os.stat_result  # the folder as it was looked at
    foreign: tuple[str, ...]  # what lies in it and stays


class Kept(Exception):  # noqa: N818 - it names what was found
    """A folder of which nothing can be deleted; the message says why."""


def checkpoint(folder: Path) -> Removable:
    """The checkpoint of a run.

    Raises:
        Kept: if the folder is no run's or lies behind a link, or the run is not finished, is being written, or has no
            checkpoint.
    """
    refuse_link(folder)
    try:
        read.load(folder)
    except BrokenRun as error:
        raise Kept(str(error)) from None
    if (locked := run_folder.is_locked(folder)) is not False:
        raise Kept("a process is writing this run" if locked else "whether a process is writing it can't be told")
    path = run_folder.checkpoint_path(folder).parent
    if not os.path.lexists(path):
        raise Kept("no checkpoint")
    return removable(path, "checkpoint of a finished run", run_folder.CHECKPOINT)


def removable(path: Path, what: str, own: Own) -> Removable:
    """The own files of a folder. Raises Kept if it is a link or can't be read."""
    try:
        seen = path.lstat()
        foreign = tuple(removal.foreign(path, own))
        ours = [entry for entry in path.iterdir() if entry.name not in foreign]
        return Removable(path, sum(entry.lstat().st_size for entry in ours), what, own, seen, foreign)
    except OSError as error:
        raise Kept(f"{path.name} is left ({error.strerror or error})") from None


def refuse_link(path: Path) -> None:
    """Raises Kept if a path is a link, or a folder above it is one."""
    real = removal.behind_link(path)
    if real is not None:
        raise Kept(f"a link, or behind one, through which nothing is deleted; give the folder it leads to, {real}")


def remove(item: Removable) -> str:
    """Deletes the own files of a folder that still is the one that was looked at; why not, or nothing."""
    try:
        removal.remove(item.path, item.own, item.seen)
    except FileNotFoundError:
        return "gone meanwhile"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def line(item: Removable) -> str:
    """What it is, how large, and what stays in its folder."""
    stays = f"; stays, as augexp didn't write it: {', '.join(item.foreign)}" if item.foreign else ""
    return f"{item.path}: {item.what}, {item.size / 1e6:,.1f} MB{stays}"
