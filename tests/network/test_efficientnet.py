"""EfficientNet's second scaling: as Keras builds it with the ImageNet weights, however these come."""

from pathlib import Path

import keras
import numpy as np
import pytest

from augexp.config.schema import Model
from augexp.network import efficientnet, inputs, model

SIZE = 32


@pytest.fixture
def imagenet_file(tmp_path: Path) -> Path:
    """A file such as Keras downloads: random weights, but ImageNet's statistics."""
    network = model.bare_backbone(Model(backbone="EfficientNetB0", weights=None), SIZE)
    statistics = next(layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
    efficientnet._assign(statistics, efficientnet.MEAN, np.square(efficientnet.DEVIATION))
    for norm in network.layers:
        if isinstance(norm, keras.layers.BatchNormalization):
            norm.moving_variance.assign(0.1 * np.ones(norm.moving_variance.shape))
    network.save_weights(tmp_path / "efficientnetb0_notop.weights.h5")
    keras.utils.clear_session()
    return tmp_path / "efficientnetb0_notop.weights.h5"


@pytest.fixture
def downloaded(imagenet_file: Path, monkeypatch: pytest.MonkeyPatch) -> model.Network:
    """What Keras makes of it when it downloads it itself."""
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(imagenet_file))
    network = model.build(Model(backbone="EfficientNetB0"), SIZE, 5)
    keras.utils.clear_session()
    return network


def logits(network: model.Network) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), np.uint8)
    said: np.ndarray = network.model.predict(images, verbose=0)
    return said


@pytest.mark.slow
def test_a_trained_network_is_opened_as_it_was_trained(downloaded: model.Network, tmp_path: Path) -> None:
    model.save_weights(downloaded, tmp_path / "last.weights.h5")
    opened = model.build(Model(backbone="EfficientNetB0"), SIZE, 5, pretrained=False)
    model.load_weights(opened, tmp_path / "last.weights.h5")
    np.testing.assert_array_equal(logits(opened), logits(downloaded))
    assert [type(layer) for layer in opened.backbone.layers] == [type(layer) for layer in downloaded.backbone.layers]


@pytest.mark.slow
def test_weights_from_a_file_see_what_downloaded_ones_see(downloaded: model.Network, imagenet_file: Path) -> None:
    asked = Model(backbone="EfficientNetB0", weights=str(imagenet_file))
    by_file = model.build(asked, SIZE, 5)
    by_file.model.get_layer("head").set_weights(downloaded.model.get_layer("head").get_weights())
    np.testing.assert_allclose(logits(by_file), logits(downloaded), rtol=1e-3, atol=1e-5)
    assert str(inputs.entering(by_file.backbone, asked)) == "-4.426..5.566"


@pytest.mark.slow
def test_weights_of_other_statistics_are_left_alone(tmp_path: Path) -> None:
    network = model.bare_backbone(Model(backbone="EfficientNetB0", weights=None), SIZE)
    network.save_weights(tmp_path / "own.weights.h5")
    asked = Model(backbone="EfficientNetB0", weights=str(tmp_path / "own.weights.h5"))
    assert str(inputs.entering(model.build(asked, SIZE, 5).backbone, asked)) == "0..1"
