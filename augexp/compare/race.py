"""A registered study, look by look: who leads, who is out, who comes back, and when it ends.

The same accuracies give the same looks, whenever it is asked: a study that was killed goes on where it was, and a
comparison of its folders says what the study said.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from augexp.compare.contrasts import Contrast, Scores
from augexp.compare.simultaneous import Pair, Plan, of_all, only
from augexp.config.decide import Registered

Run = tuple[str, int]  # strategy and seed


@dataclass(frozen=True)
class Look:
    """What may be said at one look.

    Attributes:
        number: from 1.
        seeds: of each strategy that trained on.
        contrasts: of every pair of strategies, later minus earlier in the order of the study.
        leader: highest mean of the metric on test.
        race: strategies that may still be the margin or more above the leader; the leader isn't among them.
        above: strategy -> by how much, at most, it may be above the leader, in the unit of accuracy.
        incomplete: strategies of which a run failed.
        settled: whether the leader is to be used.
        is_last: whether no further look is planned.
    """

    number: int
    seeds: int
    contrasts: Mapping[Pair, Contrast | None]
    leader: str
    race: tuple[str, ...]
    above: Mapping[str, float]
    incomplete: tuple[str, ...]
    settled: bool
    is_last: bool

    @property
    def ended(self) -> bool:
        """Whether no further run is needed."""
        return self.settled or self.is_last


@dataclass(frozen=True)
class Race:
    """The looks so far, and the runs that the next one needs; none where the study has ended."""

    study: Registered
    looks: tuple[Look, ...] = ()
    needed: tuple[Run, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the last look decided, or was the last planned."""
        return not self.needed


def plan_of(study: Registered) -> Plan:
    """What the constants of a study go by."""
    return Plan(len(study.strategies), study.decide.looks, study.seeds)


def replay(study: Registered, scores: Mapping[str, Scores], failed: Collection[Run] = ()) -> Race:
    """What a study says with the runs that there are.

    Args:
        study: as registered.
        scores: of each strategy that has a finished run.
        failed: runs that will not be finished; they make their strategies incomplete.
    """
    looks: list[Look] = []
    running = study.strategies
    reached: dict[str, int] = {}
    incomplete: dict[str, None] = {}
    for number, seeds in enumerate(study.decide.looks, 1):
        due = [(name, seed) for seed in study.seeds[:seeds] for name in running if name not in incomplete]
        incomplete |= dict.fromkeys(name for name, seed in due if (name, seed) in failed)
        needed = [run for run in due if run[0] not in incomplete and not _has(scores, run)]
        if needed:
            return Race(study, tuple(looks), tuple(needed), tuple(incomplete))
        reached |= dict.fromkeys(running, seeds)
        # A strategy that came back has seeds now that it hadn't at the looks that it sat out.
        then = {name: only(one, study.seeds[: reached[name]]) for name, one in scores.items() if name in reached}
        look = _look(study, number, then, tuple(incomplete), running, looks[-1].contrasts if looks else {})
        if look is None:
            break
        looks.append(look)
        if look.ended:
            break
        running = tuple(
            name
            for name in study.strategies
            if name in (look.leader, *look.race, study.decide.baseline) and name not in incomplete
        )
    return Race(study, tuple(looks), (), tuple(incomplete))


def _has(scores: Mapping[str, Scores], run: Run) -> bool:
    name, seed = run
    return name in scores and seed in scores[name].accuracy


def _look(
    study: Registered, number: int, scores: Mapping[str, Scores], incomplete: tuple[str, ...],
    running: tuple[str, ...], before: Mapping[Pair, Contrast | None],
) -> Look | None:  # fmt: skip
    """None where no two strategies are complete."""
    told = {name: scores[name] for name in study.strategies if name in scores and name not in incomplete}
    trained = [name for name in running if name in told]
    if len(told) < 2 or not trained:
        return None
    # A pair of which one sat this look out keeps the interval of its last common look.
    contrasts = {
        pair: before.get(pair, one) if set(pair) - set(running) else one
        for pair, one in of_all(told, plan_of(study)).items()
    }
    leader = max(trained, key=lambda name: float(np.mean([*told[name].accuracy.values()])))
    above = {name: bounds(contrasts, name, leader)[1] for name in told if name != leader}
    margin = study.decide.margin / 100
    race = tuple(name for name, most in above.items() if most >= margin)
    seeds, last = study.decide.looks[number - 1], number == len(study.decide.looks)
    settled = not race and _beats(study, contrasts, leader, incomplete)
    return Look(number, seeds, contrasts, leader, race, above, incomplete, settled, last)


def _beats(
    study: Registered, contrasts: Mapping[Pair, Contrast | None], leader: str, incomplete: Collection[str]
) -> bool:
    """Whether the leader is the baseline, better than it, or less than the margin above it."""
    baseline = study.decide.baseline
    if leader == baseline:
        return True
    if baseline in incomplete:
        return False
    low, high = bounds(contrasts, leader, baseline)
    return low > 0 or high < study.decide.margin / 100


def bounds(contrasts: Mapping[Pair, Contrast | None], name: str, other: str) -> tuple[float, float]:
    """The interval of `name` minus `other`, in the unit of accuracy; endless where nothing is known."""
    contrast = between(contrasts, name, other)
    return (-np.inf, np.inf) if contrast is None else contrast.interval


def between(contrasts: Mapping[Pair, Contrast | None], name: str, other: str) -> Contrast | None:
    """The contrast `name` minus `other`, whichever way round it stands there."""
    if (found := contrasts.get((name, other))) is not None:
        return found
    found = contrasts.get((other, name))
    return found and found.reversed()
