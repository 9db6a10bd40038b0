"""A file is replaced at once, JSON is strict, and a lock is looked at without being taken."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp import files
from augexp.errors import printable


@pytest.mark.parametrize("put", [files.replacing, files.delivering])
def test_a_reader_never_sees_half_a_file(put: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    files.write_text(path, "whole")

    def fail_halfway() -> None:
        with put(path) as temporary:
            temporary.write_text("ha")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_halfway()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from augexp import files
from augexp.errors import printable
with files.delivering(Path(sys.argv[1])) as temporary:
    temporary.write_text("ha")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be replaced there")
def test_what_a_killed_process_left_goes_with_the_next_file_and_nothing_else_does(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a\nb.png")], check=False)
    (left,) = tmp_path.iterdir()
    foreign = [f".{os.getpid()}-c.png", left.name.replace("-", "-0", 1), left.name.removeprefix("."), "c.png"]
    for name in foreign:
        (tmp_path / name).write_text("mine")
    linked = tmp_path / files._begun_name(7, "d.png")
    linked.symlink_to(tmp_path / "c.png")
    with files.delivering(tmp_path / "begun.png") as begun:
        begun.write_text("1")
        with files.delivering(tmp_path / "c.png") as temporary:
            temporary.write_text("2")
    kept = {*foreign, linked.name, "begun.png"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert [(tmp_path / name).read_text() for name in ("begun.png", "c.png", foreign[0])] == ["1", "2", "mine"]


@given(st.text())
def test_no_text_in_json_breaks_a_line_or_commands_a_terminal(text: str) -> None:
    written = files.json_text({"a": [text]})
    assert json.loads(written) == {"a": [text]}
    assert len(written.splitlines()) == 5
    assert [printable(line) for line in written.splitlines()] == written.splitlines()
    written.encode()


def test_json_is_strict(tmp_path: Path) -> None:
    files.write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), {"c": 1.5}], "ä": None})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"), parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, {"c": 1.5}],
        "ä": None,
    }


# --- locks ---------------------------------------------------------------------------------------------------------

LOOK = """
import sys
from pathlib import Path
from augexp import files
from augexp.errors import printable
print("looking", flush=True)
while True:
    files.is_held(Path(sys.argv[1]))
"""
HOLD = """
import sys
from pathlib import Path
from augexp import files
from augexp.errors import printable
with files.lock(Path(sys.argv[1])):
    print("holding", flush=True)
    sys.stdin.read()
"""


@contextmanager
def process(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that says a word when it has begun, and is killed in the end."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        try:
            yield started
        finally:
            started.kill()


def test_json_holds_names_in_any_bytes(tmp_path: Path) -> None:
    names = {"names": ["M\udcfcller", "M\u00fcller"]}
    files.write_json(tmp_path / "file.json", names)
    assert json.loads((tmp_path / "file.json").read_text(encoding="utf-8")) == names


@pytest.mark.slow
def test_looking_at_a_lock_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with process(LOOK, path), process(LOOK, path), process(LOOK, path):
        for _ in range(2000):
            with files.lock(path):
                pass


@pytest.mark.slow
def test_a_look_sees_who_holds_a_lock_and_that_a_killed_one_has_let_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not files.is_held(path)
    assert not path.exists()
    with process(HOLD, path) as holder:
        assert files.is_held(path)
        assert files.is_held(path)
        with pytest.raises(files.Held), files.lock(path):
            pass
        holder.kill()
        holder.wait()
        assert not files.is_held(path)
    with files.lock(path):
        pass


def test_two_looks_do_not_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with process(LOOK, path):
        assert not any(files.is_held(path) for _ in range(2000))
