"""The curves of one run."""

import io
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from augexp.draw import history as draw_history


def pixels(figure: Figure) -> NDArray[Any]:
    """(H, W, 4) in [0, 1], as saved; warnings are errors, so a glyph without a font fails here."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return np.asarray(matplotlib.image.imread(file))


def heights(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_ydata(), np.float64)


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def history(epochs: int) -> dict[str, NDArray[np.float64]]:
    rising = np.linspace(0.1, 0.9, epochs)
    return {"loss": 2 - rising, "val_loss": 1.5 - rising, "accuracy": rising / 2, "val_accuracy": rising}


def test_curves_hold_the_history_the_best_epoch_and_the_phases() -> None:
    figure = draw_history.curves(history(10), best_epoch=7, title="$^{$", head_epochs=2, plain_epochs=3)
    pixels(figure)
    loss, accuracy = figure.axes
    for axes, column, scale in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        train, val, best = axes.lines
        np.testing.assert_allclose(heights(train), scale * history(10)[column])
        np.testing.assert_allclose(heights(val), scale * history(10)[f"val_{column}"])
        assert best.get_xdata() == [7, 7]
        head, plain = (patch for patch in axes.patches if isinstance(patch, Rectangle))
        assert (head.get_x(), head.get_x() + head.get_width()) == (0.5, 2.5)
        assert (plain.get_x(), plain.get_x() + plain.get_width()) == (7.5, 10.5)
    assert legend_texts(figure) == [
        *("train, on augmented batches", "val", "best epoch: 7", "head only", "without the strategy"),
    ]


@pytest.mark.parametrize("epochs", [1, 100])
def test_curves_of_any_length_and_with_gaps(epochs: int) -> None:
    columns = history(epochs)
    columns["loss"][-1] = np.nan
    pixels(draw_history.curves(columns, best_epoch=1))


def test_the_loss_is_named_as_it_was_trained() -> None:
    for loss, title in (("cross_entropy", "cross-entropy"), ("binary", "binary cross-entropy")):
        figure = draw_history.curves(history(3), best_epoch=2, loss=loss)  # type: ignore[arg-type]
        assert figure.axes[0].get_ylabel() == title
