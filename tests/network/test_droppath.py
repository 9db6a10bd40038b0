"""Drop path: whole branches, image by image, deeper ones more often."""

import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.errors import UserError
from augexp.network import droppath, model, small


def rates(backbone: keras.Model) -> list[float]:
    return [layer.rate for layer in backbone.layers if isinstance(layer, keras.layers.Dropout)]


def build(*overrides: str) -> keras.Model:
    return model.bare_backbone(load.experiment(None, ["model.weights=null", *overrides]).model, 32)


def test_a_branch_is_there_or_not_and_made_up_for() -> None:
    branch = np.ones((2000, 2, 2, 3), np.float32)
    layer = droppath.dropped(0.25)
    found = keras.ops.convert_to_numpy(layer(branch, training=True)).reshape(2000, -1)
    assert (found == found[:, :1]).all()
    np.testing.assert_allclose(np.unique(found), [0, 4 / 3], rtol=1e-6)
    assert (found[:, 0] == 0).mean() == pytest.approx(0.25, abs=0.04)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(branch, training=False)), branch)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "blocks"), [("ResNet20", 9), ("WideResNet16-2", 6)])
def test_rates_rise_linearly_with_depth(name: str, blocks: int) -> None:
    found = rates(build(f"model.backbone={name}", "model.drop_path=0.2"))
    np.testing.assert_allclose(found, 0.2 * np.arange(1, blocks + 1) / blocks)
    assert not rates(build(f"model.backbone={name}"))
    assert not rates(build(f"model.backbone={name}", "model.drop_path=0"))


def test_a_network_without_its_branches_is_that_of_its_shortcuts() -> None:
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    network = small.resnet20((8, 8, 3), drop_path=0.5)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 1 - 1e-7
    first = keras.Model(network.input, network.layers[3].output)
    expected = first(images, training=True)
    for count, stride in ((16, 1), (32, 2), (64, 2)):
        expected = keras.ops.relu(small._subsampled(expected, count, stride))
    found = keras.ops.convert_to_numpy(network(images, training=True))
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), atol=1e-5)


@pytest.mark.slow
def test_rates_of_a_network_of_keras_are_set_anew() -> None:
    found = rates(build("model.backbone=EfficientNetB0", "model.drop_path=0.4"))
    with_shortcuts = np.array([2, 4, 6, 7, 9, 10, 12, 13, 14])  # of blocks 0 to 15
    np.testing.assert_allclose(found, 0.4 * with_shortcuts / 16)


def test_a_network_without_it_is_refused() -> None:
    with pytest.raises(UserError, match=r"model.drop_path: MobileNetV2 has none; leave it out \(EfficientNets, "):
        droppath.set_rate(small.small_cnn((8, 8, 3)), 0.1, "MobileNetV2")
