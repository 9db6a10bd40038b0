"""Floors: places of WordNet ids among ImageNet's classes, a probe that knows what features hold, what can't be had."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate import baselines
from augexp.evaluate.run import Request, evaluate
from augexp.evaluate.subject import Subject
from augexp.network import trained
from augexp.train.run import train
from tests.evaluate.asking import asked

CLASSES = ("n02085620-chihuahua", "n02086240-shih-tzu", "n02099601-golden_retriever")
PLACES = [151, 155, 207]  # as every table of ImageNet's classes has them


def test_places_by_wordnet_id() -> None:
    assert baselines.imagenet_places(CLASSES) == PLACES
    assert baselines.imagenet_places(("n01440764", "n15075141")) == [0, 999]


@pytest.mark.parametrize("name", ["beagle", "n99999999-nothing", "x02086240"])
def test_a_class_without_a_place(name: str) -> None:
    with pytest.raises(UserError, match=f"class {name}: no WordNet id of ImageNet's 1,000 classes"):
        baselines.imagenet_places((CLASSES[0], name))


def test_the_zero_shot_network_is_preprocessed_as_its_weights_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load.experiment(None, ["model.backbone=MobileNetV2", "model.preprocessing=unit", "data.image_size=32"])
    run = trained.Trained(Path(), settings, None, CLASSES, None, "", True, "mixed_float16")  # type: ignore[arg-type]
    seen = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Identity()])
    monkeypatch.setattr(baselines, "_imagenet_classifier", lambda *_: seen)
    images = np.full((1, 32, 32, 3), 255, np.float32)
    np.testing.assert_allclose(baselines._whole_network(run).predict_on_batch(images), 1, atol=1e-5)  # x / 127.5 - 1


def of(run: trained.Trained, shared: dict[str, Any], **changes: Any) -> Any:
    """The floors of a run with something changed, where each is only how often one was computed."""
    changed = replace(run, **{key: value for key, value in changes.items() if key == "precision"})
    splits = trained.splits(run)
    split = changes.get("split", "test")
    subject = Subject(changed, splits, getattr(splits, split), split, shared=shared)
    return baselines.run(subject).section["floors"]


@pytest.mark.slow
def test_floors_are_shared_by_runs_of_which_nothing_differs_that_decides_them(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = iter(range(100))
    monkeypatch.setattr(baselines, "_floors", lambda _: [("linear_probe", next(computed))])
    opened, shared = trained.load(run), {}  # type: tuple[trained.Trained, dict[str, Any]]
    first = of(opened, shared)
    assert of(opened, shared) == first
    assert of(opened, shared, precision="mixed_bfloat16") != first
    assert of(opened, shared, split="val") != first
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert of(opened, shared) != first
    assert of(opened, {}) != first  # another command's


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Drawn photos of three dog breeds, each of a colour of its own."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        for split, count in (("train", 12), ("test", 6)):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 90, (32, 32, 3)).astype(np.uint8)
                pixels[..., number] += 120
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_floors_of_a_real_backbone(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create = keras.applications.MobileNet
    keras.utils.set_random_seed(0)
    backbone = create(include_top=False, weights=None, alpha=1.0, input_shape=(32, 32, 3))
    backbone.save_weights(tmp_path / "backbone.weights.h5")
    settings = [
        *(f"data.source=folder:{photos}", f"data.cache_dir={tmp_path / 'cache'}", f"runs_dir={tmp_path / 'runs'}"),
        *("data.image_size=32", "model.backbone=MobileNet", "model.backbone_args={alpha: 1.0}", "train.epochs=1"),
        *(f"model.weights={tmp_path / 'backbone.weights.h5'}", "train.batch_size=8", "train.head_epochs=1"),
    ]
    folder = train(load.experiment("none.yaml", settings))

    reachable = True

    def published(*, weights: str | None, **options: Any) -> keras.Model:
        """Stands in for the download: a whole network that always says golden retriever, of the three."""
        if weights == "imagenet" and not reachable:
            raise Exception("URL fetch failure on https://example.org/w.h5: None -- no network")  # noqa: TRY002
        network = create(weights=None, **options)
        if weights == "imagenet":
            *_, kernel, bias = network.weights
            kernel.assign(np.zeros(kernel.shape))
            bias.assign(np.eye(1000)[PLACES[2]] + 5 * np.eye(1000)[0])
        return network

    published.__module__ = create.__module__
    monkeypatch.setattr(keras.applications, "MobileNet", published)
    found = evaluate(folder, Request(probes=asked("floor")))["splits"]["test"]["floors"]
    assert found["zero_shot"]["accuracy"] == pytest.approx(1 / 3)
    assert found["linear_probe"]["accuracy"] > 0.9  # colours are in the features of any network

    reachable = False
    run = trained.load(folder)
    splits = trained.splits(run)
    assert baselines.run(Subject(run, splits, splits.test)).section["floors"].keys() == {"linear_probe"}
    assert (
        "floor zero_shot left out: ImageNet's whole MobileNet can't be had at 32 px (URL fetch failure"
        in capsys.readouterr().err
    )
