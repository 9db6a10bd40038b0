"""What an op does, and how much of it: ablations and dose studies, found in the configurations of the groups.

Every effect is a difference of two groups with the interval of its verdict, so all of them are right together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augexp.compare.groups import Group
from augexp.compare.verdicts import REFUSED, Status, Verdicts, between
from augexp.config import yamlfile
from augexp.config.settings import FREE_KEYS, flatten


@dataclass(frozen=True)
class Effect:
    """Group minus baseline, in the unit of accuracy.

    Attributes:
        group: the one.
        baseline: the other.
        status: the word of the verdict.
        difference: of the mean test accuracies.
        interval: for other seeds and other images, right together with those of all pairs.
        seed_interval: for other seeds on this test set, likewise; None where each seed has a test set of its own.
    """

    group: Group
    baseline: Group
    status: Status
    difference: float
    interval: tuple[float, float]
    seed_interval: tuple[float, float] | None


@dataclass(frozen=True)
class OfOp:
    """What one op of a strategy does; None where a run for it is missing, or nothing may be said.

    Attributes:
        op: its name, a second one of a name as `rotate[2]`.
        alone: the op alone against no op.
        beside: all ops against all without this one.
    """

    op: str
    alone: Effect | None
    beside: Effect | None


@dataclass(frozen=True)
class Doses:
    """Groups that differ in one number of one op.

    Attributes:
        parameter: `cutmix.prob`.
        baseline: what they are held against; it may be one of them.
        groups: by dose, rising.
        effects: by dose; that of the baseline, and those of which nothing may be said, are missing.
    """

    parameter: str
    baseline: Group
    groups: Mapping[float, Group]
    effects: Mapping[float, Effect]


@dataclass(frozen=True)
class Effects:
    """All that was found; nothing where the groups are no ablation and no doses."""

    ops: tuple[OfOp, ...]
    doses: tuple[Doses, ...]


def effects(judged: Verdicts) -> Effects:
    """The ablation and the doses among the groups of a comparison."""
    return Effects(_ablation(judged), _doses(judged))


def _effect(judged: Verdicts, group: Group | None, baseline: Group | None) -> Effect | None:
    """By the verdict of the two; None where one is missing, for models of one seed and refused pairs."""
    verdict = between(judged.every, group, baseline) if group and baseline else None
    if verdict is None or verdict.contrast is None or verdict.status in REFUSED:
        return None
    contrast = verdict.contrast
    if contrast.method == "mcnemar":
        return None
    return Effect(
        verdict.group, verdict.baseline, verdict.status, contrast.difference, contrast.interval, contrast.seed_interval
    )


# --- ablation ------------------------------------------------------------------------------------------------------


def _ablation(judged: Verdicts) -> tuple[OfOp, ...]:
    """An effect for each op of the longest strategy of which there is any.

    None where two strategies are as long, or one was trained in two ways: which to hold against which is then open.
    """
    lists = {_strategy(group.runs[0].config["strategy"]): group for group in judged.comparison.groups}
    longest = max(map(len, lists))
    wholes = [ops for ops in lists if len(ops) == longest]
    if longest < 2 or len(wholes) > 1 or len(lists) < len(judged.comparison.groups):
        return ()
    (ops,) = wholes
    whole, plain = lists[ops], lists.get(())
    found = []
    for place, op in enumerate(ops):
        alone, rest = lists.get((op,)), lists.get((*ops[:place], *ops[place + 1 :]))
        found.append(
            OfOp(
                yamlfile.names_of(whole.runs[0].config["strategy"])[place],
                _effect(judged, alone, plain),
                _effect(judged, whole, rest),
            )
        )
    return tuple(one for one in found if one.alone or one.beside)


def _strategy(ops: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(json.dumps(op, sort_keys=True) for op in ops)


# --- doses ---------------------------------------------------------------------------------------------------------


def _doses(judged: Verdicts) -> tuple[Doses, ...]:
    alike: dict[str, list[Group]] = {}
    for group in judged.comparison.groups:
        alike.setdefault(_but_parameters(group), []).append(group)
    found = [_of(members, judged) for members in alike.values()]
    return tuple(one for one in found if one is not None and one.effects)


def _but_parameters(group: Group) -> str:
    flat = flatten(group.runs[0].config)
    return json.dumps(
        {key: flat[key] for key in flat if key not in FREE_KEYS and not key.startswith("strategy.")}, sort_keys=True
    )


def _of(members: Sequence[Group], judged: Verdicts) -> Doses | None:
    """None where these groups differ in no parameter of their ops, in several, or in one that is no number."""
    flats = [flatten(group.runs[0].config) for group in members]
    keys = dict.fromkeys(key for flat in flats for key in flat if key.startswith("strategy."))
    differing = [key for key in keys if len({json.dumps(flat.get(key)) for flat in flats}) > 1]
    if len(differing) != 1 or not all(_is_number(flat.get(differing[0])) for flat in flats):
        return None
    groups = dict(sorted((float(flat[differing[0]]), group) for flat, group in zip(flats, members, strict=True)))
    baseline = _baseline(list(groups.values()), judged)
    told = {dose: _effect(judged, group, baseline) for dose, group in groups.items()}
    return Doses(
        differing[0].removeprefix("strategy."),
        baseline,
        groups,
        {dose: effect for dose, effect in told.items() if effect is not None},
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _baseline(members: Sequence[Group], judged: Verdicts) -> Group:
    """What the verdicts hold the doses against; of all pairs, the strategy none, else the lowest dose."""
    labels = {group.label for group in members}
    held = {one.baseline.label: one.baseline for one in judged.verdicts if one.group.label in labels}
    plain = [group for group in judged.comparison.groups if group.strategy == "none"]
    if len(held) == 1 and not judged.options.all_pairs:
        return next(iter(held.values()))
    return plain[0] if len(plain) == 1 else members[0]
