"""Everything a killed run needs to go on, in one file that is replaced at once and never pickled."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from augexp import files
from augexp.config import settings
from augexp.config.schema import VALIDATION_SHARE, Experiment
from augexp.errors import UserError
from augexp.runs import contents, read
from augexp.runs import folder as run_folder
from augexp.runs.records import BrokenRun, Configuration, Record, checked

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
    meta, stored = _opened(folder)
    _refuse_other_origin(folder, meta, origin)
    arrays: dict[str, list[NDArray[Any]]] = {part: [] for part in ("model", "optimizer", "metrics")}
    for name, array in stored.items():
        arrays.setdefault(name.partition("-")[0], []).append(array)
    return Checkpoint(origin, meta.step, meta.phase, meta.progress, arrays)


def refuse_other_config(folder: Path, experiment: Experiment) -> None:
    """Raises UserError, naming every difference, if a run folder holds the run of another configuration.

    Cheap, so that it comes before data and weights. A folder without a run is no other one.
    """
    try:
        there = read.config(folder)
    except contents.Changed as error:
        raise UserError(f"{folder}: {error}; bring back the file, or choose another name= or runs_dir=") from None
    except BrokenRun:
        return
    hidden = [*_of_copies(folder, there, experiment), *_of_val(folder, there, experiment)]
    _refuse(folder, [*settings.differences(there, experiment), *hidden])


def _of_copies(folder: Path, there: Mapping[str, Any], experiment: Experiment) -> list[str]:
    """How `data.duplicates` differs, which is no difference unless the run found copies in two splits."""
    was, now = settings.about_copies(there), experiment.data.duplicates
    if was == now:
        return []
    try:
        across = read.environment(folder).copies.across
    except BrokenRun:  # it hasn't looked at its data yet
        return []
    return [f"data.duplicates: {was} there, {now} here"] if across else []


def _of_val(folder: Path, there: Mapping[str, Any], experiment: Experiment) -> list[str]:
    """How `data.validation` differs, where the finished run that said nothing used a split of the data's own."""
    data, share = there.get("data"), experiment.data.validation
    if share != VALIDATION_SHARE or not isinstance(data, Mapping) or data.get("validation") is not None:
        return []
    try:
        own = read.result(folder).validation == "val"
    except BrokenRun:  # of an unfinished one the checkpoint tells
        return []
    return [f"data.validation: null, the data's own, there, {share} here"] if own else []


def _refuse_other_origin(folder: Path, meta: "_Meta", origin: Origin) -> None:
    if meta.format > FORMAT:
        raise UserError(
            f"{run_folder.checkpoint_path(folder)}: checkpoint format {meta.format}, and this augexp reads up to "
            f"{FORMAT}; resume with the newer augexp that wrote it, or start the run over without --resume"
        )
    found = settings.differences(settings.as_made(meta.config), origin.experiment)
    for name in ("data_fingerprint", "backend", "precision"):
        if (there := getattr(meta, name)) != (here := getattr(origin, name)):
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


class _Meta(Record):
    """What a checkpoint says of itself."""

    format: Annotated[int, Field(strict=True)]
    step: Annotated[int, Field(strict=True, ge=0)]
    phase: str
    progress: Progress
    config: dict[str, Any]
    data_fingerprint: str
    backend: str
    precision: str


def _opened(folder: Path) -> tuple[_Meta, dict[str, NDArray[Any]]]:
    """What a checkpoint says of itself, and its arrays."""
    path = run_folder.checkpoint_path(folder)
    try:
        stored = contents.arrays(path)
        meta = checked(_Meta, json.loads(str(stored.pop("meta"))), path.name)
        checked(Configuration, meta.config, path.name)
    except BrokenRun as error:
        raise UserError(f"{path}: {str(error).removeprefix(f'{path.name} ')}; {_AGAIN}") from None
    except (KeyError, ValueError, RecursionError):
        raise UserError(f"{path}: can't be read (it says nothing of itself); {_AGAIN}") from None
    return meta, stored


_AGAIN = "start the run over without --resume"
