"""A study that decides, round by round: trains what the next look needs, looks, drops, and ends with one sentence."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from augexp.compare import race
from augexp.compare import scores as group_scores
from augexp.compare.choice import Choice
from augexp.compare.groups import load_groups
from augexp.compare.judge import judge
from augexp.compare.race import Look, Race, Run
from augexp.config.decide import Registered
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.runs import read, status
from augexp.runs.records import BrokenRun
from augexp.runs.status import Standing
from augexp.study import sweep
from augexp.study.plan import Plan
from augexp.study.sweep import Pool


def stand(plan: Plan, *, retry: bool = False) -> Race:
    """How the study stands with the runs that are finished; failed ones count as never finished, unless tried again."""
    states = {run: sweep.stand(experiment).state for run, experiment in plan.runs.items()}
    finished = [plan.runs[run].run_dir for run, state in states.items() if state == "finished"]
    failed = [run for run, state in states.items() if state == "failed" and not retry]
    return _replay(plan.study, finished, failed)


def found_in(folders: Sequence[Path]) -> list[tuple[Race, list[Path]]]:
    """How the studies stand that the runs in some folders are of, each with those of its runs that are among them."""
    return [(_of_folders(study, some), some) for study, some in _by_study(folders).items()]


def decided(folders: Sequence[Path]) -> Choice | None:
    """Which strategy to use by the runs of a study, with all that `augexp compare` holds against them."""
    try:
        return judge(load_groups(folders)).choice
    except UserError:  # no finished run
        return None


def _by_study(folders: Sequence[Path]) -> dict[Registered, list[Path]]:
    found: dict[Registered, list[Path]] = {}
    for folder in folders:
        with suppress(BrokenRun):
            if (study := read.environment(folder).study) is not None:
                found.setdefault(study, []).append(folder)
    return found


def _of_folders(study: Registered, folders: Sequence[Path]) -> Race:
    finished: list[Path] = []
    failed: list[Run] = []
    for folder in folders:
        with suppress(BrokenRun):
            state, config = status.of(folder).state, read.config(folder)
            if state == "finished":
                finished.append(folder)
            elif state == "failed":
                failed.append((config["name"], config["seed"]))
    return _replay(study, finished, failed)


def _replay(study: Registered, finished: Sequence[Path], failed: Collection[Run]) -> Race:
    if not finished:
        return race.replay(study, {}, failed)
    groups = load_groups(finished).groups
    evidence = group_scores.gather(groups)
    metric = study.decide.metric
    scores = {group.runs[0].name: group_scores.scores(group, evidence, metric) for group in groups}
    unscored = [(run.name, run.seed) for run in group_scores.unscored(groups, evidence, metric)]
    return race.replay(study, scores, [*failed, *unscored])


def run(plan: Plan, pool: Pool, tell: Callable[[Race], None], *, retry: bool = False) -> Race:
    """Trains until the study has ended; `tell` is told how it stands at every look.

    Failed runs are tried again once with `retry`; else their strategies are incomplete.

    Raises:
        UserError: if a run folder holds a run of another configuration or another study, or a damaged one.
    """
    told: list[Look] = []
    while True:
        found = stand(plan, retry=retry)
        if len(found.looks) > len(told):
            told = list(found.looks)
            tell(found)
        if found.ended:
            return found
        needed = plan.of(found.needed)
        _refuse_unreadable(needed)
        todo = sweep.due(needed, retry=retry)
        standings = sweep.run(needed, todo, pool)
        _refuse_no_progress(standings)
        retry = False


def _refuse_unreadable(needed: Sequence[Experiment]) -> None:
    """A finished run that can't be read is not trained again by itself: going on would wait for it for ever."""
    mistakes = []
    for folder in (experiment.run_dir for experiment in needed if sweep.stand(experiment).state == "finished"):
        try:
            read.load(folder)
        except BrokenRun as reason:
            mistakes.append(f"{folder}: {reason}; bring back the file, or move the folder away to train it again")
    if mistakes:
        raise UserError(*mistakes)


def _refuse_no_progress(standings: list[Standing]) -> None:
    """A run that was killed is neither finished nor failed: going on would try it for ever."""
    killed = [now for now in standings if now.state not in ("finished", "failed")]
    if killed:
        told = [f"{now.folder}: {now.state}{f': {now.reason}' if now.reason else ''}" for now in killed]
        raise UserError(*told, "the same command goes on with the study")
