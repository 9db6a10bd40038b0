"""Predictions are read back as they were written, in one order, or refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.runs import predictions, read
from augexp.runs.predictions import Unusable
from tests.factories import make_run


def test_predictions_need_no_pickle(tmp_path: Path) -> None:
    probability = np.array([[0.25, 0.75], [0.9, 0.1]], np.float32)
    predictions.write(tmp_path / "p.npz", ["犬/1.jpg", "b"], np.array([1, 0], np.int32), probability)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as stored:
        assert stored["id"].tolist() == ["犬/1.jpg", "b"]
        assert (stored["label"].dtype, stored["probability"].dtype) == (np.int32, np.float16)
        np.testing.assert_array_equal(stored["label"], [1, 0])
        np.testing.assert_allclose(stored["probability"], probability, atol=5e-4)


FILE = "predictions-test.npz"


def rewrite(folder: Path, **arrays: object) -> None:
    """Replaces arrays of the stored test predictions; None leaves one out."""
    with np.load(folder / FILE) as stored:
        kept = {name: stored[name] for name in stored} | arrays
    np.savez(folder / FILE, **{name: value for name, value in kept.items() if value is not None})


def test_examples_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", test_accuracy=0.7)
    first = predictions.read(read.load(folder))
    with np.load(folder / FILE) as stored:
        shuffled = np.random.default_rng(0).permutation(len(stored["id"]))
        rewrite(folder, **{name: stored[name][shuffled] for name in stored})
    second = predictions.read(read.load(folder))
    np.testing.assert_array_equal(first.ids, np.sort(first.ids))
    np.testing.assert_array_equal(first.correct, second.correct)
    assert first.test_set == second.test_set
    assert first.correct.mean() == pytest.approx(0.7)
    assert first.classes == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {"id": np.char.add(a["id"], "x")},
        lambda a: {"label": (a["label"] + 1) % 4},
        lambda a: {"probability": np.pad(a["probability"], ((0, 0), (0, 1)))},
    ],
)
def test_another_test_set_is_told_apart(tmp_path: Path, change: Callable[..., dict[str, object]]) -> None:
    folder = make_run(tmp_path / "run")
    before = predictions.read(read.load(folder)).test_set
    with np.load(folder / FILE) as stored:
        rewrite(folder, **change(stored))
    assert predictions.read(read.load(folder)).test_set != before


def cut(folder: Path) -> None:
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(content[: len(content) // 2])


DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: (folder / FILE).unlink(), f"{FILE} is missing"),
    (lambda folder: (folder / FILE).write_bytes(b""), f"{FILE} can't be read (BadZipFile)"),
    (lambda folder: (folder / FILE).write_bytes(b"PK nothing"), f"{FILE} can't be read (BadZipFile)"),
    (cut, f"{FILE} can't be read (BadZipFile)"),
    (lambda folder: rewrite(folder, label=None), f"{FILE} is foreign (no label)"),
    (lambda folder: rewrite(folder, id=np.arange(100)), f"{FILE} holds no ids and labels"),
    (lambda folder: rewrite(folder, label=np.zeros(99, np.int32)), f"{FILE} holds no ids and labels"),
    (
        lambda folder: rewrite(folder, probability=np.zeros((99, 4), np.float16)),
        f"{FILE} holds (99, 4) probabilities for (100,) examples",
    ),
    (
        lambda folder: rewrite(folder, probability=np.full((100, 4), np.nan, np.float16)),
        f"{FILE} holds probabilities that are not finite",
    ),
    (
        lambda folder: rewrite(folder, probability=np.zeros((100, 3), np.float16)),
        f"{FILE} has the label 3 and probabilities of 3 classes",
    ),
    (
        lambda folder: rewrite(
            folder, id=np.array(["a"]), label=np.zeros(1, np.int32), probability=np.ones((1, 4), np.float16)
        ),
        f"{FILE} holds 1 example, result.json says 100",
    ),
    (lambda folder: rewrite(folder, id=np.full(100, object(), object)), f"{FILE} can't be read (ValueError)"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE, ids=[reason for _, reason in DAMAGE])
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], object], reason: str) -> None:
    folder = make_run(tmp_path / "run")
    damage(folder)
    with pytest.raises(Unusable) as caught:
        predictions.read(read.load(folder))
    assert str(caught.value) == reason


def test_predictions_that_the_run_did_not_leave_are_refused(tmp_path: Path) -> None:
    folder, other = make_run(tmp_path / "run", sealed=True), make_run(tmp_path / "other", accuracy=0.9)
    assert len(predictions.read(read.load(folder)).ids) == 100
    (folder / FILE).write_bytes((other / FILE).read_bytes())
    with pytest.raises(Unusable, match=rf"{FILE} is not what the run left \(SHA-256 \w{{12}} then, \w{{12}} now\)"):
        predictions.read(read.load(folder))


@pytest.mark.slow
@given(st.binary(max_size=200))
def test_no_content_is_fatal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = make_run(tmp_path_factory.mktemp("run"))
    (folder / FILE).write_bytes(content)
    (found,) = predictions.read_all([read.load(folder)]).values()
    assert isinstance(found, Unusable)


def test_all_runs_are_read_and_the_bad_ones_named(tmp_path: Path) -> None:
    good, bad = make_run(tmp_path / "good"), make_run(tmp_path / "bad")
    (bad / FILE).unlink()
    found = predictions.read_all([read.load(good), read.load(bad)])
    assert isinstance(found[good], predictions.Predictions)
    assert str(found[bad]) == f"{FILE} is missing"
