"""A study that decides, round by round: trains what the next look needs, looks, drops, and ends with one sentence."""

from collections.abc import Callable

from augexp.compare import race
from augexp.compare import scores as group_scores
from augexp.compare.groups import load_groups
from augexp.compare.race import Look, Race, Run
from augexp.errors import UserError
from augexp.runs.status import Standing
from augexp.study import sweep
from augexp.study.plan import Plan
from augexp.study.sweep import Pool


def stand(plan: Plan, *, retry: bool = False) -> Race:
    """How the study stands with the runs that are finished; failed ones count as never finished, unless tried again."""
    finished, failed = [], set[Run]()
    for run, experiment in plan.runs.items():
        state = sweep.stand(experiment).state
        if state == "finished":
            finished.append(experiment.run_dir)
        elif state == "failed" and not retry:
            failed.add(run)
    if not finished:
        return race.replay(plan.study, {}, failed)
    comparison = load_groups(finished)
    evidence = group_scores.gather(comparison.groups)
    scores = {group.runs[0].name: group_scores.scores(group, evidence) for group in comparison.groups}
    return race.replay(plan.study, scores, failed)


def run(plan: Plan, pool: Pool, tell: Callable[[Race], None], *, retry: bool = False) -> Race:
    """Trains until the study has ended; `tell` is told how it stands at every look.

    Failed runs are tried again once with `retry`; else their strategies are incomplete.

    Raises:
        UserError: if a run folder holds a run of another configuration or another study.
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
        todo = sweep.due(needed, retry=retry)
        standings = sweep.run(needed, todo, pool)
        _refuse_no_progress(standings)
        retry = False


def _refuse_no_progress(standings: list[Standing]) -> None:
    """A run that was killed is neither finished nor failed: going on would try it for ever."""
    killed = [now for now in standings if now.state not in ("finished", "failed")]
    if killed:
        told = "\n".join(f"{now.folder}: {now.state}{f': {now.reason}' if now.reason else ''}" for now in killed)
        raise UserError(f"{told}\nthe same command goes on with the study")
