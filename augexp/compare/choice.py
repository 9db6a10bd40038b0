"""Which strategy to use, as far as the intervals of all pairs tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from augexp.compare import race
from augexp.compare.groups import Group
from augexp.compare.verdicts import REFUSED, Verdict, Verdicts


@dataclass(frozen=True)
class Choice:
    """What may be said of the strategy with the highest mean.

    Attributes:
        leader: its group.
        settled: whether it is to be used: nothing may be the margin or more above it, and it is the baseline, better
            than it, or less than the margin above it.
        rivals: those that may be the margin or more above it (at all, without a margin), and by how much at most.
        out: the others, likewise; in the unit of accuracy.
        baseline: what it had to beat.
        against: the interval of leader minus baseline; None where the leader is the baseline.
        margin: in points; None without one.
        seeds: behind the leader.
    """

    leader: Group
    settled: bool
    rivals: tuple[tuple[Group, float], ...]
    out: tuple[tuple[Group, float], ...]
    baseline: Group
    against: tuple[float, float] | None
    margin: float | None
    seeds: int

    @property
    def most_above(self) -> float:
        """By how much any other strategy may be above the leader, at most."""
        return max((most for _, most in (*self.rivals, *self.out)), default=-np.inf)


def choose(judged: Verdicts) -> Choice | None:
    """None where no groups can be chosen from: no common baseline, one seed, or nothing comparable beside it."""
    if judged.race is not None:
        return _of_race(judged)
    baseline = judged.baseline or _only_baseline(judged)
    if baseline is None:
        return None
    fit = [baseline, *(group for group in judged.comparison.groups if _is_fit(group, baseline, judged.every))]
    if len(fit) < 2:
        return None
    leader = max(fit, key=_mean)
    margin = judged.options.margin
    return _choice(judged.every, fit, leader, baseline, margin)


def _of_race(judged: Verdicts) -> Choice | None:
    if judged.race is None or not judged.race.looks:
        return None
    look, study = judged.race.looks[-1], judged.race.study
    groups = {group.label: group for group in judged.comparison.groups}
    baseline, leader = groups.get(study.decide.baseline), groups.get(look.leader)
    if baseline is None or leader is None:
        return None
    rivals = tuple((groups[name], look.above[name]) for name in look.race if name in groups)
    out = tuple((groups[name], most) for name, most in look.above.items() if name not in look.race and name in groups)
    against = None if leader is baseline else race.bounds(look.contrasts, leader.label, baseline.label)
    settled = look.settled and not judged.race.incomplete
    return Choice(leader, settled, rivals, out, baseline, against, study.decide.margin, look.seeds)


def _only_baseline(judged: Verdicts) -> Group | None:
    """Of all pairs, the group of the strategy none, if there is one."""
    plain = [group for group in judged.comparison.groups if group.strategy == "none"]
    return plain[0] if len(plain) == 1 else None


def _is_fit(group: Group, baseline: Group, every: Sequence[Verdict]) -> bool:
    """Whether seeds say how a group stands to the baseline."""
    found = _between(every, group, baseline)
    return found is not None and found.status not in REFUSED and _by_seeds(found)


def _by_seeds(verdict: Verdict) -> bool:
    return verdict.contrast is not None and verdict.contrast.method != "mcnemar"


def _between(every: Sequence[Verdict], one: Group, other: Group) -> Verdict | None:
    labels = {one.label, other.label}
    return next((verdict for verdict in every if {verdict.group.label, verdict.baseline.label} == labels), None)


def _mean(group: Group) -> float:
    return float(np.mean([run.result.test.accuracy for run in group.runs]))


def _choice(
    every: Sequence[Verdict], fit: Sequence[Group], leader: Group, baseline: Group, margin: float | None
) -> Choice:
    least = 0.0 if margin is None else margin / 100
    above = [(group, _bounds(every, group, leader)[1]) for group in fit if group is not leader]
    rivals = tuple((group, most) for group, most in above if most >= least)
    against = None if leader is baseline else _bounds(every, leader, baseline)
    beats = against is None or against[0] > 0 or (margin is not None and against[1] < least)
    out = tuple(one for one in above if one not in rivals)
    return Choice(leader, not rivals and beats, rivals, out, baseline, against, margin, len(leader.seeds))


def _bounds(every: Sequence[Verdict], group: Group, other: Group) -> tuple[float, float]:
    """The interval of one group minus another; endless where there is none."""
    found = _between(every, group, other)
    if found is None or found.contrast is None or found.status in REFUSED:
        return -np.inf, np.inf
    low, high = found.contrast.interval
    return (low, high) if found.group.label == group.label else (-high, -low)
