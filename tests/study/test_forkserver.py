"""Runs forked from a server: how they end, and what becomes of them and of it when one of the three dies."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from augexp.config import load
from augexp.runs import read
from augexp.study import forkserver, processes
from augexp.study.forkserver import Fork, ForkServer
from augexp.study.processes import Processes
from augexp.train.run import train

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux only")

SERVE = "import os, signal, sys, time\nfrom augexp.study.forkserver import serve\ndef work():\n    "
LAST_WORDS = "sys.stdin.read(); print(os.getsid(0) == os.getpid(), file=sys.stderr)"


Serving = Callable[[str], ForkServer]


@pytest.fixture
def serving() -> Iterator[Serving]:
    """A server whose runs do what a test says."""
    servers = []

    def start(work: str) -> ForkServer:
        servers.append(ForkServer([sys.executable, "-c", f"{SERVE}{work}\nserve(work, os.getcwd)"], os.environ))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def said() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


Forking = Callable[[ForkServer], Fork]


@pytest.fixture
def fork(said: IO[bytes]) -> Iterator[Forking]:
    runs = []

    def start(server: ForkServer) -> Fork:
        run = server.fork(said)
        assert run is not None
        runs.append(run)
        return run

    yield start
    for run in runs:
        run.kill()
        run._channel.close()
        with suppress(BrokenPipeError):
            run.stdin.close()


def heard(said: IO[bytes]) -> bytes:
    return os.pread(said.fileno(), 1000, 0)  # its position is the run's too


def within_a_minute(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


@pytest.mark.parametrize(
    ("work", "status"),
    [
        ("pass", 0),
        ("sys.exit(2)", 2),
        ("raise ValueError('odd')", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
    ],
)
def test_a_run_ends_alone(serving: Serving, fork: Forking, said: IO[bytes], work: str, status: int) -> None:
    server = serving(f"if sys.stdin.readline(): {work}")
    first, second = fork(server), fork(server)
    assert first.poll() is None
    first.stdin.write(b"end\n")
    first.stdin.flush()
    assert first.wait(60) == first.poll() == status
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.2)
    second.stdin.close()
    assert second.wait(60) == 0
    assert (b"ValueError: odd" in heard(said)) == (status == 1)


def test_a_run_has_a_session_and_a_stdin_of_its_own(serving: Serving, fork: Forking, said: IO[bytes]) -> None:
    server = serving(LAST_WORDS)
    runs = [fork(server) for _ in range(3)]
    assert len({run.pid for run in runs}) == 3
    for run in reversed(runs):  # each hears the end of its own stdin only
        assert run.poll() is None
        run.stdin.close()
        assert run.wait(60) == 0
    assert heard(said) == b"True\n" * 3


def test_what_is_registered_for_the_end_is_done(serving: Serving, fork: Forking, tmp_path: Path) -> None:
    run = fork(serving(f"import atexit; atexit.register(os.mkdir, {str(tmp_path / 'done')!r})"))
    assert run.wait(60) == 0
    assert (tmp_path / "done").exists()


def test_a_run_is_asked_to_end_and_then_made_to(serving: Serving, fork: Forking, said: IO[bytes]) -> None:
    no = "lambda *_: print('no', file=sys.stderr)"
    run = fork(serving(f"signal.signal(signal.SIGTERM, {no}); signal.raise_signal(signal.SIGTERM); time.sleep(600)"))
    assert within_a_minute(lambda: heard(said) == b"no\n")
    run.terminate()
    assert within_a_minute(lambda: heard(said) == b"no\nno\n")
    assert run.poll() is None
    run.kill()
    assert run.wait(60) == -signal.SIGKILL
    run.kill()  # the second time there is nothing to do


def test_a_run_outlives_its_server(serving: Serving, fork: Forking, said: IO[bytes]) -> None:
    server = serving(LAST_WORDS)
    run = fork(server)
    server.close()
    assert run.poll() is None
    run.stdin.close()
    # Nobody is left who knows how it ended: its run folder does.
    assert run.wait(60) == -signal.SIGKILL
    assert heard(said) == b"True\n"
    assert server.fork(said) is None


def test_once_the_software_on_the_disk_has_changed_nothing_is_forked(
    said: IO[bytes], fork: Forking, tmp_path: Path
) -> None:
    code = f"{SERVE}sys.stdin.read()\nserve(work, lambda: os.listdir({str(tmp_path)!r}))"
    server = ForkServer([sys.executable, "-c", code], os.environ)
    run = fork(server)
    (tmp_path / "edited.py").touch()
    assert server.fork(said) is None
    run.stdin.close()
    assert run.wait(60) == 0  # what was forked before is still looked after
    server.close()


def test_a_server_ends_with_the_sweep(serving: Serving, fork: Forking, said: IO[bytes]) -> None:
    server = serving("pass")
    fork(server)
    server._socket.close()
    assert server._process.wait(60) == 0


@pytest.mark.parametrize("program", ["raise SystemExit('no TensorFlow')", "import threading; threads"])
def test_where_nothing_can_be_forked_a_run_is_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    code = f"{thread}{SERVE}pass\nserve(work, os.getcwd)" if "threads" in program else program
    experiment = load.experiment("digits.yaml", [f"runs_dir={tmp_path}"])
    server = ForkServer([sys.executable, "-c", code], os.environ)
    monkeypatch.setattr(processes, "program", lambda _: [sys.executable, "-c", "raise SystemExit('error: fresh')"])
    run = processes.Process(experiment, [], server=server)
    assert run._process.wait(60) == 1
    assert run.poll() == "fresh"
    server.close()


def test_nothing_is_forked_where_a_gpu_is_or_was_named_or_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "CARDS", ("null",))  # a device that every machine has
    assert not forkserver.is_usable()
    assert Processes(1)._server is None
    monkeypatch.setattr(forkserver, "CARDS", ())
    assert forkserver.is_usable()
    assert Processes(1, ["0"])._server is None
    assert Processes(1, fresh=True)._server is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not forkserver.is_usable()


@pytest.mark.slow
def test_a_forked_run_ends_in_the_same_bytes_whatever_lies_in_the_working_folder(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [f"data.cache_dir={cache_dir}", "strategy=cutmix", "train.epochs=1", "data.train_per_class=30"]
    alone = train(load.experiment("digits.yaml", [*here, f"runs_dir={tmp_path / 'alone'}"]))
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("random", "types", "keras", "json", "augexp"):
        (hostile / f"{name}.py").write_text("import os\nos.mkdir('ran')\n")
    monkeypatch.chdir(hostile)
    monkeypatch.setattr(forkserver, "CARDS", ())
    pool = Processes(1)
    run = pool.start(load.experiment("digits.yaml", [*here, f"runs_dir={tmp_path / 'forked'}"]))
    run._process.wait(240)
    assert (run.poll(), type(run._process)) == ("", Fork)
    pool.close()
    assert not (hostile / "ran").exists()
    assert numbers(tmp_path / "forked" / alone.name) == numbers(alone)


def numbers(folder: Path) -> dict[str, str]:
    """The digests of weights and predictions; the other files have times and places in them."""
    digests = read.load(folder).result.digests
    return {name: digest for name, digest in digests.items() if Path(name).suffix in (".h5", ".npz")}
