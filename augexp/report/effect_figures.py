"""Pictures of effects, in points: a row an op, alone and beside the others; or the difference against the dose.

Each is drawn in the style at hand, so that a page may have them in its own colours.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from augexp.compare.effects import Doses, Effect, Effects, OfOp
from augexp.draw.style import DPI, drawable, house_style, shorten
from augexp.report.figures import LONGEST, SHOWN, WIDTH, rows

KINDS = (("o", "alone, against no op"), ("s", "all ops, against all without it"))
APART = 0.17  # rows between the two effects of an op
MOST_TICKS = 8
WIDE = 20  # from this ratio of the highest dose to the lowest on, the axis is logarithmic


def drawn(found: Effects, unit: str = "points") -> dict[str, Figure]:
    """Every figure that there is something for, by a name for its file: `ablation`, `dose-cutmix.prob`."""
    figures = {"ablation": ablation(found.ops, unit)} if found.ops else {}
    for place, doses in enumerate(found.doses):
        before = sum(other.parameter == doses.parameter for other in found.doses[:place])
        figures[f"dose-{doses.parameter}{f'-{before + 1}' if before else ''}"] = dose(doses, unit)
    return figures


@contextmanager
def file_style() -> Iterator[None]:
    """Settings under which figures are made that become files of their own."""
    with house_style(), rc_context({"grid.color": "0.9", "figure.dpi": DPI}):
        yield


def ablation(ops: Sequence[OfOp], unit: str = "points") -> Figure:
    """A row an op: what it adds alone, and what it adds to all others."""
    figure, axes = rows([one.op for one in ops])
    axes.axvline(0, color=rcParams["text.color"], linewidth=1)
    for row, one in enumerate(ops):
        for effect, (marker, _), shift in zip((one.alone, one.beside), KINDS, (-APART, APART), strict=True):
            if effect is not None:
                for ends, width in _ends(effect):
                    axes.plot(ends, [row + shift] * 2, color=_colour(effect), linewidth=width, solid_capstyle="butt")
                axes.plot(100 * effect.difference, row + shift, marker=marker, markersize=7, color=_colour(effect))
    axes.set_xlabel(f"what the op adds in {unit}, with 95 % intervals")
    figure.legend(handles=[_key(*kind) for kind in KINDS], loc="outside upper left", ncols=2, frameon=False)
    return figure


def _key(marker: str, label: str) -> Line2D:
    return Line2D([], [], marker=marker, linestyle="none", color=rcParams["text.color"], label=label)


def _ends(effect: Effect) -> list[tuple[list[float], float]]:
    """The intervals in points, each with the width of its line."""
    found = ((effect.interval, 1.4), (effect.seed_interval, 4.5))
    return [([100 * end for end in ends], wide) for ends, wide in found if ends is not None]


def _colour(effect: Effect) -> str:
    return SHOWN.get(effect.status, str(rcParams["text.color"]))


def dose(doses: Doses, unit: str = "points") -> Figure:
    """The difference to the baseline against the dose; a dose that is the baseline is a hollow mark at 0."""
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axes = figure.subplots()
    text = rcParams["text.color"]
    axes.axhline(0, color=text, linewidth=1)
    means = {at: 100 * one.difference for at, one in doses.effects.items()}
    held = {at: 0.0 for at, group in doses.groups.items() if group.label == doses.baseline.label}
    line = dict(sorted((means | held).items()))
    axes.plot(list(line), list(line.values()), color=text, linewidth=0.8, alpha=0.5)
    axes.plot(list(held), list(held.values()), linestyle="none", marker="o", markersize=8, color=text, fillstyle="none")
    for at, effect in doses.effects.items():
        for ends, width in _ends(effect):
            axes.plot([at, at], ends, color=_colour(effect), linewidth=width, solid_capstyle="butt")
        axes.plot(at, means[at], marker="o", markersize=8, color=_colour(effect))
    _doses_axis(axes, list(doses.groups))
    axes.set_xlabel(drawable(doses.parameter))
    axes.set_ylabel(drawable(f"{unit} above {shorten(doses.baseline.label, LONGEST)}"))
    axes.grid(axis="y", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure


def _doses_axis(axes: Axes, doses: Sequence[float]) -> None:
    """A tick a dose, where there is room for them; the doses rise."""
    if doses[0] > 0 and doses[-1] / doses[0] >= WIDE:
        axes.set_xscale("log")
    axes.margins(x=0.08)
    if len(doses) <= MOST_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(doses))
        axes.xaxis.set_major_formatter(FixedFormatter([f"{one:g}" for one in doses]))
        axes.xaxis.set_minor_locator(NullLocator())
