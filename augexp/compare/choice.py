"""Which strategy to use, as far as the intervals of all pairs tell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from augexp.compare import race as races
from augexp.compare.groups import Group
from augexp.compare.race import Race
from augexp.compare.verdicts import REFUSED, Verdict, Verdicts, between
from augexp.config.decide import JudgedBy


@dataclass(frozen=True)
class Choice:
    """What may be said of the strategy with the highest mean; strategies by their labels.

    Attributes:
        leader: the one.
        settled: whether it is to be used: nothing may be the margin or more above it, and it is the baseline, better
            than it, or less than the margin above it.
        rivals: those that may be the margin or more above it (at all, without a margin), and by how much at most.
        out: the others, likewise; in the unit of accuracy.
        baseline: what it had to beat.
        against: the interval of leader minus baseline; None where the leader is the baseline.
        margin: in points; None without one.
        seeds: behind the leader.
        barred: groups that can't be judged: incomplete, confounded or not comparable.
        allowed: settings in which groups differ, and the reader said it doesn't count.
        is_registered: whether a study decided beforehand how to choose.
        metric: by which.
    """

    leader: str
    settled: bool
    rivals: tuple[tuple[str, float], ...]
    out: tuple[tuple[str, float], ...]
    baseline: str
    against: tuple[float, float] | None
    margin: float | None
    seeds: int
    barred: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    is_registered: bool = False
    metric: JudgedBy = "accuracy"

    @property
    def most_above(self) -> float:
        """By how much any other strategy may be above the leader, at most."""
        return max((most for _, most in (*self.rivals, *self.out)), default=-np.inf)


def of_race(race: Race) -> Choice | None:
    """What a registered study says at its last look; None before the first."""
    if not race.looks:
        return None
    look, decide = race.looks[-1], race.study.decide
    known = look.leader != decide.baseline and decide.baseline in look.above
    against = races.bounds(look.contrasts, look.leader, decide.baseline) if known else None
    return Choice(
        look.leader,
        look.settled and not race.incomplete,
        tuple((name, look.above[name]) for name in look.race),
        tuple((name, most) for name, most in look.above.items() if name not in look.race),
        decide.baseline,
        against,
        decide.margin,
        look.seeds,
        race.incomplete,
        is_registered=True,
        metric=decide.metric,
    )


def choose(judged: Verdicts) -> Choice | None:
    """None where no groups can be chosen from: no common baseline, one seed, or nothing comparable beside it."""
    found = _of_seeds(judged) if judged.race is None else of_race(judged.race)
    if found is None:
        return None
    barred = dict.fromkeys((*found.barred, *_barred(judged, found.leader)))
    allowed = dict.fromkeys(key for verdict in judged.every for key in verdict.allowed)
    is_whole = judged.race is None or not barred
    return replace(found, barred=tuple(barred), allowed=tuple(allowed), settled=found.settled and is_whole)


def _barred(judged: Verdicts, leader: str) -> list[str]:
    """The groups that can't be held against the leader."""
    return [
        ({verdict.group.label, verdict.baseline.label} - {leader}).pop()
        for verdict in judged.every
        if leader in (verdict.group.label, verdict.baseline.label) and verdict.status in (*REFUSED, "incomplete")
    ]


def _of_seeds(judged: Verdicts) -> Choice | None:
    """What runs of no study say, if nothing was left out."""
    baseline = judged.baseline or _only_baseline(judged)
    if baseline is None:
        return None
    fit = [baseline, *(group for group in judged.comparison.groups if _is_fit(group, baseline, judged.every))]
    if len(fit) < 2:
        return None
    leader = max(fit, key=lambda group: float(np.mean([*judged.scores[group.label].accuracy.values()])))
    least = (judged.options.margin or 0.0) / 100
    above = [(group.label, _bounds(judged.every, group, leader)[1]) for group in fit if group is not leader]
    rivals = tuple((label, most) for label, most in above if most >= least)
    against = None if leader is baseline else _bounds(judged.every, leader, baseline)
    beats = against is None or against[0] > 0 or (judged.options.margin is not None and against[1] < least)
    out = tuple(one for one in above if one not in rivals)
    return Choice(
        leader.label, not rivals and beats, rivals, out, baseline.label, against, judged.options.margin,
        len(leader.seeds), metric=judged.metric,
    )  # fmt: skip


def _only_baseline(judged: Verdicts) -> Group | None:
    """Of all pairs, the group of the strategy none, if there is one."""
    plain = [group for group in judged.comparison.groups if group.strategy == "none"]
    return plain[0] if len(plain) == 1 else None


def _is_fit(group: Group, baseline: Group, every: Sequence[Verdict]) -> bool:
    """Whether seeds say how a group stands to the baseline."""
    found = between(every, group, baseline)
    if found is None or found.status in (*REFUSED, "incomplete") or found.contrast is None:
        return False
    return found.contrast.method != "mcnemar"


def _bounds(every: Sequence[Verdict], group: Group, other: Group) -> tuple[float, float]:
    """The interval of one group minus another; endless where there is none."""
    found = between(every, group, other)
    if found is None or found.contrast is None or found.status in REFUSED:
        return -np.inf, np.inf
    return found.contrast.interval
