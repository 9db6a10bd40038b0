"""Pictures of effects, in points: a row an op, alone and beside the others; or the difference against the dose."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from augexp.compare.effects import Doses, Effect, Effects, OfOp
from augexp.draw.style import drawable, shorten
from augexp.report.figures import LONGEST, SHOWN, TEXT, WIDTH, page_style, rows

KINDS = (("o", "alone, against no op"), ("s", "all ops, against all without it"))
APART = 0.17  # rows between the two effects of an op
MOST_TICKS = 8
WIDE = 20  # from this ratio of the highest dose to the lowest on, the axis is logarithmic


def drawn(found: Effects) -> dict[str, Figure]:
    """Every figure that there is something for, by a name for its file: `ablation`, `dose-cutmix.prob`."""
    figures = {"ablation": ablation(found.ops)} if found.ops else {}
    for place, doses in enumerate(found.doses):
        before = sum(other.parameter == doses.parameter for other in found.doses[:place])
        figures[f"dose-{doses.parameter}{f'-{before + 1}' if before else ''}"] = dose(doses)
    return figures


def ablation(ops: Sequence[OfOp]) -> Figure:
    """A row an op: what it adds alone, and what it adds to all others."""
    with page_style():
        figure, axes = rows([one.op for one in ops])
        axes.axvline(0, color=TEXT, linewidth=1)
        for row, one in enumerate(ops):
            for effect, (marker, _), shift in zip((one.alone, one.beside), KINDS, (-APART, APART), strict=True):
                if effect is not None:
                    _interval(axes, row + shift, effect, marker)
        axes.set_xlabel("what the op adds in points, with 95 % intervals")
        figure.legend(handles=[_key(*kind) for kind in KINDS], loc="outside upper left", ncols=2, frameon=False)
    return figure


def _interval(axes: Axes, row: float, effect: Effect, marker: str) -> None:
    colour = SHOWN.get(effect.status, TEXT)
    for ends, width in ((effect.interval, 1.4), (effect.seed_interval, 4)):
        axes.plot([100 * end for end in ends], [row, row], color=colour, linewidth=width, solid_capstyle="butt")
    axes.plot(100 * effect.difference, row, marker=marker, markersize=7, color=colour)


def _key(marker: str, label: str) -> Line2D:
    return Line2D([], [], marker=marker, linestyle="none", color=TEXT, label=label)


def dose(doses: Doses) -> Figure:
    """The difference to the baseline against the dose; a dose that is the baseline is a hollow mark at 0."""
    with page_style():
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=TEXT, linewidth=1)
        told = doses.effects
        axes.plot(
            list(told), [100 * effect.difference for effect in told.values()], color=TEXT, linewidth=0.8, alpha=0.5
        )
        for place, effect in told.items():
            colour = SHOWN.get(effect.status, TEXT)
            for ends, width in ((effect.interval, 1.4), (effect.seed_interval, 4.5)):
                axes.plot(
                    [place, place], [100 * end for end in ends], color=colour, linewidth=width, solid_capstyle="butt"
                )
            axes.plot(place, 100 * effect.difference, marker="o", markersize=8, color=colour)
        for place, group in doses.groups.items():
            if group.label == doses.baseline.label:
                axes.plot(place, 0, marker="o", markersize=8, color=TEXT, fillstyle="none")
        _doses_axis(axes, list(doses.groups))
        axes.set_xlabel(drawable(doses.parameter))
        axes.set_ylabel(drawable(f"points above {shorten(doses.baseline.label, LONGEST)}"))
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
