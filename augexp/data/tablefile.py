"""A table of images as spreadsheets and data frames write it: which columns, and every mistake with its line.

A Parquet file is known by how it begins; the names of its columns are line 1.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from augexp import files
from augexp.errors import UserError, first_line

NEEDED = ("image", "label")
ALSO = ("split", "group")
COLUMNS = (*NEEDED, *ALSO)
SHOWN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
PARQUET = b"PAR1"
MOST = 2**30  # bytes: of ten million images
MISSING = ("", "nan", "<na>", "#n/a")  # what data frames and spreadsheets write where there is nothing, in lower case
TEXT = ("string", "large_string", "string_view", "binary", "large_binary")  # types of Parquet


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    line: int  # counted from 1; the last one where a cell goes over several
    image: str
    label: str
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Table:
    """What a file holds."""

    rows: list[Row]
    has_split: bool
    unused: list[str]  # columns


def read(source: str, path: Path) -> Table:
    """The rows of a table with the columns image and label, and split or group if it has them.

    Raises:
        UserError: with the line, if it can't be read, lacks a column, or a cell that is needed is empty.
    """
    content = _content(source, path)
    lines = _parquet(source, content) if content.startswith(PARQUET) else _csv(source, content)
    _, header = next(lines, (1, []))
    columns = _columns(source, header)
    rows = list(_rows(source, lines, columns, len(header)))
    if not rows:
        raise UserError(f"{source}: no images: there is no line below that of the columns")
    return Table(rows, "split" in columns, [name for name in header if name.strip() and _word(name) not in COLUMNS])


def _parquet(source: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The number of each line, and its cells as text; what is missing is empty."""
    from pyarrow import ArrowException, parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        header = file.schema_arrow.names
        known = [name for name in header if _word(name) in COLUMNS]
        table = file.read(known)
    except (ArrowException, OSError) as error:
        raise UserError(f"{source}: the Parquet file can't be read ({first_line(error)})") from None
    yield 1, header
    for name, column in zip(known, table.columns, strict=True):
        kind = str(column.type).removeprefix("dictionary<values=").partition(",")[0]
        if kind not in TEXT and "int" not in kind:
            raise UserError(f"{source}: the column {name} holds {kind}, not text; paths and names are needed as text")
    columns = {name: [_plain(value) for value in table[name].to_pylist()] for name in known}
    for row in range(table.num_rows):
        yield row + 2, [columns[name][row] if name in columns else "-" for name in header]


def _plain(value: str | bytes | int | None) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return "" if value is None else str(value)


def _csv(source: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The number of each line, and its cells."""
    text = _text(source, content)
    delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for cells in lines:
            yield lines.line_num, cells
    except csv.Error as error:
        raise UserError(
            f"{source}: line {max(lines.line_num, 1)}: {error} (the cells stand between {SHOWN[delimiter]})"
        ) from None


def _content(source: str, path: Path) -> bytes:
    if path.is_dir():
        raise UserError(f"{source}: {path} is a folder; write data.source=folder:PATH")
    try:
        return files.read_bytes(path, MOST)
    except FileNotFoundError:
        raise UserError(f"{source}: no such file ({path.absolute()})") from None
    except OSError as error:
        raise UserError(f"{source}: {path} can't be read ({error.strerror})") from None


def _text(source: str, content: bytes) -> str:
    """The content; bytes that aren't UTF-8 are kept, as the names of files may have them."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise UserError(f"{source}: no whole UTF-16 ({error.reason}); save the table as UTF-8") from None
    if b"\0" in content:
        raise UserError(f"{source}: no text file; a table with the columns image and label is needed (save it as CSV)")
    return content.decode("utf-8-sig", "surrogateescape")


def _delimiter(text: str) -> str:
    """What separates the names of the columns: the one that gives most of those that are known."""
    header = first_line(text)

    def known(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
        return len(set(map(_word, cells)) & set(COLUMNS)), len(cells)

    return max(SHOWN, key=known)


def _word(cell: str) -> str:
    return cell.strip().lower()


def _columns(source: str, header: list[str]) -> dict[str, int]:
    """Where each known column stands."""
    words = [_word(cell) for cell in header]
    seen = (", ".join(header) or "nothing")[:200]
    if not set(NEEDED) <= set(words):
        raise UserError(
            f"{source}: line 1: the names of the columns are needed, image and label among them (split and group if "
            f"there are any), not {seen}; rename them, or write such a line"
        )
    twice = [name for name in COLUMNS if words.count(name) > 1]
    if twice:
        raise UserError(f"{source}: line 1: the column {twice[0]} is there twice: {seen}")
    if "weight" in words:
        raise UserError(
            f"{source}: line 1: images can't be weighted, so the column weight is refused; take it out, or call it "
            "something else to have it left alone"
        )
    return {name: words.index(name) for name in COLUMNS if name in words}


def _rows(source: str, lines: Iterator[tuple[int, list[str]]], columns: dict[str, int], width: int) -> Iterator[Row]:
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != width:
            raise UserError(f"{source}: line {line}: {width} cells are needed, as in line 1, not {len(cells)}")
        row = {name: cells[place] for name, place in columns.items()}
        empty = [name for name in row if _word(row[name]) in MISSING]
        if empty:
            cell = row[empty[0]].strip() or "empty"
            raise UserError(f"{source}: line {line}: {empty[0]} is {cell}; {_remedy(empty[0])}")
        yield Row(line, row["image"], row["label"], row.get("split", "").strip(), _group(row.get("group", "")))


def _group(cell: str) -> str:
    """One name for one group: a patient who is divided because of a capital would be in train and test."""
    return unicodedata.normalize("NFC", cell.strip().casefold())


def _remedy(column: str) -> str:
    return {
        "image": "the path of an image is needed, relative to the table",
        "label": "the class of the image is needed; leave out images whose class isn't known",
        "split": "train, val or test is needed in every line, or no such column",
        "group": "a name is needed in every line, such as that of the image where it is alone, or no such column",
    }[column]
