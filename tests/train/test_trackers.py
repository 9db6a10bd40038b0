"""What trackers are told, by real ones: a server of MLflow, Weights & Biases offline, the files of TensorBoard."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from augexp.config import load, trackers
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.train.trackers import following
from tests.train import test_tensorboard

ROWS = [
    {"epoch": epoch, "phase": "full", "loss": 1 / epoch, "val_accuracy": 0.25 * epoch, "waiting": None}
    for epoch in (1, 2, 3)
]
RESULT = {"epochs": 3, "score": "last", "test": {"accuracy": 0.75, "examples": 8}, "other": {"test": {"accuracy": 0.5}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run folder whose run has begun."""
    begun = tmp_path / "cutmix-seed0"
    begun.mkdir()
    (begun / "environment.json").write_text(json.dumps({"start": str(time.time())}))
    (begun / "batch.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return begun


def followed(*names: str) -> Experiment:
    return load.experiment("digits.yaml", ["strategy=cutmix", f"train.trackers=[{','.join(names)}]"])


def take_down(folder: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(f"{row['epoch']},{row['phase']},{row['loss']},{row['val_accuracy']}\n" for row in rows)
    (folder / "history.csv").write_text(f"epoch,phase,loss,val_accuracy\n{text}")


def train(experiment: Experiment, folder: Path, rows: list[dict[str, Any]], *, breaks: bool = False) -> None:
    """What a training tells; one that breaks ends after its rows."""
    with following(experiment, folder) as told:
        for row in rows:
            told.add(row)
        if breaks:
            raise KeyboardInterrupt
        told.finish(RESULT)


def test_trackers_are_named_once_and_in_either_way() -> None:
    both = load.experiment("digits.yaml", ["train.tensorboard=true", "train.trackers=[mlflow,tensorboard]"])
    assert trackers.wanted(both) == ("tensorboard", "mlflow")
    assert trackers.wanted(load.experiment("digits.yaml", ["train.trackers=wandb"])) == ("wandb",)
    with pytest.raises(UserError, match=r"train.trackers.* not 'mlfow'"):
        load.experiment("digits.yaml", ["train.trackers=[mlfow]"])


def test_a_tracker_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    trackers.refuse_missing(followed("tensorboard"))
    with pytest.raises(UserError, match=r"wandb is not installed; pip install 'augexp\[wandb\]', or leave it out"):
        trackers.refuse_missing(followed("tensorboard", "wandb"))


def test_tensorboard_begins_with_what_an_earlier_process_did(folder: Path) -> None:
    take_down(folder, ROWS[:2])
    train(followed("tensorboard"), folder, ROWS[2:])
    assert [(step, value) for step, tag, value in test_tensorboard.read(folder) if tag == "val_accuracy"] == [
        (1, 0.25), (2, 0.5), (3, 0.75),
    ]  # fmt: skip


def test_a_run_goes_on_without_a_tracker_that_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events.out.tfevents.of-a-folder").mkdir()  # which TensorBoard's tracker can't replace
    train(followed("tensorboard"), folder, ROWS)
    assert "tensorboard doesn't follow this run, which goes on without: " in capsys.readouterr().err
    assert "tensorboard doesn't follow this run" in (folder / "log.txt").read_text()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a real server of MLflow's."""
    pytest.importorskip("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    line += ["--backend-store-uri", f"sqlite:///{tmp_path}/m.db", "--artifacts-destination", str(tmp_path / "kept")]
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "server.txt").open("wb") as said:
        # Without the processes that run its jobs.
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(
            line, stdout=said, stderr=said, cwd=tmp_path, env=environment, start_new_session=True
        )
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        try:
            _wait_for(port)
            yield address
        finally:
            os.killpg(process.pid, 15)
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("no server of MLflow's answers")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_mlflow_is_told_of_every_epoch_once_though_the_run_was_killed(folder: Path, server: str) -> None:
    from mlflow import MlflowClient

    with pytest.raises(KeyboardInterrupt):
        train(followed("mlflow"), folder, ROWS[:1], breaks=True)
    client = MlflowClient(server)
    place = client.get_experiment_by_name("augexp").experiment_id
    assert [run.info.status for run in client.search_runs([place])] == ["KILLED"]
    take_down(folder, ROWS[:2])  # the second one was done and not told
    train(followed("mlflow"), folder, ROWS[2:])
    (run,) = client.search_runs([place])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "cutmix-seed0")
    told = sorted((one.step, one.value) for one in client.get_metric_history(run.info.run_id, "val_accuracy"))
    assert told == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert (run.data.metrics["test.accuracy"], run.data.metrics["other.test.accuracy"]) == (0.75, 0.5)
    assert "waiting" not in run.data.metrics
    assert (run.data.params["strategy"], run.data.params["strategy.cutmix.alpha"]) == ("cutmix", "1.0")
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["batch.png"]
    (folder / "environment.json").write_text("{}")  # begun anew
    (folder / "history.csv").unlink()
    train(followed("mlflow"), folder, ROWS)
    assert len(client.search_runs([place])) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # W&B's own
def test_weights_and_biases_writes_the_run_offline(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    (folder / "batch.png").unlink()
    train(followed("wandb"), folder, ROWS)
    (written,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    words = (b"val_accuracy", b"strategy.cutmix.alpha", b"other.test.accuracy")
    deadline = time.monotonic() + 60  # another process writes it
    while any(word not in written.read_bytes() for word in words):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert f"wandb follows this run: offline; wandb sync {written.parent}" in capsys.readouterr().err.replace("\n", " ")
