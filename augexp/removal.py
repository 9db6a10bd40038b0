"""Deleting what augexp wrote, and nothing else: regular files by their names, in a folder, never through a link."""

import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Where a folder can be held open and its entries named from there, nobody can put another in its place meanwhile.
HAS_DESCRIPTORS = {os.open, os.stat, os.unlink, os.rmdir} <= os.supports_dir_fd and os.listdir in os.supports_fd


@dataclass(frozen=True)
class Own:
    """What augexp writes into a folder: files whose whole names match, and folders that hold the like."""

    files: re.Pattern[str]
    folders: Mapping[str, "Own"] = field(default_factory=dict)
    proof: str = ""  # the file that shows whose folder it is; deleted last, so that a kill on the way leaves it


@dataclass(frozen=True)
class Place:
    """A folder in which something is named: an open descriptor with an empty path, or else its path."""

    descriptor: int | None
    path: str = ""

    def name(self, entry: str) -> str:
        return os.path.join(self.path, entry)  # noqa: PTH118 - a name relative to the descriptor

    def status(self, entry: str) -> os.stat_result:
        return os.stat(self.name(entry), dir_fd=self.descriptor, follow_symlinks=False)


def foreign(folder: Path, own: Own) -> list[str]:
    """What a folder holds beside augexp's own regular files, sorted: names within it; nothing where there is no folder.

    Raises:
        OSError: if it is a link or no folder, or can't be read.
    """
    if not os.path.lexists(folder):
        return []
    return _walk(folder, own, delete=False)


def remove(folder: Path, own: Own, same_as: os.stat_result | None = None) -> list[str]:
    """Deletes augexp's own files in a folder, and then the folder if nothing is left in it; says what is left.

    Args:
        folder: no link; those above it may be some.
        own: what may be deleted.
        same_as: the folder as it was when it was looked at; another one in its place is left alone.

    Raises:
        OSError: if it is a link or no folder, is another one than `same_as`, or may not be written.
    """
    return _walk(folder, own, delete=True, same_as=same_as)


def _walk(folder: Path, own: Own, *, delete: bool, same_as: os.stat_result | None = None) -> list[str]:
    if not HAS_DESCRIPTORS:
        return _in(Place(None, str(folder.parent)), folder.name, own, delete=delete, same_as=same_as)
    parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _in(Place(parent), folder.name, own, delete=delete, same_as=same_as)
    finally:
        os.close(parent)


def _in(parent: Place, name: str, own: Own, *, delete: bool, same_as: os.stat_result | None = None) -> list[str]:
    """Goes through one folder of a place: what is not augexp's own in it."""
    inside = _entered(parent, name, same_as)
    try:
        left = []
        entries = os.listdir(inside.path if inside.descriptor is None else inside.descriptor)  # noqa: PTH208
        for entry in sorted(entries, key=lambda entry: (entry == own.proof, entry)):
            mode = inside.status(entry).st_mode
            if stat.S_ISDIR(mode) and entry in own.folders:
                left += [f"{entry}/{deeper}" for deeper in _in(inside, entry, own.folders[entry], delete=delete)]
            elif not (stat.S_ISREG(mode) and own.files.fullmatch(entry)):
                left.append(entry)
            elif delete:
                os.unlink(inside.name(entry), dir_fd=inside.descriptor)
    finally:
        if inside.descriptor is not None:
            os.close(inside.descriptor)
    if delete and not left:
        os.rmdir(parent.name(name), dir_fd=parent.descriptor)
    return left


def _entered(parent: Place, name: str, same_as: os.stat_result | None) -> Place:
    """A folder of a place, held open where that can be done."""
    path = parent.name(name)
    if parent.descriptor is None:
        found = parent.status(name)
        if not stat.S_ISDIR(found.st_mode):
            raise _no_folder(parent, name)
        _refuse_another(found, same_as, path)
        return Place(None, path)
    try:
        inside = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent.descriptor)
    except NotADirectoryError:  # what O_DIRECTORY says of a link, too
        raise _no_folder(parent, name) from None
    try:
        _refuse_another(os.fstat(inside), same_as, path)
    except OSError:
        os.close(inside)
        raise
    return Place(inside)


def _no_folder(parent: Place, name: str) -> NotADirectoryError:
    is_link = stat.S_ISLNK(parent.status(name).st_mode)
    return NotADirectoryError(errno.ENOTDIR, "a link" if is_link else os.strerror(errno.ENOTDIR), parent.name(name))


def _refuse_another(found: os.stat_result, same_as: os.stat_result | None, path: str) -> None:
    if same_as is not None and not os.path.samestat(found, same_as):
        raise OSError(errno.ESTALE, "another folder has taken its place", path)


def behind_link(path: Path) -> Path | None:
    """Where a path really leads, if it is a link or one of the folders above it is; else None."""
    real = Path(os.path.realpath(path))
    return real if real != Path(os.path.abspath(path)) else None  # noqa: PTH100 - resolve() would follow links
