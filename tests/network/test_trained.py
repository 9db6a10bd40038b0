"""Run folders opened for use, and those that can't be."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from augexp import files
from augexp.config import load
from augexp.data import pipeline
from augexp.errors import UserError
from augexp.network import scoring, trained
from augexp.runs import read
from augexp.train.run import train
from tests.factories import forget, make_run, unseal


@pytest.fixture
def run(trained_once: Callable[..., Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    trained_run = trained_once("train.epochs=1", "data.train_per_class=30")
    return Path(shutil.copytree(trained_run, tmp_path / trained_run.name))


@pytest.mark.slow
def test_a_run_is_opened_with_the_weights_that_were_scored(run: Path) -> None:
    opened = trained.load(run)
    part = trained.splits(opened).val
    said = opened.network.model.predict(part.images[part.rows], verbose=0).argmax(axis=1)
    with np.load(run / "predictions-val.npz") as stored:
        assert stored["id"].tolist() == part.ids
        np.testing.assert_array_equal(said, stored["probability"].argmax(axis=1))
    assert opened.finished
    assert opened.class_names == tuple("0123456789")


@pytest.mark.slow
def test_a_run_of_all_devices_is_opened_on_one(run: Path) -> None:
    text = (unseal(run) / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("devices: one", "devices: all"))
    assert trained.load(run).experiment.train.devices == "one"


@pytest.mark.slow
def test_a_run_that_does_not_say_its_classes_takes_them_from_the_data(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "environment.json").unlink()
    opened = trained.load(run)
    assert opened.class_names == tuple("0123456789")
    assert trained.splits(opened).test
    assert "environment.json is missing: classes are taken from the data" in capsys.readouterr().err


def test_a_configuration_of_another_augexp_is_refused(run: Path) -> None:
    text = (unseal(run) / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("epochs: 1", "epochs: 1\n  new_key: 1"))
    with pytest.raises(UserError, match=r"config.yaml is not of this augexp \(train.new_key"):
        trained.load(run)


@pytest.mark.parametrize(("place", "message"), [("gone", "no such folder"), ("", "it holds some: give")])
def test_what_is_no_run_folder(run: Path, place: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        trained.load(run.parent / place)


@pytest.mark.slow
def test_a_run_without_weights(run: Path) -> None:
    (run / "last.weights.h5").unlink()
    with pytest.raises(UserError, match=r"it holds no weights \(last.weights.h5\)"):
        trained.load(run)
    forget(unseal(run), "score")  # an earlier version scored the best ones, and kept no others
    assert trained.load(run).finished
    (run / "best.weights.h5").unlink()
    with pytest.raises(UserError, match=r"it holds no weights \(best.weights.h5\)"):
        trained.load(run)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["foreign", "other network"])
def test_weights_that_do_not_fit(run: Path, how: str) -> None:
    if how == "foreign":
        (run / "last.weights.h5").write_bytes(b"no HDF5")
    else:
        environment = read.environment(unseal(run)).model_dump(mode="json")
        files.write_json(run / "environment.json", environment | {"class_names": ["a", "b", "c"]})
    with pytest.raises(UserError, match="these weights don't fit SmallCNN"):
        trained.splits(trained.load(run))


@pytest.mark.slow
def test_an_unfinished_run_is_taken_at_its_best_so_far(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "result.json").unlink()
    (run / "last.weights.h5").unlink()
    assert not trained.load(run).finished
    assert "unfinished; taken at its best so far" in capsys.readouterr().err


@pytest.mark.slow
def test_data_that_has_changed(run: Path) -> None:
    environment = read.environment(unseal(run)).model_dump(mode="json")
    files.write_json(run / "environment.json", environment | {"data_fingerprint": "0" * 64})
    with pytest.raises(
        UserError, match=r"digits has changed since the run was trained \(data fingerprint 000000000000"
    ):
        trained.splits(trained.load(run))


@pytest.mark.slow
def test_images_that_another_decoder_read(run: Path) -> None:
    environment = read.environment(unseal(run)).model_dump(mode="json")
    files.write_json(run / "environment.json", environment | {"data_fingerprint": "0" * 64, "decoder": None})
    with pytest.raises(UserError, match=r"its images were read by an augexp with another decoder.* train it again"):
        trained.splits(trained.load(run))


@pytest.mark.slow
def test_classes_that_have_changed(run: Path) -> None:
    environment = read.environment(unseal(run)).model_dump(mode="json")
    files.write_json(run / "environment.json", environment | {"class_names": [f"class {i}" for i in range(10)]})
    with pytest.raises(UserError, match="it was trained on the classes class 0, class 1, class 2, class 3 and 6 more"):
        trained.splits(trained.load(run))


@pytest.mark.slow
def test_a_run_that_would_be_refused_now_is_opened_as_it_was_trained(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = load.experiment(
        "digits.yaml",
        ["train.epochs=1", "train.batch_size=1", "strategy=cutmix", "data.train_per_class=1", f"runs_dir={tmp_path}",
         "model.backbone=MobileNetV3Small", "model.backbone_args={minimalistic: true, alpha: 0.25}",
         "model.preprocessing=unit", "data.image_size=32",
         f"data.cache_dir={cache_dir}"],
    )  # fmt: skip
    with pytest.raises(UserError, match=r"^train\.batch_size 1: "):
        train(experiment)
    assert not experiment.run_dir.exists()
    monkeypatch.setattr("augexp.train.prepare.refuse_in_vain", lambda _: None)  # as earlier versions did
    opened = trained.load(train(experiment))
    part = trained.splits(opened).test
    said = scoring.predict(opened.network.model, pipeline.eval_batches(part, 64, 10, pipeline.centre(32)))
    with np.load(opened.folder / "predictions-test.npz") as stored:
        np.testing.assert_allclose(said, stored["probability"], atol=2e-3)


def test_a_run_that_knew_nothing_of_copies_kept_them(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "none-seed0")
    assert trained._settings(folder).data.duplicates == "drop"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    del config["data"]["duplicates"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert trained._settings(folder).data.duplicates == "keep"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["last.weights.h5", "result.json"])
def test_weights_that_the_run_did_not_leave_are_refused(run: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    if name == "result.json":
        content = bytearray(b"[]")
    else:
        content[len(content) // 2] ^= 1
    (run / name).write_bytes(content)
    with pytest.raises(
        UserError, match=r"last\.weights\.h5 is not what the run left|result\.json is not a JSON object"
    ):
        trained.load(run)


@pytest.mark.parametrize(("name", "then", "now"), [("config.yaml", "size: 16", "size: 17"),
                                                   ("environment.json", "float32", "float16")])  # fmt: skip
def test_what_the_run_did_not_leave_is_refused(run: Path, name: str, then: str, now: str) -> None:
    text = (run / name).read_text()
    assert then in text
    (run / name).write_text(text.replace(then, now))
    with pytest.raises(UserError, match=rf"{name} is not what the run left .*bring back the file, or train the run"):
        trained.load(run)


@pytest.mark.slow
def test_weights_of_a_run_of_an_earlier_version_are_taken_as_they_are(run: Path) -> None:
    unseal(run)
    with (run / "last.weights.h5").open("ab") as file:
        file.write(b"more")
    assert trained.load(run).finished


NETWORK = """
import keras

def tiny(shape):
    return keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(8, 5, 2)])
"""


@pytest.mark.slow
def test_a_run_of_an_own_network_is_opened_with_its_very_file_and_compared_without(
    tmp_path: Path, cache_dir: Path
) -> None:
    (tmp_path / "my_net.py").write_text(NETWORK)
    overrides = ["train.epochs=1", "data.train_per_class=20", f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}"]
    given = [*overrides, "model.backbone=my_net:tiny", f"ops_dir={tmp_path}", "data.eval_size=20"]
    folder = train(load.experiment("digits.yaml", given))
    opened = trained.load(folder)
    parts = trained.splits(opened)
    assert {part.images.shape[1] for part in (parts.train, parts.val, parts.test)} == {20}
    said = opened.network.model.predict(parts.test.images[parts.test.rows], verbose=0).argmax(axis=1)
    with np.load(folder / "predictions-test.npz") as stored:
        np.testing.assert_array_equal(said, stored["probability"].argmax(axis=1))

    (tmp_path / "my_net.py").write_text(NETWORK.replace("8, 5", "9, 5"))
    with pytest.raises(
        UserError, match=rf"{folder}: the file of my_net:tiny has changed since: .* \(ops_dir in config"
    ):
        trained.load(folder)
    (tmp_path / "my_net.py").unlink()
    with pytest.raises(UserError, match=rf"{folder}: my_net:tiny: there is no my_net.py in {tmp_path}"):
        trained.load(folder)
    assert read.load(folder).config["model"]["backbone"] == "my_net:tiny"

    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "my_net.py").write_text(NETWORK)
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace(f"ops_dir: {tmp_path}", f"ops_dir: {tmp_path / 'moved'}"))
    assert trained.load(folder).finished
