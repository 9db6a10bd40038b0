"""Recall by class of groups: from stored predictions alone, so old runs have it too."""

from pathlib import Path

import pytest

from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.recalls import BySplit, Recalls
from augexp.report import notes
from augexp.runs import predictions
from tests.factories import classify, make_run

SIZES = (90, 10)


def study(folder: Path, rights: dict[str, list[tuple[int, int]]], sizes: tuple[int, ...] = SIZES) -> Judgement:
    """By strategy, how many of each class every seed has right."""
    for strategy, seeds in rights.items():
        for seed, right in enumerate(seeds):
            run = make_run(
                folder / f"{strategy}{seed}", strategy=strategy, seed=seed,
                environment={"class_names": ["sound", "cracked"]},
            )  # fmt: skip
            classify(run, sizes, right)
    return judge(load_groups(sorted(folder.glob("*"))))


def of(judgement: Judgement, label: str) -> Recalls:
    found = judgement.recalls[label].test
    assert found is not None
    return found


def test_macro_and_worst_recall_are_those_of_every_seed(tmp_path: Path) -> None:
    found = of(study(tmp_path, {"none": [(90, 1), (81, 3)]}), "none")
    assert found.macro.values == pytest.approx((0.55, 0.6))
    assert found.worst.values == pytest.approx((0.1, 0.3))
    assert (found.worst_class, found.sizes, found.is_unequal) == ("cracked", (10, 90), True)
    assert found.of_runs[0][:2] == pytest.approx((0.55, 0.1))
    assert found.of_runs[0][2] == "cracked"


def test_the_worst_class_is_the_one_that_is_lowest_over_all_seeds(tmp_path: Path) -> None:
    found = of(study(tmp_path, {"none": [(90, 2), (63, 8), (90, 5)]}), "none")
    assert found.worst.values == pytest.approx((0.2, 0.7, 0.5))
    assert found.worst_class == "cracked"
    assert [name for *_, name in found.of_runs] == ["cracked", "sound", "cracked"]


def test_classes_without_test_images_are_left_out_and_named(tmp_path: Path) -> None:
    found = of(study(tmp_path, {"none": [(45, 0)]}, (90, 0)), "none")
    assert (found.macro.values, found.absent) == ((0.5,), ("cracked",))
    assert not found.is_unequal


def test_equal_classes_say_no_more_than_accuracy(tmp_path: Path) -> None:
    found = of(judge(load_groups([make_run(tmp_path / "a", test_accuracy=0.78)])), "cutmix")
    assert not found.is_unequal
    assert found.macro.mean == pytest.approx(0.78)


def test_without_predictions_of_every_run_there_is_none(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / str(seed), seed=seed) for seed in range(2)]
    predictions.path_of(runs[1], "test").unlink()
    found = judge(load_groups(runs)).recalls["cutmix"]
    assert found.test is None
    assert found.val is not None


def test_folders_of_one_seed_are_averaged(tmp_path: Path) -> None:
    runs = [classify(make_run(tmp_path / str(index)), SIZES, (90, right)) for index, right in enumerate((2, 4))]
    found = judge(load_groups(runs)).recalls["cutmix"]
    assert isinstance(found, BySplit)
    assert found.test is not None
    assert found.test.macro.values == pytest.approx((0.65,))


def test_predictions_of_val_that_can_t_be_used_are_named(tmp_path: Path) -> None:
    judgement = study(tmp_path, {"none": [(90, 1), (81, 3)]})
    assert judgement.recalls["none"].unusable == ()
    (tmp_path / "none1" / "predictions-val.npz").unlink()
    judgement = judge(load_groups(sorted(tmp_path.glob("*"))))
    assert judgement.recalls["none"].val is None
    assert judgement.recalls["none"].unusable == ((tmp_path / "none1", "predictions-val.npz is missing"),)
    told = f"{tmp_path / 'none1'}: predictions-val.npz is missing; recalls on val are left out"
    assert told in notes.notes(judgement)


def test_recalls_over_folds_are_those_of_each_fold(tmp_path: Path) -> None:
    for seed, right in enumerate([(45, 2), (40, 4)]):
        run = make_run(tmp_path / f"none{seed}", strategy="none", seed=seed, overrides=["data.folds=2"])
        classify(run, (50, 5 + seed), right)
    found = of(judge(load_groups(sorted(tmp_path.glob("*")))), "none")
    assert found.macro.values == pytest.approx(((0.9 + 0.4) / 2, (0.8 + 4 / 6) / 2))
    assert found.examples.tolist() == [50, 5]
