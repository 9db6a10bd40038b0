"""A handful of kills; more of them by `python -m tests.tools.moments`."""

from pathlib import Path

import pytest

from tests.tools import moments

KINDS = {kind.name: kind for kind in moments.KINDS}


@pytest.mark.slow
def test_a_killed_decision_is_made_again_in_the_same_words(tmp_path: Path) -> None:
    stage = moments.Stage(tmp_path, KINDS["decide"])
    assert moments.killed(stage, 0.7 * stage.length) == ""


@pytest.mark.slow
def test_what_a_kill_breaks_is_seen(tmp_path: Path) -> None:
    stage = moments.Stage(tmp_path, KINDS["clean"])
    (stage.sound / "runs" / "none-seed0" / "history.csv").unlink()  # as if the kill had taken it
    assert moments.killed(stage, 0.0) == "after the kill: more than checkpoints is gone"


@pytest.mark.slow
def test_runs_start_while_they_are_looked_at(tmp_path: Path) -> None:
    row = moments.polled(20, tmp_path)
    assert (row.tried, row.faults) == (20, [])
