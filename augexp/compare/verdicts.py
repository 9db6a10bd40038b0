"""Contrasts and the conditions they were made under -> one verdict a contrast, in words that follow from numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from augexp.compare import contrasts
from augexp.compare import scores as group_scores
from augexp.compare.confounders import check_allowed, confounders
from augexp.compare.contrasts import Contrast
from augexp.compare.groups import Comparison, Group
from augexp.compare.inference import LEVEL, MOST_SEEDS, POWER
from augexp.compare.scores import Evidence
from augexp.config import settings
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
        sentence: the whole of it.
        contrast: the numbers; None where there can be none.
        p_holm: p value corrected for all contrasts shown.
        p_equivalent: of two one-sided tests against the margin, corrected likewise.
        smallest: true difference that this study would find with 80 % power, in the unit of accuracy.
        seeds_needed: seeds that would find one as large as the observed, None where that is over 1,000.
        confounders: what they also differ in: key -> (value of group, of baseline).
    """

    group: Group
    baseline: Group
    status: Status
    sentence: str
    contrast: Contrast | None = None
    p_holm: float | None = None
    p_equivalent: float | None = None
    smallest: float | None = None
    seeds_needed: int | None = None
    confounders: dict[str, tuple[Any, Any]] | None = None


@dataclass(frozen=True)
class Judgement:
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
        found = {id(verdict.baseline): verdict.baseline for verdict in self.verdicts}
        return next(iter(found.values())) if len(found) == 1 else None

    @property
    def refused(self) -> bool:
        """Whether any verdict is confounded or not comparable."""
        return any(verdict.status in REFUSED for verdict in self.verdicts)


def judge(comparison: Comparison, options: Options | None = None) -> Judgement:
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
    return Judgement(
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
    others = [group for group in groups if group not in baselines]
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
    names = f"{group.label} and {baseline.label}"
    if reason:
        return Verdict(group, baseline, "not comparable", f"{names} are not comparable: {reason}.")
    if contrast is None or p_holm is None:
        return Verdict(
            group, baseline, "no evidence",
            f"{names} have too few seeds for a test, and no predictions to compare two models by.",
        )  # fmt: skip
    alpha = ALPHA / tests
    differing = confounders(group, baseline, options.allow)
    verdict = Verdict(
        group,
        baseline,
        _status(contrast, p_holm, p_equivalent, confounded=bool(differing)),
        "",
        contrast,
        p_holm,
        p_equivalent,
        contrast.smallest(alpha),
        contrast.seeds_needed(alpha),
        differing or None,
    )
    return _with_sentence(verdict, tests, options)


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


def _with_sentence(verdict: Verdict, tests: int, options: Options) -> Verdict:
    words = {
        "confounded": _confounded,
        "models differ": _models,
        "equivalent": _equivalent,
        "better": _differs,
        "worse": _differs,
        "no evidence": _models if verdict.contrast and verdict.contrast.method == "mcnemar" else _nothing,
    }[verdict.status]
    return Verdict(**(vars(verdict) | {"sentence": words(verdict, tests, options)}))


def _confounded(verdict: Verdict, _tests: int, _options: Options) -> str:
    group, baseline = verdict.group.label, verdict.baseline.label
    differing = (verdict.confounders or {}).items()
    told = "; ".join(f"{key} is {settings.show(ours)} and {settings.show(theirs)}" for key, (ours, theirs) in differing)
    allow = " ".join(f"--allow {key}" for key, _ in differing)
    return (
        f"{group} and {baseline} differ in more than the strategy ({told}), so their difference of "
        f"{points(_contrast(verdict).difference)} can't be put down to it; {allow} judges it all the same."
    )


def _differs(verdict: Verdict, tests: int, _options: Options) -> str:
    return (
        f"{verdict.group.label} is {verdict.status} than {verdict.baseline.label}: "
        f"{_numbers(verdict, tests)}, {_scope(_contrast(verdict))}."
    )


def _equivalent(verdict: Verdict, tests: int, options: Options) -> str:
    return (
        f"{verdict.group.label} and {verdict.baseline.label} differ by less than the margin of "
        f"{options.margin:g} points (p {_relation(verdict.p_equivalent)}): {_numbers(verdict, tests)}, "
        f"{_scope(_contrast(verdict))}."
    )


def _nothing(verdict: Verdict, tests: int, _options: Options) -> str:
    contrast = _contrast(verdict)
    return (
        f"no evidence at this size that {verdict.group.label} differs from {verdict.baseline.label}: "
        f"{_numbers(verdict, tests)}, {_scope(contrast)}.{_here_only(contrast)} {_reach(verdict)}"
    )


def _here_only(contrast: Contrast) -> str:
    """For a difference that seeds bear out on this test set, but the test set's size does not beyond it."""
    if not contrast.counts_examples or contrast.seed_estimate is None or contrast.seed_estimate.p_value > ALPHA:
        return ""
    if contrast.p_value <= ALPHA:
        return ""
    return f" On these {contrast.examples:,} images the seeds agree that it does; on others like them it may not."


def _reach(verdict: Verdict) -> str:
    seeds = min(_contrast(verdict).seeds)
    size = f"{seeds} seeds" if _contrast(verdict).counts_examples else f"{seeds} seeds on this test set"
    power = f"find a true difference of {100 * (verdict.smallest or 0):.1f} points in {100 * POWER:.0f} % of studies"
    if verdict.seeds_needed is None:
        more = f"not even {MOST_SEEDS:,} would show one as small as that observed"
        if _contrast(verdict).example_variance > 0:
            more += " on a test set of this size"
    elif verdict.seeds_needed <= seeds:
        more = "one as large as that observed may well show with a few more"
    else:
        more = f"one as large as that observed would need about {verdict.seeds_needed:,} seeds"
    return f"{size} {power}; {more}."


def _models(verdict: Verdict, _tests: int, _options: Options) -> str:
    contrast = _contrast(verdict)
    low, high = contrast.interval
    verb = "differ" if verdict.status == "models differ" else "are not seen to differ"
    return (
        f"one seed: these two models of {verdict.group.label} and {verdict.baseline.label} {verb} "
        f"({points(contrast.difference)}, {100 * low:+.2f} to {100 * high:+.2f}; {contrast.gained:,} images gained, "
        f"{contrast.lost:,} lost, McNemar's p {_relation(verdict.p_holm)}). "
        "Of the strategies this says nothing: other seeds may differ as much."
    )


def _numbers(verdict: Verdict, tests: int) -> str:
    contrast = _contrast(verdict)
    low, high = contrast.interval
    holm = f" by Holm over {tests} contrasts" if tests > 1 else ""
    return f"{points(contrast.difference)} ({100 * low:+.2f} to {100 * high:+.2f}, p {_relation(verdict.p_holm)}{holm})"


def _scope(contrast: Contrast) -> str:
    ours, theirs = contrast.seeds
    seeds = f"{ours} paired seeds" if contrast.method == "paired" else f"{ours} against {theirs} unpaired seeds"
    if not contrast.counts_examples:
        seeds += "; without predictions this holds for this test set only"
    return seeds


def _contrast(verdict: Verdict) -> Contrast:
    if verdict.contrast is None:
        raise ValueError("a verdict without numbers has no such words")
    return verdict.contrast


def points(difference: float) -> str:
    """A difference of accuracies in [0, 1] as signed points."""
    return f"{100 * difference:+.2f} points"


def _relation(p: float | None) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def p_text(p: float | None) -> str:
    """A p value as it is read: 0.04, 0.0031, < 0.0001."""
    if p is None:
        return "-"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
