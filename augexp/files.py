"""Files that are whole or not there: replaced at once, read within limits, locked against other processes."""

import errno
import hashlib
import io
import json
import math
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from augexp import console
from augexp.errors import UNSEEN

if sys.platform != "win32":
    import fcntl

PATIENCE = 0.5  # seconds to try for a lock, because somebody may just be looking at it


def write_text(path: Path, text: str) -> None:
    """Replaces a file at once: a reader, or a crash, never sees half of it."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` (same ending) that takes its place when the block ends well."""
    with _in_place_of(path, path.with_name(f".{os.getpid()}-{path.name}")) as temporary:
        yield temporary


@contextmanager
def _in_place_of(path: Path, temporary: Path) -> Iterator[Path]:
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def delivering(path: Path) -> Iterator[Path]:
    """As `replacing`, in a folder of the user's: removes there what killed processes have left of the same.

    A temporary file has a digest in its name, so that nobody else's is taken for one, and is locked by whoever writes
    it, so that only a left-over is ever removed.
    """
    if sys.platform == "win32":  # where an open file can't be replaced; left-overs stay
        with replacing(path) as temporary:
            yield temporary
        return
    _remove_left_over(path.parent)
    temporary = path.with_name(_begun_name(os.getpid(), path.name))
    descriptor = _locked_new(temporary)
    try:
        with _in_place_of(path, temporary):
            yield temporary
    finally:
        os.close(descriptor)


def _begun_name(process: int, name: str) -> str:
    digest = hashlib.sha256(os.fsencode(f"{process}-{name}")).hexdigest()
    return f".{process}-{digest[:12]}-{name}"


def _is_begun(name: str) -> bool:
    found = re.fullmatch(r"\.(\d+)-[0-9a-f]{12}-(.+)", name, re.DOTALL)
    return found is not None and name == _begun_name(int(found[1]), found[2])


def _locked_new(path: Path) -> int:
    """The descriptor of a new file, which is locked where files can be."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
        with suppress(OSError):  # a file system without locks; there no left-over is removed
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.lstat()):
                return descriptor
        os.close(descriptor)  # it was taken for a left-over before it was locked


def _remove_left_over(folder: Path) -> None:
    begun = []
    with suppress(OSError):  # a folder that may be written and not read
        begun = [path for path in folder.iterdir() if _is_begun(path.name)]
    for path in begun:
        with suppress(OSError):  # it is being written, gone, no regular file, or may not be removed
            descriptor = _descriptor(path, os.O_RDONLY | _NO_LINK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), path.lstat()):
                    path.unlink()
            finally:
                os.close(descriptor)


def flush(path: Path) -> None:
    """Brings a file's content to the disk."""
    # Without it a power cut could leave the new name with none of its content.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes strict JSON, as `json_text` gives it."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Strict JSON: a number that is not finite is null; what a terminal would obey, or isn't UTF-8, is an escape."""
    text = json.dumps(strict(value), indent=2, ensure_ascii=False, allow_nan=False)
    return "".join(UNSEEN.sub(_escape, line) + "\n" for line in text.split("\n"))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def strict(value: Any) -> Any:
    """A plain value as JSON has it: keys are text, and a number that is not finite is None."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- reading and adding ---------------------------------------------------------------------------------------------

# A pipe that nobody writes would be waited for, and a terminal must not become ours.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def opened(path: Path) -> io.BufferedReader:
    """A regular file, opened to be read; where a link leads, too.

    Raises:
        OSError: if it can't be opened, or is a folder, pipe, socket or device: none of these is waited for.
    """
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def _descriptor(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _AT_ONCE, 0o666)
    except OSError as error:
        if error.errno != errno.ENXIO:  # of a pipe or socket
            raise
        raise OSError(errno.EINVAL, "not a regular file", str(path)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def read_bytes(path: Path, most: int) -> bytes:
    """What a regular file of at most so many bytes holds. Raises OSError as `opened` does, and if there are more."""
    with opened(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most / 2**20:g} MiB", str(path))
    return content


def append(path: Path, text: str) -> None:
    """Adds text at the end of a regular file, which is made where it is missing; on disk when this returns.

    Raises:
        OSError: as `opened` does, and if the file is a link: what it leads to may be anybody's.
    """
    with os.fdopen(_descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK), "ab") as file:
        file.write(text.encode(errors="backslashreplace"))
        file.flush()
        os.fsync(file.fileno())


# --- locks ---------------------------------------------------------------------------------------------------------


class Held(Exception):  # noqa: N818 - it names what was found
    """Another process holds the lock."""


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds a lock file; one whose process was killed is free.

    Raises:
        Held: if another process holds it.
    """
    held = FileLock(path)
    try:
        held.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 50)
    except Timeout:
        raise Held(str(path)) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Holds a lock file; says `waiting` where another process has it and waits."""
    try:
        with lock(path):
            yield
            return
    except Held:
        console.say(f"{waiting}; waiting for it")
    with FileLock(path):
        yield


def is_held(path: Path) -> bool | None:
    """Whether another process holds a lock file; a lock file that is missing is not made. None: it can't be told.

    Looks beside those who hold it: a shared `flock`, let go at once, never keeps another look off, and whoever wants to
    hold the file tries for `PATIENCE`.
    """
    try:
        with opened(path) as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            else:
                FileLock(path).acquire(timeout=0).lock.release()
    except FileNotFoundError:
        return False
    except (BlockingIOError, Timeout):
        return True
    except OSError:  # it may not be read, or is no file
        return None
    return False
