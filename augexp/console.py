"""What the person at the terminal sees: results on stdout, everything on the way there on stderr.

Without a terminal (a pipe, a log file) bars become plain lines, a few a minute.
"""

import codecs
import errno
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from augexp.errors import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class _PatientConsole(Console):
    """Goes on in silence when its reader has gone: a closed pager must not end a training."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class _PatientFile(io.FileIO):
    """A file descriptor that takes everything in silence once it can't be written: what it shows is not the work.

    Attributes:
        lost: why, unless its reader has gone, or its terminal was closed.
    """

    lost: OSError | None = None

    def write(self, content: "Buffer") -> int:
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                self.lost = error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(content).cast("B"))


def be_patient() -> None:
    """Lets stdout and stderr outlive their readers: `| head -1` ends the talking, not the work.

    What can't be shown in their encoding is shown in ASCII.
    """
    _fill_standard()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(descriptor, "w", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream is not getattr(sys, f"__{name}__"):  # somebody else's
            stream.reconfigure(errors=IN_ASCII)
            continue
        stream.flush()
        file = io.BufferedWriter(_PatientFile(stream.fileno(), "w", closefd=False))
        lines = stream.line_buffering or stream.isatty()
        patient = io.TextIOWrapper(file, stream.encoding, IN_ASCII, stream.newlines, line_buffering=lines)
        setattr(sys, name, patient)


def lost() -> OSError | None:
    """Why results that were printed are not whole, such as a full disk; None where they are, or nobody reads them."""
    sys.stdout.flush()
    file = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return file.lost if isinstance(file, _PatientFile) else None


def _fill_standard() -> None:
    """Puts nowhere in the place of those of stdin, stdout and stderr that are closed.

    Else the next file that is opened would be one of them, and what is printed would go into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


out = Console(highlight=False, emoji=False, soft_wrap=True)
err = _PatientConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)

PLAIN_LINE_SECONDS = 15.0
WIDE = 10_000
WIDTH = 80  # columns of prose and tables at most, or where no terminal tells
IN_ASCII = "augexp.in_ascii"  # an error handler of encoding
ASCII = {"±": "+-", "≤": "<=", "…": "...", "─": "-"}
# A number keeps its sign, its spread and its unit.
_TOGETHER = re.compile(r"(?<=±) (?=\d)|(?<=\+-) (?=\d)|(?<=\d) (?=±|\+-|%)")
_KEPT = "\0"  # in place of a space that stays; no text that is printable has it


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError) and (plain := ASCII.get(error.object[error.start])):
        return plain, error.start + 1
    if isinstance(error, UnicodeEncodeError):
        error.end = error.start + 1
    return codecs.backslashreplace_errors(error)


codecs.register_error(IN_ASCII, _in_ascii)


class Advance(Protocol):
    """Says that `count` more are done, and what to show beside the bar."""

    def __call__(self, count: int = 1, note: str = "") -> None: ...


def shown(text: str, encoding: str = "utf-8") -> str:
    """A line as a stream of this encoding will show it: what it lacks, or a terminal would obey, is in ASCII."""
    return printable(text).encode(encoding, IN_ASCII).decode(encoding)


def together(text: str) -> str:
    """Text that `folded` keeps in one line."""
    return text.replace(" ", _KEPT)


def folded(text: str, width: int = WIDTH, indent: str = "  ") -> list[str]:
    """Lines of at most so many columns, broken between words alone; a word that is longer has a line of its own.

    A number, its ± and its unit stay together.

    Args:
        text: lines as `shown` gives them; each is folded.
        width: columns.
        indent: before what follows the first of the lines that a line becomes.
    """
    return [piece for line in text.split("\n") for piece in _pieces(line, width, indent)]


def _pieces(line: str, width: int, indent: str) -> list[str]:
    lines, used = [""], 0
    for number, word in enumerate(_TOGETHER.sub(_KEPT, line).split(" ")):
        size = cell_len(word.replace(_KEPT, " "))
        if used + 1 + size > width and lines[-1].strip():
            if word:
                lines.append(indent + word)
                used = len(indent) + size
        else:
            gap = " " if number else ""
            lines[-1] += gap + word
            used += len(gap) + size
    return [piece.replace(_KEPT, " ") for piece in lines]


def say(line: str) -> None:
    """One line for the reader, never taken for markup; on a terminal words stay whole."""
    _print(err, line)


@cache
def say_once(line: str) -> None:
    """A line that is true of the data rather than of a run: not again for each run of this process."""
    say(line)


def mistake(said: Exception | str) -> None:
    """What a command ends with, or leaves one of many things out for."""
    for line in str(said).splitlines():
        say(f"error: {line}")


def answer(line: str) -> None:
    """One line of a result, as `say`; names of foreign runs can't command the terminal."""
    _print(out, line)


def tell(line: str) -> None:
    """Prose of a result, folded wherever it goes."""
    out.print("\n".join(folded(shown(line, out.encoding), min(WIDTH, out.width))), markup=False)


def quote(text: str) -> None:
    """What is to be copied from the screen: never folded."""
    out.print("\n".join(shown(line, out.encoding) for line in text.split("\n")), markup=False)


def _print(where: Console, line: str) -> None:
    plain = shown(line, where.encoding)
    where.print("\n".join(folded(plain, where.width)) if where.is_terminal else plain, markup=False)


def tabulate(table: RenderableType) -> None:
    """A table of a result; where no terminal sets a width, its rows stay whole."""
    if out.is_terminal:
        out.print(table)
    else:
        Console(file=out.file, width=WIDE, emoji=False).print(table)


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """A bar on a terminal, a line every `PLAIN_LINE_SECONDS` elsewhere; the bar is gone afterwards."""
    if not err.is_terminal:
        yield _plain(what, total)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(shown(what, err.encoding), total=total, note="")

        def advance(count: int = 1, note: str = "") -> None:
            bar.update(task, advance=count, note=shown(note, err.encoding))

        yield advance


def _plain(what: str, total: int) -> Advance:
    done = 0
    said = time.monotonic()

    def advance(count: int = 1, note: str = "") -> None:
        nonlocal done, said
        done += count
        if time.monotonic() - said >= PLAIN_LINE_SECONDS and done < total:
            said = time.monotonic()
            say(f"{what} {done}/{total} {note}".rstrip())

    return advance
