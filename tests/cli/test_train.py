"""`augexp train` as it is typed."""

from pathlib import Path

import pytest

from tests.cli.program import Augexp


def test_a_finished_run_is_refused_before_tensorflow_is_loaded(typed: Augexp, runs_dir: Path) -> None:
    answer = typed("train", "--config", "cutmix.yaml", f"runs_dir={runs_dir}")
    assert answer.status == 2
    assert answer.err == (
        f"error: {runs_dir / 'cutmix-seed0'}: this run is finished and is not overwritten; "
        "choose another name= or seed=, or give --overwrite\n"
    )


@pytest.mark.slow
def test_a_runs_dir_that_cannot_be_written_is_named(typed: Augexp, tmp_path: Path, cache_dir: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = typed(
        *("train", "--config", "digits.yaml", f"runs_dir={tmp_path / 'file'}", f"data.cache_dir={cache_dir}")
    )
    assert answer.status == 2
    assert answer.err.splitlines()[-1] == (
        f"error: {tmp_path / 'file' / 'none-seed0'}: the run folder can't be written (File exists); "
        "set runs_dir= to another folder"
    )


@pytest.mark.slow
def test_dry_run_prints_the_resolved_configuration(typed: Augexp, tmp_path: Path, cache_dir: Path) -> None:
    answer = typed(
        *("train", "-c", "digits", "--dry-run", "seed=3", f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}")
    )
    assert answer.status == 0
    assert "\nseed: 3\n" in answer.out
    assert "steps: 12 epochs (12 full) x 17 steps of 64" in answer.out
    assert list(tmp_path.iterdir()) == []


def test_resume_and_overwrite_exclude_each_other(typed: Augexp) -> None:
    answer = typed("train", "--config", "digits", "--resume", "--overwrite")
    assert answer.status == 2
    assert answer.err == "error: --resume goes on with a run and --overwrite replaces it; give one of the two\n"
