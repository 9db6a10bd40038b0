"""Exports of a real run, asked in the runtimes that they are for."""

import json
import resource
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate import predict
from augexp.export.request import card_path
from augexp.export.run import Exported, export, lines
from augexp.metrics.scores import probabilities
from augexp.network import trained
from augexp.train.run import train
from tests.export.conftest import ask
from tests.factories import forget, unseal

Floats = NDArray[np.float32]
HAS_ONNX = all(find_spec(name) for name in ("tf2onnx", "onnx", "onnxruntime"))
NAMES = [str(digit) for digit in range(10)]


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(trained_run, tmp_path / trained_run.name))


# --- what other programs would do ------------------------------------------------------------------------------------


def keras_says(path: Path, images: Floats) -> tuple[Floats, list[str]]:
    facts = json.loads(zipfile.ZipFile(path).read("augexp.json"))
    return keras.models.load_model(path).predict(images, verbose=0), facts["class_names"]


def savedmodel_says(path: Path, images: Floats) -> tuple[Floats, list[str]]:
    answer = tf.saved_model.load(str(path)).signatures["serving_default"](images=tf.constant(images))
    names = answer["classes"].numpy()
    assert (names == names[0]).all()
    return answer["probabilities"].numpy(), [name.decode() for name in names[0]]


def tflite_says(path: Path, images: Floats) -> tuple[Floats, list[str]]:
    with warnings.catch_warnings(action="ignore"):
        answer = tf.lite.Interpreter(str(path)).get_signature_runner("serving_default")
    facts = json.loads(zipfile.ZipFile(path).read("augexp.json"))
    return answer(images=images)["probabilities"], facts["class_names"]


def onnx_says(path: Path, images: Floats) -> tuple[Floats, list[str]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
    return session.run(["probabilities"], {"images": images})[0], names


RUNTIMES = [
    ("keras", keras_says),
    ("savedmodel", savedmodel_says),
    ("tflite", tflite_says),
    pytest.param(
        "onnx", onnx_says, marks=pytest.mark.skipif(not HAS_ONNX, reason="the packages of augexp[onnx] are missing")
    ),
]


def test_images(run: Path) -> tuple[Floats, Floats]:
    """Of the test set, which no export is checked on, and what the run said of them."""
    part = trained.splits(trained.load(run)).test
    with np.load(run / "predictions-test.npz") as stored:
        assert stored["id"].tolist() == part.ids
        return part.images[part.rows].astype(np.float32), stored["probability"].astype(np.float32)


test_images.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "says"), RUNTIMES)
def test_a_file_says_what_the_run_said(
    trained_run: Path, tmp_path: Path, name: str, says: Callable[[Path, Floats], tuple[Floats, list[str]]]
) -> None:
    found = export(ask(trained_run, name, tmp_path))
    images, stored = test_images(trained_run)
    for count in (1, 7, len(images)):
        shares, names = says(found.path, images[:count])
        assert (shares.dtype, names) == (np.float32, NAMES)
        np.testing.assert_allclose(shares, stored[:count], atol=1e-3)
    assert {path.name for path in tmp_path.iterdir()} == {found.path.name, f"{found.path.name}.md"}
    told = list(lines(found))
    assert told[0] == f"wrote {found.path} and {found.path.name}.md"
    assert told[1].startswith("256 validation images: its probabilities are at most ")
    assert found.deviation.converted < 1e-5
    assert 0 < found.deviation.stored < 5e-4  # rounded to float16


def test_jpegs_are_answered_as_predict_answers_them(trained_run: Path, tmp_path: Path) -> None:
    found = export(ask(trained_run, "savedmodel", tmp_path))
    generator = np.random.default_rng(0)
    files = []
    for number, size in enumerate([(40, 30), (16, 16), (300, 200)]):
        exif = Image.Exif()
        exif[0x0112] = (6, 1, 3)[number]
        coarse = Image.fromarray(generator.integers(0, 255, (6, 6, 3), np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(tmp_path / f"{number}.jpg", exif=exif)
        files.append(tmp_path / f"{number}.jpg")
    answers = predict.answers(trained.load(trained_run), files, top=10)
    expected = [[dict(answer.classes)[name] for name in NAMES] for answer in answers]
    answer = tf.saved_model.load(str(found.path)).signatures["jpeg"]
    said = answer(jpeg=tf.constant([path.read_bytes() for path in files]))
    np.testing.assert_allclose(said["probabilities"], expected, atol=1e-5)
    assert said["classes"].numpy()[2].tolist() == [name.encode() for name in NAMES]
    assert json.loads((found.path / "assets" / "augexp.json").read_text())["class_names"] == NAMES
    assert found.deviation.jpeg is not None
    assert found.deviation.jpeg < 1e-5


def test_a_temperature_is_inside(trained_run: Path, tmp_path: Path) -> None:
    found = export(ask(trained_run, "keras", tmp_path, temperature=True))
    images, _ = test_images(trained_run)
    facts = json.loads(zipfile.ZipFile(found.path).read("augexp.json"))
    assert found.fitted is not None
    assert facts["temperature"] == found.fitted.temperature != 1
    logits = trained.load(trained_run).network.model.predict(images, verbose=0)
    said = keras_says(found.path, images)[0]
    np.testing.assert_allclose(said, probabilities(logits, facts["temperature"]), atol=1e-5)
    assert found.fitted.after < found.fitted.before
    assert f"temperature {facts['temperature']:.3f}, fitted on 287 validation images" in list(lines(found))[-1]
    assert "`augexp evaluate` measures it" in card_path(found.path).read_text()


def test_half_precision_averages_binary_loss_and_the_best_epoch(tmp_path: Path, cache_dir: Path) -> None:
    overrides = ["train.precision=mixed_bfloat16", "train.ema=0.9", "train.loss=binary", "train.score=best"]
    short = ["train.epochs=2", "data.train_per_class=40", f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}"]
    folder = train(load.experiment("digits.yaml", [*overrides, *short]))
    found = export(ask(folder, "keras", tmp_path))
    images, stored = test_images(folder)
    np.testing.assert_allclose(keras_says(found.path, images)[0], stored, atol=0.03)
    assert found.deviation.tolerance == 0.1
    assert {layer.dtype_policy.name for layer in keras.models.load_model(found.path)._flatten_layers()} == {"float32"}


def test_a_run_of_an_earlier_version(run: Path, tmp_path: Path) -> None:
    """Without seals, digests, and a choice of weights: it scored the best ones."""
    forget(unseal(run), "score")
    for split in ("val", "test"):
        (run / f"predictions-{split}-best.npz").replace(run / f"predictions-{split}.npz")
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({key: result[key] for key in result if key not in ("score", "other")}))
    (run / "last.weights.h5").unlink()
    found = export(ask(run, "keras", tmp_path))
    images, stored = test_images(run)
    np.testing.assert_allclose(keras_says(found.path, images)[0], stored, atol=1e-3)


# --- what is refused -------------------------------------------------------------------------------------------------


def nothing_is_left(folder: Path, run: Path) -> bool:
    return {path.name for path in folder.iterdir()} <= {run.name}


def test_predictions_of_other_weights_are_found_out(run: Path, tmp_path: Path) -> None:
    path = unseal(run) / "predictions-val.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored}
    np.savez(path, **arrays | {"probability": np.roll(arrays["probability"], 1, axis=1)})
    with pytest.raises(UserError, match=r"not exported: on 256 validation images .* are up to 0\.\d+ from those that"):
        export(ask(run, "keras", tmp_path))
    np.savez(path, **arrays | {"id": np.char.add(arrays["id"], "x")})
    with pytest.raises(UserError, match=r"predictions-val.npz is of other images than its data holds now"):
        export(ask(run, "keras", tmp_path))
    path.unlink()
    with pytest.raises(UserError, match=r"predictions-val.npz is missing; an export is checked against it"):
        export(ask(run, "keras", tmp_path))
    assert nothing_is_left(tmp_path, run)


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_damaged_weights_are_refused(run: Path, tmp_path: Path, damage: str) -> None:
    weights = run / "last.weights.h5"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:5000])
    else:
        weights.unlink()
    with pytest.raises(UserError, match=r"last.weights.h5"):
        export(ask(run, "keras", tmp_path))
    assert nothing_is_left(tmp_path, run)


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "result.json").unlink()
    with pytest.raises(UserError, match=r"unfinished: finished; only a finished run can be exported"):
        ask(run, "keras", tmp_path)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let a file grow past `size` bytes, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("name", ["keras", "savedmodel", "tflite"])
def test_a_full_disk_leaves_nothing(trained_run: Path, tmp_path: Path, name: str) -> None:
    request = ask(trained_run, name, tmp_path)
    with largest_file(20_000), pytest.raises(UserError, match=r"can't be (written|exported)"):
        export(request)
    assert nothing_is_left(tmp_path, trained_run)


def test_what_is_there_is_replaced_only_if_asked(trained_run: Path, tmp_path: Path) -> None:
    first = export(ask(trained_run, "keras", tmp_path))
    with pytest.raises(UserError, match="it is there already, and is not overwritten"):
        export(ask(trained_run, "keras", tmp_path))
    again = export(ask(trained_run, "keras", tmp_path, overwrite=True))
    assert isinstance(again, Exported)
    assert again.path == first.path
    first.path.unlink()
    with pytest.raises(UserError, match=r"digits.keras.md: it is there already"):
        export(ask(trained_run, "keras", tmp_path))
