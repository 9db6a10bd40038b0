"""Which study the runs of a comparison were registered for, and what it says with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from augexp.compare import race
from augexp.compare.contrasts import Scores
from augexp.compare.groups import Comparison, Group, member_of
from augexp.compare.race import Race, Run
from augexp.compare.scores import Evidence, unscored
from augexp.config.decide import Registered
from augexp.runs import read, status
from augexp.runs.records import BrokenRun


def study_of(groups: Sequence[Group]) -> Registered | None:
    """The only study that any of the runs belong to; None where there is none, or several."""
    studies = _studies(groups) - {None}
    return next(iter(studies)) if len(studies) == 1 else None


def why_none(groups: Sequence[Group]) -> str:
    """Why runs of registered studies are not judged as one; empty where they are, or are of none."""
    several = len(_studies(groups) - {None}) > 1
    return "the runs belong to different studies; no interval holds over two of them" if several else ""


def _studies(groups: Sequence[Group]) -> set[Registered | None]:
    return {run.environment.study for group in groups for run in group.runs}


def race_of(study: Registered, comparison: Comparison, scores: Mapping[str, Scores], evidence: Evidence) -> Race:
    """The looks of a study with the runs that were given; what failed, or is missing beside others, is incomplete.

    So is what the metric of the study can't be computed of.
    """
    outside = outsiders(comparison.groups, study)
    failed = {run for path, _ in comparison.skipped if (run := _failed(path, study)) is not None}
    failed |= {(run.name, run.seed) for run in unscored(comparison.groups, evidence, study.decide.metric)}
    failed |= {(label, study.seeds[0]) for label in outside}
    of_study = {label: one for label, one in scores.items() if label not in outside}
    found = race.replay(study, of_study, failed)
    missing = {name for name, _ in found.needed}
    reached = study.strategies if not found.looks else (found.looks[-1].leader, *found.looks[-1].race)
    if missing < {name for name in reached if name not in found.incomplete}:
        return replace(found, incomplete=(*found.incomplete, *sorted(missing)))
    return found


def outsiders(groups: Sequence[Group], study: Registered) -> dict[str, str]:
    """The groups that are none of a study, by their labels, and why."""
    found = {}
    for group in groups:
        foreign = [run.seed for run in group.runs if run.environment.study != study]
        if foreign:
            which = "its runs" if len(foreign) == len(group.runs) else f"its seeds {_listed(foreign)}"
            found[group.label] = f"{which} are not of the registered study"
        elif group.label not in study.strategies:
            found[group.label] = "it doesn't bear the name here that it has in its study"
    return found


def lacking(comparison: Comparison, found: Race | None) -> dict[str, str]:
    """The groups that can't be called better or equivalent, by their labels, and why: what they lack may differ."""
    if found is not None:
        failed = dict.fromkeys(found.incomplete, "runs of the study failed or are missing")
        return failed | outsiders(comparison.groups, found.study)
    unfinished: dict[str, list[str]] = {}
    for path, _ in comparison.skipped:
        if (group := _group_of(path, comparison.groups)) is not None:
            unfinished.setdefault(group.label, []).append(path.name)
    mixed = [group for group in comparison.groups if len({run.environment.study for run in group.runs}) > 1]
    return dict.fromkeys((group.label for group in mixed), "its runs belong to different studies, or some to none") | {
        label: f"without a readable result: {_listed(names)}" for label, names in unfinished.items()
    }


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names))


def _group_of(path: Path, groups: Sequence[Group]) -> Group | None:
    """The group that a run without a result would belong to."""
    try:
        return member_of(read.config(path), groups)
    except BrokenRun:
        return None


def _failed(path: Path, study: Registered) -> Run | None:
    """Strategy and seed of a run of the study that has failed."""
    try:
        config = read.config(path)
        of_it = read.environment(path).study == study
        return (config["name"], config["seed"]) if of_it and status.of(path).state == "failed" else None
    except BrokenRun:
        return None
