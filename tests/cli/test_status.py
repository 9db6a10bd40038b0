"""`augexp status` as it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import Augexp


@pytest.mark.slow
def test_status_shows_runs_in_every_state_and_needs_no_tensorflow(typed: Augexp, runs_dir: Path) -> None:
    (runs_dir / "cutmix-seed1" / "result.json").unlink()
    (runs_dir / "notes").mkdir()
    code = (
        "import sys; from augexp.cli.main import main\n"
        "try: main()\n"
        "finally: print([m for m in ('tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    )
    arguments = [*map(str, sorted(runs_dir.glob("*-seed*"))), str(runs_dir / "notes")]
    answer = subprocess.run(
        [sys.executable, "-c", code, "status", *arguments], capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert answer.stdout.splitlines()[-1] == "[]"
    assert "4 runs: 3 finished, 1 killed" in answer.stdout
    assert answer.stderr == f"{runs_dir / 'notes'}: not a run folder (no config.yaml)\n"


def test_a_name_that_no_file_system_holds_is_no_traceback(typed: Augexp, runs_dir: Path) -> None:
    answer = typed("status", "a" * 300, *sorted(runs_dir.glob("*-seed*")))
    assert answer.status == 0
    assert "can't be read (File name too long)" in answer.err


def test_status_of_nothing_exits_with_2(typed: Augexp, tmp_path: Path) -> None:
    answer = typed("status", tmp_path / "gone")
    assert (answer.status, answer.err.splitlines()) == (
        2,
        [
            f"{tmp_path / 'gone'}: no such folder",
            "error: there is no run folder among these; give some, such as runs/*",
        ],
    )


def test_the_folder_of_a_study_stands_for_its_runs(typed: Augexp, runs_dir: Path) -> None:
    each, all_of_them = typed("status", *sorted(runs_dir.glob("*-seed*"))), typed("status", runs_dir)
    assert "4 runs: 4 finished" in each.out
    assert (all_of_them.status, all_of_them.out, all_of_them.err) == (each.status, each.out, each.err)
