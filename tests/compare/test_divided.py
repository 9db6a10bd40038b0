"""Groups whose seeds were tested on other images each: what may be said of them, and what not."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from augexp.compare import classes, contrasts, divided
from augexp.compare import scores as group_scores
from augexp.compare.groups import Group, load_groups
from augexp.compare.judge import judge
from augexp.compare.recalls import by_group
from augexp.compare.summary import summarize
from augexp.compare.verdicts import Options
from augexp.report import export, notes, wording
from tests.factories import make_run
from tests.runs.test_predictions import rewrite

FOLDS = ("data.folds=5",)
RATIO = 100 / 360


def runs(
    folder: Path,
    strategy: str,
    accuracies: Sequence[float],
    overrides: Sequence[str] = FOLDS,
    *,
    own: bool = True,
    train_examples: int | None = 360,
) -> list[Path]:
    """A run a seed; with `own`, each is tested on images that no other seed is tested on."""
    paths = []
    for seed, accuracy in enumerate(accuracies):
        path = make_run(
            folder / f"{strategy}-seed{seed}",
            strategy=strategy,
            seed=seed,
            test_accuracy=accuracy,
            overrides=overrides,
            environment={"train_examples": train_examples},
        )
        if own:
            rewrite(path, id=np.array([f"{seed}/{i}" for i in range(100)]))
        paths.append(path)
    return paths


def groups(*paths: list[Path]) -> tuple[Group, ...]:
    return load_groups([path for some in paths for path in some]).groups


OURS, THEIRS = (0.90, 0.92, 0.88, 0.91, 0.93), (0.80, 0.84, 0.79, 0.80, 0.84)


def test_the_interval_is_that_of_nadeau_and_bengio_widened_for_all_pairs(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS), runs(tmp_path, "cutmix", OURS))
    evidence = group_scores.gather((none, cutmix))
    ours, theirs = (group_scores.scores(one, evidence) for one in (cutmix, none))
    assert ours.overlap == pytest.approx(RATIO)
    assert ours.correct == {}
    alone = contrasts.contrast(ours, theirs)
    assert alone is not None
    gains = np.subtract(OURS, THEIRS)
    variance = (gains.var(ddof=1) + 2 / (12 * 100**2)) * (1 / 5 + RATIO)
    half = scipy.stats.t.ppf(0.975, 4) * np.sqrt(variance)
    assert alone.interval == pytest.approx((gains.mean() - half, gains.mean() + half))
    assert alone.seed_interval is None
    judged = judge(load_groups([run.path for one in (none, cutmix) for run in one.runs]))
    (verdict,) = judged.verdicts
    assert verdict.contrast is not None
    # Of two strategies the pool is the pair's own variance, and the constant that of five seeds.
    wide = 2.79 * np.sqrt(variance)
    assert verdict.contrast.interval == pytest.approx((gains.mean() - wide, gains.mean() + wide), rel=0.01)
    assert verdict.status == "better"
    sentence = wording.sentence(verdict)
    assert "for other splits), 5 common splits" in sentence
    row = export.contrast_row(verdict)
    assert (row["test_images_per_train_image"], row["low_on_this_test_set"]) == (pytest.approx(RATIO), None)
    assert any("each seed was trained and tested on a split of its own" in line for line in notes.notes(judged))


def test_the_correction_decides(tmp_path: Path) -> None:
    """Seeds that differ alike tell less where each has a fold than, of this very test set, where all have one."""
    ours, theirs = (0.84, 0.88, 0.83, 0.86, 0.88), THEIRS
    folded = judge(load_groups([*runs(tmp_path / "a", "none", theirs), *runs(tmp_path / "a", "cutmix", ours)]))
    plain = [
        runs(tmp_path / "b", strategy, values, (), own=False)
        for strategy, values in zip(("none", "cutmix"), (theirs, ours), strict=True)
    ]
    same = judge(load_groups([*plain[0], *plain[1]]))
    over_folds, on_one = folded.verdicts[0].contrast, same.verdicts[0].contrast
    assert over_folds is not None
    assert on_one is not None
    assert on_one.seed_interval is not None
    ratio = np.diff(over_folds.interval)[0] / np.diff(on_one.seed_interval)[0]
    assert ratio == pytest.approx(np.sqrt(1 + 5 * RATIO))


def test_other_folds_of_a_seed_are_not_comparable(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS), runs(tmp_path, "cutmix", OURS))
    assert group_scores.incomparable(cutmix, none, group_scores.gather((none, cutmix))) is None
    rewrite(cutmix.runs[3].path, id=np.array([f"x/{i}" for i in range(100)]))
    reason = group_scores.incomparable(cutmix, none, group_scores.gather((none, cutmix)))
    assert reason == "seed 3: their test sets differ: 0 of 100 and 100 examples are shared"


def test_without_a_common_fold_there_is_nothing_to_compare(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS)[:2], runs(tmp_path, "cutmix", OURS)[2:])
    reason = group_scores.incomparable(cutmix, none, group_scores.gather((none, cutmix)))
    assert reason == "they have no seed in common, and each seed has a test set of its own"


def test_without_the_size_of_train_nothing_is_claimed(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS), runs(tmp_path, "cutmix", OURS, train_examples=None))
    reason = group_scores.incomparable(cutmix, none, group_scores.gather((none, cutmix)))
    assert reason == "the runs of cutmix don't say how many images they were trained and tested on"


def test_folds_and_one_division_are_not_comparable(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS, (), own=False), runs(tmp_path, "cutmix", OURS))
    reason = group_scores.incomparable(cutmix, none, group_scores.gather((none, cutmix)))
    assert reason == "the runs of cutmix were not all scored on the same test set"


def test_divisions_by_seed_count_where_their_test_sets_differ(tmp_path: Path) -> None:
    by_seed = ("data.split_seed=seed",)
    (own,) = groups(runs(tmp_path / "own", "none", THEIRS, by_seed))
    (same,) = groups(runs(tmp_path / "same", "none", THEIRS, by_seed, own=False))
    told = [group_scores.scores(one, group_scores.gather([one])) for one in (own, same)]
    assert [one.overlap for one in told] == [pytest.approx(RATIO), 0.0]
    assert len(told[1].correct) == 5
    assert divided.overlap(own, []) == pytest.approx(RATIO)


def test_two_models_of_one_fold_are_held_against_each_other(tmp_path: Path) -> None:
    judged = judge(load_groups([*runs(tmp_path, "none", (0.6,)), *runs(tmp_path, "cutmix", (0.9,))]))
    (verdict,) = judged.verdicts
    assert verdict.contrast is not None
    assert (verdict.contrast.method, verdict.contrast.gained) == ("mcnemar", 30)


def test_classes_are_judged_over_the_folds_that_have_them(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS), runs(tmp_path, "cutmix", OURS))
    for one in (none, cutmix):  # a class that only the first fold has
        labels = np.arange(100, dtype=np.int32) % 4
        labels[labels == 3] = 2
        for run in one.runs[1:]:
            rewrite(run.path, label=labels)
    found = classes.gains(cutmix, none, group_scores.gather((none, cutmix)))
    assert {gain.name for gain in found} == {"class 0", "class 1", "class 2"}
    assert all(gain.contrast.overlap == pytest.approx(RATIO) for gain in found)


def test_macro_recall_is_judged_over_folds_too(tmp_path: Path) -> None:
    none, cutmix = groups(runs(tmp_path, "none", THEIRS), runs(tmp_path, "cutmix", OURS))
    evidence = group_scores.gather((none, cutmix))
    assert group_scores.incomparable(cutmix, none, evidence, "macro_recall") is None
    found = group_scores.scores(cutmix, evidence, "macro_recall")
    assert found.overlap == pytest.approx(RATIO)
    # All four classes of these runs have 25 images, and so it is the accuracy.
    assert found.accuracy == pytest.approx(dict(enumerate(OURS)))
    judged = judge(
        load_groups([run.path for one in (none, cutmix) for run in one.runs]), Options(metric="macro_recall")
    )
    assert judged.verdicts[0].contrast is not None
    assert judged.verdicts[0].contrast.overlap == pytest.approx(RATIO)
    rewrite(cutmix.runs[1].path, label=np.r_[np.zeros(99), 3].astype(np.int32))
    reason = group_scores.incomparable(cutmix, cutmix, group_scores.gather((cutmix,)), "macro_recall")
    assert reason is not None
    assert "fewer than 2 test images of a class" in reason


def test_copies_that_one_side_trained_on_confound_folds_too(tmp_path: Path) -> None:
    """The fingerprint of the data, which tells it of one division, is that of all folds."""

    def of(strategy: str, dropped: int, setting: str, accuracies: Sequence[float]) -> list[Path]:
        paths = runs(tmp_path, strategy, accuracies, (*FOLDS, f"data.duplicates={setting}"))
        told = {"across": 3, "dropped": {"train": dropped, "val": 0}}
        for path in paths[1:]:  # the first fold has none
            content = json.loads((path / "environment.json").read_text())
            (path / "environment.json").write_text(json.dumps(content | {"copies": told}))
        return paths

    dropping, keeping = of("none", 3, "drop", THEIRS), of("cutmix", 0, "keep", OURS)
    (verdict,) = judge(load_groups([*dropping, *keeping])).verdicts
    assert verdict.status == "confounded"
    assert verdict.confounders == {"data.duplicates": ("keep", "drop")}
    allowed = judge(load_groups([*dropping, *keeping]), Options(allow=("data.duplicates",)))
    assert allowed.verdicts[0].status == "better"
    (verdict,) = judge(load_groups([*dropping, *of("cutmix", 3, "drop", OURS)])).verdicts
    assert verdict.status == "better"


def test_the_interval_of_one_strategy_knows_the_overlap_too(tmp_path: Path) -> None:
    (none,) = groups(runs(tmp_path, "none", THEIRS))
    values = np.array(THEIRS)
    half = scipy.stats.t.ppf(0.975, 4) * values.std(ddof=1) * np.sqrt(1 / 5 + RATIO)
    expected = pytest.approx((values.mean() - half, values.mean() + half))
    assert summarize(none).test.interval == expected
    (found,) = by_group([none], group_scores.gather([none])).values()
    assert found.test is not None
    assert found.test.macro.interval == expected  # all four classes have 25 images
    (fixed,) = groups(runs(tmp_path / "fixed", "none", THEIRS, (), own=False))
    assert summarize(fixed).test.overlap == 0
    (silent,) = groups(runs(tmp_path / "silent", "none", THEIRS, train_examples=None))
    assert summarize(silent).test.interval is None
