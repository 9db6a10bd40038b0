"""Profiles in words and numbers: terminal grids, a line a strategy, notes, CSV, JSON, Markdown. All from the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group as Stack
from rich.text import Text

from augexp import tables
from augexp.compare.evaluations import LeftOut
from augexp.compare.profiles import Finding, Profile, Profiles, Status
from augexp.compare.summary import Spread
from augexp.metrics.catalogue import FAMILIES, PERCENT, Metric
from augexp.report.wording import p_text
from augexp.tables import Grid, Prose

MOST_MEANS = 5  # metrics beside each other in 80 columns
REFUSED: dict[Status, str] = {
    "one seed": "one seed, so of the strategies this says nothing",
    "confounded": "they differ in more than the strategy, so nothing is put down to it",
    "not comparable": "not comparable",
}


FLOORS = {"zero_shot": "ImageNet's own classifier", "linear_probe": "linear probe on the initial features"}


@dataclass(frozen=True)
class Row:
    """A line of a metric's table: a group's spread, what is found of it against another, or both."""

    label: str
    spread: Spread | None
    finding: Finding | None


def rows(measured: Profiles, profile: Profile, metric: Metric) -> list[Row]:
    """A row a group, with what is found against the baseline; of several baselines, a row a pair follows."""
    spreads = {label: spread for (name, label), spread in profile.spreads.items() if name == metric.name}
    findings = [finding for finding in profile.findings if finding.metric == metric]
    if measured.baseline is not None:
        against = {finding.group.label: finding for finding in findings}
        return [Row(label, spread, against.get(label)) for label, spread in spreads.items()]
    pairs = [Row(f"{one.group.label} - {one.baseline.label}", None, one) for one in findings]
    return [*(Row(label, spread, None) for label, spread in spreads.items()), *pairs]


def cells(metric: Metric, row: Row) -> tuple[str, str, str, str, str]:
    """Mean and standard deviation, difference, interval, p and status; empty for what doesn't apply."""
    mean = "" if row.spread is None else mean_text(metric, row.spread)
    finding = row.finding
    if finding is None:
        return mean, "", "", "", ""
    if finding.contrast is None:
        return mean, "-", "-", "-", finding.status
    low, high = finding.contrast.interval
    unit = metric.unit
    interval = f"{unit.difference(low)} {unit.difference(high)}"
    return mean, unit.difference(finding.contrast.difference), interval, p_text(finding.p_holm), finding.status


def mean_text(metric: Metric, spread: Spread) -> str:
    """`81.00 ± 0.52`; of one seed, the value alone."""
    mean = metric.unit.value(spread.mean)
    return mean if spread.sd is None else f"{mean} ± {metric.unit.value(spread.sd)}"


def heading(metric: Metric, shown: Sequence[Row] = ()) -> str:
    """Title, unit, direction, and whether the intervals of `found` are for other seeds on this very test set alone."""
    contrasts = [row.finding.contrast for row in shown if row.finding and row.finding.contrast]
    alone = any(not contrast.counts_examples for contrast in contrasts)
    words = ", ".join(filter(None, (metric.unit.name, metric.direction)))
    return f"{metric.title} ({words}{'; seeds alone' if alone else ''})"


# --- terminal ------------------------------------------------------------------------------------------------------


def grids(measured: Profiles) -> list[Stack]:
    """The families: a table of the judged metrics, then the means of those that aren't judged."""
    return [_family(measured, profile) for profile in measured.families]


def _family(measured: Profiles, profile: Profile) -> Stack:
    parts: list[Prose | Text | Grid] = [Prose(f"{profile.family}: {FAMILIES[profile.family]}")]
    judged = [metric for metric in profile.metrics if metric.judged]
    if judged:
        parts.append(_judged(measured, profile, judged))
    shown = [metric for metric in profile.metrics if not metric.judged]
    for at in range(0, len(shown), MOST_MEANS):
        parts += [Text(), _means(profile, shown[at : at + MOST_MEANS])]
    return Stack(*parts)


def _judged(measured: Profiles, profile: Profile, metrics: Sequence[Metric]) -> Grid:
    against = "" if measured.baseline is None else f"against {measured.baseline.label}"
    grid = Grid([against, "mean ± sd", "diff.", "95 % interval", "p\n(Holm)", "status"], "lrrrrl")
    for metric in metrics:
        its_rows = rows(measured, profile, metric)
        grid.add_line(heading(metric, its_rows))
        for row in its_rows:
            grid.add_row(f" {row.label}", *cells(metric, row))
    return grid


def _means(profile: Profile, shown: Sequence[Metric]) -> Grid:
    grid = Grid(["means, %", *(metric.title.replace(" ", "\n") for metric in shown)], "l" + "r" * len(shown))
    for label in dict.fromkeys(label for name, label in profile.spreads if name in {one.name for one in shown}):
        spreads = [(metric, profile.spreads.get((metric.name, label))) for metric in shown]
        grid.add_row(label, *(one.unit.value(found.mean) if found else "-" for one, found in spreads))
    return grid


def summaries(measured: Profiles) -> list[str]:
    """A sentence a pair of groups: what the strategy gained, what it lost."""
    return [_summary(findings) for findings in measured.by_pair()]


def _summary(findings: Sequence[Finding]) -> str:
    names = f"{findings[0].group.label} against {findings[0].baseline.label}"
    refused = REFUSED.get(findings[0].status)
    if refused:
        return f"{names}: {refused}."
    changes = [_changes(findings, status) for status in ("gained", "lost")]
    told = "; ".join(filter(None, changes))
    if not told:
        return f"{names}: no evidence of a gain or a loss in any of {len(findings)} measures."
    rest = len(findings) - sum(finding.status in ("gained", "lost") for finding in findings)
    return f"{names}: {told}{'; no evidence for the rest' if rest else ''}."


def _changes(findings: Sequence[Finding], status: str) -> str:
    changes = [_change(finding) for finding in findings if finding.status == status]
    return f"{status} {', '.join(changes)}" if changes else ""


def _change(finding: Finding) -> str:
    if finding.contrast is None:
        return finding.metric.title
    unit = finding.metric.unit
    difference = f"{unit.difference(finding.contrast.difference)} {unit.of_difference}".rstrip()
    return f"{finding.metric.title} ({difference})"


def notes(measured: Profiles) -> list[str]:
    """Which groups are missing, by which runs, and what to do about it."""
    unlike = [f"{group} and {baseline} were evaluated on different examples" for group, baseline in measured.unlike]
    floors = [
        f"{FLOORS[name]} {PERCENT.value(accuracy)} %" for name, accuracy in measured.floors.items() if name in FLOORS
    ]
    before = [f"accuracy before any fine-tuning: {', '.join(floors)}"] if floors else []
    foreign = tables.names(measured.unknown)
    unknown = [f"evaluations hold metrics that this augexp doesn't know: {foreign}"] if foreign else []
    return [*before, *map(_left_out, measured.left_out), *unlike, *unknown]


def _left_out(one: LeftOut) -> str:
    what = tables.names(one.titles) if one.titles else "gains and losses"
    runs = tables.names([str(path) for path in one.runs])
    command = " ".join(["augexp evaluate", *map(str, one.runs[: tables.MOST_NAMES]), *one.options])
    return f"{one.group} is left out of {what}: {one.reason} ({runs}); {command} measures it"


# --- files ---------------------------------------------------------------------------------------------------------


def csv_text(measured: Profiles) -> str:
    """A row a metric and group, or pair of groups, in the metric's own unit and full precision."""
    return tables.csv_text([_values(profile, metric, row) for profile, metric, row in _all(measured)])


def _all(measured: Profiles) -> Iterator[tuple[Profile, Metric, Row]]:
    for profile in measured.families:
        for metric in profile.metrics:
            for row in rows(measured, profile, metric):
                yield profile, metric, row


def _values(profile: Profile, metric: Metric, row: Row) -> dict[str, Any]:
    finding = row.finding
    return {
        "axis": profile.family,
        "measure": metric.name,
        "better": "higher" if metric.higher_is_better else "lower",
        "group": finding.group.label if finding else row.label,
        **_spread(row.spread),
        **_finding(finding),
    }


def _spread(spread: Spread | None) -> dict[str, Any]:
    low, high = (spread.interval if spread else None) or (None, None)
    return {
        "seeds": len(spread.values) if spread else None,
        "mean": spread.mean if spread else None,
        "sd": spread.sd if spread else None,
        "low": low,
        "high": high,
    }


def _finding(finding: Finding | None) -> dict[str, Any]:
    contrast = finding.contrast if finding else None
    by_seed = contrast.seed_interval if contrast else None
    return {
        "baseline": finding.baseline.label if finding else None,
        "status": finding.status if finding else None,
        "method": contrast.method if contrast else None,
        "difference": contrast.difference if contrast else None,
        "difference_low": contrast.interval[0] if contrast else None,
        "difference_high": contrast.interval[1] if contrast else None,
        "counts_examples": contrast.counts_examples if contrast else None,
        "difference_low_on_this_test_set": by_seed[0] if by_seed else None,
        "difference_high_on_this_test_set": by_seed[1] if by_seed else None,
        "p": contrast.p_value if contrast else None,
        "p_holm": finding.p_holm if finding else None,
    }


def as_dict(measured: Profiles) -> dict[str, Any]:
    """All numbers as plain values, every seed's among them."""
    return {
        "axes": [{"axis": profile.family, "measures": _metrics(profile)} for profile in measured.families],
        "responses": [
            {
                "title": response.title,
                "x_label": response.x_label,
                "groups": {
                    label: {"x": curve.x.tolist(), "runs": curve.values.T.tolist()}
                    for label, curve in response.curves.items()
                },
            }
            for response in measured.responses
        ],
        "floors": dict(measured.floors),
        "summaries": summaries(measured),
        "left_out": [
            {"group": one.group, "runs": [str(path) for path in one.runs], "reason": one.reason, "of": list(one.titles)}
            for one in measured.left_out
        ],
    }


def _metrics(profile: Profile) -> list[dict[str, Any]]:
    return [
        {
            "measure": metric.name,
            "title": metric.title,
            "better": "higher" if metric.higher_is_better else "lower",
            "judged": metric.judged,
            "groups": [
                {"group": label, **_spread(spread), "values": list(spread.values)}
                for (name, label), spread in profile.spreads.items()
                if name == metric.name
            ],
            "contrasts": [
                {"group": finding.group.label, **_finding(finding)}
                for finding in profile.findings
                if finding.metric == metric
            ],
        }
        for metric in profile.metrics
    ]


def markdown(measured: Profiles) -> list[str]:
    """Lines of a second table and what each strategy gained and lost; none where there are no evaluations."""
    if not measured.families:
        return []
    lines = [
        "",
        "| axis | measure | strategy | mean ± sd | difference (95 % interval) | p (Holm) | status |",
        "|---|---|---|---|---|---|---|",
    ]
    for profile, metric, row in _all(measured):
        mean, difference, interval, p, status = cells(metric, row)
        both = f"{difference} ({interval.replace(' ', ' to ')})" if difference not in ("", "-") else difference
        named = (profile.family, heading(metric) if metric.judged else metric.title, row.label)
        lines.append(f"| {' | '.join((*map(tables.escaped, named), mean, both, p, status))} |")
    return [*lines, "", *(f"- {tables.escaped(line)}" for line in summaries(measured))]
