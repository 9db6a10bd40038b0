"""The run folder: what it holds, who may write it, and how every kind of damage is named."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp import files, runs
from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import UserError
from tests.factories import CLASSES, EXAMPLES, make_run


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return load.experiment(None, ["strategy=cutmix", "data.source=digits", f"runs_dir={tmp_path / 'runs'}"])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def why_broken(folder: Path) -> str:
    with pytest.raises(runs.BrokenRun) as caught:
        runs.load(folder)
    return str(caught.value)


def test_a_new_folder_holds_the_resolved_configuration_and_says_running_then_finished(experiment: Experiment) -> None:
    with runs.create(experiment) as folder:
        assert folder == experiment.run_dir
        assert load.experiment(folder / "config.yaml") == experiment
        assert json.loads((folder / "status.json").read_text())["state"] == "running"
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"


def test_a_finished_run_is_refused_and_untouched(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    before = contents(folder)
    with pytest.raises(UserError) as caught, runs.create(experiment):
        pytest.fail("the folder was handed out")
    assert str(caught.value) == (
        f"{folder}: this run is finished and is not overwritten; choose another name= or seed=, or give --overwrite"
    )
    assert contents(folder) == before


def test_overwrite_starts_a_finished_run_over(experiment: Experiment) -> None:
    make_run(experiment.run_dir)
    with runs.create(experiment, overwrite=True) as folder:
        assert contents(folder).keys() == {"config.yaml", "status.json"}


def test_an_unfinished_run_is_started_over(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    (folder / "result.json").unlink()
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "state").write_text("old")
    with runs.create(experiment):
        assert contents(folder).keys() == {"config.yaml", "status.json"}
        assert not (folder / "checkpoint").exists()


def test_ctrl_c_leaves_a_folder_that_says_interrupted(experiment: Experiment) -> None:
    with pytest.raises(KeyboardInterrupt), runs.create(experiment):
        raise KeyboardInterrupt
    assert why_broken(experiment.run_dir) == "unfinished: interrupted (Ctrl-C)"
    assert (experiment.run_dir / "log.txt").read_text().endswith(" interrupted\n")


def test_a_failed_run_says_why(experiment: Experiment) -> None:
    with pytest.raises(UserError, match="loss is nan"), runs.create(experiment):
        raise UserError("loss is nan in epoch 2")
    assert why_broken(experiment.run_dir) == "unfinished: failed (loss is nan in epoch 2)"


def test_a_full_disk_is_explained(experiment: Experiment) -> None:
    with pytest.raises(UserError) as caught, runs.create(experiment):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == (
        f"{experiment.run_dir}: No space left on device; free space, or set runs_dir= to another folder"
    )


def test_a_killed_overwriting_brings_the_earlier_run_back(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    # As a kill leaves it: the earlier run stands aside, the new one has begun.
    folder.rename(folder.with_name(f".{folder.name}.previous"))
    folder.mkdir()
    (folder / "history.csv").write_text("epoch\n")
    with pytest.raises(UserError, match="this run is finished"), runs.create(experiment):
        pytest.fail("the folder was handed out")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_finished_overwriting_leaves_nothing_of_the_earlier_run(experiment: Experiment) -> None:
    folder = make_run(experiment.run_dir)
    with runs.create(experiment, overwrite=True):
        files.write_json(folder / "result.json", {"new": True})
    assert json.loads((folder / "result.json").read_text()) == {"new": True}
    assert not (folder / "history.csv").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted([folder.name, f".{folder.name}.lock"])


@pytest.mark.parametrize("in_the_way", [".", ".."], ids=["run folder", "runs_dir"])
def test_a_file_in_the_place_of_a_folder_is_explained(experiment: Experiment, in_the_way: str) -> None:
    place = Path(os.path.normpath(experiment.run_dir / in_the_way))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    with pytest.raises(UserError) as caught, runs.create(experiment):
        pytest.fail("the folder was handed out")
    reason = "Not a directory" if in_the_way == "." else "File exists"
    assert str(caught.value) == (
        f"{experiment.run_dir}: the run folder can't be written ({reason}); set runs_dir= to another folder"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_explained(experiment: Experiment) -> None:
    parent = experiment.run_dir.parent
    parent.mkdir(mode=0o500)
    with pytest.raises(UserError) as caught, runs.create(experiment):
        pytest.fail("the folder was handed out")
    assert str(caught.value) == (
        f"{experiment.run_dir}: the run folder can't be written (Permission denied); set runs_dir= to another folder"
    )


HOLD = """
import sys
from augexp import config, runs
with runs.create(config.load(None, sys.argv[1:])) as folder:
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_one_process_a_folder_and_a_killed_one_frees_it(experiment: Experiment) -> None:
    overrides = ["strategy=cutmix", "data.source=digits", f"runs_dir={experiment.runs_dir}"]
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *overrides], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "holding\n"
            before = contents(experiment.run_dir)
            with pytest.raises(UserError) as caught, runs.create(experiment, overwrite=True):
                pytest.fail("the folder was handed out")
            assert str(caught.value) == (
                f"{experiment.run_dir}: another process is writing this run; wait, or choose another name= or seed="
            )
            assert contents(experiment.run_dir) == before
            assert why_broken(experiment.run_dir) == "unfinished: running"
        finally:
            other.send_signal(signal.SIGKILL)
    assert why_broken(experiment.run_dir) == "unfinished: killed"
    with runs.create(experiment):
        pass


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1e-9, 1e9)), min_size=1, max_size=5))
def test_history_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]]) -> None:
    folder = tmp_path_factory.mktemp("run")
    for epoch, (accuracy, loss) in enumerate(rows, start=1):
        runs.append_history(folder, {"epoch": epoch, "phase": "full", "val_accuracy": accuracy, "loss": loss})
    history = runs.read_history(folder)
    assert history["epoch"].tolist() == list(range(1, len(rows) + 1))
    assert list(zip(history["val_accuracy"].tolist(), history["loss"].tolist(), strict=True)) == rows
    assert np.isnan(history["phase"]).all()


def test_predictions_need_no_pickle(tmp_path: Path) -> None:
    probability = np.array([[0.25, 0.75], [0.9, 0.1]], np.float32)
    runs.write_predictions(tmp_path / "p.npz", ["犬/1.jpg", "b"], np.array([1, 0], np.int32), probability)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as stored:
        assert stored["id"].tolist() == ["犬/1.jpg", "b"]
        assert (stored["label"].dtype, stored["probability"].dtype) == (np.int32, np.float16)
        np.testing.assert_array_equal(stored["label"], [1, 0])
        np.testing.assert_allclose(stored["probability"], probability, atol=5e-4)


def test_a_finished_run_is_read_whole(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", strategy="mixup", seed=3, val_accuracy=[0.5, 0.75, 0.625])
    run = runs.load(folder)
    assert (run.name, run.seed, run.path) == ("mixup", 3, folder)
    assert run.result["best_epoch"] == 2
    assert run.history["val_accuracy"].tolist() == [0.5, 0.75, 0.625]
    assert run.config["strategy"][0]["name"] == "mixup"


def test_the_factory_tells_one_story(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", accuracy=0.83)
    with np.load(folder / "predictions-val.npz", allow_pickle=False) as stored:
        assert stored["probability"].shape == (EXAMPLES, CLASSES)
        right = np.mean(stored["probability"].argmax(axis=1) == stored["label"])
    assert right == runs.load(folder).result["val"]["accuracy"] == 0.83


def cut(name: str, characters: int) -> Callable[[Path], None]:
    """Cuts characters off the end of a file."""

    def damage(folder: Path) -> None:
        text = (folder / name).read_text()
        (folder / name).write_text(text[:-characters])

    return damage


def put(name: str, text: str | bytes) -> Callable[[Path], None]:
    """Replaces what a file holds."""
    data = text.encode() if isinstance(text, str) else text

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return damage


def drop(name: str) -> Callable[[Path], None]:
    """Deletes a file."""
    return lambda folder: (folder / name).unlink()


def change(**keys: object) -> Callable[[Path], None]:
    """Replaces keys of result.json."""

    def damage(folder: Path) -> None:
        result = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps(result | keys))

    return damage


def drop_last_epoch(folder: Path) -> None:
    lines = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join(lines[:-1]))


def shuffle_epochs(folder: Path) -> None:
    header, first, second, *others = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join([header, second, first, *others]))


DAMAGE = [
    (drop("config.yaml"), "not a run folder (no config.yaml)"),
    (put("config.yaml", "a: [1"), "config.yaml can't be read (ParserError)"),
    (put("config.yaml", b"name: \xff\xfe"), "config.yaml can't be read (UnicodeDecodeError)"),
    (put("config.yaml", "!!python/object/apply:os.abort []"), "config.yaml can't be read (ConstructorError)"),
    (put("config.yaml", ""), "config.yaml is not the configuration of a run (no name or seed)"),
    (put("config.yaml", "seed: 1"), "config.yaml is not the configuration of a run (no name or seed)"),
    (
        put("config.yaml", "{name: theirs, seed: 1, strategy: resnet}"),
        "config.yaml is not the configuration of a run (strategy is no list of ops)",
    ),
    (drop("environment.json"), "environment.json is missing"),
    (put("environment.json", "[]"), "environment.json is not a JSON object"),
    (put("environment.json", b"\xff"), "environment.json is not valid JSON"),
    (put("result.json", ""), "result.json is not valid JSON"),
    (cut("result.json", 30), "result.json is not valid JSON"),
    (put("result.json", "accuracy: 0.9"), "result.json is not valid JSON"),
    (change(val=None), "result.json has no val accuracy"),
    (change(test={"accuracy": float("nan")}), "result.json has no test accuracy"),
    (change(best_epoch=None), "result.json has no best_epoch"),
    (change(seconds="long"), "result.json has no seconds"),
    (change(images_per_second=None), "result.json has no images_per_second"),
    (drop("history.csv"), "history.csv is missing"),
    (put("history.csv", ""), "history.csv holds no epoch"),
    (put("history.csv", "epoch,val_accuracy\n"), "history.csv holds no epoch"),
    (put("history.csv", b"\xff\xfe"), "history.csv can't be read"),
    (cut("history.csv", 30), "history.csv is cut off in line 6 (4 of 9 columns)"),
    (cut("history.csv", 3), "history.csv is cut off in line 6 (no line end)"),
    (drop_last_epoch, "history.csv is cut off: 4 of 5 epochs"),
    (shuffle_epochs, "history.csv does not count its epochs 1, 2, 3, ..."),
    (put("history.csv", "epoch,val_accuracy\n2,0.5\n"), "history.csv does not count its epochs 1, 2, 3, ..."),
    (put("history.csv", "epoch,loss\n1,2\n"), "history.csv has no full column val_accuracy"),
    (put("history.csv", "epoch,val_accuracy\n1,high\n"), "history.csv has no full column val_accuracy"),
    (
        put("history.csv", "epoch,val_accuracy\n1," + "9" * 200_000 + "\n"),
        "history.csv is not valid CSV (field larger than field limit (131072))",
    ),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE, ids=[f"{i}: {reason}" for i, (_, reason) in enumerate(DAMAGE)])
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], reason: str) -> None:
    folder = make_run(tmp_path / "run")
    damage(folder)
    assert why_broken(folder) == reason


@given(st.binary(max_size=200), st.sampled_from(["config.yaml", "environment.json", "result.json", "history.csv"]))
def test_no_content_is_fatal(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    folder = make_run(tmp_path_factory.mktemp("run"))
    (folder / name).write_bytes(content)
    try:
        runs.load(folder)
    except runs.BrokenRun as reason:
        assert str(reason)  # noqa: PT017 - whatever else is raised fails the test


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "unfinished"),
        ("no json", "unfinished"),
        ('{"state": "running"}', "unfinished: killed"),
        ('{"state": "failed", "reason": "loss is nan"}', "unfinished: failed (loss is nan)"),
    ],
)
def test_an_unfinished_run_says_how_it_ended(tmp_path: Path, status: str | None, reason: str) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "result.json").unlink()
    (folder / "status.json").unlink()
    if status is not None:
        (folder / "status.json").write_text(status)
    assert why_broken(folder) == reason


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "foreign").mkdir()
    assert why_broken(tmp_path / "none") == "no such folder"
    assert why_broken(tmp_path / "file") == "not a folder"
    assert why_broken(tmp_path / "foreign") == "not a run folder (no config.yaml)"
    assert why_broken(tmp_path / ("x" * 300)) == "can't be read (File name too long)"
