"""A process that has imported TensorFlow and not used it yet, and the runs that are forked from it.

Importing costs more time than most of what a short run does. What is forked dies alone, as a fresh process does.

The sweep sends, for each run, its stdin, its stderr and one end of a channel; through the channel it hears the number
of the process, and later how it ended. The channel is closed when server and run are both gone.
"""

import atexit
import gc
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from augexp import console

NUMBER = struct.Struct("!q")
CARDS = ("nvidia[0-9]*", "kfd", "dxg", "accel*")  # of NVIDIA, AMD, Windows, and TPUs


def is_usable() -> bool:
    """Whether runs can be forked here: on Linux, and where no GPU is, whose libraries bear no fork."""
    return sys.platform == "linux" and not any(path for card in CARDS for path in Path("/dev").glob(card))


class Fork:
    """A run that was forked: what is needed of `subprocess.Popen`, for a process that is another's child."""

    def __init__(self, pid: int, stdin: IO[bytes], channel: socket.socket) -> None:
        self.pid, self.stdin, self._channel = pid, stdin, channel
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None while it runs, then its exit status, or the negative number of the signal that has ended it."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits until it has ended; raises `subprocess.TimeoutExpired` after so many seconds."""
        if self.returncode is None:
            if timeout is not None and not select.select([self._channel], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            status = _receive(self._channel)
            self.returncode = -signal.SIGKILL if status is None else status  # the server has been killed before it
            self._channel.close()
        return self.returncode

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """The server, as the sweep sees it; it imports while the sweep does other things."""

    def __init__(self, program: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts `program`, which is to call `serve`, with the environment that all runs have."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(self, stderr: IO[bytes]) -> Fork | None:
        """Forks a process that does what `augexp.study.worker` does; None if the server has died."""
        stdin, its_stdin = _pipe()
        channel, its_channel = socket.socketpair()
        with its_stdin, its_channel, suppress(OSError):
            socket.send_fds(self._socket, [b"."], [its_stdin.fileno(), stderr.fileno(), its_channel.fileno()])
        pid = _receive(channel)
        if pid is not None:
            return Fork(pid, stdin, channel)
        stdin.close()
        channel.close()
        console.say_once("runs can't be forked here, so each starts Python anew")
        return None

    def close(self) -> None:
        """Ends the server; what was forked from it goes on."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    """The end to write to, and the end to read from."""
    to_read, to_write = os.pipe()
    return os.fdopen(to_write, "wb"), os.fdopen(to_read, "rb")


def _receive(channel: socket.socket) -> int | None:
    """A number; None if it will never come."""
    try:
        told = channel.recv(NUMBER.size, socket.MSG_WAITALL)
    except ConnectionError:
        return None
    return NUMBER.unpack(told)[0] if len(told) == NUMBER.size else None


# --- the server ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Imports, then forks workers."""
    from augexp.network import device

    device.preload()
    import augexp.train.run  # noqa: F401
    from augexp.study import worker
    from augexp.train.environment import software

    serve(worker.main, software)


def serve(work: Callable[[], None], software: Callable[[], object]) -> None:
    """Forks a process that does the work whenever it is asked to, until the sweep is gone.

    A run tells which software it is of, by what is on the disk: once that has changed, nothing is forked any more.
    """
    requests = socket.socket(fileno=int(sys.argv.pop()))
    gc.freeze()  # what is imported is never garbage; to look at it would copy the shared memory
    if _is_alone() and _forked(requests, software):
        work()
        # What is registered, and no more: Python's and TensorFlow's own end would take 0.3 s.
        atexit._run_exitfuncs()  # noqa: SLF001
        os._exit(0)


def _is_alone() -> bool:
    """Whether a fork copies all of this process: OpenBLAS ends its threads at a fork, others would be missed."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return len(list(Path("/proc/self/task").iterdir())) == 1


def _forked(requests: socket.socket, software: Callable[[], object]) -> bool:
    """True in a process that was forked, False when the sweep is gone."""
    imported = software()
    running: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor that tells the end of a process
    while True:
        ready, _, _ = select.select([requests.fileno(), *running], [], [])
        for ended in set(ready) & set(running):
            pid, channel = running.pop(ended)
            os.close(ended)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with channel, suppress(OSError):
                channel.sendall(NUMBER.pack(status))
        if requests.fileno() not in ready:
            continue
        asked, received, _, _ = socket.recv_fds(requests, 1, 3, socket.MSG_CMSG_CLOEXEC)
        if not asked:
            return False
        if software() != imported:
            for one in received:
                os.close(one)
            continue
        stdin, stderr, its_channel = received
        pid = os.fork()
        if not pid:
            requests.close()
            for other, (_, channel) in running.items():
                os.close(other)
                channel.close()
            _become(stdin, stderr)
            return True
        channel = socket.socket(fileno=its_channel)
        channel.sendall(NUMBER.pack(pid))
        running[os.pidfd_open(pid)] = pid, channel
        os.close(stdin)
        os.close(stderr)


def _become(stdin: int, stderr: int) -> None:
    """Gives a process its own session, out of reach of Ctrl-C, and its own stdin and stderr."""
    os.setsid()
    for received, standard in ((stdin, 0), (stderr, 2)):
        os.dup2(received, standard)
        os.close(received)
