"""The door of the comparison: finished runs -> everything that may be said of their groups, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass

from augexp.compare import choice, effects, profiles, recalls, stability
from augexp.compare.choice import Choice
from augexp.compare.effects import Effects
from augexp.compare.groups import Comparison
from augexp.compare.profiles import Profiles
from augexp.compare.recalls import BySplit
from augexp.compare.verdicts import Options, Verdicts, verdicts_of
from augexp.runs.read import Run


@dataclass(frozen=True)
class Judgement(Verdicts):
    """Verdicts on test accuracy, which strategy to use by them, what single ops do, and what changed beside it."""

    choice: Choice | None
    collapsed: Mapping[str, tuple[Run, ...]]
    effects: Effects
    profiles: Profiles
    recalls: Mapping[str, BySplit]  # by label


def judge(comparison: Comparison, options: Options | None = None) -> Judgement:
    """Contrasts the groups of a comparison.

    Raises:
        UserError: if the baseline or a key to allow is unknown.
    """
    found = verdicts_of(comparison, options)
    return Judgement(
        **vars(found),
        choice=choice.choose(found),
        collapsed=stability.collapsed(comparison.groups, found.evidence),
        effects=effects.effects(found),
        profiles=profiles.judge(found),
        recalls=recalls.by_group(comparison.groups, found.evidence),
    )
