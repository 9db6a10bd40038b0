"""What the files of a run folder hold, read within limits: no pipe or device is waited for, nothing grows without end.

Every reason why a file can't be used is a BrokenRun, whose message names the file.
"""

import errno
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from augexp import files
from augexp.config import yamlfile
from augexp.runs.records import BrokenRun

# A hundred times what ImageNet's 50,000 test images and 1,000 classes take, and more; `config.yaml` has a few hundred
# values.
MOST_TEXT = 256 * 2**20  # bytes
MOST_SETTINGS = 2**20  # bytes of `config.yaml`
MOST_VALUES = 50_000  # in it, with every alias written out
MOST_ARRAYS = 16 * 2**30  # bytes, unpacked


class Missing(BrokenRun):
    """The file isn't there."""


class Changed(BrokenRun):
    """The file isn't the one that was written."""


NO_DIGESTS: Mapping[str, str] = {}


def raw(path: Path, most: int = MOST_TEXT, digests: Mapping[str, str] = NO_DIGESTS) -> bytes:
    """The bytes of a file.

    Raises:
        BrokenRun: if it is missing, no regular file, larger than `most` bytes, can't be read, or `digests` has another
            SHA-256 by its name.
    """
    try:
        found = files.read_bytes(path, most)
    except FileNotFoundError:
        raise Missing(f"{path.name} is missing") from None
    except OSError as error:
        raise BrokenRun(f"{path.name} can't be read ({error.strerror or error})") from None
    if path.name in digests:
        _refuse_other(path, hashlib.sha256(found).hexdigest(), digests)
    return found


def text(path: Path, most: int = MOST_TEXT, digests: Mapping[str, str] = NO_DIGESTS) -> str:
    """The text of a UTF-8 file. Raises BrokenRun as `raw` does, and where it is no such text."""
    try:
        return raw(path, most, digests).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenRun(f"{path.name} can't be read (not UTF-8 at byte {error.start})") from None


def json_object(path: Path, digests: Mapping[str, str] = NO_DIGESTS) -> dict[str, Any]:
    """The JSON object in a file. Raises BrokenRun as `raw` does, and where there is none."""
    try:
        value = json.loads(text(path, digests=digests))
    except (ValueError, RecursionError, MemoryError):
        raise BrokenRun(f"{path.name} is not valid JSON") from None
    if not isinstance(value, dict):
        raise BrokenRun(f"{path.name} is not a JSON object")
    return value


def settings(path: Path) -> dict[str, Any]:
    """The mapping in a `config.yaml`, as it was written; empty where it holds another thing.

    Raises:
        BrokenRun: as `text` does, and where it isn't YAML of plain values that augexp could have written.
    """
    written = text(path, MOST_SETTINGS)
    try:
        value = yamlfile.parse_1_1(written)
        if sum(1 for _ in zip(_values(value), range(MOST_VALUES + 1), strict=False)) > MOST_VALUES:
            raise BrokenRun(f"{path.name} can't be read (more than {MOST_VALUES:,} values)")
        # Only what augexp itself could have written can be grouped, compared and shown.
        json.dumps(value, allow_nan=False, sort_keys=True)
    except (yaml.YAMLError, TypeError, ValueError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise BrokenRun(f"{path.name} can't be read ({type(error).__name__})") from None
    return value if isinstance(value, dict) else {}


def _values(value: object) -> Iterator[object]:
    """Every value within a value, and it; an alias is what it stands for."""
    yield value
    for inner in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _values(inner)


def arrays(path: Path, most: int = MOST_ARRAYS) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` file, whole: what a checksum in it belies is refused, and so is what would run code.

    Raises:
        BrokenRun: as `raw` does, and where it is damaged, foreign, or holds more than `most` bytes.
    """
    try:
        with files.opened(path) as file, zipfile.ZipFile(file) as archive:
            if sum(member.file_size for member in archive.infolist()) > most:
                raise OSError(errno.EFBIG, f"it unpacks to more than {most / 2**30:g} GiB")  # noqa: TRY301
            return {name.removesuffix(".npy"): _array(archive.read(name)) for name in archive.namelist()}
    except FileNotFoundError:
        raise Missing(f"{path.name} is missing") from None
    except OSError as error:
        raise BrokenRun(f"{path.name} can't be read ({error.strerror or error})") from None
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds for what is damaged
        raise BrokenRun(f"{path.name} can't be read ({type(error).__name__})") from None


def digest(path: Path) -> str:
    """SHA-256 of a regular file. Raises BrokenRun if it is missing, no such file, too large, or can't be read."""
    try:
        with files.opened(path) as file:
            # A sparse file of terabytes would be hashed for hours.
            if os.fstat(file.fileno()).st_size > MOST_ARRAYS:
                raise OSError(errno.EFBIG, f"larger than {MOST_ARRAYS / 2**30:g} GiB")  # noqa: TRY301
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise Missing(f"{path.name} is missing") from None
    except OSError as error:
        raise BrokenRun(f"{path.name} can't be read ({error.strerror or error})") from None


def refuse_changed(path: Path, digests: Mapping[str, str]) -> str:
    """The digest of a file. Raises BrokenRun as `digest` does, and if `digests` has another by its name."""
    now = digest(path)
    _refuse_other(path, now, digests)
    return now


def _refuse_other(path: Path, now: str, digests: Mapping[str, str]) -> None:
    then = digests.get(path.name, now)
    if now != then:
        raise Changed(f"{path.name} is not what the run left (SHA-256 {then[:12]} then, {now[:12]} now)")


def _array(content: bytes) -> NDArray[Any]:
    """The array of an `.npy` file, whose header must tell the size of the rest."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds objects")
    if any(length < 0 for length in shape):
        raise ValueError("a length below zero")
    found = np.frombuffer(content, np.uint8, offset=file.tell())
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count * dtype.itemsize != len(found):
        raise ValueError(f"{len(found)} bytes for {shape} of {dtype}")
    return found.view(dtype).reshape(shape, order="F" if fortran else "C").copy() if count else np.empty(shape, dtype)
