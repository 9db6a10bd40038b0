"""Everything a killed run needs to go on, in one file that is replaced at once and never pickled."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augexp import files
from augexp.config import settings
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.runs.records import BrokenRun

FORMAT = 1

Arrays = Mapping[str, Sequence[NDArray[Any]]]  # `model`, `optimizer`, `metrics`: the variables in their order


@dataclass
class Progress:
    """What a run has reached so far."""

    best_accuracy: float = -1.0
    best_epoch: int = 0
    val_accuracy: float | None = None  # of the last epoch
    seconds: float = 0.0  # training and validation
    epoch_seconds: float = 0.0  # of these, in an epoch that isn't at its end
    rates: list[float] = field(default_factory=list)  # images a second, one an epoch


@dataclass(frozen=True)
class Origin:
    """What decides the numbers of a run, and so must be the same when it goes on."""

    experiment: Experiment
    data_fingerprint: str
    backend: str
    precision: str


@dataclass(frozen=True)
class Checkpoint:
    """A run between two steps. There is no random state: every draw depends on seed and step."""

    origin: Origin
    step: int  # steps done; with the last one of an epoch, its validation and its history row too
    phase: str  # of the last step
    progress: Progress
    arrays: Arrays


def save(folder: Path, state: Checkpoint) -> None:
    """Replaces the checkpoint of a run folder."""
    path = run_folder.checkpoint_path(folder)
    path.parent.mkdir(exist_ok=True)
    meta = {
        "format": FORMAT, "step": state.step, "phase": state.phase,
        "progress": asdict(state.progress), "config": state.origin.experiment.model_dump(mode="json"),
        "data_fingerprint": state.origin.data_fingerprint, "backend": state.origin.backend,
        "precision": state.origin.precision,
    }  # fmt: skip
    named = {f"{part}-{i}": array for part, arrays in state.arrays.items() for i, array in enumerate(arrays)}
    with files.replacing(path) as temporary:
        np.savez(temporary, meta=np.array(json.dumps(meta)), **named)  # type: ignore[arg-type]


def load(folder: Path, origin: Origin) -> Checkpoint:
    """The checkpoint of a run folder.

    Raises:
        UserError: if it can't be read, or is of another origin or a newer format.
    """
    refuse_other_origin(folder, origin)
    with _opened(folder) as stored:
        meta = _meta(stored)
        arrays: dict[str, list[NDArray[Any]]] = {part: [] for part in ("model", "optimizer", "metrics")}
        for name in stored.files:
            if name != "meta":
                arrays[name.partition("-")[0]].append(stored[name])
    return Checkpoint(origin, meta["step"], meta["phase"], Progress(**meta["progress"]), arrays)


def refuse_other_config(folder: Path, experiment: Experiment) -> None:
    """Raises UserError, naming every difference, if a run folder holds the run of another configuration.

    Cheap, so that it comes before data and weights. A folder without a run is no other one.
    """
    try:
        there = read.config(folder)
    except BrokenRun:
        return
    _refuse(folder, settings.differences(there, experiment))


def refuse_other_origin(folder: Path, origin: Origin) -> None:
    """Raises UserError, naming every difference, if a checkpoint is of another origin or a newer format."""
    with _opened(folder) as stored:
        meta = _meta(stored)
    if meta["format"] > FORMAT:
        raise UserError(
            f"{run_folder.checkpoint_path(folder)}: checkpoint format {meta['format']}, and this augexp reads up to "
            f"{FORMAT}; resume with the newer augexp that wrote it, or start the run over without --resume"
        )
    found = settings.differences(meta["config"], origin.experiment)
    for name in ("data_fingerprint", "backend", "precision"):
        if (there := meta[name]) != (here := getattr(origin, name)):
            found.append(f"{name.replace('_', ' ')}: {there[:16]} there, {here[:16]} here")
    _refuse(folder, found)


def _refuse(folder: Path, found: list[str]) -> None:
    if found:
        raise UserError(
            f"{folder}: can't be resumed, it is not the same run ({'; '.join(found)}); {_way_out(found)}choose another "
            "name= or runs_dir=, or start it over without --resume"
        )


def _way_out(found: list[str]) -> str:
    """For a run of the time when the best epoch was scored by default: the same command may now ask for another."""
    score = re.fullmatch(r"train\.score: '(\w+)' there, '\w+' here", found[0])
    return f"add train.score={score[1]} to go on with it, or " if score and len(found) == 1 else ""


@contextmanager
def _opened(folder: Path) -> Iterator[Any]:
    path = run_folder.checkpoint_path(folder)
    try:
        # NumPy leaves a damaged file open that it opened itself.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            yield stored
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, OSError) as error:
        raise UserError(f"{path}: can't be read ({error}); start the run over without --resume") from None


def _meta(stored: Any) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads(str(stored["meta"]))
    return meta | {"config": settings.as_made(meta["config"])}
