"""What an evaluation leaves in a run folder: written and read back, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.runs import evaluation as run_evaluation
from augexp.runs.evaluation import Unreadable

KEYS = [
    *("examples", "metrics", "brier", "occlusion", "areas", "corruptions", "severities", "accuracy", "floors", "tta"),
    *("views", "scores", "made", "temperature_fitted_on"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
CONTENT = {"weights": "w", "splits": {"test": {"examples": 3, "metrics": {"brier": 0.25}}}}
COLUMNS = {"id": np.array(["c", "a", "b"]), "brier": np.array([0.3, 0.1, 0.2], np.float32)}


def of_section(**changes: object) -> str:
    """The text of an evaluation whose section of test is changed."""
    section = {"examples": 3, "metrics": {"brier": 0.25}} | changes
    return json.dumps({"format": 1, "weights": "w", "splits": {"test": section}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_evaluation.write(tmp_path, CONTENT, {"test": COLUMNS})
    return tmp_path


def test_what_is_written_is_read_ordered_by_id(folder: Path) -> None:
    found = run_evaluation.read(folder)
    assert found is not None
    assert found.weights == "w"
    assert (found.splits["test"].examples, found.splits["test"].numbers) == (3, {"brier": 0.25})
    columns = run_evaluation.read_columns(folder, "test", {})
    assert columns["id"].tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(columns["brier"], np.array([0.1, 0.2, 0.3], np.float32))


def test_nothing_there_is_nothing(tmp_path: Path, folder: Path) -> None:
    assert run_evaluation.read(tmp_path / "other") is None
    with pytest.raises(Unreadable, match=r"evaluation-val\.npz is missing; augexp evaluate renews it"):
        run_evaluation.read_columns(folder, "val", {})


def test_what_a_killed_evaluation_left_half_written_goes_with_the_next(folder: Path) -> None:
    whole = {path.name for path in folder.iterdir()}
    for name in (".12-evaluation.json", ".7-evaluation-test.npz", ".7-confusion-test.png"):
        (folder / name).write_text("ha")
    kept = (".7-notes.txt", ".evaluation-test.npz", ".7-result.json")
    for name in kept:
        (folder / name).write_text("mine")
    with run_evaluation.writing(folder):
        assert {path.name for path in folder.iterdir()} == {*whole, *kept, ".evaluation.lock"}
    (folder.parent / "link").symlink_to(folder)
    (folder / ".12-evaluation.json").write_text("ha")
    with run_evaluation.writing(folder.parent / "link"):
        assert (folder / ".12-evaluation.json").exists()


def test_a_changed_number_or_column_is_refused(folder: Path) -> None:
    found = run_evaluation.read(folder)
    assert found is not None
    path, text = folder / "evaluation-test.npz", (folder / "evaluation.json").read_text()
    np.savez_compressed(path, id=COLUMNS["id"], brier=np.array([0.2, 0.1, 0.3], np.float32))  # of the same mean
    with pytest.raises(Unreadable, match=r"evaluation-test\.npz is not what evaluation\.json is of; augexp evaluate"):
        run_evaluation.read_columns(folder, "test", found.digests)
    for then, now in (("0.25", "0.24"), ('"digests"', '"digest"'), ('"seal"', '"seam"')):
        (folder / "evaluation.json").write_text(text.replace(then, now))
        with pytest.raises(Unreadable, match=r"evaluation\.json is not what was written .*; augexp evaluate renews it"):
            run_evaluation.read(folder)


def test_columns_of_another_split_keep_their_digest(folder: Path) -> None:
    content = run_evaluation.read(folder)
    assert content is not None
    section = {"val": {"examples": 3, "metrics": {}}}
    told = content.model_dump(mode="json", exclude_unset=True)
    changed = {"id": COLUMNS["id"]}
    np.savez_compressed(folder / "evaluation-test.npz", id=COLUMNS["id"])
    written = run_evaluation.write(folder, told | {"splits": told["splits"] | section}, {"val": changed})
    assert written["digests"]["evaluation-test.npz"] == content.digests["evaluation-test.npz"]
    assert run_evaluation.read_columns(folder, "val", written["digests"])["id"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"format": 1, ', "is not valid JSON"),
        ("[1]", "is not a JSON object"),
        ('{"format": 1}', "holds no evaluation"),
        ('{"format": 1, "splits": {"test": {"metrics": []}}}', "holds no evaluation"),
        (json.dumps({"format": 2, "splits": {}}), "has format 2, not 1; augexp evaluate renews it"),
        (of_section(examples="3"), "holds no evaluation"),
        (of_section(occlusion={"areas": 0.1}), "splits.test.occlusion.areas is not what it should be"),
        (of_section(corruptions={"severities": [1], "accuracy": {"jpeg": ["a"]}}), "jpeg.0 is not what it should be"),
        (of_section(floors=[]), "splits.test.floors is not what it should be"),
        (of_section(tta={"flip": {"views": 2}}), "splits.test.tta.flip.scores is not what it should be"),
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
        run_evaluation.read_columns(folder, "test", {})
    run_evaluation.write(folder, CONTENT, {"test": {**COLUMNS, "brier": np.zeros(2, np.float32)}})
    with pytest.raises(Unreadable, match="no columns of one length"):
        run_evaluation.read_columns(folder, "test", {})


def test_what_is_no_number_is_no_metric(folder: Path) -> None:
    values = {"a": None, "b": float("nan"), "c": "0.1", "d": True, "e": 1e300, "f": 10**400, "g": 1, "brier": 0.25}
    (folder / "evaluation.json").write_text(of_section(metrics=values))
    found = run_evaluation.read(folder)
    assert found is not None
    assert found.splits["test"].numbers == {"g": 1.0, "brier": 0.25}


def test_a_later_evaluation_keeps_what_a_newer_version_wrote_beside(folder: Path) -> None:
    section = {"examples": 3, "metrics": {"brier": 0.2}, "made": {"precision": "float32"}, "news": {"a": [1, 2]}}
    content = {"weights": "w", "splits": {"test": section}, "more": True}
    run_evaluation.write(folder, content, {"test": COLUMNS})
    again, columns = run_evaluation.kept(folder, "test", "w", ["a", "b", "c"], {"precision": "float32"})
    assert again == run_evaluation.write(folder, content, {})
    assert columns["brier"].tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.slow
@given(st.recursive(SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(KEYS), one)))
def test_whatever_the_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "evaluation.json").write_text(json.dumps({"format": 1, "splits": {"test": content}}))
    try:
        found = run_evaluation.read(folder)
    except Unreadable:
        return
    assert found is not None
    assert all(np.isfinite(value) for value in found.splits["test"].numbers.values())
