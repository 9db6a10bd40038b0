"""Networks: preprocessing, weights in the published layouts, batch norm, freezing."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.config.schema import BACKBONES
from augexp.errors import UserError
from augexp.network import model
from tests.places import SHARED

MOBILENET = SHARED / "weights" / "mobilenet_v2_0.35_224_notop.weights.h5"


def build(*overrides: str, size: int | None = 32, classes: int = 5, **options: Any) -> model.Network:
    settings = load.experiment(None, ["model.weights=null", *overrides]).model
    return model.build(settings, size, classes, **options)


def random_images(count: int = 4, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def batch_norms(network: model.Network) -> list[keras.layers.BatchNormalization]:
    return [layer for layer in network.backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]


def moving_means(network: model.Network) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(layer.moving_mean) for layer in batch_norms(network)]


def test_raw_rgb_in_logits_out() -> None:
    network = build("model.backbone=SmallCNN")
    logits = network.model.predict(random_images(), verbose=0)
    assert logits.shape == (4, 5)
    assert logits.dtype == np.float32


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("ResNet50", lambda x: x[..., ::-1] - np.array([103.939, 116.779, 123.68])),
        ("MobileNetV2", lambda x: x / 127.5 - 1),
        ("SmallCNN", lambda x: x / 127.5 - 1),
        ("DenseNet121", lambda x: (x / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])),
        ("EfficientNetB0", lambda x: x),
    ],
)
def test_preprocessing_is_the_backbones_own(backbone: str, expected: Any) -> None:
    settings = load.experiment(None, [f"model.backbone={backbone}", "model.weights=null"]).model
    images = random_images().astype(np.float32)
    found = model.preprocessing(settings)(keras.ops.convert_to_tensor(images))
    np.testing.assert_allclose(np.asarray(found), expected(images), atol=1e-4)


def test_unit_preprocessing_is_the_tutorials() -> None:
    settings = load.experiment(None, ["model.preprocessing=unit"]).model
    np.testing.assert_allclose(model.preprocessing(settings)(255.0 * np.ones(3)), 1.0)


def test_every_backbone_is_found_with_its_preprocessing() -> None:
    for name in BACKBONES:
        settings = load.experiment(None, [f"model.backbone={name}", "model.weights=null"]).model
        assert callable(model.preprocessing(settings))


@pytest.mark.slow
def test_resnet50_takes_weights_in_the_published_layout(resnet50_weights: Path) -> None:
    loaded = build("model.backbone=ResNet50", f"model.weights={resnet50_weights}", size=64).backbone
    with h5py.File(resnet50_weights) as file:
        for layer in loaded.layers:
            for variable in layer.weights:
                stored = file[layer.name][f"{layer.name}/{variable.name}:0"][:]
                np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), stored)


@pytest.mark.slow
@pytest.mark.skipif(not MOBILENET.exists(), reason="../shared/weights is not here")
def test_the_real_mobilenet_weights_load() -> None:
    overrides = ["model.backbone=MobileNetV2", "model.backbone_args={alpha: 0.35}"]
    network = build(*overrides, f"model.weights={MOBILENET}", size=96)
    # Trained batch norms have learnt variances; fresh ones are all ones.
    assert all(np.std(np.asarray(layer.moving_variance)) > 0 for layer in batch_norms(network))


@pytest.mark.slow
@pytest.mark.skipif(not MOBILENET.exists(), reason="../shared/weights is not here")
def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(UserError) as error:
        build("model.backbone=MobileNetV2", f"model.weights={MOBILENET}", size=96)
    assert str(error.value).startswith(
        f"model.weights {MOBILENET}: these weights don't fit MobileNetV2 without its top ("
    )
    assert str(error.value).endswith("); give the file of this very backbone, imagenet or null")


def test_a_file_that_is_no_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.weights.h5"
    path.write_text("no HDF5")
    with pytest.raises(UserError, match=r"these weights don't fit SmallCNN without its top"):
        build("model.backbone=SmallCNN", f"model.weights={path}")


def test_a_full_disk_is_an_os_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("Can't decrement id ref count (file write failed: errno = 28)")

    network = build("model.backbone=SmallCNN")
    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(OSError, match="the weights can't be written: is the disk full"):
        model.save_weights(network, tmp_path / "best.weights.h5")


def test_a_missing_weights_file_is_named() -> None:
    with pytest.raises(UserError) as error:
        build("model.weights=nowhere.h5")
    assert str(error.value) == "model.weights nowhere.h5: no such file; give a file, imagenet or null"


def test_without_a_network_the_imagenet_weights_are_named_with_url_and_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", _no_network)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(UserError) as error:
        build("model.weights=imagenet", "model.backbone=ResNet50", size=64)
    name = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    url = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{name}"
    assert str(error.value) == (
        f"the ImageNet weights of ResNet50 can't be downloaded from {url}; fetch that file elsewhere and put it into "
        f"{tmp_path / 'models' / name}, or give its place as model.weights=FILE, or train from random weights with "
        "model.weights=null"
    )


def _no_network(*_: object) -> None:
    import urllib.error

    raise urllib.error.URLError("no network")


def test_a_size_the_backbone_cannot_have_is_refused() -> None:
    with pytest.raises(UserError, match=r"model.backbone ResNet50 can't be built at 16 px: "):
        build("model.backbone=ResNet50", size=16)


def test_an_unknown_backbone_argument_is_refused() -> None:
    with pytest.raises(UserError, match=r"model.backbone MobileNetV2 can't be built at 32 px: .*depth"):
        build("model.backbone=MobileNetV2", "model.backbone_args={depth: 3}")


def test_arguments_that_augexp_sets_are_refused() -> None:
    with pytest.raises(UserError) as error:
        build("model.backbone=MobileNetV2", "model.backbone_args={include_top: true}")
    assert str(error.value) == "model.backbone_args: include_top can't be given here; augexp sets it"


@pytest.mark.slow
def test_batch_norm_momentum_is_set_or_left() -> None:
    assert {layer.momentum for layer in batch_norms(build("model.backbone=MobileNetV2"))} == {0.9}
    left = build("model.backbone=MobileNetV2", "model.batch_norm_momentum=null")
    assert {layer.momentum for layer in batch_norms(left)} == {0.999}


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_does_not_move_in_fit(frozen: bool) -> None:
    state = "frozen" if frozen else "trainable"
    network = build("model.backbone=SmallCNN", f"model.batch_norm={state}")
    settings = load.experiment(None, [f"model.batch_norm={state}"]).model
    model.set_trainable(network, settings, backbone=True)
    network.model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    before = moving_means(network)
    network.model.fit(random_images(), np.eye(5)[:4], verbose=0)
    moved = [not np.array_equal(old, new) for old, new in zip(before, moving_means(network), strict=True)]
    assert moved == [not frozen] * len(moved)


def test_a_frozen_backbone_leaves_only_the_head_to_train() -> None:
    network = build("model.backbone=SmallCNN")
    model.set_trainable(network, load.experiment(None).model, backbone=False)
    assert [variable.path for variable in network.model.trainable_variables] == ["head/kernel", "head/bias"]


@pytest.mark.parametrize("backbone", ["SmallCNN", pytest.param("MobileNetV2", marks=pytest.mark.slow)])
def test_a_network_for_any_size_is_the_one_for_each_size(backbone: str) -> None:
    any_size = build(f"model.backbone={backbone}", size=None)
    for size in (32, 48):
        fixed = build(f"model.backbone={backbone}", size=size)
        fixed.model.set_weights(any_size.model.get_weights())
        images = random_images(2, size).astype(np.float32)
        np.testing.assert_allclose(any_size.model(images), fixed.model(images), rtol=1e-5, atol=1e-5)
