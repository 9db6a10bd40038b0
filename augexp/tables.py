"""The shapes that every answer comes in: grids of 80 columns, folded lines, CSV, cells of Markdown."""

import csv
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from augexp.errors import printable

MOST_NAMES = 4  # in a note; the JSON holds them all
WIDTH = 80


def grid(left: Sequence[str], right: Sequence[str], *, leading: int = 0) -> Table:
    """An empty table: columns of names that fold, then columns of numbers that don't."""
    made = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, collapse_padding=True, leading=leading
    )
    for heading in left:
        made.add_column(heading, overflow="fold")
    for heading in right:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def folded(sentence: str, width: int = WIDTH) -> str:
    """A sentence in lines of so many columns."""
    return textwrap.fill(printable(sentence), width, subsequent_indent="  ", break_on_hyphens=False)


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
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", printable(text).replace("\n", " "))
