"""What a reader must know before trusting the numbers, a line each."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.report.notes import notes
from tests.factories import make_run

STRATEGIES = ("none", "basic", "cutmix", "mixup")


def judged(paths: Sequence[Path]) -> Judgement:
    return judge(load_groups(paths))


@pytest.fixture
def study(tmp_path: Path) -> Judgement:
    return judged(
        [
            make_run(
                tmp_path / f"{strategy}{seed}", strategy=strategy, seed=seed, accuracy=0.8 + 0.01 * seed + 0.02 * i
            )
            for i, strategy in enumerate(STRATEGIES)
            for seed in range(3)
        ]
    )


def test_an_even_study_needs_no_note(study: Judgement) -> None:
    assert notes(study) == []


def test_every_reservation_is_a_line(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", strategy="none", seed=0, overrides=["data.validation=test"]),
        make_run(tmp_path / "b", seed=0, overrides=["train.learning_rate=0.02"], best_epoch=5),
        make_run(tmp_path / "c", seed=1, overrides=["train.learning_rate=0.02", "name=other"]),
        make_run(tmp_path / "d", seed=1, overrides=["train.learning_rate=0.02"]),
        make_run(tmp_path / "e", seed=4, overrides=["train.learning_rate=0.02"], environment={"device": "H200"}),
    ]
    comparison = judged([*paths, paths[1], tmp_path / "gone"])
    assert notes(comparison) == [
        "differs besides the strategy: data.validation is test (none), 0.1 (cutmix)",
        "differs besides the strategy: train.learning_rate is 0.01 (none), 0.02 (cutmix)",
        "differs besides the strategy: device is CPU (none), CPU / H200 (cutmix)",
        "validation = test set (none): the best epoch was chosen on it, so its accuracy flatters",
        "seeds differ: 0 (none), 0-1 4 (cutmix)",
        f"cutmix: seed 1 stands in 2 folders, their mean counts: {paths[2]}, {paths[3]}",
        "cutmix: runs named other have the same configuration and count with it",
        "best epoch is the last one (cutmix 1 of 4 runs): more epochs may raise the accuracy",
        f"given twice, counted once: {paths[1]}",
        f"skipped {tmp_path / 'gone'}: no such folder",
    ]


def test_a_note_on_many_groups_stays_short(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / str(i), overrides=[f"train.batch_size={20 + i}", f"name=x{i}"]) for i in range(7)]
    assert notes(judged(paths)) == [
        "differs besides the strategy: train.batch_size is 20 (x0), 21 (x1), 22 (x2), 23 (x3) and 3 more",
        "no runs of the strategy none: the baseline is x0; --baseline NAME chooses another",
    ]


def test_test_as_validation_flatters_what_is_chosen(tmp_path: Path) -> None:
    overrides = ["data.validation=test", "train.score=last"]
    paths = [make_run(tmp_path / name, strategy=name, overrides=overrides) for name in ("none", "cutmix")]
    assert (
        "validation = test set (none, cutmix): whatever is chosen by val is chosen on it, so its accuracy flatters"
    ) in notes(judged(paths))
