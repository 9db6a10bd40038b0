"""Our networks for small photos: sizes as published, every place and channel where the papers have it."""

import keras
import numpy as np
import pytest

from augexp.config.schema import SMALL_NETWORKS
from augexp.network import small


def with_head(name: str) -> keras.Model:
    """At 32 px with ten classes, as CIFAR-10 has them."""
    backbone = small.MAKERS[name]((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(backbone.input, keras.layers.Dense(10)(pooled))


def trainable(network: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def test_parameters_are_as_published() -> None:
    assert trainable(with_head("ResNet20")) == 269_722  # 0.27M: He et al., table 6
    assert trainable(with_head("WideResNet16-2")) == 691_674  # 0.7M: Zagoruyko and Komodakis


def test_depths_are_those_in_the_names() -> None:
    kinds = {name: [type(layer) for layer in with_head(name).layers] for name in ("ResNet20", "WideResNet16-2")}
    assert kinds["ResNet20"].count(keras.layers.Conv2D) + kinds["ResNet20"].count(keras.layers.Dense) == 20
    assert kinds["WideResNet16-2"].count(keras.layers.Conv2D) == 16  # 6 n + 4 with those of the shortcuts


@pytest.mark.parametrize("name", SMALL_NETWORKS)
@pytest.mark.parametrize("size", [8, 17, 32])
def test_features_are_a_map_at_any_size_from_8(name: str, size: int) -> None:
    features = small.MAKERS[name]((size, size, 3)).output_shape
    side = size // 8 if name == "SmallCNN" else -(-size // 4)
    assert features == (None, side, side, 64 if name == "ResNet20" else 128)


def test_the_makers_are_those_that_configurations_name() -> None:
    assert tuple(small.MAKERS) == SMALL_NETWORKS


def test_a_shortcut_takes_every_second_place_between_channels_of_zeros() -> None:
    features = np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype(np.float32)
    found = keras.ops.convert_to_numpy(small._subsampled(keras.ops.convert_to_tensor(features), 8, 2))
    np.testing.assert_array_equal(found[..., 2:6], features[:, ::2, ::2])
    assert not found[..., :2].any()
    assert not found[..., 6:].any()


def test_a_convolution_with_a_stride_is_centred_on_the_places_of_its_shortcut() -> None:
    images = keras.Input((8, 8, 1))
    network = keras.Model(images, small._convolution(images, 1, 2))
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 1
    network.set_weights([kernel])
    places = np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(network(places)), places[:, ::2, ::2])
