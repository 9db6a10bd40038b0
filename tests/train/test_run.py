"""Whole runs: digits, real photos, the real Stanford Dogs builder, a real ResNet50, and Keras on JAX."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from augexp.config import load
from augexp.config.decide import Decide, Registered
from augexp.config.schema import Experiment, Score
from augexp.errors import UserError
from augexp.metrics.scores import metrics, probabilities
from augexp.network import model, scoring, trained
from augexp.network.build import build_network
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.runs.records import BrokenRun
from augexp.train import record
from augexp.train.announce import TEST_AS_VALIDATION
from augexp.train.run import summary, train
from tests import forked
from tests.factories import forget, unseal
from tests.forked import Forked
from tests.places import SHARED
from tests.tools import kills

QUICK = ("train.epochs=2", "train.batch_size=64", "data.train_per_class=40")


def digits(runs_dir: Path, cache_dir: Path, *overrides: str) -> Experiment:
    return load.experiment("digits.yaml", [*QUICK, f"runs_dir={runs_dir}", f"data.cache_dir={cache_dir}", *overrides])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, trained_once: Callable[..., Path]) -> Path:
    run = trained_once(*QUICK, "strategy=cutmix")
    return Path(shutil.copytree(run, tmp_path_factory.mktemp("runs") / run.name))


@pytest.mark.slow
def test_a_run_folder_is_complete(finished: Path) -> None:
    expected = {
        *("config.yaml", "environment.json", "status.json", "history.csv", "checkpoint"),
        *("best.weights.h5", "predictions-val-best.npz", "predictions-test-best.npz"),
        *("last.weights.h5", "predictions-val.npz", "predictions-test.npz"),
        *("result.json", "curves.png", "batch.png", "log.txt"),
    }
    assert {entry.name for entry in finished.iterdir()} == expected
    assert json.loads((finished / "status.json").read_text())["state"] == "finished"


def test_predictions_give_the_metrics_of_the_result(finished: Path) -> None:
    result = read.load(finished).result
    for name in ("val", "test"):
        with np.load(finished / f"predictions-{name}.npz", allow_pickle=False) as stored:
            assert stored["probability"].dtype == np.float16
            found = metrics(stored["probability"].astype(np.float32), stored["label"])
            assert len(set(stored["id"])) == len(stored["id"])
        assert found["accuracy"] == pytest.approx(result.of(name).accuracy, abs=0.005)
        assert found["examples"] == result.of(name).examples


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> dict[Score, Path]:
    """One run scored either way, of which the first epoch is the best."""

    def reach(self: record.Record, row: Mapping[str, Any]) -> bool:
        return real(self, {**row, "val_accuracy": 0.5 / self.epoch})

    real, folders = record.Record._reach, {}
    scores: tuple[Score, ...] = ("last", "best")
    with patch.object(record.Record, "_reach", reach):
        for score in scores:
            folders[score] = train(digits(tmp_path_factory.mktemp(score), cache_dir, f"train.score={score}"))
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("score", ["last", "best"])
def test_both_kinds_of_weights_give_their_predictions(both: dict[Score, Path], score: Score) -> None:
    folder, other = both[score], "best" if score == "last" else "last"
    found = read.load(folder).result
    assert (found.score, found.best_epoch) == (score, 1)
    assert found.other is not None
    assert found.other.score == other
    opened = trained.load(folder)
    splits = trained.splits(opened)
    for kind, suffix, scores in ((score, "", found), (other, f"-{other}", found.other)):
        model.load_weights(opened.network, folder / f"{kind}.weights.h5")
        for name, part in (("val", splits.val), ("test", splits.test)):
            said = probabilities(opened.network.model.predict(part.images[part.rows], verbose=0))
            with np.load(folder / f"predictions-{name}{suffix}.npz") as stored:
                assert stored["id"].tolist() == part.ids
                np.testing.assert_allclose(stored["probability"], said, atol=1e-3)
            assert getattr(scores, name).accuracy == metrics(said, part.labels)["accuracy"]


@pytest.mark.slow
def test_a_run_scored_either_way_holds_the_same_weights_and_predictions(both: dict[Score, Path]) -> None:
    last, best = both["last"], both["best"]
    for name in ("best.weights.h5", "last.weights.h5"):
        assert (last / name).read_bytes() == (best / name).read_bytes()
    for split in ("val", "test"):
        name = f"predictions-{split}"
        assert (last / f"{name}.npz").read_bytes() == (best / f"{name}-last.npz").read_bytes()
        assert (last / f"{name}-best.npz").read_bytes() == (best / f"{name}.npz").read_bytes()
        assert (best / f"{name}.npz").read_bytes() != (last / f"{name}.npz").read_bytes()
    ours, theirs = read.load(last).result, read.load(best).result
    assert ours.other is not None
    assert (ours.other.val, ours.other.test) == (theirs.val, theirs.test)


@pytest.mark.slow
def test_a_run_is_opened_with_the_weights_that_were_scored(both: dict[Score, Path], tmp_path: Path) -> None:
    for score, folder in both.items():
        content = (folder / f"{score}.weights.h5").read_bytes()
        assert trained.load(folder).weights == hashlib.sha256(content).hexdigest()
    old = Path(shutil.copytree(both["last"], tmp_path / "old"))
    forget(unseal(old), "score", "ema")  # an earlier version would have scored its best epoch
    content = (old / "best.weights.h5").read_bytes()
    assert trained.load(old).weights == hashlib.sha256(content).hexdigest()


@pytest.mark.slow
def test_where_the_best_epoch_is_the_last_nothing_is_predicted_twice(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, real = [], scoring.predict

    def predict(*arguments: Any) -> Any:
        calls.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(scoring, "predict", predict)
    folder = train(digits(tmp_path, cache_dir, "train.epochs=1"))
    found = read.load(folder).result
    assert len(calls) == 2
    assert found.other is not None
    assert (found.other.val, found.other.test) == (found.val, found.test)
    for split in ("val", "test"):
        ours, others = (folder / f"predictions-{split}{kind}.npz" for kind in ("", "-best"))
        assert ours.read_bytes() == others.read_bytes()


def test_the_environment_says_what_the_numbers_depend_on(finished: Path) -> None:
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["precision"] == "float32"
    assert environment["versions"]["keras"]
    assert len(environment["data_fingerprint"]) == 64
    nothing = {"across": 0, "dropped": {"train": 0, "val": 0}, "pairs": [], "conflicting": 0, "conflicts": []}
    assert environment["copies"] == nothing


@pytest.mark.slow
def test_the_stored_configuration_repeats_the_run_to_the_byte(finished: Path, tmp_path: Path) -> None:
    again = train(load.experiment(finished / "config.yaml", [f"runs_dir={tmp_path}"]))
    for name in ("val", "test"):
        with np.load(finished / f"predictions-{name}.npz") as a, np.load(again / f"predictions-{name}.npz") as b:
            np.testing.assert_array_equal(a["probability"], b["probability"])
    assert _without_times(finished) == _without_times(again)


def _without_times(folder: Path) -> dict[str, list[float]]:
    history = read.history(folder)
    return {name: list(history[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")}


def test_a_finished_run_is_refused_and_stays_as_it_was(finished: Path, cache_dir: Path) -> None:
    before = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    with pytest.raises(UserError) as error:
        train(digits(finished.parent, cache_dir, "strategy=cutmix"))
    assert str(error.value) == (
        f"{finished}: this run is finished and is not overwritten; choose another name= or seed=, or give --overwrite"
    )
    assert before == {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}


@pytest.mark.slow
def test_bad_input_with_overwrite_loses_no_finished_run(finished: Path, cache_dir: Path) -> None:
    with pytest.raises(UserError, match=r"no such file"):
        train(digits(finished.parent, cache_dir, "strategy=cutmix", "model.weights=gone.h5"), overwrite=True)
    assert read.load(finished).result


@pytest.mark.slow
def test_a_failed_overwriting_brings_the_earlier_run_back(finished: Path, cache_dir: Path) -> None:
    before = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    hopeless = ("strategy=cutmix", "train.learning_rate=1e30", "train.schedule=constant")
    with pytest.raises(UserError, match="the loss is"):
        train(digits(finished.parent, cache_dir, *hopeless), overwrite=True)
    assert before == {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}


@pytest.mark.slow
def test_the_same_seed_gives_every_strategy_the_same_initial_weights() -> None:
    import keras

    first, second = (
        build_network(load.experiment("digits.yaml", [f"strategy={name}"]), "float32", 10).model
        for name in ("none", "cutmix")
    )
    for ours, theirs in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))


@pytest.mark.slow
def test_a_failed_run_says_so(tmp_path: Path, cache_dir: Path) -> None:
    settings = digits(tmp_path, cache_dir, "train.learning_rate=1e30", "train.schedule=constant")
    with pytest.raises(UserError, match="the loss is nan"):
        train(settings)
    with pytest.raises(BrokenRun, match=r"unfinished: failed \(.*the loss is nan"):
        read.load(settings.run_dir)


@pytest.mark.slow
def test_test_as_validation_is_said(tmp_path: Path, cache_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train(digits(tmp_path, cache_dir, "data.validation=test", "train.epochs=1"))
    result = read.load(folder).result
    assert result.validation == "test"
    assert result.val == result.test
    said = capsys.readouterr().err
    assert TEST_AS_VALIDATION in said
    assert "val (= test) accuracy" in said
    assert ": val = test accuracy " in summary(folder)


def command(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "augexp", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.slow
def test_keras_on_jax_trains_the_same_study(tmp_path: Path, cache_dir: Path) -> None:
    pytest.importorskip("jax")
    process = command(
        *("train", "--config", "digits.yaml", *QUICK, "strategy=mixup"),
        *(f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}"),
        KERAS_BACKEND="jax",
    )
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    run = read.load(tmp_path / "mixup-seed0")
    assert run.environment.backend == "jax"
    assert run.result.val.accuracy > 0.2
    assert out.startswith(f"{tmp_path / 'mixup-seed0'}: val accuracy ")


@pytest.mark.slow
def test_a_reader_that_goes_away_does_not_end_the_training(tmp_path: Path, cache_dir: Path) -> None:
    process = command(
        *("train", "--config", "digits.yaml", *QUICK, f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}")
    )
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.close()
    with process.stdout:
        assert process.stdout.read().startswith(f"{tmp_path / 'none-seed0'}: val accuracy")
    assert process.wait(timeout=120) == 0
    assert read.load(tmp_path / "none-seed0").result


@pytest.fixture
def long_run(tmp_path: Path, cache_dir: Path) -> Iterator[tuple[Forked, Path]]:
    overrides = ("train.epochs=500", f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}")
    process = forked.command("train", "--config", "digits.yaml", *overrides)
    folder = tmp_path / "none-seed0"
    deadline = time.monotonic() + 120
    while not (folder / "history.csv").exists() and time.monotonic() < deadline and process.returncode is None:
        time.sleep(0.1)
    yield process, folder
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    process.communicate(60)


def interrupted(process: Forked) -> str:
    """Ctrl-C, and again as a user would: Python loses one that falls into a garbage collector's callback."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(30)[1]
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("Ctrl-C does nothing")


@pytest.mark.slow
def test_ctrl_c_leaves_a_folder_that_says_interrupted(long_run: tuple[Forked, Path]) -> None:
    process, folder = long_run
    err = interrupted(process)
    assert process.returncode == 130
    left = "--resume goes on from its last checkpoint, " if run_folder.checkpoint_path(folder).exists() else ""
    assert err.splitlines()[-1] == f"interrupted: {folder} is unfinished; {left}the same command starts it over"
    assert "Traceback" not in err
    with pytest.raises(BrokenRun, match=r"^unfinished: interrupted \(Ctrl-C\)$"):
        read.load(folder)


@pytest.mark.slow
def test_a_second_process_is_refused_and_a_killed_run_is_known(long_run: tuple[Forked, Path], cache_dir: Path) -> None:
    process, folder = long_run
    place = (f"runs_dir={folder.parent}", f"data.cache_dir={cache_dir}")
    second = forked.command("train", "--config", "digits.yaml", *place)
    _, err = second.communicate(120)
    assert second.returncode == 2
    assert err.splitlines()[-1] == (
        f"error: {folder}: another process is writing this run; wait, or choose another name= or seed="
    )
    process.send_signal(signal.SIGKILL)
    process.communicate(60)
    with pytest.raises(BrokenRun, match=r"^unfinished: killed$"):
        read.load(folder)


@pytest.mark.slow
def test_killed_runs_are_resumed_to_the_byte() -> None:
    """Three of the fifty kills of tests/tools/kills.py."""
    assert kills.main(3) == 0


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="../shared with its photos and weights is not here")
def test_real_photos_and_real_weights_learn(tmp_path: Path) -> None:
    weights = SHARED / "weights" / "mobilenet_v2_0.35_224_notop.weights.h5"
    settings = load.experiment(
        "cutmix.yaml",
        [
            *(f"data.source=folder:{SHARED / 'data' / 'woof-photos'}", "data.image_size=96", f"runs_dir={tmp_path}"),
            *("model.backbone=MobileNetV2", "model.backbone_args={alpha: 0.35}", f"model.weights={weights}"),
            *("train.epochs=4", "train.batch_size=32", "model.freeze=backbone", f"data.cache_dir={tmp_path / 'cache'}"),
            *("train.learning_rate=0.005",),
        ],
    )
    result = read.load(train(settings)).result
    # Ten classes; a fault in preprocessing or weights stays near 0.1.
    assert result.test.accuracy > 0.35


@pytest.mark.slow
def test_stanford_dogs_and_resnet50_in_their_published_formats(
    tmp_path: Path, prepared_dogs: Path, resnet50_weights: Path
) -> None:
    settings = load.experiment(
        "cutmix.yaml",
        [
            *(f"data.data_dir={prepared_dogs}", f"data.cache_dir={tmp_path / 'cache'}", f"runs_dir={tmp_path}"),
            *("data.image_size=32", f"model.weights={resnet50_weights}", "train.batch_size=8", "train.epochs=1"),
            *("data.validation=test", "data.train_per_class=1"),
        ],
    )
    run = read.load(train(settings))
    assert run.config["data"]["source"] == "stanford_dogs"
    assert run.result.epochs == 1
    assert np.isfinite(run.history["loss"]).all()


@pytest.mark.slow
def test_a_study_of_macro_recall_needs_test_images_of_every_class(tmp_path: Path, cache_dir: Path) -> None:
    for split, counts in {"train": (8, 8), "test": (4, 1)}.items():
        for name, count in zip(("sound", "cracked"), counts, strict=True):
            (tmp_path / "set" / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.random.default_rng([count, index, len(name)]).integers(0, 256, (16, 16, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "set" / split / name / f"{index}.png")
    experiment = digits(
        tmp_path / "runs", cache_dir, f"data.source=folder:{tmp_path / 'set'}", "data.train_per_class=null",
        "train.batch_size=4", "train.epochs=1",
    )  # fmt: skip
    study = Registered(decide=Decide(metric="macro_recall"), strategies=("none",), seeds=(0,), hash="a")
    with pytest.raises(UserError, match="needs 2 or more test images of every class, which cracked of folder:"):
        train(experiment, study=study)
    assert not experiment.run_dir.exists()
