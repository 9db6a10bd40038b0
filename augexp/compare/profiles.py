"""What a strategy changed beside the accuracy: a profile a family of metrics, each corrected by itself.

The statistics are those of `contrasts`: seeds count, and so does the finite test set where values are stored example by
example. Accuracy itself is taken over from verdicts that are about it, so that one number has one answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import numpy as np

from augexp.compare import contrasts, evaluations
from augexp.compare.confounders import confounders
from augexp.compare.contrasts import Contrast
from augexp.compare.evaluations import LeftOut, Measurements
from augexp.compare.groups import Group
from augexp.compare.summary import Curve, Spread
from augexp.compare.verdicts import ALPHA, Verdict, Verdicts
from augexp.metrics import catalogue
from augexp.metrics.catalogue import Metric

Status = Literal["gained", "lost", "equivalent", "no evidence", "one seed", "confounded", "not comparable"]
LINES = {
    "centre": ("centre occlusion", "occluded area (%)"),
    "random": ("random occlusion", "occluded area (%)"),
    "corruptions": ("corruptions", "severity, mean over corruptions"),
}


@dataclass(frozen=True)
class Finding:
    """What may be said of `group` against `baseline` by one metric.

    Attributes:
        metric: by which.
        group: the one.
        baseline: the other.
        status: `gained` is towards the better, whichever direction that is.
        contrast: the numbers, group minus baseline in the metric's own unit; None with one seed and where not
            comparable.
        p_holm: p value corrected over the family; None for an accuracy that has a verdict.
    """

    metric: Metric
    group: Group
    baseline: Group
    status: Status
    contrast: Contrast | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Profile:
    """One family.

    Attributes:
        family: its name.
        metrics: those that any group has.
        spreads: over seeds, by name of the metric and label of the group; groups without the metric are missing.
        findings: a judged metric and a contrast each.
    """

    family: str
    metrics: tuple[Metric, ...]
    spreads: Mapping[tuple[str, str], Spread]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Response:
    """Accuracy in [0, 1] against how much an image was changed, by label of the group; a column of a curve is a run."""

    title: str
    x_label: str
    curves: Mapping[str, Curve]


@dataclass(frozen=True)
class Profiles:
    """All families of a comparison.

    Attributes:
        groups: of the comparison, with and without evaluations.
        baseline: the group that all others are held against, where there is one.
        families: none where no group has evaluations.
        responses: to occlusion and corruption.
        floors: accuracies of the backbone without fine-tuning, where all runs say the same.
        left_out: groups that are missing, in part or in all.
        pairs: labels of group and baseline where both have evaluations, in the order of the verdicts.
        unlike: those of them that were evaluated on different examples.
        unknown: names of metrics in evaluations that the table of `metrics.catalogue` lacks.
    """

    groups: tuple[Group, ...] = ()
    baseline: Group | None = None
    families: tuple[Profile, ...] = ()
    responses: tuple[Response, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    unlike: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()

    def by_pair(self) -> list[tuple[Finding, ...]]:
        """All findings of a pair of groups, a tuple a pair, in the order of the verdicts."""
        of_pairs: dict[tuple[str, str], list[Finding]] = {pair: [] for pair in self.pairs}
        for finding in (one for profile in self.families for one in profile.findings):
            of_pairs[finding.group.label, finding.baseline.label].append(finding)
        return [tuple(findings) for findings in of_pairs.values() if findings]


def judge(judged: Verdicts) -> Profiles:
    """Reads the evaluations of the groups and contrasts them as the verdicts do."""
    groups = judged.comparison.groups
    measurements = evaluations.gather(groups, judged.evidence)
    known = catalogue.known(name for one in measurements.of_runs.values() for name in one.metrics)
    known = [metric for metric in known if any(measurements.has(group, metric.name) for group in groups)]
    cases = [_case(verdict, judged, measurements) for verdict in judged.verdicts if _have_both(verdict, measurements)]
    return Profiles(
        groups,
        judged.baseline,
        tuple(
            _profile(family, tuple(of_family), groups, cases, measurements)
            for family, of_family in groupby(known, key=lambda metric: metric.family)
        ),
        _responses(groups, measurements),
        _floors(measurements),
        measurements.left_out,
        tuple(case.labels for case in cases),
        tuple(case.labels for case in cases if case.is_unlike),
        measurements.unknown,
    )


@dataclass(frozen=True)
class _Case:
    """A verdict, and what holds for all metrics of its two groups."""

    verdict: Verdict
    is_unlike: bool
    is_confounded: bool

    @property
    def groups(self) -> tuple[Group, Group]:
        return self.verdict.group, self.verdict.baseline

    @property
    def labels(self) -> tuple[str, str]:
        return self.verdict.group.label, self.verdict.baseline.label

    @property
    def is_comparable(self) -> bool:
        return self.verdict.status != "not comparable" and not self.is_unlike


def _case(verdict: Verdict, judged: Verdicts, measurements: Measurements) -> _Case:
    differing = confounders(verdict.group, verdict.baseline, judged.options.allow)
    return _Case(verdict, not measurements.of_same_examples(verdict.group, verdict.baseline), bool(differing))


def _have_both(verdict: Verdict, measurements: Measurements) -> bool:
    return all(measurements.of(group) for group in (verdict.group, verdict.baseline))


def _profile(
    family: str,
    of_family: tuple[Metric, ...],
    groups: Sequence[Group],
    cases: Sequence[_Case],
    measurements: Measurements,
) -> Profile:
    cells = [
        (metric, case)
        for metric in of_family
        for case in cases
        if metric.judged and all(measurements.has(group, metric.name) for group in case.groups)
    ]
    numbers = [_contrast(metric, case, measurements) for metric, case in cells]
    return Profile(
        family,
        of_family,
        {
            (metric.name, group.label): measurements.spread(group, metric)
            for metric in of_family
            for group in groups
            if measurements.has(group, metric.name)
        },
        tuple(
            _accuracy(metric, case) if _is_judged(metric, case) else _finding(metric, case, number, p_holm)
            for (metric, case), number, p_holm in zip(cells, numbers, contrasts.adjusted(numbers), strict=True)
        ),
    )


def _is_judged(metric: Metric, case: _Case) -> bool:
    """Whether the verdict is about this very metric."""
    return metric.name == "accuracy" == case.verdict.metric


def _contrast(metric: Metric, case: _Case, measurements: Measurements) -> Contrast | None:
    if _is_judged(metric, case) or not case.is_comparable:
        return None
    ours, theirs = (measurements.scores(group, metric.name) for group in case.groups)
    # The test of two models counts right and wrong answers; these values are neither.
    return contrasts.contrast(ours, theirs) if min(len(ours.accuracy), len(theirs.accuracy)) > 1 else None


def _finding(metric: Metric, case: _Case, contrast: Contrast | None, p_holm: float | None) -> Finding:
    status = _status(metric, case, contrast, p_holm)
    return Finding(metric, case.verdict.group, case.verdict.baseline, status, contrast, p_holm)


def _accuracy(metric: Metric, case: _Case) -> Finding:
    """As the verdict has it: by its interval, so that there is no p value to go by."""
    verdict = case.verdict
    words: dict[str, Status] = {"better": "gained", "worse": "lost", "equivalent": "equivalent"}
    by_seeds = verdict.contrast is not None and verdict.contrast.method != "mcnemar"
    if not case.is_comparable or case.is_confounded or not by_seeds:
        return _finding(metric, case, verdict.contrast if by_seeds else None, None)
    status = words.get(verdict.status, "no evidence")
    return Finding(metric, verdict.group, verdict.baseline, status, verdict.contrast, None)


def _status(metric: Metric, case: _Case, contrast: Contrast | None, p_holm: float | None) -> Status:
    if not case.is_comparable:
        return "not comparable"
    if case.is_confounded:
        return "confounded"
    if contrast is None or p_holm is None:
        return "one seed"
    if p_holm > ALPHA:
        return "no evidence"
    return "gained" if (contrast.difference > 0) == metric.higher_is_better else "lost"


# --- shown, not judged ---------------------------------------------------------------------------------------------


def _responses(groups: Sequence[Group], measurements: Measurements) -> tuple[Response, ...]:
    drawn = [
        Response(title, x_label, {one.label: curve for one in groups if (curve := _curve(one, name, measurements))})
        for name, (title, x_label) in LINES.items()
    ]
    return tuple(one for one in drawn if one.curves)


def _curve(group: Group, name: str, measurements: Measurements) -> Curve | None:
    """None unless every run of the group has the line, over the same x."""
    lines = [one.lines.get(name) for one in measurements.of(group)]
    told = [line for line in lines if line is not None]
    if not told or len(told) < len(lines) or len({x for x, _ in told}) > 1:
        return None
    x = np.array(told[0][0])
    return Curve(x, np.array([accuracy for _, accuracy in told]).T, x)


def _floors(measurements: Measurements) -> dict[str, float]:
    told = [one.floors for one in measurements.of_runs.values()]
    names = dict.fromkeys(name for floors in told for name in floors)
    values = {name: {floors[name] for floors in told if name in floors} for name in names}
    return {name: min(of_name) for name, of_name in values.items() if len(of_name) == 1}
