"""A run folder survives mistakes, kills and full disks."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp import files
from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.runs import folder as run_folder
from augexp.runs import read
from tests.factories import make_run
from tests.runs.test_read import why_broken


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return load.experiment(None, ["strategy=cutmix", "data.source=digits", f"runs_dir={tmp_path / 'runs'}"])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def test_a_new_folder_holds_the_resolved_configuration_and_says_running_then_finished(experiment: Experiment) -> None:
    with run_folder.create(experiment) as folder:
        assert folder == experiment.run_dir
        assert load.experiment(folder / "config.yaml") == experiment
        assert json.loads((folder / "status.json").read_text())["state"] == "running"
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"


def test_a_finished_run_is_refused_and_untouched(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    before = contents(folder)
    with pytest.raises(UserError) as caught, run_folder.create(experiment):
        pytest.fail("the folder was handed out")
    assert str(caught.value) == (
        f"{folder}: this run is finished and is not overwritten; choose another name= or seed=, or give --overwrite"
    )
    assert contents(folder) == before


def test_overwrite_starts_a_finished_run_over(experiment: Experiment) -> None:
    make_run(experiment.run_dir)
    with run_folder.create(experiment, overwrite=True) as folder:
        assert contents(folder).keys() == {"config.yaml", "status.json"}


def test_an_unfinished_run_is_started_over(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    (folder / "result.json").unlink()
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "state").write_text("old")
    with run_folder.create(experiment):
        assert contents(folder).keys() == {"config.yaml", "status.json"}
        assert not (folder / "checkpoint").exists()


def test_ctrl_c_leaves_a_folder_that_says_interrupted(experiment: Experiment) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder.create(experiment):
        raise KeyboardInterrupt
    assert why_broken(experiment.run_dir) == "unfinished: interrupted (Ctrl-C)"
    assert (experiment.run_dir / "log.txt").read_text().endswith(" interrupted\n")


def test_a_failed_run_says_why(experiment: Experiment) -> None:
    with pytest.raises(UserError, match="loss is nan"), run_folder.create(experiment):
        raise UserError("loss is nan in epoch 2")
    assert why_broken(experiment.run_dir) == "unfinished: failed (loss is nan in epoch 2)"


def test_a_full_disk_is_explained(experiment: Experiment) -> None:
    with pytest.raises(UserError) as caught, run_folder.create(experiment):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == (
        f"{experiment.run_dir}: No space left on device; free space, or set runs_dir= to another folder"
    )


def test_a_killed_overwriting_brings_the_earlier_run_back(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    # As a kill leaves it: the earlier run stands aside, the new one has begun.
    folder.rename(folder.with_name(f".{folder.name}.previous"))
    folder.mkdir()
    (folder / "history.csv").write_text("epoch\n")
    with pytest.raises(UserError, match="this run is finished"), run_folder.create(experiment):
        pytest.fail("the folder was handed out")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_finished_overwriting_leaves_nothing_of_the_earlier_run(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    with run_folder.create(experiment, overwrite=True):
        files.write_json(folder / "result.json", {"new": True})
    assert json.loads((folder / "result.json").read_text()) == {"new": True}
    assert not (folder / "history.csv").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted([folder.name, f".{folder.name}.lock"])


@pytest.mark.parametrize("in_the_way", [".", ".."], ids=["run folder", "runs_dir"])
def test_a_file_in_the_place_of_a_folder_is_explained(experiment: Experiment, in_the_way: str) -> None:
    place = Path(os.path.normpath(experiment.run_dir / in_the_way))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    with pytest.raises(UserError) as caught, run_folder.create(experiment):
        pytest.fail("the folder was handed out")
    reason = "Not a directory" if in_the_way == "." else "File exists"
    assert str(caught.value) == (
        f"{experiment.run_dir}: the run folder can't be written ({reason}); set runs_dir= to another folder"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_explained(experiment: Experiment) -> None:
    parent = experiment.run_dir.parent
    parent.mkdir(mode=0o500)
    with pytest.raises(UserError) as caught, run_folder.create(experiment):
        pytest.fail("the folder was handed out")
    assert str(caught.value) == (
        f"{experiment.run_dir}: the run folder can't be written (Permission denied); set runs_dir= to another folder"
    )


HOLD = """
import sys
from augexp.config import load
from augexp.runs.folder import create
with create(load.experiment(None, sys.argv[1:])) as folder:
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_one_process_a_folder_and_a_killed_one_frees_it(experiment: Experiment) -> None:
    overrides = ["strategy=cutmix", "data.source=digits", f"runs_dir={experiment.runs_dir}"]
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *overrides], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "holding\n"
            before = contents(experiment.run_dir)
            with pytest.raises(UserError) as caught, run_folder.create(experiment, overwrite=True):
                pytest.fail("the folder was handed out")
            assert str(caught.value) == (
                f"{experiment.run_dir}: another process is writing this run; wait, or choose another name= or seed="
            )
            assert contents(experiment.run_dir) == before
            assert why_broken(experiment.run_dir) == "unfinished: running"
        finally:
            other.send_signal(signal.SIGKILL)
    assert why_broken(experiment.run_dir) == "unfinished: killed"
    with run_folder.create(experiment):
        pass


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1e-9, 1e9)), min_size=1, max_size=5))
def test_history_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]]) -> None:
    folder = tmp_path_factory.mktemp("run")
    for epoch, (accuracy, loss) in enumerate(rows, start=1):
        run_folder.append_history(folder, {"epoch": epoch, "phase": "full", "val_accuracy": accuracy, "loss": loss})
    history = read.history(folder)
    assert history["epoch"].tolist() == list(range(1, len(rows) + 1))
    assert list(zip(history["val_accuracy"].tolist(), history["loss"].tolist(), strict=True)) == rows
    assert np.isnan(history["phase"]).all()
