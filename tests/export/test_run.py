"""Exports of a real run, asked in the runtimes that they are for."""

import json
import resource
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
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
from augexp.export.run import Exported, export, lines
from augexp.metrics.scores import probabilities
from augexp.network import trained
from augexp.train.run import train
from tests.cli.program import Augexp
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
    return keras.models.load_model(path).predict_on_batch(images), facts["class_names"]


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


@pytest.fixture(scope="module")
def exported(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """What the run was exported to, by the name of the format."""
    return cache(lambda name: export(ask(trained_run, name, tmp_path_factory.mktemp(name))))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "says"), RUNTIMES)
def test_a_file_says_what_the_run_said(
    trained_run: Path,
    exported: Callable[[str], Exported],
    name: str,
    says: Callable[[Path, Floats], tuple[Floats, list[str]]],
) -> None:
    found = exported(name)
    images, stored = test_images(trained_run)
    shares, names = says(found.path, images)
    assert names == NAMES
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares, stored, atol=1e-3)
    np.testing.assert_allclose(says(found.path, images[:1])[0], stored[:1], atol=1e-3)
    assert {path.name for path in found.path.parent.iterdir()} == {found.path.name, f"{found.path.name}.md"}
    told = list(lines(found))
    assert told[0] == f"wrote {found.path} and {found.path.name}.md"
    assert told[1].startswith("256 validation images: its probabilities are at most ")
    assert found.deviation.converted < 1e-5
    assert 0 < found.deviation.stored < 5e-4  # rounded to float16


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras", "savedmodel"])
def test_a_file_takes_images_of_the_size_that_the_run_was_evaluated_at(
    tmp_path: Path, cache_dir: Path, name: str
) -> None:
    overrides = ["train.epochs=1", "data.train_per_class=10", "data.eval_size=24", f"runs_dir={tmp_path}"]
    run = train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))
    found = export(ask(run, name, tmp_path))
    says = keras_says if name == "keras" else savedmodel_says
    images, expected = test_images(run)
    assert images.shape[1:] == (24, 24, 3)
    np.testing.assert_allclose(says(found.path, images)[0], expected, atol=1e-3)


@pytest.mark.slow
def test_jpegs_are_answered_as_predict_answers_them(
    trained_run: Path, exported: Callable[[str], Exported], tmp_path: Path
) -> None:
    found = exported("savedmodel")
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


@pytest.mark.slow
def test_a_temperature_is_inside_as_it_is_typed(
    typed: Augexp, trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = typed("export", trained_run, "--temperature")
    assert answer.status == 0
    path = Path("taken home-seed0.keras")
    assert answer.out.splitlines()[0] == f"wrote {path} and {path}.md"
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, f"{path}.md"]
    temperature = json.loads(zipfile.ZipFile(path).read("augexp.json"))["temperature"]
    assert f"temperature {temperature:.3f}, fitted on 287 validation images" in answer.out.splitlines()[-1]
    images, _ = test_images(trained_run)
    logits = trained.load(trained_run).network.model.predict_on_batch(images)
    np.testing.assert_allclose(keras_says(path, images)[0], probabilities(logits, temperature), atol=1e-5)


@pytest.mark.slow
def test_an_early_run_of_half_precision_is_exported_in_full(run: Path, tmp_path: Path) -> None:
    """One without seals and digests, of when the best weights were scored and nothing said so."""
    forget(unseal(run), "score")
    result, environment = (json.loads((run / f"{name}.json").read_text()) for name in ("result", "environment"))
    (run / "result.json").write_text(json.dumps({key: result[key] for key in result if key not in ("score", "other")}))
    (run / "environment.json").write_text(json.dumps(environment | {"precision": "mixed_bfloat16"}))
    (run / "last.weights.h5").unlink()
    found = export(ask(run, "keras", tmp_path))
    assert found.deviation.stored < 5e-4
    assert "(an average of 0.1 is allowed)" in list(lines(found))[1]
    policies = {layer.dtype_policy.name for layer in keras.models.load_model(found.path)._flatten_layers()}
    assert policies == {"float32"}


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_damaged_weights_are_refused(run: Path, tmp_path: Path, damage: str) -> None:
    weights = run / "best.weights.h5"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:5000])
    else:
        weights.unlink()
    with pytest.raises(UserError, match=r"best\.weights\.h5"):
        export(ask(run, "keras", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [run.name]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let a file grow past `size` bytes, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(trained_run: Path, tmp_path: Path) -> None:
    request = ask(trained_run, "keras", tmp_path)
    with largest_file(20_000), pytest.raises(UserError, match=r"can't be (written|exported)"):
        export(request)
    assert not list(tmp_path.iterdir())
