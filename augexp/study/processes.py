"""Runs in processes of this machine, placed on its GPUs: a crash, or a lack of memory, ends one run only.

Forked from one that has imported TensorFlow, or fresh: where there is a GPU, where there is no fork, and when asked to.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import augexp
from augexp.config.decide import Registered
from augexp.config.schema import Experiment
from augexp.study import forkserver
from augexp.study.forkserver import ForkServer

PATIENCE = 30.0  # seconds between asking a process to end and making it
KEPT = 8000  # characters of its last words


def program(module: str) -> list[str]:
    """The command that calls the `main` of a module of augexp's."""
    # `-m` would put the working folder before Python's own modules: a `random.py` there would be run. With -P nothing
    # does; augexp itself, where it isn't installed, is found last of all.
    call = f"import sys; sys.path.append(sys.argv.pop(1)); from {module} import main; main()"
    return [sys.executable, "-P", "-c", call, str(Path(augexp.__file__).parents[1])]


def job(experiment: Experiment, command: Sequence[str], study: Registered | None = None) -> str:
    """The line that tells `augexp.study.worker` what to train, and which command and study the run belongs to."""
    told = {"config": experiment.model_dump(mode="json"), "command": list(command)}
    return json.dumps(told | ({} if study is None else {"study": study.model_dump(mode="json")})) + "\n"


class Process:
    """A run that is being trained."""

    def __init__(
        self, experiment: Experiment, command: Sequence[str], *,
        study: Registered | None = None, gpu: str | None = None, share: bool = False, server: ForkServer | None = None,
    ) -> None:  # fmt: skip
        """Starts it: forked from a server, where there is one that lives, else fresh."""
        self.gpu = gpu
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        forked = None if server is None else server.fork(self._said)
        self._process = forked or subprocess.Popen(  # noqa: S603 - our own program
            program("augexp.study.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            env=_environment(gpu, share=share),
            start_new_session=True,  # Ctrl-C is for the sweep, which then ends its runs in order
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(job(experiment, command, study).encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; its exit status says how

    def poll(self) -> str | None:
        """None while it runs; then why it failed, or nothing."""
        status = self._process.poll()
        if status is None:
            return None
        last_words = self._close()
        return "" if status == 0 else _reason(status, last_words)

    def end(self) -> None:
        """Asks the process to end; it says in its run folder that it was interrupted."""
        self._process.terminate()

    def stop(self) -> None:
        """Ends the process."""
        self.end()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> str:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._said.closed:
            return ""
        with self._said:
            self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - KEPT))
            return self._said.read().decode(errors="replace")


class Processes:
    """As many runs at once as there are places."""

    def __init__(
        self, jobs: int, gpus: Sequence[str] = (), study: Registered | None = None, *, fresh: bool = False
    ) -> None:
        """Runs of a study, if of one, on so many places that share the GPUs; with `fresh`, nothing is forked."""
        for needed in ("tensorflow", "keras"):
            if find_spec(needed) is None:  # else each run would fail by itself
                raise ModuleNotFoundError(f"No module named {needed!r}", name=needed)
        self.places = jobs
        self._study = study
        self._share = jobs > max(1, len(gpus))
        self._free: list[str | None] = [gpus[i % len(gpus)] if gpus else None for i in range(jobs)]
        self._server = None
        if not (fresh or gpus) and forkserver.is_usable():
            self._server = ForkServer(program("augexp.study.forkserver"), _environment(None, share=self._share))

    def start(self, experiment: Experiment) -> Process:
        """Starts a run; there must be a free place."""
        return Process(
            experiment, sys.argv, study=self._study, gpu=self._free.pop(0), share=self._share, server=self._server
        )

    def release(self, ended: Process) -> None:
        """Makes the place of a process that has ended free."""
        self._free.append(ended.gpu)

    def close(self) -> None:
        """Ends what runs are forked from."""
        if self._server is not None:
            self._server.close()


def _environment(gpu: str | None, *, share: bool) -> dict[str, str]:
    environment = dict(os.environ)
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    if share:  # each framework would take all memory of a GPU at its start
        environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    return environment


def _reason(status: int, last_words: str) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    lines = [line for line in last_words.splitlines() if line.strip()] or [f"exit status {status}"]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else lines[-1]
