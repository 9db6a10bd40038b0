"""The curves of one run: loss and accuracy over epochs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from augexp.config.schema import Loss
from augexp.draw.style import COLOURS, DPI, drawable, house_style, shorten
from augexp.runs.read import Column


def curves(
    history: Mapping[str, Column],
    *,
    best_epoch: int,
    title: str = "",
    head_epochs: int = 0,
    plain_epochs: int = 0,
    loss: Loss = "cross_entropy",
) -> Figure:
    """Loss and accuracy of one run, train and val, over epochs.

    Args:
        history: loss, accuracy, val_loss and val_accuracy, each (E,); values that aren't finite leave a gap.
        best_epoch: from 1; marked.
        title: such as the run's name and seed.
        head_epochs: how many epochs at the start trained the head alone; shaded.
        plain_epochs: how many at the end ran without the strategy; shaded.
        loss: what was minimised, on val too.
    """
    with house_style():
        figure = Figure(figsize=(10, 4.2), dpi=DPI)
        losses, accuracies = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.065, right=0.985, wspace=0.17, bottom=0.21, top=0.86)
        for axes, column, scale in ((losses, "loss", 1.0), (accuracies, "accuracy", 100.0)):
            handles = _draw_train_and_val(axes, history, column, scale, best_epoch)
            handles += _shade_phases(axes, len(history["loss"]), head_epochs, plain_epochs)
        losses.set(title="loss", ylabel="binary cross-entropy" if loss == "binary" else "cross-entropy")
        accuracies.set(title="accuracy", ylabel="%")
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
