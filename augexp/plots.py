"""Values -> matplotlib `Figure`; nothing here writes a file, and nothing imports pyplot (0.4 s, and a global state).

Names come from users: they are drawn as they are, never read as mathtext, and characters that no font at hand has
become a box, because matplotlib would warn of each.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from augexp import stats
from augexp.config import settings
from augexp.runs.read import Column
from augexp.stats import Axis, Curve, Group

DPI = 120
# Okabe and Ito's colours without their yellow, which is lost on white; line styles and markers tell the rest apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Thai", "WenQuanYi Zen Hei"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "PingFang SC", "Hiragino Sans"),
)
LARGEST_TINY_SIDE = 64
X_LABELS: dict[Axis, str] = {
    "epochs": "epoch",
    "examples": "training examples seen",
    "seconds": "seconds of training, mean over seeds",
}


# --- text ----------------------------------------------------------------------------------------------------------


@contextmanager
def house_style() -> Iterator[None]:
    """Settings under which figures are made: names are never read as mathtext, every script at hand is drawn."""
    # Text takes parse_math when it is made, so the figure may be drawn outside.
    with rc_context({"text.parse_math": False, "font.family": list(_families()), "font.size": 9, "axes.titlesize": 10}):
        yield


@cache
def _families() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed))


def drawable(text: str) -> str:
    """`text` with a box in place of every character that no font at hand can draw."""
    return "".join(character if _has_glyph(character) else "\N{WHITE SQUARE}" for character in text)


@cache
def _has_glyph(character: str) -> bool:
    fonts = (font_manager.get_font(font_manager.findfont(family)) for family in _families())
    return character == "\n" or any(font.get_char_index(ord(character)) for font in fonts)


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters, with an ellipsis in the middle: both ends tell names apart."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


# --- comparison ----------------------------------------------------------------------------------------------------


def comparison(groups: Sequence[Group], ylim: tuple[float, float] | None = None, x: Axis = "epochs") -> Figure:
    """Val accuracy in percent over epochs, a line a group; beside it the later half, zoomed.

    Args:
        groups: at least one.
        ylim: limits of the zoomed panel in percent, in place of those from the data.
        x: what to draw against: epochs, examples seen, or seconds of training.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    with house_style():
        curves = [percent(stats.curve(group, x=x)) for group in groups]
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
    best = 100 * stats.summarize(group).val.mean
    last = 100 * stats.curve(group).mean[-1]
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
    on_test = "  ·  validation = test set" if any(map(stats.validated_on_test, groups)) else ""
    return f"val accuracy on {names}{', …' if len(sources) > 3 else ''}{on_test}"


def data_name(source: str) -> str:
    """The last part of a folder, or the name of a data set."""
    return Path(source.removeprefix("folder:")).name or source


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


def _zoom(whole: Axes, zoomed: Axes, curves: Sequence[Curve], ylim: tuple[float, float] | None, x: Axis) -> None:
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


# --- one run -------------------------------------------------------------------------------------------------------


def curves(
    history: Mapping[str, Column],
    *,
    best_epoch: int,
    title: str = "",
    head_epochs: int = 0,
    plain_epochs: int = 0,
) -> Figure:
    """Loss and accuracy of one run, train and val, over epochs.

    Args:
        history: loss, accuracy, val_loss and val_accuracy, each (E,); values that aren't finite leave a gap.
        best_epoch: from 1; marked.
        title: such as the run's name and seed.
        head_epochs: how many epochs at the start trained the head alone; shaded.
        plain_epochs: how many at the end ran without the strategy; shaded.
    """
    with house_style():
        figure = Figure(figsize=(10, 4.2), dpi=DPI)
        loss, accuracy = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.065, right=0.985, wspace=0.17, bottom=0.21, top=0.86)
        for axes, column, scale in ((loss, "loss", 1.0), (accuracy, "accuracy", 100.0)):
            handles = _draw_train_and_val(axes, history, column, scale, best_epoch)
            handles += _shade_phases(axes, len(history["loss"]), head_epochs, plain_epochs)
        loss.set(title="loss", ylabel="cross-entropy")
        accuracy.set(title="accuracy", ylabel="%")
        figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=8.5)
        figure.suptitle(drawable(shorten(title, 90)), fontsize=11)
    return figure


def _draw_train_and_val(
    axes: Axes, history: Mapping[str, Column], column: str, scale: float, best_epoch: int
) -> list[Any]:
    epochs = np.arange(1, len(history[column]) + 1)
    marker = "o" if len(epochs) <= 30 else ""
    train, val = (
        axes.plot(epochs, scale * np.asarray(history[name]), color=colour, label=label, marker=marker, markersize=3)[0]
        for name, colour, label in (
            (column, COLOURS[1], "train, on augmented batches"),
            (f"val_{column}", COLOURS[0], "val"),
        )
    )
    best = axes.axvline(best_epoch, color="0.35", linestyle="--", linewidth=1, label=f"best epoch: {best_epoch}")
    axes.set(xlabel="epoch", xlim=(0.5, len(epochs) + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, min_n_ticks=1))
    axes.grid(color="0.9", linewidth=0.6)
    return [train, val, best]


def _shade_phases(axes: Axes, epochs: int, head_epochs: int, plain_epochs: int) -> list[Any]:
    shaded = []
    if head_epochs:
        shaded.append(axes.axvspan(0.5, head_epochs + 0.5, color="#E69F00", alpha=0.15, linewidth=0, label="head only"))
    if plain_epochs:
        start = epochs - plain_epochs + 0.5
        label = "without the strategy"
        shaded.append(axes.axvspan(start, epochs + 0.5, color="#009E73", alpha=0.12, linewidth=0, label=label))
    return shaded


# --- preview -------------------------------------------------------------------------------------------------------


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
