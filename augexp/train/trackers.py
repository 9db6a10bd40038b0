"""What follows a run from outside: TensorBoard, MLflow, Weights & Biases; the rows of `history.csv`, epoch by epoch.

A tracker changes no number, and no run fails by one: what ends a tracker is said, and the run goes on.
"""

import hashlib
import logging
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from augexp import console
from augexp.config import trackers
from augexp.config.schema import Experiment
from augexp.config.settings import flatten, show
from augexp.errors import first_line
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.runs.records import BrokenRun
from augexp.train.tensorboard import Events

Row = Mapping[str, Any]  # of `history.csv`: numbers, text and what isn't known
End = Literal["FINISHED", "FAILED", "KILLED"]
PROJECT = "augexp"  # an experiment of MLflow's, a project of Weights & Biases'
LONGEST_VALUE, MOST_PARAMS = 500, 100  # what every version of MLflow's server takes
PICTURES = ("batch.png", "curves.png")


class Tracker(Protocol):
    """One that follows a run."""

    known: int  # the last epoch that it was told of by an earlier process
    where: str  # for the person who started the run

    def add(self, row: Row) -> None:
        """Takes down the numbers of an epoch."""

    def finish(self, reached: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Takes down what a run has reached."""

    def end(self, how: End) -> None:
        """Lets go."""


@dataclass(frozen=True)
class Followed:
    """What a tracker is told of a run when it begins.

    Attributes:
        folder: of the run.
        settings: resolved, by dotted names.
        id: the same for a run that is resumed, another one for a run that starts over.
    """

    folder: Path
    settings: Mapping[str, str]
    id: str


class Trackers:
    """All trackers of a run; one that fails is let go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._following: dict[str, Tracker] = {}

    def start(self, name: str, followed: Followed, rows: Sequence[Row]) -> None:
        """Starts one, and tells it of the epochs that it doesn't know."""

        def begin(_: object) -> None:
            tracker = self._following[name] = MAKERS[name](followed)
            console.say(f"{name} follows this run: {tracker.where}")
            for row in rows:
                if row["epoch"] > tracker.known:
                    tracker.add(row)

        self._ask(name, begin)

    def add(self, row: Row) -> None:
        """Tells all of an epoch."""
        self._ask_all(lambda tracker: tracker.add(row))

    def finish(self, result: Mapping[str, Any]) -> None:
        """Tells all what the run has reached, as `result.json` has it."""
        pictures = [path for name in PICTURES if (path := self._folder / name).exists()]
        self._ask_all(lambda tracker: tracker.finish(dict(_numbers(result)), pictures))

    def end(self, how: End) -> None:
        """Lets go of all."""
        self._ask_all(lambda tracker: tracker.end(how))

    def _ask_all(self, ask: Callable[[Tracker], None]) -> None:
        for name in list(self._following):
            self._ask(name, ask)

    def _ask(self, name: str, ask: Callable[[Any], None]) -> None:
        try:
            ask(self._following.get(name))
        except Exception as error:  # servers and their clients raise all kinds
            self._following.pop(name, None)
            line = f"{name} doesn't follow this run, which goes on without: {first_line(error)[:300]}"
            console.say(line)
            run_folder.log(self._folder, line)


@contextmanager
def following(experiment: Experiment, folder: Path) -> Iterator[Trackers]:
    """The trackers that `train.trackers` asks for, until the run ends; its `environment.json` is there."""
    all_of_them = Trackers(folder)
    names = trackers.wanted(experiment)
    if names:
        followed, rows = _followed(experiment, folder), list(_rows(folder))
        for name in names:
            all_of_them.start(name, followed, rows)
    how: End = "FAILED"
    try:
        yield all_of_them
        how = "FINISHED"
    except KeyboardInterrupt:
        how = "KILLED"
        raise
    finally:
        all_of_them.end(how)


def _followed(experiment: Experiment, folder: Path) -> Followed:
    settings = {key: show(value) for key, value in flatten(experiment.model_dump(mode="json")).items()}
    # The environment is that of the start, and has its time.
    told = hashlib.sha256(f"{folder.name}\n".encode() + (folder / "environment.json").read_bytes())
    return Followed(folder, settings, told.hexdigest()[:16])


def _rows(folder: Path) -> Iterator[Row]:
    """The epochs that an earlier process has done."""
    with suppress(BrokenRun):  # no epoch yet
        history = read.history(folder)
        for i in range(len(history["epoch"])):
            yield {name: float(column[i]) for name, column in history.items() if math.isfinite(column[i])}


def _numbers(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", float(value)


def _of_epoch(row: Row) -> dict[str, float]:
    return {name: value for name, value in _numbers(row) if name != "epoch"}


class _TensorBoard:
    """Event files in the run folder, anew with each process."""

    known = 0

    def __init__(self, followed: Followed) -> None:
        self._events = Events(followed.folder)
        self.where = f"tensorboard --logdir {followed.folder}"

    def add(self, row: Row) -> None:
        self._events.add(row)

    def finish(self, reached: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Everything is there."""

    def end(self, how: End) -> None:
        """Events are written as they come."""


class _MLflow:
    """A run of MLflow's, at `MLFLOW_TRACKING_URI` or where MLflow puts it without."""

    def __init__(self, followed: Followed) -> None:
        # Else a server that isn't there is asked for ten minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        import mlflow

        self._client, self._entities = mlflow.MlflowClient(), mlflow.entities
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        place = self._place(name)
        found = self._client.search_runs([place], f"tags.`augexp.id` = '{followed.id}'", max_results=1)
        if found:
            self._run = found[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
            self.known = max((one.step for one in self._client.get_metric_history(self._run, "loss")), default=0)
        else:
            tags = {"augexp.id": followed.id, "augexp.run": str(followed.folder)}
            self._run = self._client.create_run(place, run_name=followed.folder.name, tags=tags).info.run_id
            self.known = 0
            self._tell_settings(followed.settings)
        self.where = f"experiment {name} at {mlflow.get_tracking_uri()}"

    def _place(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            with suppress(Exception):  # another run has just made it
                return str(self._client.create_experiment(name))
            found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id)

    def _tell_settings(self, settings: Mapping[str, str]) -> None:
        # Of its own ops a strategy's names may hold what MLflow's names may not.
        named = {re.sub(r"[^\w\-. /]", "/", key): value[:LONGEST_VALUE] for key, value in settings.items()}
        params = [self._entities.Param(key, value) for key, value in named.items()]
        for start in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(self._run, params=params[start : start + MOST_PARAMS])

    def _tell(self, numbers: Mapping[str, float], step: int) -> None:
        now = int(1000 * time.time())
        metrics = [self._entities.Metric(name, value, now, step) for name, value in numbers.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def add(self, row: Row) -> None:
        self._tell(_of_epoch(row), int(row["epoch"]))

    def finish(self, reached: Mapping[str, float], pictures: Sequence[Path]) -> None:
        self._tell(reached, 0)
        for path in pictures:
            self._client.log_artifact(self._run, str(path))

    def end(self, how: End) -> None:
        self._client.set_terminated(self._run, how)


class _WandB:
    """A run of Weights & Biases', which reads `WANDB_MODE`, `WANDB_PROJECT` and all its other variables."""

    def __init__(self, followed: Followed) -> None:
        import wandb

        self._wandb = wandb
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT), name=followed.folder.name, id=followed.id,
            resume="allow", config=dict(followed.settings), settings=wandb.Settings(console="off", silent=True),
        )  # fmt: skip
        self.known = self._run.step - 1 if self._run.resumed else 0
        offline = f"offline; wandb sync {Path(self._run.dir).parent}"
        self.where = offline if self._run.offline else str(self._run.url)

    def add(self, row: Row) -> None:
        self._run.log(_of_epoch(row), step=int(row["epoch"]))

    def finish(self, reached: Mapping[str, float], pictures: Sequence[Path]) -> None:
        self._run.summary.update(dict(reached))
        self._run.log({path.stem: self._wandb.Image(str(path)) for path in pictures})

    def end(self, how: End) -> None:
        self._run.finish(exit_code=0 if how == "FINISHED" else 1)


MAKERS: Mapping[str, Callable[[Followed], Tracker]] = {
    "tensorboard": _TensorBoard,
    "mlflow": _MLflow,
    "wandb": _WandB,
}
