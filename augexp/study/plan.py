"""A study that decides: its candidates, their seeds, and the runs that may have to be trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from augexp import tables
from augexp.compare.race import Run
from augexp.config import load
from augexp.config.decide import Registered, register
from augexp.config.schema import Experiment, Score
from augexp.errors import UserError, cut, did_you_mean
from augexp.runs import checkpoint, contents, read
from augexp.runs.records import BrokenRun
from augexp.study.grid import Study, experiments

CHOSEN = ("strategy", "seed", "name")  # what a candidate is told apart by without being another task


@dataclass(frozen=True)
class Plan:
    """A registered study, and every run that it may need, by strategy and seed."""

    study: Registered
    runs: Mapping[Run, Experiment]

    def of(self, needed: Sequence[Run]) -> list[Experiment]:
        """The experiments of some runs, in their order."""
        return [self.runs[run] for run in needed]


def plan(study: Study) -> Plan:
    """Registers a study.

    Raises:
        UserError: if a combination is not valid, there is one strategy only, the baseline is none of them, the grid has
            fewer seeds than the last look, or `decide.score` is not the `train.score` that is given beside it.
    """
    if study.decide is None:
        raise ValueError("a study without `decide` has no plan")
    decide, study = study.decide, _scored(study, study.decide.score)
    most = decide.looks[-1]
    seeds = study.axes.get("seed", list(range(most)))
    if len(seeds) < most:
        raise UserError(
            f"seed: the last look is at {most} seeds, and the grid has {len(seeds)}; leave seed (or fold) out of it, "
            f"or end decide.looks at {len(seeds)}"
        )
    axes = {key: values for key, values in study.axes.items() if key != "seed"} | {"seed": seeds[:most]}
    runs = {(one.name, one.seed): one for one in experiments(replace(study, axes=axes))}
    candidates = {name: one for (name, seed), one in runs.items() if seed == seeds[0]}
    if len(candidates) < 2:
        raise UserError("one strategy: there is nothing to decide; give two or more, such as strategy=none,cutmix")
    if (baseline := decide.baseline) not in candidates:
        hint = did_you_mean(baseline, list(candidates)) or f"; there are {tables.names(list(candidates))}"
        raise UserError(f"decide.baseline {cut(baseline)}: no strategy of the study has this name{hint}")
    several = [key for key, values in axes.items() if len(values) > 1]
    several += [key for settings in study.candidates.values() for key in settings]
    varied = [key for key in dict.fromkeys(several) if key not in CHOSEN and not load.is_of_op(key)]
    scores = {one.train.score for one in candidates.values()}
    resolved = decide.model_copy(update={"score": scores.pop() if len(scores) == 1 else None})
    return Plan(register(resolved, candidates, seeds[:most], varied), runs)


def _scored(study: Study, score: Score | None) -> Study:
    """The study with `decide.score` as a setting of its grid, where it says one."""
    if score is None:
        return study
    key = "train.score"
    elsewhere: list[tuple[str, Any]] = [(name, [told[key]]) for name, told in study.candidates.items() if key in told]
    elsewhere += [("the grid", study.axes.get(key)), (study.config, [load.given(study.config, "train", "score")])]
    for where, told in elsewhere:
        if told not in (None, [None], [score]):
            given = ", ".join(map(str, told))
            raise UserError(f"decide.score {score}: {where} gives train.score {given}; keep one of the two")
    return replace(study, axes={**study.axes, key: [score]})


def refuse_others(plan: Plan) -> None:
    """Raises UserError, a line each, for run folders that another study, or none, has begun."""
    mistakes = [line for experiment in plan.runs.values() for line in _unlike(plan.study, experiment)]
    if mistakes:
        raise UserError(*mistakes)
    _refuse_neighbours(plan)


def _unlike(study: Registered, experiment: Experiment) -> Sequence[str]:
    """Why the folder of an experiment holds no run of the study; nothing where it does, or none has begun."""
    folder = experiment.run_dir
    try:
        there = read.environment(folder).study
    except contents.Changed as error:
        return [f"{folder}: {error}; bring back the file, or choose another runs_dir="]
    except BrokenRun:  # not begun
        return []
    if there is None or there.hash != study.hash:
        whose = "of no study" if there is None else f"of another study or another plan of this one ({there.hash})"
        return [
            f"{folder}: it is {whose}; what was decided beforehand can't be changed: choose another runs_dir= for this "
            "study"
        ]
    try:
        checkpoint.refuse_other_config(folder, experiment)  # studies that treat copies unlike have one hash
    except UserError as error:
        return error.lines
    return []


def _refuse_neighbours(plan: Plan) -> None:
    """Two studies in one folder would be compared as one."""
    runs_dir = next(iter(plan.runs.values())).run_dir.parent
    for path in sorted(runs_dir.glob("*/environment.json")):
        try:
            there = read.environment(path.parent).study
        except BrokenRun:
            continue
        if there is not None and there.hash != plan.study.hash:
            whose = f"runs of another study ({path.parent.name})"
            raise UserError(f"{runs_dir}: it holds {whose}; choose another runs_dir=")
