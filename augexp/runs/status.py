"""How a run stands, read from its folder while any process, or none, writes it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from augexp.runs import folder as run_folder
from augexp.runs import limit, read
from augexp.runs.limit import Limit
from augexp.runs.read import Column
from augexp.runs.records import BrokenRun

State = Literal["waiting", "running", "killed", "unknown", "interrupted", "failed", "finished"]


@dataclass(frozen=True)
class Standing:
    """One run, at one moment."""

    folder: Path
    state: State
    reason: str = ""  # of a failure, or why it isn't known
    epoch: int = 0  # done
    epochs: int = 0  # 0: not known
    val_accuracy: float | None = None  # best so far
    images_per_second: float | None = None  # of the last epoch
    limit: Limit | None = None  # likewise
    epoch_seconds: float | None = None  # median
    since: float = 0.0  # seconds since the last epoch ended, in a running run

    def seconds_left(self, epoch_seconds: float | None = None) -> float | None:
        """Time to the end; where the run has no epoch yet, by another run's."""
        each = self.epoch_seconds or epoch_seconds
        if self.state == "finished" or each is None or not self.epochs:
            return 0.0 if self.state == "finished" else None
        return max(0.0, each * (self.epochs - self.epoch) - min(self.since, each))


def of(folder: Path) -> Standing:
    """How the run in a folder stands; a folder that isn't there yet is waiting.

    Raises:
        BrokenRun: if the folder is there and holds no run, or can't be read.
    """
    try:
        return _of(folder)
    except OSError as error:
        raise BrokenRun(f"can't be read ({error.strerror})") from None


def _of(folder: Path) -> Standing:
    if not folder.exists():
        return Standing(folder, "waiting")
    if not folder.is_dir():
        raise BrokenRun("not a folder")
    if not (folder / "config.yaml").is_file():
        raise BrokenRun(read.no_run(folder))
    state, reason = _state(folder)
    standing = Standing(folder, state, reason, epochs=read.epochs(folder) or 0)
    try:
        history = read.history(folder)
    except BrokenRun as error:  # no epoch yet, or a row that is just being written
        return replace(standing, reason=str(error)) if state == "finished" else standing
    return replace(
        standing,
        epoch=max(map(len, history.values())),
        val_accuracy=_last(np.maximum.accumulate(history.get("val_accuracy", NOTHING))),
        images_per_second=_last(history.get("images_per_second", NOTHING)),
        limit=limit.of_row({name: _last(history.get(name, NOTHING)) for name in limit.COLUMNS}),
        epoch_seconds=_last(np.array([np.median(history["seconds"])]) if "seconds" in history else NOTHING),
        since=time.time() - (folder / "history.csv").stat().st_mtime if state == "running" else 0.0,
    )


NOTHING = np.array([np.nan])


def _last(column: Column) -> float | None:
    """The last value of a column; None where it is no number."""
    return float(column[-1]) if np.isfinite(column[-1]) else None


def _state(folder: Path) -> tuple[State, str]:
    if (folder / "result.json").exists():
        return "finished", ""
    told = read.state(folder)
    if told.state in ("failed", "interrupted"):
        return ("failed" if told.state == "failed" else "interrupted"), told.reason
    locked = run_folder.is_locked(folder)
    if locked is None:
        return "unknown", "its lock can't be looked at, so it may be running or killed"
    return ("running" if locked else "killed"), ""


def total_seconds_left(standings: Sequence[Standing], at_once: int = 1) -> float | None:
    """Time until the last of these runs is finished, if so many train at once; None before the first epoch."""
    known = [standing.epoch_seconds for standing in standings if standing.epoch_seconds]
    if not known:
        return None
    left = [standing.seconds_left(median(known)) or 0.0 for standing in standings if standing.state != "failed"]
    return max([sum(left) / at_once, *left])
