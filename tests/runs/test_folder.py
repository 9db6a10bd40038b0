"""A run folder survives mistakes, kills and full disks."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
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
from tests.snapshot import everything


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
    (folder / "checkpoint" / "state.npz").write_text("old")
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


# --- what isn't ours -------------------------------------------------------------------------------------------------


def with_notes(folder: Path, *, finished: bool) -> Path:
    make_run(folder)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "notes.txt").write_text("mine")
    if not finished:
        (folder / "result.json").unlink()
    return folder


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_folder_that_holds_something_else_is_not_replaced(experiment: Experiment, finished: bool) -> None:
    folder = with_notes(experiment.run_dir, finished=finished)
    before = everything(folder)
    with pytest.raises(UserError, match=r"holds what is not of a run \(checkpoint/notes.txt\); nothing is deleted"):
        run_folder.create(experiment, overwrite=True).__enter__()
    assert everything(folder) == before


@pytest.mark.parametrize("name", ["thesis.tex", "config.yaml", "log.txt", "status.json"])
def test_a_users_folder_of_that_name_is_not_taken(experiment: Experiment, name: str) -> None:
    experiment.run_dir.mkdir(parents=True)
    (experiment.run_dir / name).write_text("mine: 1")
    with pytest.raises(UserError, match="not of a run"), run_folder.create(experiment, overwrite=True):
        pytest.fail("the folder was handed out")
    with pytest.raises(UserError, match="not of a run"):
        run_folder.record_failure(experiment, "because")
    assert everything(experiment.run_dir) == {name: b"mine: 1"}


def test_a_link_in_the_place_of_a_run_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    elsewhere = make_run(tmp_path / "elsewhere")
    experiment.run_dir.parent.mkdir(parents=True)
    experiment.run_dir.symlink_to(elsewhere)
    before = everything(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="a link can't be a run folder"):
        run_folder.create(experiment, overwrite=True).__enter__()
    assert everything(tmp_path / "elsewhere") == before


def test_what_is_put_beside_an_earlier_run_meanwhile_stays(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(experiment.run_dir)
    previous = folder.with_name(f".{folder.name}.previous")
    with run_folder.create(experiment, overwrite=True):
        (previous / "notes.txt").write_text("mine")
        files.write_json(folder / "result.json", {"new": True})
    assert everything(previous) == {"notes.txt": b"mine"}
    assert "left, as it holds what is not of a run (notes.txt)" in capsys.readouterr().err


def test_going_on_deletes_halves_of_our_files_only(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    (folder / "result.json").unlink()
    (folder / "checkpoint").mkdir()
    for name in ("checkpoint/state.npz", "checkpoint/.12-state.npz", ".12-last.weights.h5", ".2024-notes", ".12-mine"):
        (folder / name).write_text(name)
    with run_folder.create(experiment, resume=True):
        left = {path.name for path in folder.rglob(".*")}
    assert left == {".2024-notes", ".12-mine"}


@pytest.mark.parametrize("put", [lambda log: log.symlink_to(log.parent.parent / "thesis"), os.mkfifo])
def test_a_log_that_is_a_link_or_a_pipe_is_not_written(tmp_path: Path, put: Callable[[Path], None]) -> None:
    (tmp_path / "thesis").write_text("years")
    folder = make_run(tmp_path / "run")
    put(folder / "log.txt")
    with pytest.raises(OSError, match=r"not a regular file|symbolic links"):
        run_folder.log(folder, "a line")
    assert (tmp_path / "thesis").read_text() == "years"


HOLD = """
import sys
from augexp.config import load
from augexp.runs.folder import create
with create(load.experiment(None, sys.argv[1:])) as folder:
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
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


def test_a_history_goes_on_with_the_columns_it_began_with(tmp_path: Path) -> None:
    run_folder.append_history(tmp_path, {"epoch": 1, "phase": "full", "loss": 0.5})
    run_folder.append_history(tmp_path, {"epoch": 2, "phase": "full", "loss": 0.25, "waiting": None})
    assert (tmp_path / "history.csv").read_text() == "epoch,phase,loss\n1,full,0.5\n2,full,0.25\n"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1e-9, 1e9)), min_size=1, max_size=5))
def test_history_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]]) -> None:
    folder = tmp_path_factory.mktemp("run")
    for epoch, (accuracy, loss) in enumerate(rows, start=1):
        run_folder.append_history(folder, {"epoch": epoch, "phase": "full", "val_accuracy": accuracy, "loss": loss})
    history = read.history(folder)
    assert history["epoch"].tolist() == list(range(1, len(rows) + 1))
    assert list(zip(history["val_accuracy"].tolist(), history["loss"].tolist(), strict=True)) == rows
    assert np.isnan(history["phase"]).all()
