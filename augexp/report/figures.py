"""The figures of a report page: narrow, so that a phone shows them whole, in colours that a page can turn dark.

Text, axes and grid are drawn in placeholder colours that `svg` turns into those of the page.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from augexp.compare.groups import Group
from augexp.compare.judge import Judgement
from augexp.compare.summary import XAxis, curve, summarize
from augexp.compare.verdicts import Verdict, between
from augexp.draw.style import COLOURS, LINES, MARKERS, drawable, house_style, plain_style, shorten
from augexp.errors import printable
from augexp.report.curves import X_LABELS, draw_curve, ends, later_half, limits, percent
from augexp.report.wording import unit_of


def colour_of(index: int) -> str:
    """The colour of the `index`th group on a page, as CSS."""
    place = index % len(COLOURS)
    return "var(--ink)" if COLOURS[place] == "#000000" else f"var(--c{place})"


TEXT, GRID = "#0a0b0c", "#0d0e0f"
WIDTH = 4.7  # inches
LONGEST = 22  # characters of a name beside an axis
PLACES = {TEXT: "var(--ink)", GRID: "var(--line)"} | {
    colour.lower(): colour_of(index) for index, colour in enumerate(COLOURS)
}
MOST_PAIRED = 12  # strategies
SHOWN = {"better": COLOURS[2], "worse": COLOURS[1], "equivalent": COLOURS[0]}
DASHES = dict(zip(LINES, ("", "6 3", "6 3 2 3", "2 3"), strict=True))


@dataclass(frozen=True)
class Mark:
    """What tells a group apart: its colour as CSS, the dashes of its line as SVG, its marker as matplotlib names it."""

    label: str
    colour: str
    dashes: str
    marker: str


def marks(groups: Sequence[Group]) -> list[Mark]:
    """How every group is drawn, for a legend."""
    return [
        Mark(
            group.label,
            colour_of(index),
            DASHES[LINES[index // len(COLOURS) % len(LINES)]],
            MARKERS[index % len(MARKERS)],
        )
        for index, group in enumerate(groups)
    ]


@contextmanager
def page_style() -> Iterator[None]:
    """Settings under which the figures of a page are made: text, axes and grid in its colours."""
    texts = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings: dict[Any, Any] = dict.fromkeys(texts, TEXT) | {"grid.color": GRID}
    with house_style(), rc_context(settings):
        yield


def curves(groups: Sequence[Group], x: XAxis = "epochs", *, zoomed: bool = False) -> Figure:
    """Val accuracy in percent, a line a group with its band; the whole, or the later half of the epochs.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    with page_style():
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        axes = figure.subplots()
        drawn = [percent(curve(group, x=x)) for group in groups]
        for index, one in enumerate(drawn):
            draw_curve(axes, one, index, len(drawn))
        start = later_half(drawn) if zoomed else 0
        left, right, gap = ends(drawn, start)
        axes.set(xlim=(left - gap, right + gap), xlabel=X_LABELS[x], ylabel="val accuracy (%)")
        if zoomed:
            axes.set_ylim(*limits(drawn, start))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.grid(linewidth=0.7)
    return figure


def differences(verdicts: Sequence[Verdict], *, pairs: bool = False) -> Figure:
    """Difference of test scores in points, a row a verdict: thin for other seeds and images, thick for seeds alone.

    Args:
        verdicts: those with numbers are drawn.
        pairs: name both groups of each.
    """
    shown = [verdict for verdict in verdicts if verdict.contrast is not None]
    with page_style():
        figure, axes = rows([_pair(verdict) if pairs else verdict.group.label for verdict in shown])
        axes.axvline(0, color=TEXT, linewidth=1)
        for row, verdict in enumerate(shown):
            _interval(axes, row, verdict)
        unit = unit_of(shown[0].metric) if shown else "points"
        axes.set_xlabel(f"difference in {unit}, with 95 % intervals")
    return figure


def has_pairs(judgement: Judgement) -> bool:
    """Whether there is more to see than one difference, by seeds, and not too much for a picture."""
    return judgement.choice is not None and 2 < len(judgement.comparison.groups) <= MOST_PAIRED


def pairs(judgement: Judgement) -> Figure:
    """Row minus column for every pair, the best mean first: a cell in the colour of its word, with its interval."""
    every = judgement.every
    ranked = sorted(judgement.comparison.groups, key=lambda group: -_mean(judgement, group))
    with page_style():
        side = 0.9 * len(ranked)
        figure = Figure(figsize=(1.9 + side, 0.6 + 0.62 * len(ranked)), layout="constrained")
        axes = figure.subplots()
        for row, above in enumerate(ranked):
            for column, below in enumerate(ranked):
                _cell(axes, row, column, between(every, above, below))
        names = [drawable(shorten(group.label, LONGEST // 2)) for group in ranked]
        axes.set_xticks(range(len(ranked)), names, fontsize=8)
        axes.set_yticks(range(len(ranked)), [drawable(shorten(group.label, LONGEST)) for group in ranked])
        axes.set(xlim=(-0.5, len(ranked) - 0.5), ylim=(len(ranked) - 0.5, -0.5))
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        if judgement.metric != "accuracy":
            axes.set_xlabel(f"row minus column in {unit_of(judgement.metric)}", fontsize=8)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def _mean(judgement: Judgement, group: Group) -> float:
    """Over seeds, of what is judged; a group without any is last."""
    return fmean(judgement.scores[group.label].accuracy.values() or (-1.0,))


def _cell(axes: Axes, row: int, column: int, verdict: Verdict | None) -> None:
    if verdict is None or verdict.contrast is None:
        return
    difference, (low, high) = 100 * verdict.contrast.difference, (100 * end for end in verdict.contrast.interval)
    colour = SHOWN.get(verdict.status, GRID)
    axes.add_patch(Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, facecolor=colour, alpha=0.3, linewidth=0))
    axes.text(column, row - 0.12, f"{difference:+.2f}", ha="center", va="center", fontsize=9, fontweight="bold")
    axes.text(column, row + 0.2, f"{low:+.2f} {high:+.2f}", ha="center", va="center", fontsize=6.5)


def _pair(verdict: Verdict) -> str:
    width = (LONGEST - 3) // 2
    return f"{shorten(verdict.group.label, width)} - {shorten(verdict.baseline.label, width)}"


def _interval(axes: Axes, row: int, verdict: Verdict) -> None:
    if verdict.contrast is None:
        return
    colour = SHOWN.get(verdict.status, TEXT)
    for ends_, width in ((verdict.contrast.interval, 1.4), (verdict.contrast.seed_interval, 4.5)):
        if ends_ is not None:
            axes.plot([100 * end for end in ends_], [row, row], color=colour, linewidth=width, solid_capstyle="butt")
    axes.plot(100 * verdict.contrast.difference, row, marker="o", markersize=8, color=colour)


def rows(labels: Sequence[str]) -> tuple[Figure, Axes]:
    """Empty axes with a row for each name, the first on top; in the style at hand."""
    figure = Figure(figsize=(WIDTH, 0.9 + 0.36 * len(labels)), layout="constrained")
    axes = figure.subplots()
    axes.set_yticks(range(len(labels)), [drawable(shorten(label, LONGEST)) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def seeds(groups: Sequence[Group]) -> Figure:
    """Test accuracy in percent of every seed, a row a group, with the mean as a bar."""
    with page_style():
        figure, axes = rows([group.label for group in groups])
        for row, group in enumerate(groups):
            values = [100 * value for value in summarize(group).test.values]
            axes.plot(
                values,
                [row + 0.12 * (index % 3 - 1) for index in range(len(values))],
                linestyle="none",
                marker=MARKERS[row % len(MARKERS)],
                markersize=6.5,
                alpha=0.85,
                color=COLOURS[row % len(COLOURS)],
            )
            mean = sum(values) / len(values)
            axes.plot([mean, mean], [row - 0.34, row + 0.34], color=TEXT, linewidth=1.8)
        axes.set_xlabel("test accuracy (%); a dot a seed, the bar is the mean")
    return figure


def svg(figure: Figure, title: str) -> Markup:
    """A figure as an SVG element: no width of its own, colours and fonts of the page.

    Args:
        figure: made under `page_style`.
        title: what a reader hears who can't see it; no two of a page may have the same letters and digits, by
            which its ids go.
    """
    text = io.StringIO()
    salt = "".join(filter(str.isalnum, title))
    with plain_style(), rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    body = text.getvalue()
    body = body[body.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 role="img" class="figure"', body, count=1)
    body = body.replace(">", f"><title>{escape(title)}</title>", 1)
    # Matplotlib numbers its elements anew in every figure; an id must be the only one of the page.
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{salt}-", body)
    body = re.sub(r'style="[^"]*"', lambda style: _recoloured(style[0]), body)
    return Markup("\n".join(map(printable, body.split("\n"))))  # noqa: S704 - our own markup; matplotlib escapes the names in it


def _recoloured(style: str) -> str:
    for colour, place in PLACES.items():
        style = style.replace(colour, place)
    return style
