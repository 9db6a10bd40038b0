"""The shapes that every answer comes in: grids as wide as their screen, CSV, cells of Markdown."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

from augexp import console
from augexp.errors import printable

MOST_NAMES = 4  # in a note; the JSON holds them all
GAP = 2  # columns between cells


class Grid:
    """Rows under headings, laid out for the width and the encoding that they are printed in.

    No word is broken and no cell either. A name that doesn't fit beside its cells stands above them; where the cells
    don't fit beside each other, a row is its name and a line a cell.

    Args:
        headings: of the names and of the cells; a line feed where one may be broken.
        align: a letter a column, l or r.
    """

    def __init__(self, headings: Sequence[str], align: str) -> None:
        self.headings = list(headings)
        self.align = align
        self.rows: list[list[str]] = []  # a single text is a line between rows

    def add_row(self, name: str, *cells: str) -> None:
        """A name and a cell for each other heading."""
        self.rows.append([name, *cells])

    def add_line(self, text: str) -> None:
        """A line across, between rows."""
        self.rows.append([text])

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        head, body = self.lines(options.max_width, options.encoding)
        for lines, style in ((head, "bold"), (body, "")):
            if lines:
                yield Text("\n".join(lines), style, no_wrap=True, overflow="ignore")

    def lines(self, width: int, encoding: str = "utf-8") -> tuple[list[str], list[str]]:
        """Headings, none where each cell has its own, and the rest."""
        shown = [[console.shown(cell, encoding) for cell in row] for row in self.rows]
        above = [[console.shown(line, encoding) for line in heading.split("\n")] for heading in self.headings]
        tall = max(map(len, above))
        head = list(map(list, zip(*([""] * (tall - len(lines)) + lines for lines in above), strict=True)))
        full = [row for row in [*head, *shown] if len(row) > 1]
        sizes = [max(map(cell_len, column)) for column in zip(*full, strict=True)]
        rest = sum(sizes[1:]) + GAP * len(sizes[1:])
        if rest + GAP > width:
            headings = [" ".join(" ".join(lines).split()) for lines in above]
            rows = [line for row in shown for line in _stacked(headings, row, width)]
            return console.folded(headings[0], width), rows
        names = [console.folded(row[0], width - rest, "") for row in full]
        longest = [max(map(cell_len, lines)) for lines in names]
        sizes[0] = max((size for size in longest if size <= width - rest), default=0)
        rule = console.shown("─", encoding) * (sizes[0] + rest)
        return (
            [*(line for row in head for line in self._beside(row, sizes, width)), rule],
            [line for row in shown for line in self._beside(row, sizes, width)],
        )

    def _beside(self, row: Sequence[str], sizes: Sequence[int], width: int) -> Iterator[str]:
        name, *cells = row
        lines = console.folded(name, sizes[0], "") if cells else []
        if not cells or max(map(cell_len, lines)) > sizes[0]:
            yield from console.folded(name, width)
            lines = [""]
        if cells:
            padded = [_padded(*one) for one in zip((lines[0], *cells), sizes, self.align, strict=True)]
            yield (" " * GAP).join(padded).rstrip()
            yield from lines[1:]


def _padded(cell: str, size: int, side: str) -> str:
    space = " " * (size - cell_len(cell))
    return cell + space if side == "l" else space + cell


def _stacked(headings: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """A name, and each cell beneath it behind its heading."""
    yield from console.folded(row[0], width)
    for heading, cell in zip(headings[1:], row[1:], strict=False):
        if cell:
            told = f"  {heading.replace(' /', '/')}: {console.together(cell)}"
            yield from console.folded(told, width, "    ")


class Prose:
    """Sentences that fold where they are printed, at 80 columns at most."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        width = min(console.WIDTH, options.max_width)
        told = console.folded(console.shown(self.text, options.encoding), width)
        yield Text("\n".join(told), no_wrap=True, overflow="ignore")


def names(labels: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = len(labels) - MOST_NAMES
    return ", ".join(labels[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def cell(value: object) -> object:
    """A value as a cell of CSV: text that a spreadsheet would compute, or a terminal obey, is shown to them as text."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys, each value as a `cell`; a line feed alone where there are none."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def escaped(text: str) -> str:
    """Text as a cell or a line of Markdown, with nothing taken for markup."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", printable(text))
