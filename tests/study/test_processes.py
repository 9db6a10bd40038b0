"""Runs in processes of their own: how they are placed, told, stopped, and how their end is explained."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from augexp.config import load
from augexp.config.schema import Experiment
from augexp.study import processes
from augexp.study.processes import Processes


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return load.experiment("digits.yaml", [f"runs_dir={tmp_path}", f"data.cache_dir={tmp_path / 'cache'}"])


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replaces the worker by a program of the test's."""
    real = subprocess.Popen

    def use(code: str) -> None:
        def start(_: list[str], **options: Any) -> subprocess.Popen[bytes]:
            return real([sys.executable, "-c", code], **options)

        monkeypatch.setattr("augexp.study.processes.subprocess.Popen", start)

    return use


def end(process: processes.Process) -> str | None:
    process._process.wait(60)
    return process.poll()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("pass", ""),
        ("import sys; print('loading\\nerror: no such weights', file=sys.stderr); sys.exit(2)", "no such weights"),
        ("raise ValueError('odd')", "ValueError: odd"),
        ("import os; os._exit(3)", "exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL (out of memory?)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
    ],
)
def test_the_end_of_a_process_is_explained(experiment: Experiment, program: Any, code: str, reason: str) -> None:
    program(f"input(); {code}" if "raise" not in code else f"input()\n{code}")
    assert end(Processes(1, fresh=True).start(experiment)) == reason


def test_runs_are_placed_on_gpus_in_turn(experiment: Experiment, program: Any) -> None:
    program(
        "import os, sys; input(); sys.exit('error: ' + os.environ.get('CUDA_VISIBLE_DEVICES', '-') "
        "+ os.environ.get('TF_FORCE_GPU_ALLOW_GROWTH', '-'))"
    )
    pool = Processes(3, ["0", "1"])
    started = [pool.start(experiment) for _ in range(3)]
    assert [end(process) for process in started] == ["0true", "1true", "0true"]
    pool.release(started[1])
    assert end(pool.start(experiment)) == "1true"
    alone = Processes(1, fresh=True).start(experiment)
    assert end(alone) == "--"


def test_stopping_asks_first(experiment: Experiment, program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); input(); time.sleep(600)")
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    process = Processes(1, fresh=True).start(experiment)
    process.stop()
    process.stop()  # the second one has nothing to do
    assert process._process.returncode in (-signal.SIGTERM, -signal.SIGKILL)


@pytest.mark.parametrize("name", ["random.py", "types.py", "keras.py", "json.py", "augexp.py"])
def test_what_lies_in_the_working_folder_is_not_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("import os\nos.mkdir('ran')\nraise SystemExit('foreign')\n")
    told = processes.program("augexp.study.worker")
    ended = subprocess.run(told, input="no job", capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.stderr.splitlines()[-1].startswith("json.decoder.JSONDecodeError")  # of the worker: it has begun
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
