"""What a worker is told, and how it ends."""

import io
import sys
from pathlib import Path

import pytest

from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import Terminated, UserError
from augexp.study import processes, worker


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Experiment:
    """A job on stdin, whose end this process doesn't notice."""
    experiment = load.experiment("digits.yaml", [f"runs_dir={tmp_path}", "name=犬"])
    monkeypatch.setattr(sys, "argv", ["augexp", "sweep", "seed=0..4"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(processes.job(experiment, sys.argv)))
    monkeypatch.setattr(worker, "_end_with_stdin", lambda: None)
    monkeypatch.setattr(worker, "stop_on_sigterm", lambda: None)
    return experiment


def test_the_worker_trains_what_it_was_told(told: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[Experiment, list[str], None]] = []
    monkeypatch.setattr(worker, "_train", lambda *told: trained.append(told))
    monkeypatch.setattr(sys, "argv", ["worker.py"])
    worker.main()
    assert trained == [(told, ["augexp", "sweep", "seed=0..4"], None)]
    assert sys.argv == ["worker.py"]  # the command is a value, not this process's own words


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (UserError("no such weights"), 2, "error: no such weights\n"),
        (OSError("disk full"), 2, "error: disk full\n"),
        (Terminated(), 143, ""),
    ],
)
def test_exit_statuses(
    told: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    status: int,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(worker, "_train", fail)
    with pytest.raises(SystemExit) as exit_:
        worker.main()
    assert (exit_.value.code, capsys.readouterr().err) == (status, said)
