"""The place of an exported file or folder: refused beforehand, taken whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augexp import files, removal
from augexp.errors import UserError, remedy
from augexp.removal import Own


def refuse(path: Path, *, overwrite: bool, own: Own | None = None) -> None:
    """Raises UserError if a place is taken, or its folder can't be made.

    Args:
        path: of the file, or of the folder where `own` is given.
        overwrite: lets a file, or a folder that holds `own` alone, be replaced.
        own: what an exported folder holds.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if not os.path.lexists(path):
            return
        if not (path.is_file() if own is None else path.is_dir()):
            kind = "file" if own is None else "folder"
            raise UserError(f"{path}: can't be written (what stands there is no {kind}); choose another place")
        if not overwrite:
            raise UserError(
                f"{path}: it is there already, and is not overwritten; choose another --out, or give --overwrite"
            )
        others = [] if own is None else removal.foreign(path, own)
    except OSError as error:
        raise unwritable(path, error) from None
    if others:
        raise UserError(f"{path}: it holds what is not of an export ({', '.join(others[:3])}); choose another place")


def unwritable(path: Path, error: OSError) -> UserError:
    """That a place can't be written, and what to do."""
    return UserError(f"{path}: can't be written ({error.strerror or error}); {remedy(error)}, or choose another place")


@contextmanager
def replacing(path: Path, own: Own | None = None) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well; a folder where `own` is given."""
    if own is None:
        with files.replacing(path) as temporary:
            yield temporary
        return
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        _take(temporary, path, own)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _take(temporary: Path, path: Path, own: Own) -> None:
    """Puts one folder in the place of another, which goes if it holds `own` alone."""
    for content in temporary.rglob("*"):
        if content.is_file():
            files.flush(content)
    if not path.exists():
        temporary.rename(path)
        return
    earlier = path.with_name(f".{os.getpid()}-earlier-{path.name}")
    path.rename(earlier)
    temporary.rename(path)
    removal.remove(earlier, own)
