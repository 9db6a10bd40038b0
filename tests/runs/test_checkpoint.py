"""What is stored comes back, and what is not the same run is refused with the difference named."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augexp.config import load
from augexp.errors import UserError
from augexp.runs import checkpoint
from augexp.runs import folder as run_folder
from augexp.runs.checkpoint import Checkpoint, Origin, Progress
from tests.factories import forget, make_run


def origin(*overrides: str, **changes: Any) -> Origin:
    experiment = load.experiment("digits.yaml", overrides)
    return dataclasses.replace(Origin(experiment, "f" * 64, "tensorflow", "float32"), **changes)


@pytest.fixture
def state() -> Checkpoint:
    rng = np.random.default_rng(0)
    arrays: checkpoint.Arrays = {
        "model": [rng.random((3, 2), np.float32), np.float32(0.1) * np.arange(12, dtype=np.float32)],
        "optimizer": [np.array(17, np.int64)],
        "metrics": [np.array(1 / 3, np.float32)],
    }
    progress = Progress(best_accuracy=0.875, best_epoch=2, val_accuracy=0.8, seconds=1.5, rates=[100.1, 99.9])
    return Checkpoint(origin(), step=37, phase="full", progress=progress, arrays=arrays)


def test_a_checkpoint_comes_back_exactly(tmp_path: Path, state: Checkpoint) -> None:
    checkpoint.save(tmp_path, state)
    again = checkpoint.load(tmp_path, state.origin)
    assert (again.step, again.phase, again.progress) == (37, "full", state.progress)
    for part, arrays in state.arrays.items():
        for ours, theirs in zip(arrays, again.arrays[part], strict=True):
            assert (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())


def test_more_than_ten_variables_keep_their_order(tmp_path: Path, state: Checkpoint) -> None:
    many = dataclasses.replace(state, arrays={"model": [np.array(i) for i in range(25)]})
    checkpoint.save(tmp_path, many)
    assert [int(array) for array in checkpoint.load(tmp_path, state.origin).arrays["model"]] == list(range(25))


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (origin("train.epochs=13", "seed=1"), "seed: 0 there, 1 here; train.epochs: 12 there, 13 here"),
        (origin(data_fingerprint="a" * 64), f"data fingerprint: {'f' * 16} there, {'a' * 16} here"),
        (origin(backend="jax", precision="mixed_bfloat16"),
         "backend: tensorflow there, jax here; precision: float32 there, mixed_bfloat16 here"),
    ],
)  # fmt: skip
def test_another_run_is_refused_with_every_difference(
    tmp_path: Path, state: Checkpoint, other: Origin, difference: str
) -> None:
    checkpoint.save(tmp_path, state)
    with pytest.raises(UserError) as error:
        checkpoint.load(tmp_path, other)
    assert str(error.value) == (
        f"{tmp_path}: can't be resumed, it is not the same run ({difference}); choose another name= or runs_dir=, "
        "or start it over without --resume"
    )


def test_what_changes_no_number_may_differ(tmp_path: Path, state: Checkpoint) -> None:
    checkpoint.save(tmp_path, state)
    moved = origin("runs_dir=elsewhere", "data.cache_dir=there", "train.checkpoint_steps=5", "train.tensorboard=true")
    assert checkpoint.load(tmp_path, moved).step == 37


def test_a_setting_that_an_older_version_did_not_know_has_its_default(tmp_path: Path, state: Checkpoint) -> None:
    checkpoint.save(tmp_path, state)
    path = run_folder.checkpoint_path(tmp_path)
    with np.load(path) as stored:
        arrays = dict(stored)
    meta = json.loads(str(arrays["meta"]))
    del meta["config"]["train"]["deterministic"]
    np.savez(path, **arrays | {"meta": np.array(json.dumps(meta))})
    assert checkpoint.load(tmp_path, origin()).step == 37
    with pytest.raises(UserError, match=r"train.deterministic: false there, true here"):
        checkpoint.load(tmp_path, origin("train.deterministic=true"))


def test_a_run_of_an_earlier_version_scores_its_best_epoch(tmp_path: Path, state: Checkpoint) -> None:
    checkpoint.save(tmp_path, state)
    path = run_folder.checkpoint_path(tmp_path)
    with np.load(path) as stored:
        arrays = dict(stored)
    meta = json.loads(str(arrays["meta"]))
    del meta["config"]["train"]["score"], meta["config"]["train"]["ema"]
    np.savez(path, **arrays | {"meta": np.array(json.dumps(meta))})
    with pytest.raises(UserError) as error:
        checkpoint.load(tmp_path, origin())
    assert str(error.value) == (
        f"{tmp_path}: can't be resumed, it is not the same run (train.score: 'best' there, 'last' here); add "
        "train.score=best to go on with it, or choose another name= or runs_dir=, or start it over without --resume"
    )
    with pytest.raises(UserError, match="here\\); choose another name= or runs_dir="):
        checkpoint.load(tmp_path, origin("seed=1"))
    assert checkpoint.load(tmp_path, origin("train.score=best")).step == 37


def test_the_folder_of_an_earlier_version_is_refused_before_any_work(tmp_path: Path) -> None:
    here = load.experiment("digits.yaml", [f"runs_dir={tmp_path}"])
    with run_folder.create(here) as folder:
        forget(folder, "score", "ema")
    with pytest.raises(UserError, match=r"add train\.score=best to go on with it"):
        checkpoint.refuse_other_config(folder, here)
    checkpoint.refuse_other_config(folder, load.experiment("digits.yaml", [f"runs_dir={tmp_path}", "train.score=best"]))


def test_a_newer_format_is_refused(tmp_path: Path, state: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    checkpoint.save(tmp_path, state)
    monkeypatch.undo()
    with pytest.raises(UserError) as error:
        checkpoint.load(tmp_path, state.origin)
    assert str(error.value) == (
        f"{tmp_path}/checkpoint/state.npz: checkpoint format 2, and this augexp reads up to 1; "
        "resume with the newer augexp that wrote it, or start the run over without --resume"
    )


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.999])
def test_a_damaged_file_is_named(tmp_path: Path, state: Checkpoint, keep: float) -> None:
    checkpoint.save(tmp_path, state)
    path = run_folder.checkpoint_path(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(UserError, match=r"state.npz: can't be read \(.*\); start the run over without --resume$"):
        checkpoint.load(tmp_path, state.origin)


def test_the_run_of_another_configuration_is_refused_before_any_work(tmp_path: Path) -> None:
    here = load.experiment("digits.yaml", ["train.epochs=3", f"runs_dir={tmp_path}"])
    with run_folder.create(load.experiment("digits.yaml", [f"runs_dir={tmp_path}"])):
        pass
    with pytest.raises(UserError, match=r"not the same run \(train.epochs: 12 there, 3 here\)"):
        checkpoint.refuse_other_config(here.run_dir, here)
    (here.run_dir / "config.yaml").unlink()
    checkpoint.refuse_other_config(here.run_dir, here)


def test_the_changed_configuration_of_a_finished_run_is_refused(tmp_path: Path) -> None:
    here = load.experiment("digits.yaml", [f"runs_dir={tmp_path}"])
    folder = make_run(here.run_dir, sealed=True)
    (folder / "config.yaml").write_text(here.to_yaml())
    with pytest.raises(
        UserError, match=r"none-seed0: config\.yaml is not what the run left .*; bring back the file, or"
    ):
        checkpoint.refuse_other_config(folder, here)


def test_what_is_stored_is_plain_json(tmp_path: Path, state: Checkpoint) -> None:
    checkpoint.save(tmp_path, state)
    with np.load(run_folder.checkpoint_path(tmp_path), allow_pickle=False) as stored:
        assert json.loads(str(stored["meta"]))["step"] == 37


@pytest.mark.parametrize(("across", "refused"), [(0, False), (2, True)])
def test_what_is_done_about_copies_is_another_run_where_there_are_some(
    tmp_path: Path, across: int, refused: bool
) -> None:
    place = [f"runs_dir={tmp_path}", "name=x"]
    here = load.experiment("digits.yaml", place)
    told = {"copies": {"across": across, "dropped": {"train": 0, "val": 0}}}
    folder = make_run(here.run_dir, environment=told)
    (folder / "config.yaml").write_text(load.experiment("digits.yaml", [*place, "data.duplicates=keep"]).to_yaml())
    if not refused:
        checkpoint.refuse_other_config(folder, here)
        return
    with pytest.raises(UserError, match=r"not the same run \(data\.duplicates: keep there, drop here\)"):
        checkpoint.refuse_other_config(folder, here)


@pytest.mark.parametrize(("validation", "refused"), [("train", False), ("val", True)])
def test_a_tenth_of_train_is_no_split_of_the_data_s_own(tmp_path: Path, validation: str, refused: bool) -> None:
    place = [f"runs_dir={tmp_path}", "name=x"]
    here = load.experiment("digits.yaml", [*place, "data.validation=0.1"])
    folder = make_run(here.run_dir)
    (folder / "config.yaml").write_text(load.experiment("digits.yaml", [*place, "data.validation=null"]).to_yaml())
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(result | {"validation": validation}))
    if not refused:
        checkpoint.refuse_other_config(folder, here)
        return
    with pytest.raises(UserError, match=r"data\.validation: null, the data's own, there, 0\.1 here"):
        checkpoint.refuse_other_config(folder, here)
