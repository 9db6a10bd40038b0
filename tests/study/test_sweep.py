"""A sweep around runs that a test decides the fate of, and one of real processes."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from augexp import files
from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.study import grid, sweep
from tests.factories import make_run
from tests.forked import command

Fate = Callable[[Experiment], str]


@pytest.fixture
def experiments(tmp_path: Path) -> list[Experiment]:
    axes = grid.read_axes(["strategy=none,cutmix", "seed=0,1", "train.epochs=5", f"runs_dir={tmp_path / 'runs'}"])
    return grid.experiments(grid.Study("digits.yaml", axes))


def finish(experiment: Experiment) -> str:
    make_run(experiment.run_dir)
    files.write_text(experiment.run_dir / "config.yaml", experiment.to_yaml())
    return ""


class Fated:
    """A run that ends at the second look."""

    def __init__(self, experiment: Experiment, fate: Fate, pool: "FatedPool") -> None:
        self.experiment, self.fate, self.pool, self.looks = experiment, fate, pool, 0
        self.ended = self.stopped = False

    def poll(self) -> str | None:
        self.looks += 1
        return None if self.looks < 2 else self.fate(self.experiment)

    def end(self) -> None:
        self.ended = True

    def stop(self) -> None:
        # All are asked before one is waited for, so that they end beside each other.
        self.stopped = all(run.ended for run in self.pool.started)


class FatedPool:
    """Starts runs whose fate is given by their folder's name; finishes the others."""

    def __init__(self, places: int = 1, fates: Mapping[str, Fate] | None = None) -> None:
        self.places, self.fates = places, fates or {}
        self.started: list[Fated] = []
        self.busy = self.most = 0

    def start(self, experiment: Experiment) -> Fated:
        self.busy += 1
        self.most = max(self.most, self.busy)
        self.started.append(Fated(experiment, self.fates.get(experiment.run_dir.name, finish), self))
        return self.started[-1]

    def release(self, ended: Fated) -> None:
        self.busy -= 1

    @property
    def names(self) -> list[str]:
        return [run.experiment.run_dir.name for run in self.started]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "POLL_SECONDS", 0.0)


@pytest.mark.parametrize("places", [1, 3])
def test_every_run_is_trained_and_no_more_at_once_than_there_are_places(
    experiments: list[Experiment], places: int
) -> None:
    pool = FatedPool(places)
    standings = sweep.run(experiments, sweep.due(experiments), pool)
    assert [now.state for now in standings] == ["finished"] * 4
    assert pool.most == places
    assert sweep.due(experiments) == []


def test_own_ops_are_proven_before_the_first_run(tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text(
        "import random\n\ndef right(image):\n    return image[:, ::-1]\n\n"
        "def loud(image):\n    return image[:, ::-1] if random.random() < 0.5 else image\n\n"
        "def cut(image):\n    return image[1:]\n"
    )
    axes = ["strategy=my_ops:right,my_ops:loud,my_ops:cut", "seed=0,1", f"ops_dir={tmp_path}", f"runs_dir={tmp_path}"]
    both = grid.experiments(grid.Study("digits.yaml", grid.read_axes(axes)))
    pool = FatedPool()
    with pytest.raises(UserError) as caught:
        sweep.run(both, both, pool)
    assert [line.partition(";")[0][:52] for line in str(caught.value).splitlines()] == [
        "own op my_ops:loud: it gave another answer for the s",
        "own op my_ops:cut: it returned an image of shape (15",
    ]
    assert pool.started == []
    assert [now.state for now in sweep.run(both[:2], both[:2], pool)] == ["finished"] * 2


def test_a_failing_run_stops_no_other_and_is_tried_again_when_told(experiments: list[Experiment]) -> None:
    pool = FatedPool(fates={"none-seed1": lambda _: "no such weights", "cutmix-seed0": lambda _: "killed by SIGKILL"})
    standings = sweep.run(experiments, sweep.due(experiments), pool)
    folder = experiments[0].run_dir.parent
    assert sweep.closing_lines(standings) == [
        "4 runs: 2 finished, 1 waiting, 1 failed; about 2 min of training left",
        f"{folder}/none-seed1: failed: no such weights",
        f"{folder}/cutmix-seed0: waiting: killed by SIGKILL",
        "the same command with --retry tries the failed runs again",
    ]
    assert sweep.next_line(standings) == f"compare: augexp compare {folder}/none-seed0 {folder}/cutmix-seed1"
    # What was killed is no failure of its own: it goes on by itself.
    assert [experiment.run_dir.name for experiment in sweep.due(experiments)] == ["cutmix-seed0"]
    again = FatedPool()
    standings = sweep.run(experiments, sweep.due(experiments, retry=True), again)
    assert again.names == ["none-seed1", "cutmix-seed0"]
    assert sweep.closing_lines(standings) == ["4 runs: 4 finished"]
    assert sweep.next_line(standings) == f"compare: augexp compare {folder}/*-seed*"


def test_a_run_that_another_process_trains_has_not_failed(experiments: list[Experiment]) -> None:
    told = f"{experiments[0].run_dir}: {run_folder.IN_USE}; wait, or choose another name= or seed="
    standings = sweep.run(experiments, experiments, FatedPool(fates={experiments[0].run_dir.name: lambda _: told}))
    assert [now.state for now in standings] == ["waiting", "finished", "finished", "finished"]
    assert sweep.due(experiments) == experiments[:1]


def test_the_reason_is_told_where_it_can_not_be_written(experiments: list[Experiment]) -> None:
    experiments[0].run_dir.parent.write_text("no folder can be made here")
    reason = "can't be written (Read-only file system)"
    pool = FatedPool(fates={experiment.run_dir.name: lambda _: reason for experiment in experiments})
    lines = sweep.closing_lines(sweep.run(experiments, experiments, pool))
    assert lines[1:] == [f"{experiment.run_dir}: waiting: {reason}" for experiment in experiments]


def test_ctrl_c_stops_the_runs_that_are_being_trained(experiments: list[Experiment]) -> None:
    def interrupt(_: Experiment) -> str:
        raise KeyboardInterrupt

    pool = FatedPool(2, fates={"none-seed1": interrupt})
    with pytest.raises(KeyboardInterrupt):
        sweep.run(experiments, experiments, pool)
    assert [run.stopped for run in pool.started] == [True, True]


def test_runs_of_another_configuration_are_refused_before_anything_starts(experiments: list[Experiment]) -> None:
    for experiment in experiments[:2]:
        finish(experiment)
    others = [load.experiment(None, [*_overrides(experiment), "train.epochs=6"]) for experiment in experiments]
    with pytest.raises(UserError) as error:
        sweep.due(others)
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        str(experiment.run_dir) for experiment in experiments[:2]
    ]
    assert "train.epochs: 5 there, 6 here" in str(error.value)


def _overrides(experiment: Experiment) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in experiment.model_dump(mode="json").items()]


# --- real processes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_sweep_that_dies_goes_on_when_typed_again(tmp_path: Path, cache_dir: Path) -> None:
    line = (
        *("sweep", "--config", "digits.yaml", "strategy=none,cutmix", "train.learning_rate=0.05,1e30"),
        *("train.epochs=2", "train.schedule=constant", "data.train_per_class=30", "--jobs", "2"),
        *(f"runs_dir={tmp_path / 'runs'}", f"data.cache_dir={cache_dir}"),
    )
    first = command(*line)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/*/history.csv")) and time.monotonic() < deadline and first.returncode is None:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate(60)
    while any(run_folder.is_locked(folder) for folder in tmp_path.glob("runs/*-seed0")):
        time.sleep(0.1)  # its runs notice that they are alone, and end
    ends = [(told.state, told.reason) for told in map(read.state, tmp_path.glob("runs/*-seed0"))]
    assert ("interrupted", "SIGTERM") in ends
    assert ("running", "") not in ends
    again = command(*line)
    out, err = again.communicate(240)
    assert again.returncode == 1, err
    summary, *lines = out.splitlines()
    assert summary.startswith("4 runs: 2 finished, 2 failed")
    assert sum("the loss is" in line for line in lines) == 2
    assert lines[-1].startswith("compare: augexp compare ")
    for strategy in ("none", "cutmix"):
        run = read.load(tmp_path / "runs" / f"{strategy}-learning_rate0.05-seed0")
        assert str(run.environment.command).startswith("augexp sweep --config digits.yaml")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["strategy=none,cutmix", "train.batch_size=1"], "train.batch_size 1: cutmix would mix each image with itself"),
        (["model.backbone=MobileNetV3Small", "model.preprocessing=imagenet,unit", "data.image_size=32"],
         "model.preprocessing unit: RGB 0..255 would enter the first convolution of MobileNetV3Small as -1..-0.9922"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_the_first_run(tmp_path: Path, overrides: list[str], said: str) -> None:
    axes = grid.read_axes([*overrides, "seed=0,1", f"runs_dir={tmp_path / 'runs'}"])
    experiments, pool = grid.experiments(grid.Study("digits.yaml", axes)), FatedPool()
    with pytest.raises(UserError) as caught:
        sweep.run(experiments, sweep.due(experiments), pool)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(said)
    assert pool.started == []


def test_finished_runs_that_would_be_refused_now_are_left_alone(tmp_path: Path) -> None:
    axes = grid.read_axes(["strategy=cutmix", "train.batch_size=1", f"runs_dir={tmp_path / 'runs'}"])
    experiments = grid.experiments(grid.Study("digits.yaml", axes))
    finish(experiments[0])
    assert sweep.due(experiments) == []
