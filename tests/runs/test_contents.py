"""Files are read within limits, and whatever stands in their place is refused by name at once."""

import io
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.runs import contents
from augexp.runs.records import BrokenRun

PLACES: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: None, "is missing"),
    (os.mkfifo, "can't be read (not a regular file)"),
    (lambda path: path.mkdir(), "can't be read (not a regular file)"),
    (lambda path: path.symlink_to("/dev/zero"), "can't be read (not a regular file)"),
    (lambda path: path.symlink_to("/dev/tty"), "can't be read ("),
    (lambda path: path.symlink_to(path), "can't be read (Too many levels of symbolic links)"),
    (lambda path: socket.socket(socket.AF_UNIX).bind(str(path)), "can't be read (not a regular file)"),
]
READERS: list[Callable[[Path], object]] = [
    contents.json_object,
    contents.text,
    contents.settings,
    contents.digest,
    contents.arrays,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_no_regular_file_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object], place: int
) -> None:
    put, reason = PLACES[place]
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    put(Path("file"))
    with pytest.raises(BrokenRun) as caught:
        read(Path("file"))
    assert str(caught.value).startswith(f"file {reason}")


@pytest.mark.slow
def test_a_file_of_a_terabyte_is_refused(tmp_path: Path) -> None:
    for read in READERS[:4]:
        with (tmp_path / "file").open("wb") as file:
            file.truncate(2**40)
        with pytest.raises(BrokenRun, match=r"larger than .* [MG]iB"):
            read(tmp_path / "file")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{one}: &{one} [{','.join([f'*{before}'] * 9)}]\n" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    ["[" * 10**5, "- " * 10**5, BOMB, "a: &a [*a]", "a: &a {b: *a}", "x: 2001-99-99", "x: .nan", "x: 9" + "9" * 5000],
)
def test_hostile_settings_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(BrokenRun, match="can't be read"):
        contents.settings(tmp_path / "config.yaml")


@pytest.mark.parametrize("text", ['{"a": ' * 10**5, "[" * 10**5, '{"a": ' + "9" * 10**5 + "}", "\x00", "[]"])
def test_hostile_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(BrokenRun, match="is not"):
        contents.json_object(tmp_path / "file.json")


# --- arrays --------------------------------------------------------------------------------------------------------

ARRAYS = {
    "id": np.array(["a", "b", "ä"]),
    "none": np.empty((0, 3), np.float16),
    "one": np.array(7),
    "order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


def stored(compressed: bool = True) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **ARRAYS)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
def test_arrays_come_back(tmp_path: Path, compressed: bool) -> None:
    (tmp_path / "file.npz").write_bytes(stored(compressed))
    found = contents.arrays(tmp_path / "file.npz")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(found[name], array)


@given(bit=st.integers(0, 8 * len(stored()) - 1), compressed=st.booleans())
def test_a_flipped_bit_is_refused_or_changes_no_number(
    tmp_path_factory: pytest.TempPathFactory, bit: int, compressed: bool
) -> None:
    content = bytearray(stored(compressed))
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    path = tmp_path_factory.mktemp("flipped") / "file.npz"
    path.write_bytes(content)
    try:
        found = contents.arrays(path)
    except BrokenRun:
        return
    for name in found.keys() & ARRAYS.keys():
        assert np.array_equal(found[name], ARRAYS[name])


def npy(header: str) -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"no array",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}\n") + b"12345678",
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"cos\nsystem\n.",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 9000 + ")}\n"),
        npy("(" * 60000 + "\n"),
        npy("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': ()}\n") + b"12345678",
    ],
)
def test_a_member_whose_header_lies_is_refused(tmp_path: Path, member: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("id.npy", member)
    with pytest.raises(BrokenRun, match="can't be read"):
        contents.arrays(tmp_path / "file.npz")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("id.npy", bytes(10**7))
    with pytest.raises(BrokenRun, match="unpacks to more than"):
        contents.arrays(tmp_path / "file.npz", 10**6)
