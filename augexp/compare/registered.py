"""Which study the runs of a comparison were registered for, and what it says with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from augexp.compare import race
from augexp.compare.contrasts import Scores
from augexp.compare.groups import Comparison, Group
from augexp.compare.race import Race, Run
from augexp.config.decide import Registered
from augexp.runs import read, status
from augexp.runs.records import BrokenRun


def study_of(groups: Sequence[Group]) -> Registered | None:
    """The one study that all runs belong to, under the names that it has for them; None where there is no such one."""
    studies = {run.environment.study for group in groups for run in group.runs}
    study = next(iter(studies)) if len(studies) == 1 else None
    if study is None or any(group.label not in study.strategies for group in groups):
        return None
    return study


def why_none(groups: Sequence[Group]) -> str:
    """Why runs of registered studies are not judged as one; empty where they are, or are of none."""
    studies = {run.environment.study for group in groups for run in group.runs}
    if len(studies) > 1:
        return "the runs belong to different studies, or some to none"
    return "" if studies == {None} or study_of(groups) else "the groups don't bear the names of their study"


def race_of(study: Registered, comparison: Comparison, scores: Mapping[str, Scores]) -> Race:
    """The looks of a study with the runs that were given; what failed, or is missing beside others, is incomplete."""
    failed = {run for path, _ in comparison.skipped if (run := _failed(path, study)) is not None}
    found = race.replay(study, scores, failed)
    missing = {name for name, _ in found.needed}
    reached = study.strategies if not found.looks else (found.looks[-1].leader, *found.looks[-1].race)
    if missing < {name for name in reached if name not in found.incomplete}:
        return replace(found, incomplete=(*found.incomplete, *sorted(missing)))
    return found


def _failed(path: Path, study: Registered) -> Run | None:
    """Strategy and seed of a run of the study that has failed."""
    try:
        config = read.config(path)
        of_it = read.environment(path).study == study
        return (config["name"], config["seed"]) if of_it and status.of(path).state == "failed" else None
    except BrokenRun:
        return None
