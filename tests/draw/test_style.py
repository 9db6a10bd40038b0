"""Text that a figure can hold; pictures that no matplotlibrc changes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure

from augexp.draw import evaluation, history, images, style
from augexp.draw.style import drawable, shorten
from augexp.errors import printable
from tests.draw.hostile import HOSTILE

RISING = np.linspace(0.1, 0.9, 5)
FIGURES: dict[str, Callable[[], Figure]] = {
    "history": lambda: history.curves(
        {"loss": 2 - RISING, "val_loss": 1.5 - RISING, "accuracy": RISING / 2, "val_accuracy": RISING},
        best_epoch=4,
        title="a $b$",
    ),
    "batch": lambda: images.batch(np.zeros((3, 8, 8, 3), np.uint8), ["a", "b", "c"]),
    "sheet": lambda: images.sheet([("cutmix", np.zeros((3, 8, 8, 3), np.uint8))], "ops"),
    "confusion": lambda: evaluation.confusion(np.array([[4, 1], [0, 5]]), ["a", "b"], "run"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_no_matplotlibrc_changes_a_picture(name: str, tmp_path: Path) -> None:
    style.save(FIGURES[name](), tmp_path / "plain.png")
    with rc_context(HOSTILE):
        style.save(FIGURES[name](), tmp_path / "hostile.png")
        assert rcParams["font.size"] == HOSTILE["font.size"]  # the user's own are as they were
    assert (tmp_path / "hostile.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


@given(st.text(max_size=30))
def test_drawable_keeps_the_length_and_needs_no_other_font(text: str) -> None:
    drawn = drawable(text)
    assert len(drawn) == len(text)
    assert drawable(drawn) == drawn


@given(st.text(max_size=60), st.integers(5, 40))
def test_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= width
    line = printable(text)
    assert short == line or (short[0] == line[0] and short[-1] == line[-1])
