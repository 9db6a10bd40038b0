"""A run folder as it is found, finished or not: read, checked, and refused by name."""

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augexp.config.settings import as_made
from augexp.errors import UserError, counted
from augexp.runs import contents, seal
from augexp.runs.folder import is_locked
from augexp.runs.records import BrokenRun, Configuration, Environment, Result, Status, checked

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """A finished run as its folder holds it. Two are equal if they are of one folder: arrays can't be asked."""

    path: Path
    config: dict[str, Any] = field(compare=False)  # resolved, nested
    environment: Environment = field(compare=False)
    result: Result = field(compare=False)
    history: dict[str, Column] = field(compare=False)  # column -> one value an epoch

    @property
    def name(self) -> str:
        return str(self.config["name"])

    @property
    def seed(self) -> int:
        return int(self.config["seed"])


def load(path: Path) -> Run:
    """Reads a finished run.

    Raises:
        BrokenRun: if the folder is none, is unfinished, or a file in it is missing, cut off or not what it should be.
    """
    try:
        _check_folder(path)
    except OSError as error:  # a folder above that may not be searched, a name that is too long
        raise BrokenRun(f"can't be read ({error.strerror})") from None
    settings, surroundings, found = config(path), environment(path), seal.read(path / seal.RESULT)
    epochs = _whole_history(path, found.get("epochs"))
    return Run(path, settings, surroundings, checked(Result, found, "result.json"), epochs)


def result(path: Path) -> Result:
    """What a finished run reached. Raises BrokenRun if `result.json` is missing, unreadable or changed."""
    return checked(Result, seal.read(path / seal.RESULT), seal.RESULT)


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        raise BrokenRun("no such folder" if not path.exists() else "not a folder")
    if not (path / "config.yaml").is_file():
        raise BrokenRun(no_run(path))
    if not (path / "result.json").is_file():
        raise BrokenRun(_unfinished(path))


def refuse_foreign(path: Path) -> None:
    """Raises UserError, cheaply, if a folder holds no run, finished or not."""
    if not path.is_dir():
        raise UserError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}; give a run folder")
    if not (path / "config.yaml").is_file():
        raise UserError(f"{path}: {no_run(path)}")


def no_run(path: Path) -> str:
    """Why a folder is no run folder, and what to give where it holds some, as that of a study does."""
    return f"not a run folder; it holds some: give {path}/*" if runs_in(path) else "not a run folder (no config.yaml)"


def runs_in(path: Path) -> list[Path]:
    """The run folders in a folder, sorted."""
    return sorted(config.parent for config in path.glob("*/config.yaml"))


def _unfinished(path: Path) -> str:
    told = state(path)
    if told.state == "running" and is_locked(path) is False:
        return "unfinished: killed"
    return "unfinished" + (f": {told.state}" if told.state else "") + (f" ({told.reason})" if told.reason else "")


def state(path: Path) -> Status:
    """What `status.json` says of a run; nothing where it says nothing."""
    try:
        return checked(Status, contents.json_object(path / "status.json"), "status.json")
    except BrokenRun:
        return Status()


def config(path: Path) -> dict[str, Any]:
    """The resolved configuration of a run folder, as the run was made.

    Raises:
        BrokenRun: if it is missing, is none, or isn't that of the finished run.
    """
    found = contents.settings(path / "config.yaml")
    seal.refuse_other_settings(found, seal.of(path))
    checked(Configuration, found, "config.yaml")
    return as_made(found)


def epochs(path: Path) -> int | None:
    """How many epochs a run is to have, where its configuration says so. Raises BrokenRun as `config` does."""
    return checked(Configuration, config(path), "config.yaml").train.epochs


def environment(path: Path) -> Environment:
    """What a run's numbers depend on beside its configuration.

    Raises:
        BrokenRun: if it is missing, unreadable, or isn't that of the finished run.
    """
    found = contents.json_object(path / "environment.json", seal.of(path).digests)
    return checked(Environment, found, "environment.json")


LOOK = "test split used by augexp"


def test_looks(path: Path) -> int:
    """How often the test split was used after training, by the run's log."""
    try:
        return sum(LOOK in line for line in contents.raw(path / "log.txt").decode(errors="replace").splitlines())
    except BrokenRun:
        return 0


def history(path: Path) -> dict[str, Column]:
    """The columns of a run folder's `history.csv`; text becomes NaN.

    Raises:
        BrokenRun: if it is missing, cut off, or isn't that of the finished run.
    """
    text = contents.text(path / "history.csv", digests=seal.of(path).digests)
    try:
        header, *rows = csv.reader(io.StringIO(text)) if text.strip() else [[]]
    except csv.Error as error:
        raise BrokenRun(f"history.csv is not valid CSV ({error})") from None
    if not rows:
        raise BrokenRun("history.csv holds no epoch")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BrokenRun(f"history.csv is cut off in line {number} ({len(row)} of {counted(len(header), 'column')})")
    # A cut inside the last number leaves the right count of columns.
    if not text.endswith("\n"):
        raise BrokenRun(f"history.csv is cut off in line {len(rows) + 1} (no line end)")
    columns = zip(header, zip(*rows, strict=True), strict=True)
    return {name: np.array([_number(cell) for cell in cells]) for name, cells in columns}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _whole_history(path: Path, epochs: object) -> dict[str, Column]:
    """The history of a finished run of so many epochs."""
    columns = history(path)
    for column in ("epoch", "val_accuracy"):
        if column not in columns or not np.isfinite(columns[column]).all():
            raise BrokenRun(f"history.csv has no full column {column}")
    if not np.array_equal(columns["epoch"], np.arange(1, len(columns["epoch"]) + 1)):
        raise BrokenRun("history.csv does not count its epochs 1, 2, 3, ...")
    if not ((columns["val_accuracy"] >= 0) & (columns["val_accuracy"] <= 1)).all():
        raise BrokenRun("history.csv has a val_accuracy outside [0, 1]")
    if epochs != len(columns["epoch"]):
        raise BrokenRun(f"history.csv is cut off: {len(columns['epoch'])} of {epochs} epochs")
    return columns
