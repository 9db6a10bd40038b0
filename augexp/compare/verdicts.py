"""Contrasts and the conditions they were made under -> one verdict a contrast. Numbers: `report.wording` says them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

from augexp.compare import contrasts, registered, simultaneous
from augexp.compare import race as races
from augexp.compare import scores as group_scores
from augexp.compare.confounders import check_allowed, confounders, is_among
from augexp.compare.contrasts import Contrast, Scores
from augexp.compare.groups import Comparison, Group
from augexp.compare.inference import LEVEL
from augexp.compare.race import Race
from augexp.compare.scores import Evidence
from augexp.compare.simultaneous import Plan
from augexp.config.decide import JudgedBy, Registered
from augexp.errors import UserError, did_you_mean

Status = Literal[
    "better", "worse", "equivalent", "undecided", "models differ", "confounded", "incomplete", "not comparable"
]  # fmt: skip
REFUSED = ("confounded", "not comparable")
REVERSED: Mapping[Status, Status] = {"better": "worse", "worse": "better"}
ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class Options:
    """What the reader asks.

    Attributes:
        baseline: label of the group that all others are held against; None: that of a registered study, else the
            strategy none.
        all_pairs: contrast every group with every other.
        margin: in points; differences surely smaller count as none.
        allow: keys in which groups may differ without being confounded.
        metric: that verdicts are about; None: that of a registered study, else accuracy.
    """

    baseline: str | None = None
    all_pairs: bool = False
    margin: float | None = None
    allow: tuple[str, ...] = ()
    metric: JudgedBy | None = None


@dataclass(frozen=True)
class Verdict:
    """What may be said of `group` against `baseline`.

    Attributes:
        group: the one.
        baseline: the other.
        status: in one word or two, read off the interval.
        reason: why the two are not comparable, or what is incomplete; empty where nothing is.
        contrast: the numbers, with intervals that are right for all pairs together; None where there can be none.
        p_holm: p value of this pair alone, corrected for the verdicts shown; for other programs, no word goes by it.
        confounders: what they also differ in: key -> (value of group, of baseline).
        margin: in points, within which differences don't matter.
        allowed: what they also differ in, and the reader said doesn't count.
        is_margin_registered: whether the margin was decided before the first run.
        metric: that it is about.
    """

    group: Group
    baseline: Group
    status: Status
    reason: str = ""
    contrast: Contrast | None = None
    p_holm: float | None = None
    confounders: dict[str, tuple[Any, Any]] | None = None
    margin: float | None = None
    allowed: tuple[str, ...] = ()
    is_margin_registered: bool = False
    metric: JudgedBy = "accuracy"

    def reversed(self) -> "Verdict":
        """Of the baseline against the group."""
        return replace(
            self,
            group=self.baseline,
            baseline=self.group,
            status=REVERSED.get(self.status, self.status),
            contrast=self.contrast and self.contrast.reversed(),
            confounders=self.confounders and {key: (theirs, ours) for key, (ours, theirs) in self.confounders.items()},
        )


@dataclass(frozen=True)
class Verdicts:
    """A comparison with its verdicts and the predictions they rest on.

    Attributes:
        comparison: the groups.
        options: what was asked.
        metric: that the verdicts are about.
        scores: by label, in that metric; none where there is one group.
        evidence: predictions.
        verdicts: those that were asked for.
        every: one for every pair of groups, those of `verdicts` among them.
        race: of a registered study, look by look; None where the runs are of none.
    """

    comparison: Comparison
    options: Options
    metric: JudgedBy
    scores: Mapping[str, Scores]
    evidence: Evidence
    verdicts: tuple[Verdict, ...]
    every: tuple[Verdict, ...]
    race: Race | None

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
        UserError: if the baseline or a key to allow is unknown, or the metric is not that of the registered study.
    """
    groups = comparison.groups
    study = registered.study_of(groups)
    metric = _metric(options, study)
    options = _asked(options or Options(), groups, study)
    check_allowed(groups, options.allow)
    shown = pairs(groups, options)
    evidence = group_scores.gather(groups)
    scores = {group.label: group_scores.scores(group, evidence, metric) for group in groups} if shown else {}
    race = None if study is None else registered.race_of(study, comparison, scores, evidence)
    every = [*shown, *_others(groups, shown)]
    reasons = [group_scores.incomparable(*couple, evidence, metric) for couple in every]
    comparable = [_labels(couple) for couple, reason in zip(every, reasons, strict=True) if not reason]
    numbers = _numbers(scores, comparable, race) if shown else {}
    lacking = registered.lacking(comparison, race)
    corrected = contrasts.adjusted([numbers.get(_labels(couple)) for couple in shown])
    judged = tuple(
        _verdict(couple, reason, numbers.get(_labels(couple)), p, lacking, race, options, metric)
        for couple, reason, p in zip(every, reasons, [*corrected, *[None] * (len(every) - len(shown))], strict=True)
    )
    return Verdicts(comparison, options, metric, scores, evidence, judged[: len(shown)], judged, race)


def _metric(options: Options | None, study: Registered | None) -> JudgedBy:
    """What was asked for, or decided beforehand."""
    asked = None if options is None else options.metric
    if study is None:
        return asked or "accuracy"
    if asked not in (None, study.decide.metric):
        raise UserError(
            f"--metric {asked}: the study was registered for {study.decide.metric}, and what was decided beforehand "
            "can't be changed; leave --metric out"
        )
    return study.decide.metric


def _asked(options: Options, groups: Sequence[Group], study: Registered | None) -> Options:
    """With the baseline of a registered study, where no other was asked for."""
    if study is None or options.baseline is not None or study.decide.baseline not in {one.label for one in groups}:
        return options
    return replace(options, baseline=study.decide.baseline)


def _labels(couple: tuple[Group, Group]) -> tuple[str, str]:
    return couple[0].label, couple[1].label


def _others(groups: Sequence[Group], shown: Sequence[tuple[Group, Group]]) -> list[tuple[Group, Group]]:
    """The pairs that aren't shown, later against earlier."""
    told = {frozenset(_labels(couple)) for couple in shown}
    return [
        (later, earlier)
        for earlier, later in combinations(groups, 2)
        if frozenset((later.label, earlier.label)) not in told
    ]


def _numbers(
    scores: Mapping[str, Scores], comparable: Sequence[tuple[str, str]], race: Race | None
) -> dict[tuple[str, str], Contrast]:
    """The contrast of each comparable pair; of a registered study, those of its last look."""
    of_study: dict[tuple[str, str], Contrast | None] = {}
    if race is not None:
        inside = [pair for pair in comparable if set(pair) <= set(race.study.strategies)]
        if race.looks:
            of_study = {pair: races.between(race.looks[-1].contrasts, *pair) for pair in inside}
        else:
            of_study = simultaneous.of_pairs(scores, inside, races.plan_of(race.study))
    rest = [pair for pair in comparable if pair not in of_study]
    found = of_study | simultaneous.of_pairs(scores, rest, Plan(len(scores)))
    return {pair: one for pair, one in found.items() if one is not None}


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


def between(every: Sequence[Verdict], group: Group, baseline: Group) -> Verdict | None:
    """The verdict of `group` against `baseline`, whichever way round it stands there."""
    for verdict in every:
        if _labels((verdict.group, verdict.baseline)) == (group.label, baseline.label):
            return verdict
        if _labels((verdict.baseline, verdict.group)) == (group.label, baseline.label):
            return verdict.reversed()
    return None


# --- what may be said ----------------------------------------------------------------------------------------------


def _verdict(
    couple: tuple[Group, Group],
    reason: str | None,
    contrast: Contrast | None,
    p_holm: float | None,
    lacking: Mapping[str, str],
    race: Race | None,
    options: Options,
    metric: JudgedBy,
) -> Verdict:
    group, baseline = couple
    if reason:
        return Verdict(group, baseline, "not comparable", reason, metric=metric)
    planned = () if race is None else race.study.varied
    unplanned = confounders(group, baseline, planned)
    differing = {key: values for key, values in unplanned.items() if not is_among(key, options.allow)}
    lacks = [f"{label}: {lacking[label]}" for label in _labels(couple) if label in lacking]
    margin = options.margin if options.margin is not None or race is None else race.study.decide.margin
    if differing:
        status: Status = "confounded"
    else:
        status = "incomplete" if lacks else _status(contrast, p_holm, margin)
    allowed = tuple(key for key in unplanned if key not in differing)
    return Verdict(
        group, baseline, status, "; ".join(lacks), contrast, p_holm, differing or None, margin, allowed,
        is_margin_registered=race is not None and margin == race.study.decide.margin, metric=metric,
    )  # fmt: skip


def _status(contrast: Contrast | None, p_holm: float | None, margin: float | None) -> Status:
    """The word that follows from the interval; of two models, from McNemar's test."""
    if contrast is None:
        return "undecided"
    if contrast.method == "mcnemar":
        return "models differ" if p_holm is not None and p_holm <= ALPHA else "undecided"
    low, high = contrast.interval
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    if margin is not None and -margin / 100 < low and high < margin / 100:
        return "equivalent"
    return "undecided"
