"""Pictures of profiles: a panel a metric, a row a group; and accuracy against how much an image was changed.

Each is drawn in the style at hand, so that a page may have them in its own colours.
"""

import math
from collections.abc import Mapping, Sequence

from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from augexp.compare.groups import Group
from augexp.compare.profiles import Profile, Profiles, Response
from augexp.compare.summary import Spread
from augexp.draw.style import COLOURS, DPI, MARKERS, drawable, house_style, shorten
from augexp.metrics.catalogue import Metric
from augexp.report.curves import draw_curve, percent

COLUMNS = 3
LONGEST = 22  # characters of a name beside an axis
MOST_ROWS = 60
WIDTH, TITLE, NUMBERS, HEADER = 3.4, 0.5, 0.35, 0.4  # inches: a panel, above it, beneath it, above all


def judged(measured: Profiles) -> list[tuple[Profile, Metric]]:
    """What gets a panel."""
    return [(profile, metric) for profile in measured.families for metric in profile.metrics if metric.judged]


def summary(measured: Profiles) -> Figure:
    """Mean with its 95 % interval (Student) and every seed: a panel a judged metric, a row a group."""
    shown = judged(measured)
    beside, step = _size(measured)
    size = (beside + COLUMNS * WIDTH, HEADER + math.ceil(len(shown) / COLUMNS) * step)
    with house_style(), rc_context({"grid.color": "0.9"}):
        figure = Figure(figsize=size, dpi=DPI)
        for index, (profile, metric) in enumerate(shown):
            down, right = divmod(index, COLUMNS)
            axes = _place(figure, beside + right * WIDTH, HEADER + down * step, step)
            _draw(axes, measured, profile, metric)
            axes.tick_params(axis="y", labelleft=right == 0)
        figure.suptitle("mean and 95 % interval over seeds; a dot a seed", fontsize=11, y=1 - 0.1 / size[1], va="top")
    return figure


def panel(measured: Profiles, profile: Profile, metric: Metric) -> Figure:
    """One panel of `summary`, with the names."""
    beside, step = _size(measured)
    with house_style():
        figure = Figure(figsize=(beside + WIDTH, step))
        _draw(_place(figure, beside, 0, step), measured, profile, metric)
    return figure


def _size(measured: Profiles) -> tuple[float, float]:
    """Inches for the names beside a panel, and for a panel's height with its title and its numbers."""
    groups = _with_numbers(measured)
    longest = max(len(shorten(group.label, LONGEST)) for _, group in groups)
    return 0.2 + 0.085 * longest, TITLE + NUMBERS + 0.24 * len(groups)


def _place(figure: Figure, left: float, top: float, step: float) -> Axes:
    """Axes at a place in inches; by hand, as matplotlib's own layout takes a second for a dozen panels."""
    width, height = figure.get_size_inches()
    bottom = height - top - step + NUMBERS
    return figure.add_axes((left / width, bottom / height, (WIDTH - 0.2) / width, (step - TITLE - NUMBERS) / height))


def response(drawn: Response, groups: Sequence[Group]) -> Figure:
    """Accuracy in percent against occluded area or severity, a line a group; band: lowest to highest run."""
    with house_style():
        figure = Figure(figsize=(4.7, 3.1), layout="constrained")
        axes = figure.subplots()
        for index, group in enumerate(groups):
            if group.label in drawn.curves:
                draw_curve(axes, percent(drawn.curves[group.label]), index, len(groups))
        axes.set(title=drawn.title, xlabel=drawn.x_label, ylabel="accuracy (%)")
        axes.set_xticks(next(iter(drawn.curves.values())).x)
        axes.grid(linewidth=0.7)
    return figure


def _with_numbers(measured: Profiles) -> list[tuple[int, Group]]:
    """Groups that any panel shows, each with its place among all, which is that of its colour."""
    labels = {label for profile in measured.families for _, label in profile.spreads}
    return [(index, group) for index, group in enumerate(measured.groups) if group.label in labels][:MOST_ROWS]


def _draw(axes: Axes, measured: Profiles, profile: Profile, metric: Metric) -> None:
    shown = _with_numbers(measured)
    for row, (index, group) in enumerate(shown):
        spread = profile.spreads.get((metric.name, group.label))
        if spread is not None:
            _row(axes, row, index, spread, metric.unit.scale)
    if metric.name == "accuracy":
        _floors(axes, measured.floors, metric.unit.scale)
    unit = f"{metric.unit.name}, " if metric.unit.name else ""
    axes.set_title(drawable(f"{metric.title}\n{unit}{metric.direction}"), fontsize=9)
    axes.set_yticks(range(len(shown)), [drawable(shorten(group.label, LONGEST)) for _, group in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=2))
    axes.grid(axis="x", linewidth=0.6, color=rcParams["grid.color"])
    axes.set_axisbelow(True)


def _row(axes: Axes, row: int, index: int, spread: Spread, scale: float) -> None:
    colour = COLOURS[index % len(COLOURS)]
    values = [scale * value for value in spread.values]
    axes.plot(values, [row] * len(values), linestyle="none", marker="o", markersize=3.5, alpha=0.4, color=colour)
    if spread.interval is not None:
        axes.plot([scale * end for end in spread.interval], [row, row], color=colour, linewidth=1.6)
    axes.plot(scale * spread.mean, row, marker=MARKERS[index % len(MARKERS)], markersize=6, color=colour)


def _floors(axes: Axes, floors: Mapping[str, float], scale: float) -> None:
    for name, accuracy in floors.items():
        axes.axvline(scale * accuracy, color=rcParams["text.color"], linestyle=":", linewidth=1)
        axes.annotate(
            drawable(shorten(name.replace("_", " "), LONGEST)), (scale * accuracy, 0.04), (3, 0),
            xycoords=axes.get_xaxis_transform(), textcoords="offset points", rotation=90, fontsize=7, va="bottom",
        )  # fmt: skip
