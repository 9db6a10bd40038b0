"""What each strategy gained and lost, as sections of the HTML page."""

from augexp.compare.profiles import Profile, Profiles
from augexp.compare.summary import Spread
from augexp.metrics.catalogue import FAMILIES, Metric
from augexp.report import figures, profile_figures
from augexp.report import profiles as profile_report
from augexp.report.markup import figure, legend, section, table, text

HEADINGS = ("measure", "strategy", "mean ± sd", "difference", "its 95 % interval", "p (Holm)", "status")
PANELS = "display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .8rem 1rem"
EXPLAINED = (
    "Mean with its 95 % interval over seeds (Student); a dot a seed. Gained and lost: p of at most 0.05, by Holm over "
    "all measures and contrasts of an axis; accuracy is as judged above. In the tables below, the interval of a "
    "difference is for other seeds and other images of the kind; where it says seeds alone, for other seeds on this "
    "very test set."
)


def sections(measured: Profiles) -> str:
    """A summary, accuracy against occlusion and severity, and a section a family; nothing without evaluations."""
    if not measured.families:
        return ""
    return "".join([_summary(measured), _responses(measured), *(_family(measured, one) for one in measured.families)])


def _summary(measured: Profiles) -> str:
    lines = "".join(f"<li>{text(line)}</li>\n" for line in profile_report.summaries(measured))
    with figures.page_style():
        panels = [
            figure(profile_figures.panel(measured, profile, metric), f"panel {metric.title}", "")
            for profile, metric in profile_figures.judged(measured)
        ]
    return section(
        "What each strategy gained and lost",
        f'<ul class="verdicts">\n{lines}</ul>\n' if lines else "",
        f'<div style="{PANELS}">{"".join(panels)}</div>\n',
        f'<p class="soft">{EXPLAINED}</p>\n',
    )


def _responses(measured: Profiles) -> str:
    with figures.page_style():
        drawn = [
            figure(profile_figures.response(one, measured.groups), f"accuracy against {one.title}", "")
            for one in measured.responses
        ]
    if not drawn:
        return ""
    return section(
        "Accuracy as images get worse",
        legend(measured.groups),
        f'<div class="charts">{"".join(drawn)}</div>\n',
        '<p class="soft">Line: mean over runs; band: lowest to highest run.</p>\n',
    )


def _family(measured: Profiles, profile: Profile) -> str:
    rows = [cells for metric in profile.metrics for cells in _rows(measured, profile, metric)]
    against = "" if measured.baseline is None else f", against {measured.baseline.label}"
    return section(
        profile.family[:1].upper() + profile.family[1:],
        f'<p class="soft">{text(FAMILIES[profile.family])}{text(against)}.</p>\n',
        table(HEADINGS, rows),
    )


def _rows(measured: Profiles, profile: Profile, metric: Metric) -> list[tuple[str, ...]]:
    found = profile_report.rows(measured, profile, metric)
    return [
        (
            text(profile_report.heading(metric, found) if metric.judged else metric.title) if index == 0 else "",
            text(row.label),
            _mean(metric, row.spread),
            *map(text, profile_report.cells(metric, row)[1:]),
        )
        for index, row in enumerate(found)
    ]


def _mean(metric: Metric, spread: Spread | None) -> str:
    if spread is None:
        return ""
    ends = "one seed" if spread.interval is None else " to ".join(map(metric.unit.value, spread.interval))
    return f"{text(profile_report.mean_text(metric, spread))}<small>{text(ends)}</small>"
