"""The run folder, the only thing that crosses from training to comparison: create, lock, append, finish, load.

    config.yaml environment.json status.json history.csv checkpoint/ best.weights.h5
    predictions-val.npz predictions-test.npz log.txt curves.png batch.png, and last of all result.json

Every file is replaced at once, but for history.csv and log.txt, which grow by a line; nothing is pickled; no TensorFlow
here.
"""

import csv
import io
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from augexp.config.schema import Experiment
from augexp.errors import Terminated, UserError
from augexp.files import replacing, write_json, write_text

State = Literal["running", "interrupted", "failed", "finished"]


Metric = NDArray[np.float64]


@contextmanager
def create(experiment: Experiment, *, overwrite: bool = False, resume: bool = False) -> Iterator[Path]:
    """Holds a run folder for one process; on the way out `status.json` says how the run ended.

    A finished run is refused unless `overwrite`; it then stands aside, and comes back if the new one doesn't finish. An
    unfinished run is started over in an empty folder, or with `resume` left as its last checkpoint needs it.

    Raises:
        UserError: if the run is finished, another process writes it, or the folder can't be written.
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
        lock = FileLock(_beside(folder, "lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"{folder}: another process is writing this run; wait, or choose another name= or seed="
            ) from None
    try:
        yield
    finally:
        lock.release()


def _make_ready(folder: Path, *, resume: bool) -> None:
    if resume and checkpoint_path(folder).exists():
        for left in (*folder.glob(".[0-9]*-*"), *checkpoint_path(folder).parent.glob(".[0-9]*-*")):
            left.unlink()  # half a file of a process that was killed
        return
    if (folder / "result.json").exists():
        folder.rename(_beside(folder, "previous"))
    _remove(folder)
    folder.mkdir()


def checkpoint_path(folder: Path) -> Path:
    """Where a run keeps what it needs to go on."""
    return folder / "checkpoint" / "state.npz"


def record_failure(experiment: Experiment, reason: str) -> None:
    """Says in the run folder why a run came to nothing before it had one, or died; a finished run stays as it is."""
    folder = experiment.run_dir
    with _locked(folder), _writable(folder):
        if (folder / "result.json").exists():
            return
        folder.mkdir(exist_ok=True)
        if not (folder / "config.yaml").exists():
            write_text(folder / "config.yaml", experiment.to_yaml())
        set_state(folder, "failed", reason)


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _settle(folder: Path) -> None:
    """Ends an overwriting, even a killed one: the earlier run goes if the new one is finished, else it comes back."""
    previous = _beside(folder, "previous")
    if not previous.exists():
        return
    if (folder / "result.json").exists():
        shutil.rmtree(previous)
    else:
        _remove(folder)
        previous.rename(folder)


def _remove(folder: Path) -> None:
    if folder.is_symlink():  # rmtree refuses a link, and removing what it points to would reach outside runs_dir
        raise UserError(f"{folder}: a link can't be a run folder; remove it, or choose another name=")
    if folder.exists():
        shutil.rmtree(folder)


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
            set_state(folder, "interrupted", "SIGTERM" if isinstance(error, Terminated) else "Ctrl-C")
            log(folder, "interrupted")
        raise
    except OSError as error:
        # On a full disk even these few bytes may not fit; the message on the screen matters more.
        with suppress(OSError):
            set_state(folder, "failed", str(error))
        where = error.filename or folder
        raise UserError(
            f"{where}: {error.strerror or error}; free space, or set runs_dir= to another folder"
        ) from error
    except BaseException as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
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
    with (folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{_now()} {line}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def append_history(folder: Path, row: Mapping[str, float | int | str]) -> None:
    """Adds one epoch to `history.csv`; the first row writes the header."""
    path = folder / "history.csv"
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def keep_history(folder: Path, epochs: int) -> None:
    """Cuts `history.csv` after so many epochs: what came after the last checkpoint comes again."""
    path = folder / "history.csv"
    if not epochs:
        path.unlink(missing_ok=True)
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if len(lines) <= epochs or not lines[epochs].endswith("\n"):
        raise UserError(
            f"{path}: the {epochs} epochs of the checkpoint are needed, and the file holds {max(0, len(lines) - 1)}; "
            "start the run over without --resume"
        )
    write_text(path, "".join(lines[: epochs + 1]))


def write_predictions(
    path: Path, ids: Sequence[str], labels: NDArray[np.int32], probability: NDArray[np.float32]
) -> None:
    """Stores ids (N,), labels (N,) int32 and probabilities (N, K) as float16."""
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            id=np.asarray(ids, np.str_),
            label=labels.astype(np.int32),
            probability=probability.astype(np.float16),
        )


class BrokenRun(Exception):  # noqa: N818 - it names what was found, not what went wrong here
    """A folder that is no finished, readable run; the message says why."""


@dataclass(frozen=True)
class Run:
    """A finished run as its folder holds it."""

    path: Path
    config: dict[str, Any]  # resolved, nested
    environment: dict[str, Any]
    result: dict[str, Any]
    history: dict[str, Metric]  # column -> one value an epoch

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
    run = Run(
        path,
        read_config(path),
        read_environment(path),
        _read_json(path / "result.json"),
        read_history(path),
    )
    _check(run)
    return run


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        raise BrokenRun("no such folder" if not path.exists() else "not a folder")
    if not (path / "config.yaml").is_file():
        holds_runs = any(path.glob("*/config.yaml"))
        raise BrokenRun(
            f"not a run folder; it holds some: give {path}/*" if holds_runs else "not a run folder (no config.yaml)"
        )
    if not (path / "result.json").is_file():
        raise BrokenRun(_unfinished(path))


def refuse_foreign(path: Path) -> None:
    """Raises UserError, cheaply, if a folder holds no run, finished or not."""
    if not path.is_dir():
        raise UserError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}; give a run folder")
    if not (path / "config.yaml").is_file():
        holds_runs = any(path.glob("*/config.yaml"))
        raise UserError(
            f"{path}: not a run folder ({f'it holds some: give {path}/*' if holds_runs else 'no config.yaml'})"
        )


def _unfinished(path: Path) -> str:
    told, reason = state(path)
    if told == "running" and not is_locked(path):
        return "unfinished: killed"
    return "unfinished" + (f": {told}" if told else "") + (f" ({reason})" if reason else "")


def state(path: Path) -> tuple[str, str]:
    """What `status.json` says of a run, and why; nothing where it says nothing. A killed run still says running."""
    try:
        status = _read_json(path / "status.json")
    except BrokenRun:
        return "", ""
    return str(status.get("state") or ""), str(status.get("reason") or "")


def is_locked(path: Path) -> bool:
    """Whether a process is writing the run."""
    if not _beside(path.absolute(), "lock").exists():
        return False
    lock = FileLock(_beside(path.absolute(), "lock"))
    try:
        with lock.acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True


def read_config(path: Path) -> dict[str, Any]:
    """The resolved configuration of a run folder. Raises BrokenRun if it is missing or is none."""
    # The C parser reads 40 configurations in a tenth of the time of the Python one.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        config = yaml.load((path / "config.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
        # Only what augexp itself could have written can be grouped, compared and shown.
        json.dumps(config, allow_nan=False, sort_keys=True)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError, OSError) as error:
        raise BrokenRun(f"config.yaml can't be read ({type(error).__name__})") from None
    if (
        not isinstance(config, dict)
        or not isinstance(config.get("name"), str)
        or not isinstance(config.get("seed"), int)
    ):
        raise BrokenRun("config.yaml is not the configuration of a run (no name or seed)")
    ops = config.get("strategy")
    if not isinstance(ops, list) or not all(isinstance(op, dict) and isinstance(op.get("name"), str) for op in ops):
        raise BrokenRun("config.yaml is not the configuration of a run (strategy is no list of ops)")
    return config


def read_environment(path: Path) -> dict[str, Any]:
    """What a run's numbers depend on beside its configuration. Raises BrokenRun if it is missing or unreadable."""
    return _read_json(path / "environment.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BrokenRun(f"{path.name} is missing") from None
    except (ValueError, RecursionError, OSError):
        raise BrokenRun(f"{path.name} is not valid JSON") from None
    if not isinstance(value, dict):
        raise BrokenRun(f"{path.name} is not a JSON object")
    return value


def read_history(path: Path) -> dict[str, Metric]:
    """The columns of a run folder's `history.csv`; text becomes NaN. Raises BrokenRun if it is missing or cut off."""
    try:
        text = (path / "history.csv").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BrokenRun("history.csv is missing") from None
    except (UnicodeDecodeError, OSError):
        raise BrokenRun("history.csv can't be read") from None
    try:
        header, *rows = csv.reader(io.StringIO(text)) if text.strip() else [[]]
    except csv.Error as error:
        raise BrokenRun(f"history.csv is not valid CSV ({error})") from None
    if not rows:
        raise BrokenRun("history.csv holds no epoch")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BrokenRun(f"history.csv is cut off in line {number} ({len(row)} of {len(header)} columns)")
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


def _check(run: Run) -> None:
    for column in ("epoch", "val_accuracy"):
        if column not in run.history or not np.isfinite(run.history[column]).all():
            raise BrokenRun(f"history.csv has no full column {column}")
    if not np.array_equal(run.history["epoch"], np.arange(1, len(run.history["epoch"]) + 1)):
        raise BrokenRun("history.csv does not count its epochs 1, 2, 3, ...")
    if not ((run.history["val_accuracy"] >= 0) & (run.history["val_accuracy"] <= 1)).all():
        raise BrokenRun("history.csv has a val_accuracy outside [0, 1]")
    epochs = run.result.get("epochs")
    if epochs != len(run.history["epoch"]):
        raise BrokenRun(f"history.csv is cut off: {len(run.history['epoch'])} of {epochs} epochs")
    for split in ("val", "test"):
        metrics = run.result.get(split)
        if not isinstance(metrics, dict) or not _is_within(metrics.get("accuracy"), 0, 1):
            raise BrokenRun(f"result.json has no {split} accuracy")
    highest = {"best_epoch": len(run.history["epoch"]), "seconds": 1e12, "images_per_second": 1e12}
    for key, high in highest.items():
        if not _is_within(run.result.get(key), int(key == "best_epoch"), high):
            raise BrokenRun(f"result.json has no {key}")


def _is_within(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
