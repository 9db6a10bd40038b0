"""The run folder while it is written: create, lock, append, finish.

    config.yaml environment.json status.json history.csv checkpoint/ best.weights.h5 last.weights.h5
    predictions-val.npz predictions-test.npz log.txt curves.png batch.png, and last of all result.json

`predictions-val.npz` and its neighbour are those of the weights that are scored (`train.score`); the others' have names
such as `predictions-val-best.npz`. Runs of earlier versions were scored with the best weights, and have no last ones.

Every file is replaced at once, but for history.csv and log.txt, which grow by a line; nothing is pickled; no TensorFlow
here. Only files of these names, and those of `augexp evaluate`, are ever deleted, in a folder that holds nothing else.
"""

import contextlib
import csv
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from augexp import console, files, removal
from augexp.config.schema import Experiment, Score
from augexp.errors import Terminated, UserError, first_line, printable, remedy
from augexp.files import write_json, write_text
from augexp.removal import Own
from augexp.runs import contents
from augexp.runs.records import BrokenRun, Configuration, checked

IN_USE = "another process is writing this run"  # no failure of the run
State = Literal["running", "interrupted", "failed", "finished"]

_OF_EVALUATIONS = r"evaluation\.json|evaluation-(val|test)\.npz|(reliability|confusion|robustness)-(val|test)\.png"
_NAMES = (
    r"config\.yaml|(environment|status|result)\.json|history\.csv|log\.txt|(best|last)\.weights\.h5|"
    r"predictions-(val|test)(-best|-last)?\.npz|(curves|batch)\.png|events\.out\.tfevents\..+|\.evaluation\.lock|"
    rf"{_OF_EVALUATIONS}"
)
EVALUATION_LOCK = ".evaluation.lock"
_CHECKPOINT = r"state\.npz"
_HALF = r"\.\d+-"  # begins the name of a file that is being written
CHECKPOINT = Own(re.compile(f"({_HALF})?({_CHECKPOINT})"))
OWN = Own(re.compile(f"({_HALF})?({_NAMES})"), {"checkpoint": CHECKPOINT}, proof="config.yaml")
HALF_EVALUATIONS = Own(re.compile(f"{_HALF}({_OF_EVALUATIONS})"))
_HALVES = Own(re.compile(f"{_HALF}({_NAMES})"), {"checkpoint": Own(re.compile(f"{_HALF}({_CHECKPOINT})"))})


@contextmanager
def create(experiment: Experiment, *, overwrite: bool = False, resume: bool = False) -> Iterator[Path]:
    """Holds a run folder for one process; on the way out `status.json` says how the run ended.

    A finished run is refused unless `overwrite`; it then stands aside, and comes back if the new one doesn't finish. An
    unfinished run is started over in an empty folder, or with `resume` left as its last checkpoint needs it.

    Raises:
        UserError: if the run is finished, another process writes it, the folder can't be written, or it would have to
            be replaced and holds what isn't a run's.
    """
    folder = experiment.run_dir
    with _locked(folder):
        try:
            _settle(folder)
            refuse_finished(experiment, overwrite=overwrite)
            with _writable(folder):
                _make_ready(folder, resume=resume)
                write_text(folder / "config.yaml", experiment.to_yaml())
                set_state(folder, "running")
            with _ending(folder):
                yield folder
        finally:
            _settle(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with _writable(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(files.lock(beside(folder, "lock")))
            except files.Held:
                raise UserError(f"{folder}: {IN_USE}; wait, or choose another name= or seed=") from None
            held = stack.pop_all()
    with held:
        yield


def is_locked(folder: Path) -> bool | None:
    """Whether a process is writing the run; None where that can't be told."""
    return files.is_held(beside(folder.absolute(), "lock"))


def _make_ready(folder: Path, *, resume: bool) -> None:
    if resume and checkpoint_path(folder).exists():
        removal.remove(folder, _HALVES)  # of a process that was killed
        return
    refuse_foreign(folder)
    if (folder / "result.json").exists():
        folder.rename(beside(folder, "previous"))
    _remove(folder)
    folder.mkdir()


def refuse_foreign(folder: Path) -> None:
    """Raises UserError if there is anything in the place of a run folder that no run has put there."""
    try:
        others = removal.foreign(folder, OWN)
        empty = not folder.exists() or not any(path.name[0] != "." for path in folder.iterdir())
    except NotADirectoryError:
        if not folder.is_symlink():
            raise
        raise UserError(f"{folder}: a link can't be a run folder; remove it, or choose another name=") from None
    if others:
        raise UserError(f"{folder}: it holds what is not of a run ({_some(others)}); {_WAY_OUT}")
    if not empty and not _is_configured(folder):
        raise UserError(f"{folder}: its files are not of a run (no config.yaml of augexp's); {_WAY_OUT}")


_WAY_OUT = "nothing is deleted: move that away, or choose another name= or runs_dir="


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _is_configured(folder: Path) -> bool:
    """Whether `config.yaml` is the configuration of a run, of whatever version."""
    try:
        checked(Configuration, contents.settings(folder / "config.yaml"), "config.yaml")
    except BrokenRun:
        return False
    return True


def checkpoint_path(folder: Path) -> Path:
    """Where a run keeps what it needs to go on."""
    return folder / "checkpoint" / "state.npz"


def weights_path(folder: Path, kind: Score) -> Path:
    """Where a run keeps the weights of its best or last epoch."""
    return folder / f"{kind}.weights.h5"


def record_failure(experiment: Experiment, reason: str) -> None:
    """Says in the run folder why a run came to nothing before it had one, or died; a finished run stays as it is."""
    folder = experiment.run_dir
    with _locked(folder), _writable(folder):
        if (folder / "result.json").exists():
            return
        refuse_foreign(folder)
        folder.mkdir(exist_ok=True)
        if not (folder / "config.yaml").exists():
            write_text(folder / "config.yaml", experiment.to_yaml())
        set_state(folder, "failed", reason)


def beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _settle(folder: Path) -> None:
    """Ends an overwriting, even a killed one: the earlier run goes if the new one is finished, else it comes back."""
    previous = beside(folder, "previous")
    if not previous.exists():
        return
    if (folder / "result.json").exists():
        left = removal.remove(previous, OWN)
        if left:
            console.say(f"{previous}: left, as it holds what is not of a run ({_some(left)})")
    else:
        _remove(folder)
        previous.rename(folder)


def _remove(folder: Path) -> None:
    """Deletes an unfinished run."""
    if not os.path.lexists(folder):
        return
    left = removal.remove(folder, OWN)
    if left:
        raise UserError(f"{folder}: it holds what is not of a run ({_some(left)}); {_WAY_OUT}")


def is_finished(folder: Path) -> bool:
    """Whether a run folder holds its result."""
    with _writable(folder):
        return (folder / "result.json").exists()


def refuse_finished(experiment: Experiment, *, overwrite: bool = False) -> None:
    """Raises UserError if the run folder holds a finished run; cheap, so that it comes before data and weights."""
    folder = experiment.run_dir
    if is_finished(folder) and not overwrite:
        raise UserError(
            f"{folder}: this run is finished and is not overwritten; choose another name= or seed=, or give --overwrite"
        )


@contextmanager
def _ending(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        with suppress(OSError):
            set_state(folder, "interrupted", str(error) if isinstance(error, Terminated) else "Ctrl-C")
            log(folder, "interrupted")
        raise
    except OSError as error:
        # On a full disk even these few bytes may not fit; the message on the screen matters more.
        with suppress(OSError):
            set_state(folder, "failed", str(error))
        where = error.filename or folder
        raise UserError(
            f"{where}: {error.strerror or error}; {remedy(error)}, or set runs_dir= to another folder"
        ) from error
    except BaseException as error:
        reason = first_line(error)
        with suppress(OSError):
            set_state(folder, "failed", reason)
            log(folder, f"failed: {reason}")
        raise
    set_state(folder, "finished")


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: the run folder can't be written ({error.strerror}); set runs_dir= to another folder"
        ) from error


def set_state(folder: Path, state: State, reason: str = "") -> None:
    """Says in `status.json` how the run stands."""
    write_json(folder / "status.json", {"state": state, "reason": reason, "time": _now()})


def log(folder: Path, line: str) -> None:
    """Appends a line with its time to `log.txt`."""
    files.append(folder / "log.txt", f"{_now()} {printable(line)}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def append_history(folder: Path, row: Mapping[str, float | int | str | None]) -> None:
    """Adds one epoch to `history.csv`; the first row writes the header, and the others follow it.

    A history that an earlier version began goes on with its columns.
    """
    path = folder / "history.csv"
    text = io.StringIO()
    begun = _header(path) if path.exists() else []
    writer = csv.DictWriter(text, begun or list(row), extrasaction="ignore", lineterminator="\n")
    if not begun:
        writer.writeheader()
    writer.writerow(row)
    files.append(path, text.getvalue())


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.readline().rstrip("\n").split(",")


def keep_history(folder: Path, epochs: int) -> None:
    """Cuts `history.csv` after so many epochs: what came after the last checkpoint comes again."""
    path = folder / "history.csv"
    if not epochs:
        path.unlink(missing_ok=True)
        return
    try:
        lines = contents.text(path).splitlines(keepends=True)
    except BrokenRun:
        lines = []
    if len(lines) <= epochs or not lines[epochs].endswith("\n"):
        raise UserError(
            f"{path}: the {epochs} epochs of the checkpoint are needed, and the file holds {max(0, len(lines) - 1)}; "
            "start the run over without --resume"
        )
    write_text(path, "".join(lines[: epochs + 1]))
