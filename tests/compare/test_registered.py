"""Runs of a study among others: whose study it is, and who can't be judged by it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from augexp.compare import choice
from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.verdicts import Options
from augexp.config.decide import Decide, Registered
from augexp.report.notes import notes
from augexp.report.wording import choice_sentence, sentence
from augexp.runs import folder as run_folder
from tests.factories import make_run

ACCURACY = {"none": (0.70, 0.71, 0.69, 0.70, 0.70), "cutmix": (0.90, 0.91, 0.89, 0.90, 0.91)}


def study(name: str = "a", strategies: Sequence[str] = ("none", "cutmix")) -> Registered:
    decide = Decide(looks=(3, 5), margin=1.0)
    return Registered(decide=decide, strategies=tuple(strategies), seeds=tuple(range(5)), hash=name)


def run(folder: Path, strategy: str, seed: int, of: Registered | None, **more: Any) -> Path:
    told = {} if of is None else {"study": of.model_dump(mode="json")}
    path = folder / f"{strategy}-seed{seed}"
    test = ACCURACY.get(strategy, (0.8,) * 5)[seed]
    return make_run(path, strategy=strategy, seed=seed, test_accuracy=test, environment=told, **more)


def runs(folder: Path, of: Registered | None, seeds: int = 3) -> list[Path]:
    return [run(folder, strategy, seed, of) for strategy in ACCURACY for seed in range(seeds)]


def judged(paths: Sequence[Path], options: Options | None = None) -> Judgement:
    return judge(load_groups(paths), options)


def statuses(found: Judgement) -> dict[str, str]:
    return {verdict.group.label: verdict.status for verdict in found.verdicts}


def fail(path: Path) -> Path:
    """Leaves a run as training leaves one that failed."""
    (path / "result.json").unlink()
    run_folder.set_state(path, "failed", "the loss is nan")
    return path


def test_a_study_is_judged_by_its_looks_and_its_margin(tmp_path: Path) -> None:
    found = judged(runs(tmp_path, study()))
    assert found.race is not None
    assert (len(found.race.looks), found.race.ended) == (1, True)
    assert statuses(found) == {"cutmix": "better"}
    assert found.verdicts[0].contrast == found.race.looks[-1].contrasts["cutmix", "none"]
    assert found.choice is not None
    assert choice_sentence(found.choice).startswith("Use cutmix. With 95 % confidence every other strategy is ")


def test_the_same_runs_of_no_study_are_judged_with_the_constants_of_one_look(tmp_path: Path) -> None:
    registered, free = judged(runs(tmp_path / "a", study())), judged(runs(tmp_path / "b", None))
    assert free.race is None
    of_study, alone = registered.verdicts[0].contrast, free.verdicts[0].contrast
    assert of_study is not None
    assert alone is not None
    assert of_study.interval[0] < alone.interval[0]


def test_runs_of_two_studies_are_no_study(tmp_path: Path) -> None:
    found = judged([*runs(tmp_path / "a", study()), run(tmp_path / "b", "mixup", 0, study("b"))])
    assert found.race is None
    assert any("the runs belong to different studies" in line for line in notes(found))


def test_a_group_whose_runs_come_from_two_studies_is_incomplete(tmp_path: Path) -> None:
    paths = [*runs(tmp_path / "a", study()), run(tmp_path / "b", "cutmix", 4, study("b"))]
    found = judged(paths)
    assert statuses(found) == {"cutmix": "incomplete"}
    assert "its runs belong to different studies" in sentence(found.verdicts[0])


def test_a_strategy_trained_beside_the_study_is_incomplete(tmp_path: Path) -> None:
    """The best of many variants, put beside a study of two."""
    found = judged([*runs(tmp_path / "a", study()), *(run(tmp_path / "b", "mixup", seed, None) for seed in range(3))])
    assert statuses(found) == {"cutmix": "better", "mixup": "incomplete"}
    assert "mixup: its runs are not of the registered study" in sentence(found.verdicts[1])
    assert found.choice is not None
    assert found.choice.barred == ("mixup",)
    assert not found.choice.settled


def test_further_seeds_from_outside_the_study_make_a_strategy_incomplete(tmp_path: Path) -> None:
    found = judged([*runs(tmp_path / "a", study()), run(tmp_path / "b", "cutmix", 3, None)])
    assert statuses(found) == {"cutmix": "incomplete"}
    assert "cutmix: its seeds 3 are not of the registered study" in sentence(found.verdicts[0])


def test_a_failed_run_of_a_study_makes_its_strategy_incomplete(tmp_path: Path) -> None:
    paths = runs(tmp_path, study())
    fail(paths[-1])
    found = judged(paths)
    assert statuses(found) == {"cutmix": "incomplete"}


def test_a_chosen_part_of_the_seeds_of_a_study_decides_nothing(tmp_path: Path) -> None:
    paths = runs(tmp_path, study(), seeds=5)
    found = judged([path for path in paths if not path.name.endswith("seed1")])
    assert found.race is not None
    assert found.race.looks == ()
    assert choice.choose(found) is None
    assert any("its next look lacks" in line for line in notes(found))


@pytest.mark.parametrize("state", ["failed", "interrupted", "running"])
def test_an_unfinished_run_of_no_study_makes_its_strategy_incomplete(tmp_path: Path, state: str) -> None:
    """Two of five failed, and the three that are left look well."""
    paths = runs(tmp_path, None, seeds=5)
    (paths[-1] / "result.json").unlink()
    run_folder.set_state(paths[-1], state)  # type: ignore[arg-type]
    found = judged(paths)
    assert statuses(found) == {"cutmix": "incomplete"}
    assert "without a readable result: cutmix-seed4" in sentence(found.verdicts[0])


def test_a_margin_beside_the_study_is_named(tmp_path: Path) -> None:
    names = ("none", "cutmix", "mixup")
    of = study(strategies=names)
    paths = [*runs(tmp_path, of), *(run(tmp_path, "mixup", seed, of) for seed in range(3))]
    found = judged(paths, Options(margin=30))
    (word,) = [one for one in found.verdicts if one.group.label == "mixup"]
    assert word.margin == 30
    assert not word.is_margin_registered
    assert found.choice is not None
    assert found.choice.margin == 1.0
