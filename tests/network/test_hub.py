"""Networks of KerasHub, from small presets that it writes itself: what is built, and what images are scaled to."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.network import inputs
from augexp.network.build import build_network

keras_hub: Any = pytest.importorskip("keras_hub", reason="pip install 'augexp[hub]'")

SCALE, OFFSET = [1 / 58.4, 1 / 57.1, 1 / 57.4], [-2.1, -2.0, -1.8]


@pytest.fixture(scope="module")
def presets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(7)
    vit = keras_hub.models.ViTBackbone(
        image_shape=(16, 16, 3), patch_size=8, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16
    )
    resnet = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64], input_conv_kernel_sizes=[3], stackwise_num_filters=[64, 8],
        stackwise_num_blocks=[1, 1], stackwise_num_strides=[1, 2], block_type="basic_block",
    )  # fmt: skip
    layers = keras_hub.layers
    converters = {
        "vit": (vit, layers.ViTImageConverter(image_size=(16, 16), scale=1 / 127.5, offset=-1.0)),
        "resnet": (resnet, layers.ResNetImageConverter(image_size=(224, 224), scale=SCALE, offset=OFFSET)),
    }
    for name, (backbone, converter) in converters.items():
        backbone.save_to_preset(str(folder / name))
        converter.save_to_preset(str(folder / name))
    return folder


def of(presets: Path, name: str, *overrides: str) -> Experiment:
    given = (f"model.backbone=keras_hub:{presets / name}", "model.weights=preset", "data.image_size=16")
    return load.experiment(None, [*given, *overrides])


def images(size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_images_reach_it_as_its_own_preprocessor_has_them(presets: Path, name: str) -> None:
    experiment = of(presets, name)
    network = build_network(experiment, "float32", 5)
    converter = keras_hub.layers.ImageConverter.from_preset(str(presets / name))
    converter.image_size = None
    whole = keras_hub.models.Backbone.from_preset(str(presets / name))
    features = np.asarray(whole(converter(images())))
    pooled = features[:, 0] if name == "vit" else features.mean(axis=(1, 2))
    own = keras.Model(network.model.input, network.model.get_layer("pool").output)
    np.testing.assert_allclose(np.asarray(own(images())), pooled, rtol=1e-4, atol=1e-5)
    entering = {"vit": "-1..1", "resnet": "-2.1..2.643"}[name]
    assert inputs.line(network, experiment.model) == f"input: RGB 0..255 enters the first convolution as {entering}"


def test_weights_are_those_of_the_preset_or_random(presets: Path) -> None:
    stored, again, random = (
        build_network(of(presets, "vit", f"model.weights={weights}"), "float32", 5).backbone.get_weights()
        for weights in ("preset", "preset", "null")
    )
    expected = keras_hub.models.Backbone.from_preset(str(presets / "vit")).get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(stored, expected, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(stored, again, strict=True))
    assert not all(np.array_equal(one, other) for one, other in zip(stored, random, strict=True))


def test_it_computes_in_the_precision_of_the_run(presets: Path) -> None:
    for name in ("vit", "resnet"):
        backbone = build_network(of(presets, name), "mixed_bfloat16", 5).backbone
        assert {layer.compute_dtype for layer in backbone.layers if layer.weights} == {"bfloat16"}


def test_a_size_that_it_can_not_have_is_refused(presets: Path) -> None:
    with pytest.raises(UserError, match=r"it takes images of 16 px only; set data.image_size=16"):
        build_network(of(presets, "vit", "data.image_size=32"), "float32", 5)
    with pytest.raises(UserError, match=r"it takes images of 16 px only; leave data.eval_size out"):
        build_network(of(presets, "vit", "data.eval_size=32"), "float32", 5)
    network = build_network(of(presets, "resnet", "data.eval_size=24"), "float32", 5)
    assert network.model(images(24)).shape == (2, 5)
    other = of(
        presets, "vit", "data.image_size=32", "model.weights=null", "model.backbone_args={image_shape: [32, 32, 3]}"
    )
    assert build_network(other, "float32", 5).backbone.input_shape == (None, 32, 32, 3)


def test_a_preset_that_says_nothing_of_scaling_is_refused(presets: Path, tmp_path: Path) -> None:
    shutil.copytree(presets / "vit", tmp_path / "vit")
    (tmp_path / "vit" / "image_converter.json").unlink()
    with pytest.raises(
        UserError, match=r"has no image_converter.json, which says how .* or set model.preprocessing=unit"
    ):
        build_network(of(tmp_path, "vit"), "float32", 5)
    build_network(of(tmp_path, "vit", "model.preprocessing=unit"), "float32", 5)


def test_what_can_not_be_loaded_is_named(presets: Path) -> None:
    with pytest.raises(UserError, match=r"there is no config.json in .*nowhere; a folder that `save_to_preset` wrote"):
        of(presets, "nowhere")
    with pytest.raises(UserError, match=r"keras_hub:nosuch: KerasHub can't load it \(ValueError: .*keras_hub:./FOLDER"):
        build_network(load.experiment(None, ["model.backbone=keras_hub:nosuch", "model.weights=null"]), "float32", 5)
    with pytest.raises(UserError, match=r"KerasHub can't load it with \{'patch_size': 5\} \(ValueError: "):
        build_network(of(presets, "vit", "model.backbone_args={patch_size: 5}"), "float32", 5)
    with pytest.raises(
        UserError, match=r"backbone_args.num_layer: a ViTBackbone has no such .* did you mean num_layers\?"
    ):
        build_network(of(presets, "vit", "model.backbone_args={num_layer: 3}"), "float32", 5)
