"""What an evaluation leaves in a run folder: written and read back, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from augexp.runs import evaluation as run_evaluation
from augexp.runs.evaluation import Unreadable

CONTENT = {"weights": "w", "splits": {"test": {"examples": 3, "metrics": {"brier": 0.25}}}}
COLUMNS = {"id": np.array(["c", "a", "b"]), "brier": np.array([0.3, 0.1, 0.2], np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_evaluation.write(tmp_path, CONTENT, {"test": COLUMNS})
    return tmp_path


def test_what_is_written_is_read_ordered_by_id(folder: Path) -> None:
    assert run_evaluation.read(folder) == {"format": run_evaluation.FORMAT, **CONTENT}
    columns = run_evaluation.read_columns(folder, "test")
    assert columns["id"].tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(columns["brier"], np.array([0.1, 0.2, 0.3], np.float32))


def test_nothing_there_is_nothing(tmp_path: Path, folder: Path) -> None:
    assert run_evaluation.read(tmp_path / "other") is None
    assert run_evaluation.read_columns(folder, "val") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"format": 1, ', "can't be read"),
        ("[1]", "holds no evaluation"),
        ('{"format": 1}', "holds no evaluation"),
        ('{"format": 1, "splits": {"test": {"metrics": []}}}', "holds no evaluation"),
        (json.dumps({"format": 2, "splits": {}}), "has format 2, not 1; augexp evaluate renews it"),
    ],
)
def test_damaged_and_foreign_files(folder: Path, text: str, reason: str) -> None:
    (folder / "evaluation.json").write_text(text)
    with pytest.raises(Unreadable, match=reason):
        run_evaluation.read(folder)


def test_columns_that_are_cut_off_or_do_not_fit(folder: Path) -> None:
    path = folder / "evaluation-test.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unreadable, match="can't be read"):
        run_evaluation.read_columns(folder, "test")
    run_evaluation.write(folder, CONTENT, {"test": {**COLUMNS, "brier": np.zeros(2, np.float32)}})
    with pytest.raises(Unreadable, match="no columns of one length"):
        run_evaluation.read_columns(folder, "test")
