"""A study round by round, with runs whose accuracies a test decides, and one of real processes that are killed."""

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from augexp import files
from augexp.config.decide import Decide
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.report.wording import outcome, race_sentence
from augexp.runs import folder as run_folder
from augexp.study import plan as study_plan
from augexp.study import rounds, sweep
from augexp.study.grid import Study
from augexp.study.plan import Plan
from tests.factories import classify, make_run
from tests.forked import Forked, command
from tests.study.test_sweep import Fate, FatedPool

MEANS = {"none": 0.70, "basic": 0.60, "cutmix": 0.80, "mixup": 0.79}
NOISE = np.random.default_rng(1).normal(0, 0.004, (4, 8))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "POLL_SECONDS", 0.0)


def planned(folder: Path, margin: float = 0.5) -> Plan:
    axes: dict[str, list[object]] = {"strategy": [*MEANS], "train.epochs": [5], "runs_dir": [str(folder)]}
    return study_plan.plan(Study("digits.yaml", axes, Decide(looks=(3, 5, 8), margin=margin)))


def pool(plan: Plan, fates: Mapping[str, Fate] | None = None) -> FatedPool:
    """Finishes runs with the accuracies of `MEANS` and `NOISE`, but for those that are fated otherwise."""

    def finish(experiment: Experiment) -> str:
        row = [*MEANS].index(experiment.name)
        make_run(
            experiment.run_dir, seed=experiment.seed,
            test_accuracy=MEANS[experiment.name] + float(NOISE[row, experiment.seed]),
            environment={"study": plan.study.model_dump(mode="json")},
        )  # fmt: skip
        files.write_text(experiment.run_dir / "config.yaml", experiment.to_yaml())
        return ""

    every: dict[str, Fate] = {one.run_dir.name: finish for one in plan.runs.values()}
    return FatedPool(2, every | dict(fates or {}))


@pytest.mark.slow
def test_a_study_trains_what_each_look_needs_and_no_more(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    told: list[str] = []
    started = pool(plan)
    found = rounds.run(plan, started, lambda now: told.append(race_sentence(now)))
    assert found.ended
    assert len(told) == len(found.looks) > 1
    assert sorted(started.names[:12]) == sorted(f"{name}-seed{seed}" for name in MEANS for seed in range(3))
    dropped = {name for name in MEANS if name not in (found.looks[0].leader, *found.looks[0].race, "none")}
    assert "basic" in dropped
    assert not {f"{name}-seed3" for name in dropped} & set(started.names)
    assert len(started.names) == len(set(started.names)) < 32


@pytest.mark.slow
def test_the_same_command_goes_on_where_it_was_and_ends_with_the_same_sentence(tmp_path: Path) -> None:
    whole = rounds.run(planned(tmp_path / "a"), pool(planned(tmp_path / "a")), lambda _: None)
    plan = planned(tmp_path / "b")
    kills = {f"{name}-seed{seed}": lambda _: "killed by SIGKILL" for name, seed in [("cutmix", 1), ("mixup", 4)]}
    for _ in range(2):
        with pytest.raises(UserError, match="the same command goes on with the study"):
            rounds.run(plan, pool(plan, kills), lambda _: None)
        kills.pop(next(iter(kills)))
    told: list[str] = []
    found = rounds.run(plan, pool(plan), lambda now: told.append(race_sentence(now)))
    assert outcome(found) == outcome(whole)
    assert told[-1] == race_sentence(whole)
    assert rounds.run(plan, pool(plan), lambda _: None) == found


def test_a_failed_run_leaves_its_strategy_incomplete_until_it_is_tried_again(tmp_path: Path) -> None:
    plan = planned(tmp_path, margin=30)
    found = rounds.run(plan, pool(plan, {"mixup-seed1": lambda _: "no memory"}), lambda _: None)
    assert found.incomplete == ("mixup",)
    assert "mixup is incomplete" in race_sentence(found)
    again = pool(plan)
    found = rounds.run(plan, again, lambda _: None, retry=True)
    assert again.names[0] == "mixup-seed1"
    assert found.incomplete == ()


def test_the_studies_of_some_folders_stand_as_the_plan_says(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert rounds.found_in([tmp_path / "gone"]) == []
    with pytest.raises(UserError):
        rounds.run(plan, pool(plan, {"mixup-seed2": lambda _: "killed by SIGKILL"}), lambda _: None)
    folders = sorted(tmp_path.glob("*-seed*"))
    ((found, members),) = rounds.found_in([*folders, make_run(tmp_path / "other")])
    assert found == rounds.stand(plan)
    assert found.needed == (("mixup", 2),)
    assert members == folders


@pytest.mark.slow
def test_the_sentence_of_a_study_holds_what_compare_holds_against_it(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    found = rounds.run(plan, pool(plan), lambda _: None)
    folders = sorted(tmp_path.glob("*-seed*"))
    assert outcome(found, rounds.decided(folders)) == outcome(found)
    for folder in tmp_path.glob("mixup-seed*"):
        told = json.loads((folder / "environment.json").read_text())
        files.write_json(folder / "environment.json", told | {"precision": "mixed_bfloat16"})
    choice = rounds.decided(folders)
    assert choice is not None
    assert not choice.settled
    assert "Not judged, and not among these: mixup." in outcome(found, choice)
    assert rounds.decided([tmp_path / "gone"]) is None


@pytest.mark.slow
def test_a_real_study_that_is_killed_again_and_again_says_the_same(tmp_path: Path, cache_dir: Path) -> None:
    def start(folder: str) -> Forked:
        return command(
            *("sweep", "--config", "digits.yaml", "strategy=none,cutmix", f"data.cache_dir={cache_dir}"),
            *("train.epochs=1", "data.train_per_class=30", "--decide", "looks=[2]", "--jobs", "2"),
            f"runs_dir={tmp_path / folder}",
        )

    unbroken, _ = (whole := start("a")).communicate(300)
    assert whole.returncode == 0
    for reached, sent in (("history.csv", signal.SIGTERM), ("result.json", signal.SIGKILL)):
        killed = start("b")
        while not list(tmp_path.glob(f"b/*/{reached}")) and killed.returncode is None:
            time.sleep(0.05)
        killed.send_signal(sent)
        killed.communicate(60)
        while any(run_folder.is_locked(folder) for folder in tmp_path.glob("b/*-seed*")):
            time.sleep(0.1)  # runs of a sweep that was killed outright end by themselves
    resumed, _ = (last := start("b")).communicate(300)
    assert last.returncode == 0
    assert resumed.splitlines()[:-1] == unbroken.splitlines()[:-1]  # the last names the folder


def test_a_study_goes_by_its_metric(tmp_path: Path) -> None:
    axes: dict[str, list[object]] = {"strategy": ["none", "cutmix"], "train.epochs": [5], "runs_dir": [str(tmp_path)]}
    decide = Decide(looks=(3, 5), margin=1.0, metric="macro_recall")
    plan = study_plan.plan(Study("digits.yaml", axes, decide))
    right = {"none": (890, 30), "cutmix": (760, 72)}  # worse by accuracy, better by macro recall

    def finish(experiment: Experiment) -> str:
        make_run(experiment.run_dir, seed=experiment.seed, environment={"study": plan.study.model_dump(mode="json")})
        sound, cracked = right[experiment.name]
        classify(experiment.run_dir, (900, 100), (sound + experiment.seed, cracked - experiment.seed))
        files.write_text(experiment.run_dir / "config.yaml", experiment.to_yaml())
        return ""

    race = rounds.run(plan, FatedPool(2, {one.run_dir.name: finish for one in plan.runs.values()}), lambda _: None)
    assert (race.looks[-1].leader, race.looks[-1].settled, len(race.looks)) == ("cutmix", True, 1)
    told = outcome(race, rounds.decided([one.run_dir for one in plan.runs.values() if one.run_dir.exists()]))
    assert told.startswith("Use cutmix. With 95 % confidence every other strategy is ")
    assert "points of macro recall" in told


def test_runs_that_cannot_be_scored_are_never_waited_for(tmp_path: Path) -> None:
    axes: dict[str, list[object]] = {"strategy": ["none", "cutmix"], "train.epochs": [5], "runs_dir": [str(tmp_path)]}
    plan = study_plan.plan(Study("digits.yaml", axes, Decide(looks=(3, 5), metric="macro_recall")))

    def finish(experiment: Experiment) -> str:
        make_run(experiment.run_dir, seed=experiment.seed, environment={"study": plan.study.model_dump(mode="json")})
        files.write_text(experiment.run_dir / "config.yaml", experiment.to_yaml())
        (experiment.run_dir / "predictions-test.npz").unlink()
        return ""

    race = rounds.run(plan, FatedPool(2, {one.run_dir.name: finish for one in plan.runs.values()}), lambda _: None)
    assert (race.ended, race.looks, set(race.incomplete)) == (True, (), {"none", "cutmix"})


def test_a_finished_run_that_was_damaged_is_named_and_not_waited_for(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    for run in [(name, seed) for name in MEANS for seed in range(3)]:
        make_run(plan.runs[run].run_dir, seed=run[1], environment={"study": plan.study.model_dump(mode="json")})
        files.write_text(plan.runs[run].run_dir / "config.yaml", plan.runs[run].to_yaml())
    (tmp_path / "cutmix-seed0" / "history.csv").unlink()
    with pytest.raises(UserError, match=r"cutmix-seed0: history\.csv is missing; bring back the file"):
        rounds.run(plan, pool(plan), lambda _: None)
