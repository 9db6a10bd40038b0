"""How a run stands, read from its folder while any process, or none, writes it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from augexp.runs import folder as run_folder
from augexp.runs import read

State = Literal["waiting", "running", "killed", "interrupted", "failed", "finished"]


@dataclass(frozen=True)
class Standing:
    """One run, at one moment."""

    folder: Path
    state: State
    reason: str = ""  # of a failure
    epoch: int = 0  # done
    epochs: int = 0  # 0: not known
    val_accuracy: float | None = None  # best so far
    images_per_second: float | None = None  # of the last epoch
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
        BrokenRun: if the folder is there and holds no run.
    """
    if not folder.is_dir():
        return Standing(folder, "waiting")
    if not (folder / "config.yaml").is_file():
        raise read.BrokenRun("not a run folder (no config.yaml)")
    epochs = read.config(folder).get("train", {}).get("epochs", 0)
    state, reason = _state(folder)
    try:
        history = read.history(folder)
    except read.BrokenRun:  # no epoch yet, or a row that is just being written
        return Standing(folder, state, reason, epochs=epochs)
    return Standing(
        folder, state, reason, len(history["epoch"]), epochs,
        val_accuracy=float(np.max(history["val_accuracy"])),
        images_per_second=float(history["images_per_second"][-1]),
        epoch_seconds=float(np.median(history["seconds"])),
        since=time.time() - (folder / "history.csv").stat().st_mtime if state == "running" else 0.0,
    )  # fmt: skip


def _state(folder: Path) -> tuple[State, str]:
    if (folder / "result.json").exists():
        return "finished", ""
    state, reason = read.state(folder)
    if state in ("failed", "interrupted"):
        return ("failed" if state == "failed" else "interrupted"), reason
    return ("running" if run_folder.is_locked(folder) else "killed"), ""


def total_seconds_left(standings: Sequence[Standing], at_once: int = 1) -> float | None:
    """Time until the last of these runs is finished, if so many train at once; None before the first epoch."""
    known = [standing.epoch_seconds for standing in standings if standing.epoch_seconds]
    if not known:
        return None
    left = [standing.seconds_left(median(known)) or 0.0 for standing in standings if standing.state != "failed"]
    return max([sum(left) / at_once, *left])
