"""The figures of one evaluation: reliability, confusion, robustness. Writes no file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from augexp.draw.style import COLOURS, DPI, LINES, MARKERS, drawable, house_style, shorten
from augexp.metrics.confusion import confused_block

MOST_CLASSES = 20  # beside each other in a confusion matrix, still to be read
LABEL = 22  # characters of a class name
WORDNET_ID = re.compile(r"^n\d{8}[-_](?=.)")


def pictures(section: Mapping[str, Any], class_names: Sequence[str], title: str) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each picture that the `section` of a split gives rise to."""
    yield "reliability", reliability(section, title)
    yield "confusion", confusion(np.array(section["confusion"], np.int64), class_names, title)
    if "corruptions" in section:
        yield "robustness", robustness(section, title)


def reliability(section: Mapping[str, Any], title: str) -> Figure:
    """Accuracy against confidence in bins of equally many examples, before and after temperature scaling."""
    found = section["metrics"]
    with house_style():
        figure = Figure(figsize=(8.4, 4.6), dpi=DPI, layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, key, name, error in (
            (panels[0], "reliability", "as trained", found["ece"]),
            (panels[1], "calibrated_reliability", f"temperature {section['temperature']:.2f}", found["calibrated_ece"]),
        ):
            confidence, accuracy = (
                100 * np.array([row[column] for row in section[key]]) for column in ("confidence", "accuracy")
            )
            axes.plot([0, 100], [0, 100], color="0.6", linewidth=1, linestyle="--")
            axes.vlines(confidence, confidence, accuracy, color=COLOURS[1], linewidth=1.2, label="gap")
            axes.plot(confidence, accuracy, color=COLOURS[0], marker="o", markersize=4.5, linewidth=1.2)
            axes.set(title=f"{name}: calibration error {100 * error:.2f} %", xlabel="confidence (%)", aspect="equal")
            axes.set(xlim=(0, 102), ylim=(0, 102))
            axes.grid(color="0.9", linewidth=0.6)
        panels[0].set_ylabel("accuracy (%)")
        figure.suptitle(drawable(f"{shorten(title, 60)}: {len(section['reliability'])} bins of equally many examples"))
    return figure


def confusion(table: NDArray[np.int64], class_names: Sequence[str], title: str) -> Figure:
    """Share of each class (a row) that is taken for another (a column), in percent; of many classes the most confused.

    Args:
        table: (K, K) examples of class i taken for class j.
        class_names: K.
        title: such as the run's name.
    """
    chosen = confused_block(table, MOST_CLASSES)
    shares = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    block = shares[np.ix_(chosen, chosen)]
    with house_style():
        side = 2.6 + 0.42 * len(chosen)
        figure = Figure(figsize=(side + 0.6, side), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        axes.imshow(
            np.where(np.eye(len(chosen), dtype=bool), 0, block), cmap="Oranges", vmin=0, vmax=max(10.0, block.max())
        )
        for row, column in np.ndindex(block.shape):
            _cell(axes, row, column, block[row, column])
        names = [drawable(shorten(_short(class_names[index]), LABEL)) for index in chosen]
        axes.set_xticks(range(len(chosen)), names, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(chosen)), names)
        axes.tick_params(length=0)
        axes.set(xlabel="taken for", ylabel="true class")
        rest = "" if len(chosen) == len(table) else f", the {len(chosen)} most confused of {len(table)} classes"
        axes.set_title(drawable(f"{shorten(title, 40)}: % of each class{rest}"))
    return figure


def _cell(axes: Axes, row: int, column: int, share: float) -> None:
    if share >= 0.5:
        weight = "bold" if row == column else "normal"
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=8, fontweight=weight, color="0.1")


def _short(name: str) -> str:
    """A class name without its WordNet id, where something is left."""
    return WORDNET_ID.sub("", name)


def robustness(section: Mapping[str, Any], title: str) -> Figure:
    """Accuracy against the covered share of the image, and against the severity of each corruption."""
    clean = 100 * section["metrics"]["accuracy"]
    with house_style():
        figure = Figure(figsize=(10.5, 4.6), dpi=DPI, layout="constrained")
        covered, corrupted = figure.subplots(1, 2, sharey=True)
        areas = [0.0, *(100 * area for area in section["occlusion"]["areas"])]
        for index, kind in enumerate(kind for kind in section["occlusion"] if kind != "areas"):
            _line(covered, areas, clean, section["occlusion"][kind], f"{kind} box", index)
        for index, (name, accuracies) in enumerate(section["corruptions"]["accuracy"].items()):
            _line(
                corrupted, [0, *section["corruptions"]["severities"]], clean, accuracies, name.replace("_", " "), index
            )
        covered.set(xlabel="covered share of the image (%)", ylabel="accuracy (%)", title="occlusion")
        corrupted.set(xlabel="severity", title="common corruptions")
        for axes, columns in ((covered, 1), (corrupted, 2)):
            axes.grid(color="0.9", linewidth=0.6)
            axes.set_ylim(0, 100)
            axes.legend(frameon=False, fontsize=7.5, ncols=columns)
        figure.suptitle(drawable(shorten(title, 80)))
    return figure


def _line(axes: Axes, x: Sequence[float], clean: float, accuracies: Sequence[float], label: str, index: int) -> None:
    axes.plot(
        x,
        [clean, *(100 * accuracy for accuracy in accuracies)],
        label=label,
        color=COLOURS[index % len(COLOURS)],
        linestyle=LINES[index // len(COLOURS) % len(LINES)],
        marker=MARKERS[index % len(MARKERS)],
        markersize=4.5,
        linewidth=1.5,
    )


def explanation(
    images: NDArray[np.uint8],
    labels: Sequence[str],
    rows: Sequence[tuple[str, NDArray[np.float32], Sequence[tuple[str, bool]]]],
) -> Figure:
    """Images, and beneath them where each run looked.

    Args:
        images: (n, S, S, 3).
        labels: n names of the true classes.
        rows: of each run its name, maps (n, S, S), and n captions with whether they are right.
    """
    count = len(images)
    with house_style():
        figure = Figure(figsize=(1.2 + 1.75 * count, 0.4 + 1.95 * (len(rows) + 1)), dpi=DPI, layout="constrained")
        grid = figure.subplots(len(rows) + 1, count, squeeze=False)
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[])
            axes.set_frame_on(False)
        for column, (image, label) in enumerate(zip(images, labels, strict=True)):
            grid[0, column].imshow(image)
            grid[0, column].set_title(drawable(shorten(_short(label), LABEL)), fontsize=8)
        for row, (name, heat, captions) in enumerate(rows, 1):
            grid[row, 0].set_ylabel(drawable(shorten(name, LABEL)), fontsize=9)
            for column, (caption, right) in enumerate(captions):
                _overlay(grid[row, column], images[column], heat[column])
                grid[row, column].set_title(
                    drawable(shorten(_short(caption), LABEL + 5)), fontsize=8, color=COLOURS[2 if right else 1]
                )
        figure.suptitle(
            "where the evidence lies for the class that each run says; its probability (green: right, orange: wrong)",
            fontsize=9,
        )
    return figure


def _overlay(axes: Axes, image: NDArray[np.uint8], heat: NDArray[np.float32]) -> None:
    """The image in grey under its map; negative evidence is left dark."""
    axes.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
    positive = np.maximum(heat, 0)
    axes.imshow(positive / max(float(positive.max()), 1e-9), cmap="inferno", vmin=0, vmax=1, alpha=0.55)
