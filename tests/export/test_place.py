"""An export takes its place whole, and replaces nothing that it shall not."""

from contextlib import suppress
from pathlib import Path

import pytest

from augexp.errors import UserError
from augexp.export import place
from augexp.export.formats import FACTS, SAVED_MODEL


def saved(folder: Path, content: str = "new") -> Path:
    """A folder as a SavedModel is."""
    for name in ("saved_model.pb", "fingerprint.pb", "variables/variables.index", f"assets/{FACTS}"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.onnx"
    place.refuse(path, overwrite=False)
    assert path.parent.is_dir()
    path.write_text("mine")
    with pytest.raises(UserError, match="is not overwritten; choose another --out, or give --overwrite"):
        place.refuse(path, overwrite=False)
    place.refuse(path, overwrite=True)


def test_a_folder_goes_only_if_it_is_an_export(tmp_path: Path) -> None:
    ours = saved(tmp_path / "ours")
    with pytest.raises(UserError, match="is not overwritten"):
        place.refuse(ours, overwrite=False, own=SAVED_MODEL)
    place.refuse(ours, overwrite=True, own=SAVED_MODEL)
    (ours / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"it holds what is not of an export \(thesis.txt\)"):
        place.refuse(ours, overwrite=True, own=SAVED_MODEL)


def test_neither_takes_the_place_of_the_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="what stands there is no file"):
        place.refuse(tmp_path, overwrite=True)
    with pytest.raises(UserError, match="what stands there is no folder"):
        place.refuse(tmp_path / "file", overwrite=True, own=SAVED_MODEL)
    with pytest.raises(UserError, match="can't be written"):
        place.refuse(tmp_path / "file" / "a.onnx", overwrite=True)


def test_a_folder_takes_its_place_at_once(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in ("first", "second"):
        with place.replacing(path, SAVED_MODEL) as temporary:
            saved(temporary, content)
        assert (path / "saved_model.pb").read_text() == content
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_what_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = saved(tmp_path / "model", "first")
    with suppress(ValueError), place.replacing(path, SAVED_MODEL) as temporary:
        saved(temporary, "second")
        raise ValueError
    assert (path / "saved_model.pb").read_text() == "first"
    assert [one.name for one in tmp_path.iterdir()] == ["model"]
