"""How runs stand, read from folders in every state."""

import os
from pathlib import Path

import pytest

from augexp.config import load
from augexp.runs import folder as run_folder
from augexp.runs import status
from augexp.runs.limit import Limit
from augexp.runs.records import BrokenRun
from augexp.runs.status import Standing
from tests.factories import make_run


def unfinished(folder: Path, *, epochs: int = 2) -> Path:
    """A run of 5 epochs that was killed after some."""
    make_run(folder, seconds=50.0)
    (folder / "result.json").unlink()
    lines = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join(lines[: epochs + 1]))
    run_folder.set_state(folder, "running")
    return folder


def test_a_finished_run(tmp_path: Path) -> None:
    found = status.of(make_run(tmp_path / "run", accuracy=0.8))
    assert (found.state, found.epoch, found.epochs, found.val_accuracy) == ("finished", 5, 5, 0.8)
    assert found.seconds_left() == 0


def test_what_limits_a_run_is_told_where_its_history_says_so(tmp_path: Path) -> None:
    found = Limit(9100, 320, 0.02)
    assert status.of(make_run(tmp_path / "run", limit=found)).limit == found
    assert status.of(make_run(tmp_path / "earlier")).limit is None


def test_a_finished_run_whose_history_was_changed_says_so_in_place_of_its_numbers(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", sealed=True)
    (folder / "history.csv").write_text((folder / "history.csv").read_text().replace("0.01", "0.02"))
    found = status.of(folder)
    assert (found.state, found.epoch, found.val_accuracy) == ("finished", 0, None)
    assert found.reason.startswith("history.csv is not what the run left")


def test_a_killed_run_says_what_it_reached_and_what_is_left(tmp_path: Path) -> None:
    found = status.of(unfinished(tmp_path / "run"))
    assert (found.state, found.epoch, found.epochs) == ("killed", 2, 5)
    assert found.seconds_left() == pytest.approx(3 * 10.0)


def test_a_run_that_is_being_written_is_running(tmp_path: Path) -> None:
    settings = load.experiment("digits.yaml", [f"runs_dir={tmp_path}"])
    with run_folder.create(settings):
        found = status.of(settings.run_dir)
    assert (found.state, found.epoch, found.epochs, found.seconds_left()) == ("running", 0, 12, None)
    assert found.seconds_left(epoch_seconds=2.0) == 24.0


def test_a_row_that_is_half_written_is_not_counted_as_damage(tmp_path: Path) -> None:
    folder = unfinished(tmp_path / "run")
    with (folder / "history.csv").open("a") as file:
        file.write("3,full,1.2")
    assert status.of(folder).state == "killed"


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_failed_and_interrupted_runs_say_why(tmp_path: Path, state: run_folder.State) -> None:
    folder = unfinished(tmp_path / "run")
    run_folder.set_state(folder, state, "because")
    found = status.of(folder)
    assert (found.state, found.reason) == (state, "because")


def test_where_the_lock_can_not_be_looked_at_nothing_is_guessed(tmp_path: Path) -> None:
    folder = unfinished(tmp_path / "run")
    os.mkfifo(run_folder.beside(folder, "lock"))
    found = status.of(folder)
    assert (found.state, found.epoch, found.since) == ("unknown", 2, 0.0)
    assert "can't be looked at" in found.reason


def test_no_folder_is_a_run_that_waits_and_a_foreign_one_is_none(tmp_path: Path) -> None:
    assert status.of(tmp_path / "none").state == "waiting"
    with pytest.raises(BrokenRun, match=r"config.yaml"):
        status.of(tmp_path)


def test_the_time_left_of_many_runs() -> None:
    def of(state: status.State, epoch: int, seconds: float | None) -> Standing:
        return Standing(Path("run"), state, epoch=epoch, epochs=10, epoch_seconds=seconds)

    several = [of("finished", 10, 4.0), of("running", 5, 4.0), of("waiting", 0, None), of("failed", 1, 4.0)]
    assert status.total_seconds_left(several) == 5 * 4.0 + 10 * 4.0
    assert status.total_seconds_left(several, at_once=2) == 10 * 4.0  # no less than its longest run
    assert status.total_seconds_left([of("waiting", 0, None)]) is None
