"""Contrasts and the conditions they were made under -> one verdict a contrast. Numbers: `report.wording` says them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from augexp.compare import contrasts
from augexp.compare import scores as group_scores
from augexp.compare.confounders import check_allowed, confounders
from augexp.compare.contrasts import Contrast
from augexp.compare.groups import Comparison, Group
from augexp.compare.inference import LEVEL
from augexp.compare.scores import Evidence
from augexp.errors import UserError, did_you_mean

Status = Literal["better", "worse", "equivalent", "no evidence", "models differ", "confounded", "not comparable"]
REFUSED = ("confounded", "not comparable")
ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class Options:
    """What the reader asks.

    Attributes:
        baseline: label of the group that all others are held against; None: the strategy none.
        all_pairs: contrast every group with every other.
        margin: in points; differences surely smaller count as none.
        allow: keys in which groups may differ without being confounded.
    """

    baseline: str | None = None
    all_pairs: bool = False
    margin: float | None = None
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What may be said of `group` against `baseline`.

    Attributes:
        group: the one.
        baseline: the other.
        status: in one word or two.
        reason: why the two are not comparable; empty where they are.
        contrast: the numbers; None where there can be none.
        p_holm: p value corrected for all contrasts shown.
        p_equivalent: of two one-sided tests against the margin, corrected likewise.
        smallest: true difference that this study would find with 80 % power, in the unit of accuracy.
        seeds_needed: seeds that would find one as large as the observed, None where that is over 1,000.
        confounders: what they also differ in: key -> (value of group, of baseline).
        tests: contrasts that p was corrected for.
        margin: in points, that equivalence was tested against.
    """

    group: Group
    baseline: Group
    status: Status
    reason: str = ""
    contrast: Contrast | None = None
    p_holm: float | None = None
    p_equivalent: float | None = None
    smallest: float | None = None
    seeds_needed: int | None = None
    confounders: dict[str, tuple[Any, Any]] | None = None
    tests: int = 0
    margin: float | None = None


@dataclass(frozen=True)
class Verdicts:
    """A comparison with its verdicts and the predictions they rest on."""

    comparison: Comparison
    options: Options
    evidence: Evidence
    verdicts: tuple[Verdict, ...]

    @property
    def baseline(self) -> Group | None:
        """The group that all others are held against, where there is one."""
        if self.options.all_pairs:
            return None
        baselines = {verdict.baseline.label: verdict.baseline for verdict in self.verdicts}
        return next(iter(baselines.values())) if len(baselines) == 1 else None

    @property
    def refused(self) -> bool:
        """Whether any verdict is confounded or not comparable."""
        return any(verdict.status in REFUSED for verdict in self.verdicts)


def verdicts_of(comparison: Comparison, options: Options | None = None) -> Verdicts:
    """Contrasts the groups of a comparison and says what may be said.

    Raises:
        UserError: if the baseline or a key to allow is unknown.
    """
    options = options or Options()
    check_allowed(comparison.groups, options.allow)
    couples = pairs(comparison.groups, options)
    found = group_scores.gather(comparison.groups if couples else ())
    scores = {group.label: group_scores.scores(group, found) for group in comparison.groups} if couples else {}
    reasons = [group_scores.incomparable(*couple, found) for couple in couples]
    numbers = [
        None if reason else contrasts.contrast(*(scores[group.label] for group in couple))
        for couple, reason in zip(couples, reasons, strict=True)
    ]
    corrected = contrasts.adjusted(numbers)
    same = contrasts.adjusted_equivalence(numbers, options.margin)
    tests = sum(one is not None for one in numbers)
    return Verdicts(
        comparison,
        options,
        found,
        tuple(
            _verdict(couple, reason, number, p, p_same, tests, options)
            for couple, reason, number, p, p_same in zip(couples, reasons, numbers, corrected, same, strict=True)
        ),
    )


# --- who is held against whom --------------------------------------------------------------------------------------


def pairs(groups: Sequence[Group], options: Options) -> list[tuple[Group, Group]]:
    """(group, baseline) of every contrast.

    Of several groups of the strategy none, each group gets the one that it differs least from.
    """
    if options.all_pairs:
        return [(later, earlier) for i, earlier in enumerate(groups) for later in groups[i + 1 :]]
    baselines = _baselines(groups, options.baseline)
    held = {group.label for group in baselines}
    others = [group for group in groups if group.label not in held]
    if len(baselines) == 1:
        return [(group, baselines[0]) for group in others]
    return [(group, min(baselines, key=lambda one: len(confounders(group, one)))) for group in others]


def _baselines(groups: Sequence[Group], wanted: str | None) -> list[Group]:
    if wanted is not None:
        found = [group for group in groups if group.label == wanted]
        if not found:
            labels = [group.label for group in groups]
            hint = did_you_mean(wanted, labels) or f"; the groups are {', '.join(labels[:6])}"
            raise UserError(f"--baseline {wanted}: no group has this name{hint}")
        return found
    # Without the strategy none the first group given has to do; a note says so.
    return [group for group in groups if group.strategy == "none"] or list(groups[:1])


# --- what may be said ----------------------------------------------------------------------------------------------


def _verdict(
    couple: tuple[Group, Group],
    reason: str | None,
    contrast: Contrast | None,
    p_holm: float | None,
    p_equivalent: float | None,
    tests: int,
    options: Options,
) -> Verdict:
    group, baseline = couple
    if reason:
        return Verdict(group, baseline, "not comparable", reason)
    if contrast is None or p_holm is None:
        return Verdict(group, baseline, "no evidence")
    alpha = ALPHA / tests
    differing = confounders(group, baseline, options.allow)
    return Verdict(
        group,
        baseline,
        _status(contrast, p_holm, p_equivalent, confounded=bool(differing)),
        contrast=contrast,
        p_holm=p_holm,
        p_equivalent=p_equivalent,
        smallest=contrast.smallest(alpha),
        seeds_needed=contrast.seeds_needed(alpha),
        confounders=differing or None,
        tests=tests,
        margin=options.margin,
    )


def _status(contrast: Contrast, p_holm: float, p_equivalent: float | None, *, confounded: bool) -> Status:
    if confounded:
        return "confounded"
    if contrast.method == "mcnemar":
        return "models differ" if p_holm <= ALPHA else "no evidence"
    if p_equivalent is not None and p_equivalent <= ALPHA:
        return "equivalent"
    if p_holm > ALPHA:
        return "no evidence"
    return "better" if contrast.difference > 0 else "worse"
