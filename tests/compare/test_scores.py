"""Scores of groups, and why two groups can't be compared."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from augexp.compare import scores as group_scores
from augexp.compare.groups import Group, load_groups
from tests.factories import make_run
from tests.runs.test_predictions import FILE, rewrite


def group(folder: Path, strategy: str = "cutmix", seeds: int = 2, **keys: object) -> Group:
    paths = [make_run(folder / f"{strategy}{seed}", strategy=strategy, seed=seed, **keys) for seed in range(seeds)]  # type: ignore[arg-type]
    (found,) = load_groups(paths).groups
    return found


def why(one: Group, other: Group) -> str | None:
    return group_scores.incomparable(one, other, group_scores.gather([one, other]))


def set_examples(of: Group, count: int | None) -> None:
    for run in of.runs:
        object.__setattr__(run.result.test, "examples", count)  # as another result.json would have it


def test_scores_are_by_seed_and_repeated_runs_are_averaged(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", seed=0, test_accuracy=0.70),
        make_run(tmp_path / "b", seed=0, test_accuracy=0.80),
        make_run(tmp_path / "c", seed=3, test_accuracy=0.75),
    ]
    (one,) = load_groups(paths).groups
    scores = group_scores.scores(one, group_scores.gather([one]))
    assert scores.accuracy == pytest.approx({0: 0.75, 3: 0.75})
    assert {seed: row.mean() for seed, row in scores.correct.items()} == pytest.approx({0: 0.75, 3: 0.75})
    assert set(np.unique(scores.correct[0])) == {0, 0.5, 1}
    assert scores.examples == 100


def test_what_cannot_be_read_is_listed_and_the_rest_stands(tmp_path: Path) -> None:
    one = group(tmp_path)
    (tmp_path / "cutmix1" / FILE).unlink()
    found = group_scores.gather([one])
    assert found.unusable == ((tmp_path / "cutmix1", f"{FILE} is missing"),)
    assert list(group_scores.scores(one, found).correct) == [0]
    assert list(group_scores.scores(one, found).accuracy) == [0, 1]


def test_equal_test_sets_are_comparable(tmp_path: Path) -> None:
    assert why(group(tmp_path), group(tmp_path, "none")) is None


def test_other_examples_labels_or_classes_are_not(tmp_path: Path) -> None:
    none = group(tmp_path, "none")
    ids, labels, wide = (group(tmp_path / name) for name in ("ids", "labels", "wide"))
    for run in ids.runs:
        rewrite(run.path, id=np.array([f"{'x' if i < 30 else 'test'}/{i}" for i in range(100)]))
    for run in labels.runs:
        rewrite(run.path, label=np.zeros(100, np.int32))
    for run in wide.runs:
        rewrite(run.path, probability=np.ones((100, 9), np.float16))
    assert why(ids, none) == "their test sets differ: 70 of 100 and 100 examples are shared"
    assert why(labels, none) == "their test sets have the same examples with different labels"
    assert why(wide, none) == "their predictions are of 9 and 4 classes"


def test_runs_of_one_group_on_different_test_sets_are_not(tmp_path: Path) -> None:
    none, odd = group(tmp_path, "none"), group(tmp_path)
    rewrite(odd.runs[0].path, label=np.zeros(100, np.int32))
    assert why(odd, none) == "the runs of cutmix were not all scored on the same test set"


def test_without_predictions_data_set_and_size_decide(tmp_path: Path) -> None:
    none, same = group(tmp_path, "none"), group(tmp_path)
    dogs = group(tmp_path / "dogs", overrides=["data.source=stanford_dogs"])
    for run in (*same.runs, *dogs.runs):
        (run.path / FILE).unlink()
    assert why(same, none) is None
    assert why(dogs, none) == (
        "they are of different data sets (stanford_dogs, digits), and predictions that would tell are missing"
    )
    set_examples(same, 90)
    assert why(same, none) == "their test sets differ (90 and 100 examples)"
    set_examples(same, None)
    assert why(same, none) == "result.json does not say on how many test examples they were scored"


def test_a_result_that_counts_other_examples_makes_predictions_unusable(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    result = json.loads((folder / "result.json").read_text())
    result["test"]["examples"] = 50
    (folder / "result.json").write_text(json.dumps(result))
    (one,) = load_groups([folder]).groups
    assert group_scores.gather([one]).unusable == ((folder, f"{FILE} holds 100 examples, result.json says 50"),)


def test_one_run_under_the_names_of_several_seeds_is_no_evidence(tmp_path: Path) -> None:
    """A trained pair, copied under five seed numbers."""
    paths = []
    for name in ("none", "cutmix"):
        first = make_run(tmp_path / f"{name}0", strategy=name)
        paths.append(first)
        for seed in range(1, 5):
            copy = make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed)
            shutil.copy(first / FILE, copy / FILE)
            paths.append(copy)
    none, cutmix = load_groups(paths).groups
    assert why(cutmix, none) == (
        "seeds 0, 1, 2, 3, 4 of cutmix are one run under several names, with the very same predictions"
    )
