"""Work in processes of their own, forked from one that has imported TensorFlow and not used it yet.

The import takes longer than most of what such a process does. A test of how Python starts starts Python itself.
"""

import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from augexp.study import processes
from augexp.study.forkserver import ForkServer, serve

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["augexp.train.run", "augexp.study.sweep"])


class Forked:
    """A process with the environment and the folder of this one: what tests need of `subprocess.Popen`."""

    def __init__(self, work: Callable[..., object], *told: object, folder: Path | None = None) -> None:
        """Does some work, a function of a module, on what can be pickled; in another folder, if one is given."""
        self._said = tempfile.TemporaryDirectory()
        self._heard: tuple[str, str] | None = None
        here = (self._said.name, str(folder or Path.cwd()), dict(os.environ))
        self._process = CONTEXT.Process(target=_do, args=(work, told, *here))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """None while it runs, then its exit status, or the negative number of the signal that has ended it."""
        return self._process.exitcode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Waits for its end; what it has said to stdout and stderr. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self._process.pid), timeout)
        if self._heard is None:
            self._heard = Path(self._said.name, "out").read_text(), Path(self._said.name, "err").read_text()
            self._said.cleanup()
        return self._heard

    def send_signal(self, number: int) -> None:
        """Sends it a signal."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)


def command(*words: object, folder: Path | None = None) -> Forked:
    """Types `augexp ...`."""
    return Forked(_augexp, [str(word) for word in words], folder=folder)


def _do(
    work: Callable[..., object], told: Sequence[object], said: str, folder: str, environment: Mapping[str, str]
) -> None:
    for name, standard in (("out", 1), ("err", 2)):
        os.dup2(os.open(Path(said, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND), standard)
    os.chdir(folder)
    _set_environment(environment)
    work(*told)


def _augexp(words: Sequence[str]) -> None:
    from augexp.cli.main import main

    processes.ForkServer = _Twin  # type: ignore[assignment, attr-defined]
    sys.argv = ["augexp", *words]
    main()


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


class Server(ForkServer):
    """The server of a sweep's runs in this process: forked from one that has imported all they need."""

    def __init__(self, _program: Sequence[str], environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._served = CONTEXT.Process(target=_serve, args=(theirs, dict(environment)), daemon=True)
            self._served.start()

    def close(self) -> None:
        """Ends the server; what was forked from it goes on."""
        self._socket.close()
        self._served.join()


class _Twin(ForkServer):
    """The same for a sweep that was itself forked, and has not used TensorFlow yet: it forks the server."""

    def __init__(self, _program: Sequence[str], environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if not self._pid:
            self._socket.close()
            _end_after(lambda: _serve(theirs, environment))
        theirs.close()

    def close(self) -> None:
        """Ends the server; what was forked from it goes on."""
        self._socket.close()
        os.waitpid(self._pid, 0)


def _end_after(work: Callable[[], None]) -> NoReturn:
    """What Python does at the end of a program, in a process that stands in the middle of another's."""
    status: object = 1
    try:
        work()
        status = 0
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def _serve(requests: socket.socket, environment: Mapping[str, str]) -> None:
    from augexp.study import worker
    from augexp.train.environment import software

    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - multiprocessing puts another in its place
    _set_environment(environment)
    sys.argv.append(str(requests.detach()))
    serve(worker.main, software)
