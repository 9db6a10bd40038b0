"""Pictures of images: previews with the numbers behind them, batches, sheets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from augexp.draw.style import COLOURS, DPI, drawable, house_style, shorten
from augexp.runs.read import Column

LARGEST_TINY_SIDE = 64


@dataclass(frozen=True)
class PreviewRow:
    """One example as the network sees it, and how it came about.

    Attributes:
        source: (H, W, 3) uint8.
        mixed: (H, W, 3) uint8 or floats in [0, 255], what the network sees.
        weights: class name and label weight, heaviest first.
        lines: further text, a short line each: lam drawn, lam used, other parameters.
        partner: (H, W, 3) uint8, where there is one.
        box: y1, x1, y2, x2 in pixels, ends excluded, where a box was pasted.
    """

    source: NDArray[Any]
    mixed: NDArray[Any]
    weights: tuple[tuple[str, float], ...] = ()
    lines: tuple[str, ...] = ()
    partner: NDArray[Any] | None = None
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class LamDraws:
    """lam (N,) in [0, 1] as drawn from Beta(alpha, alpha), before `prob` decides who is mixed."""

    op: str
    alpha: float
    lam: NDArray[np.floating[Any]]


SIDE, GAP, TEXT, MARGIN, HEADER, HISTOGRAM = 1.55, 0.12, 2.35, 0.3, 0.75, 2.6  # inches
TEXT_WIDTH = 34  # characters


def preview(rows: Sequence[PreviewRow], title: str = "", draws: Sequence[LamDraws] = ()) -> Figure:
    """Grid of examples, two abreast: source, partner, what the network sees, the numbers; beneath, the draws of lam."""
    with house_style():
        columns = 3 if any(row.partner is not None for row in rows) else 2
        block = columns * (SIDE + GAP) + TEXT
        blocks = min(2, len(rows))
        top = HEADER + math.ceil(len(rows) / blocks) * (SIDE + GAP)
        size = (MARGIN + blocks * block, top + (HISTOGRAM if draws else MARGIN))
        figure = Figure(figsize=size, dpi=DPI)
        figure.suptitle(drawable(shorten(title, 90)), fontsize=12, y=1 - 0.12 / size[1], va="top")
        for index, row in enumerate(rows):
            down, right = divmod(index, blocks)
            corner = (MARGIN + right * block, HEADER + down * (SIDE + GAP))
            _draw_row(figure, row, corner, columns, headed=down == 0)
        for index, one in enumerate(draws):
            width = (size[0] - MARGIN) / len(draws)
            _draw_lam(_place(figure, MARGIN + 0.35 + index * width, top + 0.45, width - 0.7, HISTOGRAM - 1.0), one)
    return figure


def _place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in inches from the figure's left top corner."""
    full_width, full_height = figure.get_size_inches()
    bottom = full_height - top - height
    return figure.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def _draw_row(figure: Figure, row: PreviewRow, corner: tuple[float, float], columns: int, *, headed: bool) -> None:
    left, top = corner
    pictures = [("source", row.source), ("partner", row.partner), ("the network sees", row.mixed)]
    for column, (heading, image) in enumerate(pictures if columns == 3 else pictures[::2]):
        axes = _place(figure, left + column * (SIDE + GAP), top, SIDE, SIDE)
        _show(axes, image)
        if headed:
            axes.set_title(heading, fontsize=9, pad=4)
    if row.box is not None:
        _outline(axes, row.box)
    beside = _place(figure, left + columns * (SIDE + GAP), top, TEXT - GAP, SIDE)
    beside.set_axis_off()
    beside.text(0, 1, _words(row), va="top", fontsize=8, linespacing=1.35, clip_on=True)


def _show(axes: Axes, image: NDArray[Any] | None) -> None:
    axes.set(xticks=(), yticks=())
    if image is None:
        axes.set_axis_off()
        return
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    # Pixels of a tiny image are the picture; a large one is resampled anyway.
    tiny = max(pixels.shape[:2]) <= LARGEST_TINY_SIDE
    axes.imshow(pixels, interpolation="nearest" if tiny else "antialiased")


def _outline(axes: Axes, box: tuple[int, int, int, int]) -> None:
    y1, x1, y2, x2 = box
    if y2 <= y1 or x2 <= x1:
        return
    # Black under white: one of the two is seen on any picture.
    for colour, width in (("black", 2.6), ("white", 1.1)):
        frame = Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, color=colour, linewidth=width)
        axes.add_patch(frame)


def _words(row: PreviewRow) -> str:
    classes = [f"{weight:.3f}  {shorten(name, TEXT_WIDTH - 7)}" for name, weight in row.weights]
    return drawable("\n".join([*classes, *(shorten(line, TEXT_WIDTH) for line in row.lines)]))


def _draw_lam(axes: Axes, draws: LamDraws) -> None:
    density, _, _ = axes.hist(
        draws.lam, bins=40, range=(0, 1), density=True, color=COLOURS[5], label=f"{len(draws.lam):,} draws"
    )
    # Beta(alpha < 1) is infinite at both ends, so neither end is drawn and the bars set the height.
    inside = np.linspace(0, 1, 2001)[1:-1]
    axes.plot(
        inside, beta_density(inside, draws.alpha), color=COLOURS[1], label=f"Beta({draws.alpha:g}, {draws.alpha:g})"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.2 * max(float(np.max(density)), 1.0)), xlabel="lam as drawn", ylabel="density")
    axes.set_title(drawable(f"lam of {draws.op}"), fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=2)


def beta_density(x: Column, alpha: float) -> Column:
    """Density of Beta(alpha, alpha) at x in (0, 1); scipy.stats would add a second to the start."""
    log_of_beta = 2 * math.lgamma(alpha) - math.lgamma(2 * alpha)
    return np.asarray(np.exp((alpha - 1) * (np.log(x) + np.log1p(-x)) - log_of_beta))


def batch(images: NDArray[Any], titles: Sequence[str] = ()) -> Figure:
    """Grid of images (N, H, W, 3), uint8 or floats in [0, 255], eight in a line, each with its title of some lines."""
    with house_style():
        columns = min(8, len(images))
        lines = max((title.count("\n") + 1 for title in titles), default=0)
        step = SIDE + GAP + 0.16 * lines
        rows = math.ceil(len(images) / columns)
        figure = Figure(figsize=(2 * GAP + columns * (SIDE + GAP), 2 * GAP + rows * step), dpi=DPI)
        for index, image in enumerate(images):
            down, right = divmod(index, columns)
            axes = _place(figure, GAP * 1.5 + right * (SIDE + GAP), GAP + (down + 1) * step - SIDE, SIDE, SIDE)
            _show(axes, image)
            if titles:
                title = "\n".join(shorten(line, 24) for line in titles[index].split("\n"))
                axes.set_title(drawable(title), fontsize=7.5, pad=3)
    return figure


def sheet(rows: Sequence[tuple[str, NDArray[Any]]], title: str) -> Figure:
    """Labelled lines of images (N, H, W, 3), N the same in each, in two blocks side by side."""
    with house_style():
        side, label, header = 0.85, 1.45, 0.5
        block = label + len(rows[0][1]) * (side + 0.05)
        per_block = math.ceil(len(rows) / 2)
        figure = Figure(figsize=(MARGIN + 2 * block, header + per_block * (side + 0.05)), dpi=DPI)
        figure.suptitle(drawable(title), fontsize=11, y=1 - 0.12 / figure.get_figheight(), va="top")
        for number, (name, images) in enumerate(rows):
            right, down = divmod(number, per_block)
            left, top = MARGIN / 2 + right * block, header + down * (side + 0.05)
            beside = _place(figure, left, top, label, side)
            beside.set_axis_off()
            beside.text(0.94, 0.5, name, ha="right", va="center", fontsize=8.5)
            for column, image in enumerate(images):
                _show(_place(figure, left + label + column * (side + 0.05), top, side, side), image)
    return figure
