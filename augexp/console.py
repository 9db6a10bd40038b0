"""What the person at the terminal sees: results on stdout, everything on the way there on stderr.

Without a terminal (a pipe, a log file) bars become plain lines, a few a minute.
"""

import errno
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from augexp.errors import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class _PatientConsole(Console):
    """Goes on in silence when its reader has gone: a closed pager must not end a training."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class _PatientFile(io.FileIO):
    """A file descriptor that takes everything in silence once its reader has gone, or its terminal was closed."""

    def write(self, content: "Buffer") -> int:
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(content).cast("B"))


def be_patient() -> None:
    """Lets stdout and stderr outlive their readers: `| head -1` ends the talking, not the work.

    What can't be shown in their encoding is shown as escapes.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # a daemon's: what would be printed goes nowhere, and the descriptor must exist
            stream = open(os.open(os.devnull, os.O_WRONLY), "w")  # noqa: PTH123, SIM115
            setattr(sys, name, stream)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream is not getattr(sys, f"__{name}__"):  # somebody else's
            stream.reconfigure(errors="backslashreplace")
            continue
        stream.flush()
        file = io.BufferedWriter(_PatientFile(stream.fileno(), "w", closefd=False))
        lines = stream.line_buffering or stream.isatty()
        patient = io.TextIOWrapper(file, stream.encoding, "backslashreplace", stream.newlines, line_buffering=lines)
        setattr(sys, name, patient)


out = Console(highlight=False, emoji=False, soft_wrap=True)
err = _PatientConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)

PLAIN_LINE_SECONDS = 15.0
WIDE = 10_000


class Advance(Protocol):
    """Says that `count` more are done, and what to show beside the bar."""

    def __call__(self, count: int = 1, note: str = "") -> None: ...


def say(line: str) -> None:
    """One line for the reader, never taken for markup."""
    err.print(printable(line), markup=False)


@cache
def say_once(line: str) -> None:
    """A line that is true of the data rather than of a run: not again for each run of this process."""
    say(line)


def answer(line: str) -> None:
    """Lines of a result, never taken for markup; names of foreign runs can't command the terminal."""
    out.print(printable(line), markup=False)


def tabulate(table: Table) -> None:
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
        task = bar.add_task(what, total=total, note="")

        def advance(count: int = 1, note: str = "") -> None:
            bar.update(task, advance=count, note=note)

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
