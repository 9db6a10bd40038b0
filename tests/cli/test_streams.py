"""A reader that goes away ends the talking, not the work; a terminal that shows ASCII only gets escapes."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_evaluation

PROGRAM = [sys.executable, "-c", "from augexp.cli.main import main; main()"]


def left_after_a_line(*arguments: object) -> tuple[int, str]:
    """Exit status and stderr of a command whose reader goes after the first byte."""
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read().decode()
    return process.returncode, said


@pytest.mark.slow
def test_compare_writes_all_it_was_asked_for(runs_dir: Path, tmp_path: Path) -> None:
    for folder in runs_dir.glob("*-seed*"):
        make_evaluation(folder, {"ece": 0.1})
    out = tmp_path / "out"
    texts = ["--csv", out / "a.csv", "--json", out / "a.json", "--markdown", out / "a.md", "--report", out / "a.html"]
    status, said = left_after_a_line("compare", *sorted(runs_dir.glob("*-seed*")), "--out", out, *texts)
    assert (status, said) == (0, "")
    assert {"a.csv", "a.json", "a.md", "a.html", "comparison.png"} <= {path.name for path in out.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "clean", "ops", "compare"])
def test_a_closed_pipe_is_no_failure(runs_dir: Path, tmp_path: Path, command: str) -> None:
    given = [] if command == "ops" else sorted(runs_dir.glob("*-seed*"))
    read, write = os.pipe()
    os.close(read)
    place = ["--out", tmp_path / "out"] if command == "compare" else []
    answer = subprocess.run(
        [*PROGRAM, command, *map(str, [*given, *place])], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert answer.returncode == 0
    assert "Traceback" not in answer.stderr
    assert "BrokenPipe" not in answer.stderr


@pytest.mark.slow
def test_a_full_disk_under_stdout_ends_the_talking_and_is_told(runs_dir: Path, tmp_path: Path) -> None:
    runs = map(str, sorted(runs_dir.glob("*-seed*")))
    words = ["compare", *runs, "--out", str(tmp_path / "out"), "--csv", str(tmp_path / "out" / "a.csv")]
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "error: stdout can't be written (No space left on device), so what was printed is not whole\n"
    assert (answer.returncode, answer.stderr) == (2, said)
    assert (tmp_path / "out" / "a.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_from_the_start_are_no_failure(runs_dir: Path, tmp_path: Path, closed: str) -> None:
    words = ["compare", *map(str, sorted(runs_dir.glob("*-seed*"))), "--out", str(tmp_path / "out")]
    answer = subprocess.run(
        ["sh", "-c", f"{shlex.join([*PROGRAM, *words])} {closed}"], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["comparison.png"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
@pytest.mark.parametrize("command", ["status", "clean", "ops", "compare"])
def test_every_encoding_gets_an_answer(runs_dir: Path, tmp_path: Path, command: str, encoding: str) -> None:
    odd = runs_dir / "犬-seed0"
    (runs_dir / "none-seed0").rename(odd)
    given = [] if command == "ops" else sorted(runs_dir.glob("*-seed*"))
    place = ["--out", tmp_path / "out"] if command == "compare" else []
    answer = subprocess.run(
        [*PROGRAM, command, *map(str, [*given, *place])], capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert answer.returncode == 0
    assert b"Traceback" not in answer.stderr
    answer.stdout.decode(encoding)


@pytest.mark.slow
def test_a_terminal_that_is_gone_does_not_end_the_work(runs_dir: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "compare", *map(str, sorted(runs_dir.glob("*-seed*"))), "--out", str(tmp_path / "out")],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert process.wait() == 0
    assert (tmp_path / "out" / "comparison.png").exists()


SIGNALLED = """
import signal, sys
from augexp.errors import Terminated, stop_on_sigterm
stop_on_sigterm()
try:
    print("ready", flush=True)
    sys.stdin.read()
except Terminated as error:
    print(error, flush=True)
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_ends_a_run_in_order(sent: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SIGNALLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(sent)
        assert process.stdout.readline() == f"{sent.name}\n"


@pytest.mark.slow
def test_without_a_home_a_path_in_it_is_a_mistake(tmp_path: Path) -> None:
    code = "import pwd\ndef nobody(_): raise KeyError\npwd.getpwuid = nobody\nfrom augexp.cli.main import main\nmain()"
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    answer = subprocess.run(
        [sys.executable, "-c", code, "clean", "--cache"], capture_output=True, text=True, check=False, env=environment
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: a path begins with ~")
    assert "set HOME" in answer.stderr
