"""A part of the acceptance matrix, one cell of each kind; `make validate` runs the whole."""

import pytest

from tests.tools.validation import Cell, cells, is_kept, measured, shares

STUDIES = 250
CELLS = {cell.name: cell for cell in cells()}
CHOSEN = (
    "A/A, 359 images, sd 0.5, taste 0.3",
    "sd 1:3, the baseline",
    "race of 4, one better by 2 sd",
    "own stopping rule, worst baseline",
    "one look, 3 seeds, better by 4 sd",
    "one look, seeds 8 5 5 3",
    "1 x 5 folds, 100 x 10, seed 0.0",
    "2 x 5 folds, 100 x 10, seed 0.0",
    "recall, 97:3 of 359, k 2, taste 0.3, gain 0.0",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_a_cell_keeps_its_limits(name: str) -> None:
    cell = CELLS[name]
    studies = 2000 if cell.truth is None else 250  # with images it takes twenty times as long
    assert is_kept(cell, shares(cell, measured(cell, 0, studies), studies))


def test_a_cell_fails_where_more_goes_wrong_than_it_allows() -> None:
    cell = Cell("x", lambda *_: {"false word": 20.0}, {"false word": (0.0, 5.7)}, STUDIES)
    assert shares(cell, measured(cell, 0, STUDIES), STUDIES) == {"false word": 8.0}
    assert not is_kept(cell, {"false word": 8.0})
    assert is_kept(cell, {"false word": 5.6})
