"""A file is replaced at once, and JSON is strict."""

import json
from pathlib import Path

import pytest

from augexp import files


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    files.write_text(path, "whole")

    def fail_halfway() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("ha")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_halfway()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_strict(tmp_path: Path) -> None:
    files.write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), {"c": 1.5}], "ä": None})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"), parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, {"c": 1.5}],
        "ä": None,
    }
