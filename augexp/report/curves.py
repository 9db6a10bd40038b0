"""Val accuracy of groups over epochs, examples or seconds, whole and zoomed."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from augexp.compare.groups import Group, validated_on_test
from augexp.compare.summary import Curve, XAxis, best_val_accuracy, curve, summarize
from augexp.config import settings
from augexp.draw.style import COLOURS, DPI, LINES, MARKERS, drawable, house_style, shorten

X_LABELS: dict[XAxis, str] = {
    "epochs": "epoch",
    "examples": "training examples seen",
    "seconds": "seconds of training, mean over seeds",
}


def comparison(groups: Sequence[Group], ylim: tuple[float, float] | None = None, x: XAxis = "epochs") -> Figure:
    """Val accuracy in percent over epochs, a line a group; beside it the later half, zoomed.

    Args:
        groups: at least one.
        ylim: limits of the zoomed panel in percent, in place of those from the data.
        x: what to draw against: epochs, examples seen, or seconds of training.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    with house_style():
        curves = [percent(curve(group, x=x)) for group in groups]
        labels = [_legend_label(group) for group in groups]
        figure, whole, zoomed, legend_top = _two_panels(labels)
        for axes in (whole, zoomed):
            for index, one in enumerate(curves):
                draw_curve(axes, one, index, len(curves))
        _zoom(whole, zoomed, curves, ylim, x)
        _legend(figure, whole.get_lines()[: len(curves)], labels, legend_top, _legend_title(groups))
        figure.suptitle(drawable(_title(groups)), fontsize=12, y=1 - 0.12 / figure.get_figheight(), va="top")
    return figure


def percent(curve: Curve) -> Curve:
    """The same curve with its values times 100."""
    return Curve(curve.epochs, 100 * curve.values, curve.x)


def _legend_label(group: Group) -> str:
    best = 100 * (summarize(group).val.mean if group.score == "best" else best_val_accuracy(group))
    last = 100 * curve(group).mean[-1]
    seeds = "one seed" if len(group.seeds) == 1 else f"{len(group.seeds)} seeds"
    return drawable(f"{shorten(group.label, 44)}  ·  {seeds}  ·  best {best:.1f}, last {last:.1f}")


def _legend_title(groups: Sequence[Group]) -> str:
    if all(len(group.runs) == 1 for group in groups):
        return "best: best epoch, last: last epoch (%)"
    return (
        "line: mean over seeds; band: lowest to highest seed; best: mean of each run's best epoch, last: last epoch (%)"
    )


def _title(groups: Sequence[Group]) -> str:
    sources = dict.fromkeys(str(settings.flatten(group.runs[0].config).get("data.source", "?")) for group in groups)
    names = ", ".join(shorten(data_name(source), 50) for source in list(sources)[:3])
    on_test = "  ·  validation = test set" if any(map(validated_on_test, groups)) else ""
    return f"val accuracy on {names}{', …' if len(sources) > 3 else ''}{on_test}"


def data_name(source: str) -> str:
    """The last part of a path, or the name of a data set."""
    return Path(source.removeprefix("folder:").removeprefix("csv:")).name or source


def _two_panels(labels: Sequence[str]) -> tuple[Figure, Axes, Axes, float]:
    """Figure, two axes, and the height in inches at which the legend beneath them starts."""
    rows = math.ceil(len(labels) / _legend_columns(labels))
    legend_top = 0.45 + 0.19 * rows
    height = 4.9 + legend_top
    figure = Figure(figsize=(12, height), dpi=DPI)
    whole, zoomed = figure.subplots(1, 2)
    figure.subplots_adjust(
        left=0.06, right=0.985, wspace=0.14, bottom=(legend_top + 0.6) / height, top=1 - 0.75 / height
    )
    return figure, whole, zoomed, legend_top


def _legend_columns(labels: Sequence[str]) -> int:
    fitting = max(1, min(3, 190 // (max(map(len, labels)) + 8)))
    rows = math.ceil(len(labels) / fitting)
    return math.ceil(len(labels) / rows)


def draw_curve(axes: Axes, curve: Curve, index: int, count: int) -> None:
    """Draws the `index`th of `count` curves: mean as a line, lowest to highest run as a band."""
    colour = COLOURS[index % len(COLOURS)]
    every = max(1, len(curve.epochs) // 8)
    axes.plot(
        curve.x,
        curve.mean,
        color=colour,
        linestyle=LINES[index // len(COLOURS) % len(LINES)],
        linewidth=1.6,
        marker=MARKERS[index % len(MARKERS)],
        markersize=4.5,
        # Markers of different groups at different epochs, so that lines close to each other stay told apart.
        markevery=(index % every, every),
    )
    if curve.values.shape[1] > 1:
        alpha = 0.18 if count <= 6 else 0.07
        axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=alpha, linewidth=0)


def _zoom(whole: Axes, zoomed: Axes, curves: Sequence[Curve], ylim: tuple[float, float] | None, x: XAxis) -> None:
    start = later_half(curves)
    left, right, gap = ends(curves, start)
    bottom, top = ylim or limits(curves, start)
    for axes in (whole, zoomed):
        axes.set_xlabel(X_LABELS[x])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12 if x == "epochs" else 6, min_n_ticks=1))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_axisbelow(True)
    whole.set(ylabel="val accuracy (%)", title="all epochs", xlim=(min(0.5, left - gap), right + gap))
    whole.grid(color="0.92", linewidth=0.6)
    frame = Rectangle(
        (left - gap, bottom), right - left + 2 * gap, top - bottom, fill=False, color="0.45", linestyle=":"
    )
    whole.add_patch(frame)
    zoomed.set(title="zoom into the dotted frame", xlim=(left - gap, right + gap), ylim=(bottom, top))
    zoomed.yaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 5, 10]))
    zoomed.grid(color="0.85", linewidth=0.8)


def later_half(curves: Sequence[Curve]) -> int:
    """The index of the first epoch of the later half of the shortest curve."""
    return min(len(curve.epochs) for curve in curves) // 2


def ends(curves: Sequence[Curve], start: int) -> tuple[float, float, float]:
    """Where the zoomed part starts and ends, and half an epoch to leave on both sides."""
    left = min(float(curve.x[start]) for curve in curves)
    right = max(float(curve.x[-1]) for curve in curves)
    return left, right, min(float(curve.x[0]) for curve in curves) / 2


def limits(curves: Sequence[Curve], start: int) -> tuple[float, float]:
    """Values between which all curves run from the epoch with index `start` on, with a margin."""
    low = min(float(curve.low[start:].min()) for curve in curves)
    high = max(float(curve.high[start:].max()) for curve in curves)
    margin = max(0.3, 0.06 * (high - low))
    return low - margin, high + margin


def _legend(figure: Figure, lines: Sequence[Line2D], labels: Sequence[str], top: float, title: str = "") -> None:
    # Placeholders first: a label that starts with an underscore would be left out.
    legend = figure.legend(
        lines,
        ["-"] * len(lines),
        title=title or None,
        title_fontsize=8,
        fontsize=8.5,
        ncols=_legend_columns(labels),
        loc="upper center",
        bbox_to_anchor=(0.5, top / figure.get_figheight()),
        borderaxespad=0,
        frameon=False,
        handlelength=3.2,
        columnspacing=2.5,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
