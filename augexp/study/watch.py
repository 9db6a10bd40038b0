"""What a sweep, or anyone who looks at run folders, sees of many runs at once: a table, live on a terminal."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Group
from rich.live import Live

from augexp import console
from augexp.errors import counted
from augexp.runs.status import Standing, total_seconds_left
from augexp.tables import Grid, Prose

REFRESH_SECONDS = 1.0
PLAIN_SECONDS = 60.0
MOST_ROWS = 30  # on a terminal; a table taller than the screen can't be live


class Show(Protocol):
    """Shows how all runs stand now."""

    def __call__(self, standings: Sequence[Standing]) -> None: ...


def table(standings: Sequence[Standing]) -> Grid:
    """Run, state, epoch, best val accuracy, images/s, what limits them where a run says so, time left."""
    limited = any(standing.limit for standing in standings)
    of_limit = ["input\n/s", "limit"] if limited else []
    align = f"llrrr{'rl' if limited else ''}r"
    shown = Grid(["run", "state", "epoch", "val\nacc. %", "images\n/s", *of_limit, "left"], align)
    for standing in standings:
        shown.add_row(*_cells(standing, limited=limited))
    return shown


def _cells(standing: Standing, *, limited: bool) -> tuple[str, ...]:
    accuracy, rate = standing.val_accuracy, standing.images_per_second
    left = standing.seconds_left()
    return (
        str(standing.folder),
        standing.state,
        f"{standing.epoch}/{standing.epochs}" if standing.epochs else "",
        "" if accuracy is None else f"{100 * accuracy:.2f}",
        "" if rate is None else f"{rate:,.0f}",
        *(_limit(standing) if limited else ()),
        duration(left) if left is not None and standing.state == "running" else "",
    )


def _limit(standing: Standing) -> tuple[str, str]:
    """The rate of the input path alone, and which half of the run is the slower one."""
    found = standing.limit
    return ("", "") if found is None else (f"{found.input:,.0f}", found.name)


def reasons(standings: Sequence[Standing]) -> list[str]:
    """Why runs failed or were interrupted, a line each: too long for a table."""
    return [f"{now.folder}: {now.state}: {now.reason}" for now in standings if now.reason]


def summary(standings: Sequence[Standing], at_once: int = 1) -> str:
    """`12 runs: 3 finished, 1 running, 8 waiting; about 12 min left`."""
    states = [standing.state for standing in standings]
    order = ("finished", "running", "waiting", "interrupted", "killed", "unknown", "failed")
    counts = ", ".join(f"{states.count(state)} {state}" for state in order if state in states)
    left = total_seconds_left(standings, at_once)
    rest = f"; about {duration(left)} of training left" if left else ""
    return f"{counted(len(states), 'run')}: {counts}{rest}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:,.1f} h"


@contextmanager
def live(at_once: int) -> Iterator[Show]:
    """A live table on a terminal; elsewhere a line whenever a run starts or ends, and a summary now and then."""
    if not console.err.is_terminal:
        yield _Plain(at_once)
        return
    with Live(console=console.err, transient=True, auto_refresh=False) as screen:
        yield lambda standings: screen.update(
            Group(table(_most_telling(standings)), *map(Prose, reasons(standings)), Prose(summary(standings, at_once))),
            refresh=True,
        )


def _most_telling(standings: Sequence[Standing]) -> list[Standing]:
    """Those that fit on a screen: what runs or went wrong, then what waits, then what is finished."""
    first = {"running": 0, "failed": 1, "killed": 1, "unknown": 1, "interrupted": 1, "waiting": 2, "finished": 3}
    numbered = sorted(enumerate(standings), key=lambda pair: first[pair[1].state])[:MOST_ROWS]
    return [standing for _, standing in sorted(numbered, key=lambda pair: pair[0])]


class _Plain:
    """Says in lines what has changed."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.states: dict[str, str] = {}
        self.said = time.monotonic()

    def __call__(self, standings: Sequence[Standing]) -> None:
        for standing in standings:
            name, state = str(standing.folder), standing.state
            if self.states.get(name, "waiting" if state == "running" else state) != state:
                said = [*_cells(standing, limited=False)[1:], standing.reason]
                console.say(f"{name}: {', '.join(cell for cell in said if cell)}")
            self.states[name] = state
        if time.monotonic() - self.said >= PLAIN_SECONDS:
            self.said = time.monotonic()
            console.say(summary(standings, self.at_once))
