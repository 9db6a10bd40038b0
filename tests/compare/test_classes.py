"""Class by class: gains with their q values, and the confusions that changed, by hand."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from augexp.compare import classes
from augexp.compare import scores as group_scores
from augexp.compare.groups import Group, load_groups
from augexp.compare.scores import Evidence
from tests.factories import make_run
from tests.runs.test_predictions import FILE, rewrite

LABELS = np.arange(100, dtype=np.int32) % 4


def say(folder: Path, said: NDArray[np.int32]) -> None:
    """Has a run predict these classes."""
    rewrite(folder, probability=np.eye(4, dtype=np.float16)[said])


def study(folder: Path, wrong: dict[str, list[int]], seeds: int = 3) -> tuple[Group, Group, Evidence]:
    """Cutmix and none; each takes its first `wrong[name][c]` (and a seed more) examples of class c for c + 1."""
    paths = []
    for name in ("none", "cutmix"):
        for seed in range(seeds):
            path = make_run(
                folder / f"{name}{seed}", strategy=name, seed=seed, environment={"class_names": ["a", "b", "c", "d"]}
            )
            rank = np.arange(100) // 4
            count = np.array(wrong[name])[LABELS] + (np.array(wrong[name])[LABELS] > 0) * seed
            say(path, np.where(rank < count, (LABELS + 1) % 4, LABELS).astype(np.int32))
            paths.append(path)
    none, cutmix = load_groups(paths).groups
    return cutmix, none, group_scores.gather([none, cutmix])


def test_gains_are_those_of_each_class_largest_first(tmp_path: Path) -> None:
    gains = classes.gains(*study(tmp_path, {"none": [8, 0, 0, 2], "cutmix": [2, 0, 5, 2]}))
    assert [gain.name for gain in gains] == ["a", "b", "d", "c"]
    assert [gain.contrast.difference for gain in gains] == pytest.approx([6 / 25, 0, 0, -6 / 25])
    assert [gain.baseline_accuracy for gain in gains] == pytest.approx([16 / 25, 1, 22 / 25, 1])
    assert {gain.contrast.examples for gain in gains} == {25}


def test_q_values_are_those_over_all_classes(tmp_path: Path) -> None:
    gains = classes.gains(*study(tmp_path, {"none": [8, 1, 0, 2], "cutmix": [2, 0, 5, 2]}))
    expected = scipy.stats.false_discovery_control([gain.contrast.p_value for gain in gains])
    assert [gain.q_value for gain in gains] == pytest.approx(list(expected))


def test_confusions_are_counted_per_run_most_repaired_first(tmp_path: Path) -> None:
    found = classes.confusions(*study(tmp_path, {"none": [8, 0, 0, 2], "cutmix": [2, 0, 5, 2]}))
    assert [(pair.true, pair.said, pair.before, pair.after) for pair in found] == [("a", "b", 9, 3), ("c", "d", 0, 6)]
    assert [pair.change for pair in found] == [-6, 6]


def test_without_recorded_names_classes_are_numbered(tmp_path: Path) -> None:
    (group,) = load_groups([make_run(tmp_path / "a")]).groups
    assert group_scores.class_names(group, 3) == ["class 0", "class 1", "class 2"]
    (other,) = load_groups([make_run(tmp_path / "b", environment={"class_names": ["x"]})]).groups
    assert group_scores.class_names(other, 2) == ["class 0", "class 1"]


def test_without_predictions_there_is_nothing(tmp_path: Path) -> None:
    cutmix, none, _ = study(tmp_path, {"none": [1, 0, 0, 0], "cutmix": [0, 0, 0, 0]})
    for run in none.runs:
        (run.path / FILE).unlink()
    found = group_scores.gather([cutmix, none])
    assert (classes.gains(cutmix, none, found), classes.confusions(cutmix, none, found)) == ([], [])


def test_a_class_of_one_example_is_left_out(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / f"{n}{seed}", strategy=n, seed=seed) for n in ("none", "cutmix") for seed in range(2)]
    for path in paths:
        rewrite(path, label=np.array([3] + [0] * 99, np.int32))
    none, cutmix = load_groups(paths).groups
    assert [gain.name for gain in classes.gains(cutmix, none, group_scores.gather([none, cutmix]))] == ["class 0"]
