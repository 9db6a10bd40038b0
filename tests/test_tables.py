"""Grids that break no word and no number whatever the width; CSV that no spreadsheet computes and no terminal obeys."""

import csv
import io
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from augexp import console, tables

NAMES = st.text(st.sampled_from("abé犬+_- \x1b\n\u2028±\udc80"), min_size=1, max_size=60)
CELLS = st.sampled_from(["81.00 ± 0.52", "-1.03 +2.11", "14.5 (9-30)", "never", "1,000", "", "-", "97.5 %"])
ENCODINGS = st.sampled_from(["utf-8", "latin-1", "ascii", "cp1252"])
WIDTHS = st.integers(1, 100)


def printed(what: object, width: int) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, highlight=False, soft_wrap=True).print(what)
    return text.getvalue().splitlines()


def longest(texts: Iterable[str]) -> int:
    """Columns of the longest piece that must not be broken, with the indent it may have."""
    return 4 + max(cell_len(piece.strip()) for text in texts for piece in console.folded(text, 1))


@given(st.lists(st.tuples(NAMES, CELLS, CELLS), min_size=1, max_size=5), WIDTHS, ENCODINGS)
def test_no_width_and_no_encoding_breaks_a_word_or_a_number(
    rows: list[tuple[str, str, str]], width: int, encoding: str
) -> None:
    grid = tables.Grid(["strategy", "test\nacc. %", "verdict"], "lrl")
    for row in rows:
        grid.add_row(*row)
    head, body = grid.lines(width, encoding)
    assert "\n".join([*head, *body]).encode(encoding)
    names = [console.shown(name, encoding) for name, *_ in rows]
    cells = [console.shown(cell, encoding) for _, *cells in rows for cell in cells]
    assert not Counter(" ".join([*names, *cells]).split()) - Counter(" ".join(body).split())
    assert all(any(cell in line for line in body) for cell in cells)
    unbroken = max(longest(names), 4 + max(map(cell_len, cells)), len("    strategy"))
    assert max(map(cell_len, [*head, *body])) <= max(width, unbroken)


def test_a_name_that_has_no_room_stands_above_its_numbers_and_numbers_that_have_none_below_each_other() -> None:
    grid = tables.Grid(["strategy", "test\nacc. %", "images\n/s"], "lrr")
    grid.add_line("on the test set")
    grid.add_row("none", "81.00 ± 0.52", "1,000")
    grid.add_row("random_crop+flip_left_right", "83.10 ± 1.20", "12")
    assert printed(grid, 34) == [
        "                  test  images",
        "strategy        acc. %      /s",
        "─" * 30,
        "on the test set",
        "none      81.00 ± 0.52   1,000",
        "random_crop+flip_left_right",
        "          83.10 ± 1.20      12",
    ]
    assert printed(grid, 20) == [
        "strategy",
        "on the test set",
        "none",
        "  test acc. %:",
        "    81.00 ± 0.52",
        "  images/s: 1,000",
        "random_crop+flip_left_right",
        "  test acc. %:",
        "    83.10 ± 1.20",
        "  images/s: 12",
    ]


@given(st.lists(NAMES, min_size=1, max_size=12), CELLS, WIDTHS)
def test_prose_breaks_between_words_alone(names: list[str], number: str, width: int) -> None:
    text = f"{', '.join(names)}: {number or '-'} of them"
    lines = printed(tables.Prose(text), width)
    assert " ".join(lines).split() == console.shown(text).split()
    assert max(map(cell_len, lines)) <= max(min(width, 80), longest([console.shown(text)]))


@pytest.mark.parametrize("text", ["it is 81.00 ± 0.52 of", "it is 81.00 +- 0.52 of", "and 97.5 % of"])
@pytest.mark.parametrize("width", range(1, 30))
def test_a_number_its_spread_and_its_unit_stay_together(text: str, width: int) -> None:
    number = text.removeprefix("it is ").removeprefix("and ").removesuffix(" of")
    assert any(number in line for line in console.folded(text, width))


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-x", "@SUM(A1)", "\x1b[2Jgone", "\t=1", "\r=1"])
def test_text_that_commands_is_shown(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(tables.csv_text([{"label": text}])))
    assert row["label"][0] not in "=+-@\t\r\x1b"
    assert "\x1b" not in row["label"]
    assert row["label"].removeprefix("'").endswith(text[-2:])


def test_numbers_and_plain_text_stay() -> None:
    rows = [{"label": "none, 犬", "low": -0.5, "none": None, "yes": True}]
    assert tables.csv_text(rows) == 'label,low,none,yes\n"none, 犬",-0.5,,True\n'
