"""What a strategy changed beside the accuracy: a profile an axis, judged as accuracy is, one correction family an axis.

The statistics are those of `contrasts`: seeds count, and so does the finite test set where values are stored example by
example. Accuracy itself is taken over from the verdicts, so that one number has one answer.
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
    """What may be said of `group` against `baseline` by one measure.

    Attributes:
        measure: by which.
        group: the one.
        baseline: the other.
        status: `gained` is towards the better, whichever direction that is.
        contrast: the numbers, group minus baseline in the measure's own unit; None with one seed and where not
            comparable.
        p_holm: p value corrected over the axis; for accuracy that of its verdict.
    """

    measure: Metric
    group: Group
    baseline: Group
    status: Status
    contrast: Contrast | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Profile:
    """One axis.

    Attributes:
        axis: its name.
        measures: those that any group has.
        spreads: over seeds, by name of the measure and label of the group; groups without the measure are missing.
        findings: a judged measure and a contrast each.
    """

    axis: str
    measures: tuple[Metric, ...]
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
    """All axes of a comparison.

    Attributes:
        groups: of the comparison, with and without evaluations.
        baseline: the group that all others are held against, where there is one.
        axes: none where no group has evaluations.
        responses: to occlusion and corruption.
        floors: accuracies of the backbone without fine-tuning, where all runs say the same.
        left_out: groups that are missing, in part or in all.
        pairs: labels of group and baseline where both have evaluations, in the order of the verdicts.
        unlike: those of them that were evaluated on different examples.
    """

    groups: tuple[Group, ...] = ()
    baseline: Group | None = None
    axes: tuple[Profile, ...] = ()
    responses: tuple[Response, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    unlike: tuple[tuple[str, str], ...] = ()

    def by_pair(self) -> list[tuple[Finding, ...]]:
        """All findings of a pair of groups, a tuple a pair, in the order of the verdicts."""
        found: dict[tuple[str, str], list[Finding]] = {pair: [] for pair in self.pairs}
        for finding in (one for profile in self.axes for one in profile.findings):
            found[finding.group.label, finding.baseline.label].append(finding)
        return [tuple(findings) for findings in found.values() if findings]


def judge(judged: Verdicts) -> Profiles:
    """Reads the evaluations of the groups and contrasts them as the verdicts do."""
    groups = judged.comparison.groups
    found = evaluations.gather(groups, judged.evidence)
    known = catalogue.known(name for one in found.of_runs.values() for name in one.metrics)
    known = [measure for measure in known if any(found.has(group, measure.name) for group in groups)]
    cases = [_case(verdict, judged, found) for verdict in judged.verdicts if _have_both(verdict, found)]
    return Profiles(
        groups,
        judged.baseline,
        tuple(
            _profile(axis, tuple(of_axis), groups, cases, found)
            for axis, of_axis in groupby(known, key=lambda measure: measure.axis)
        ),
        _responses(groups, found),
        _floors(found),
        found.left_out,
        tuple(case.labels for case in cases),
        tuple(case.labels for case in cases if case.is_unlike),
    )


@dataclass(frozen=True)
class _Case:
    """A verdict, and what holds for all measures of its two groups."""

    verdict: Verdict
    is_unlike: bool
    is_confounded: bool

    @property
    def labels(self) -> tuple[str, str]:
        return self.verdict.group.label, self.verdict.baseline.label

    @property
    def is_comparable(self) -> bool:
        return self.verdict.status != "not comparable" and not self.is_unlike


def _case(verdict: Verdict, judged: Verdicts, found: Measurements) -> _Case:
    differing = confounders(verdict.group, verdict.baseline, judged.options.allow)
    return _Case(verdict, not found.of_same_examples(verdict.group, verdict.baseline), bool(differing))


def _have_both(verdict: Verdict, found: Measurements) -> bool:
    return all(found.of(group) for group in (verdict.group, verdict.baseline))


def _profile(
    axis: str,
    of_axis: tuple[Metric, ...],
    groups: Sequence[Group],
    cases: Sequence[_Case],
    found: Measurements,
) -> Profile:
    cells = [
        (measure, case)
        for measure in of_axis
        for case in cases
        if measure.judged
        and all(found.has(group, measure.name) for group in (case.verdict.group, case.verdict.baseline))
    ]
    numbers = [_contrast(measure, case, found) for measure, case in cells]
    return Profile(
        axis,
        of_axis,
        {
            (measure.name, group.label): found.spread(group, measure)
            for measure in of_axis
            for group in groups
            if found.has(group, measure.name)
        },
        tuple(
            _accuracy(measure, case) if measure.name == "accuracy" else _finding(measure, case, number, p_holm)
            for (measure, case), number, p_holm in zip(cells, numbers, contrasts.adjusted(numbers), strict=True)
        ),
    )


def _contrast(measure: Metric, case: _Case, found: Measurements) -> Contrast | None:
    if measure.name == "accuracy" or not case.is_comparable:
        return None
    ours, theirs = (found.scores(group, measure.name) for group in (case.verdict.group, case.verdict.baseline))
    # The test of two models counts right and wrong answers; these values are neither.
    return contrasts.contrast(ours, theirs) if min(len(ours.accuracy), len(theirs.accuracy)) > 1 else None


def _finding(measure: Metric, case: _Case, contrast: Contrast | None, p_holm: float | None) -> Finding:
    status = _status(measure, case, contrast, p_holm)
    return Finding(measure, case.verdict.group, case.verdict.baseline, status, contrast, p_holm)


def _accuracy(measure: Metric, case: _Case) -> Finding:
    verdict = case.verdict
    if not case.is_comparable or verdict.contrast is None or verdict.contrast.method == "mcnemar":
        return _finding(measure, case, None, None)
    if verdict.status == "equivalent":
        return Finding(measure, verdict.group, verdict.baseline, "equivalent", verdict.contrast, verdict.p_holm)
    return _finding(measure, case, verdict.contrast, verdict.p_holm)


def _status(measure: Metric, case: _Case, contrast: Contrast | None, p_holm: float | None) -> Status:
    if not case.is_comparable:
        return "not comparable"
    if case.is_confounded:
        return "confounded"
    if contrast is None or p_holm is None:
        return "one seed"
    if p_holm > ALPHA:
        return "no evidence"
    return "gained" if (contrast.difference > 0) == measure.higher_is_better else "lost"


# --- shown, not judged ---------------------------------------------------------------------------------------------


def _responses(groups: Sequence[Group], found: Measurements) -> tuple[Response, ...]:
    drawn = [
        Response(title, x_label, {group.label: curve for group in groups if (curve := _curve(group, name, found))})
        for name, (title, x_label) in LINES.items()
    ]
    return tuple(one for one in drawn if one.curves)


def _curve(group: Group, name: str, found: Measurements) -> Curve | None:
    """None unless every run of the group has the line, over the same x."""
    lines = [one.lines.get(name) for one in found.of(group)]
    told = [line for line in lines if line is not None]
    if not told or len(told) < len(lines) or len({x for x, _ in told}) > 1:
        return None
    x = np.array(told[0][0])
    return Curve(x, np.array([accuracy for _, accuracy in told]).T, x)


def _floors(found: Measurements) -> dict[str, float]:
    told = [one.floors for one in found.of_runs.values()]
    names = dict.fromkeys(name for floors in told for name in floors)
    values = {name: {floors[name] for floors in told if name in floors} for name in names}
    return {name: min(of_name) for name, of_name in values.items() if len(of_name) == 1}
