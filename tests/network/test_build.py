"""The network of an experiment: its seed decides its weights, whatever came before, and nothing is left behind."""

import random

import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.network.build import build_network, policy

DIGITS = load.experiment("digits.yaml")


def weights(seed: int = 3, precision: str = "float32") -> list[bytes]:
    experiment = load.experiment("digits.yaml", [f"seed={seed}"])
    model = build_network(experiment, precision, 10).model
    return [keras.ops.convert_to_numpy(variable).tobytes() for variable in model.variables]


@pytest.mark.slow
def test_what_was_built_or_drawn_before_changes_no_weight() -> None:
    first = weights()
    build_network(load.experiment("digits.yaml", ["seed=9", "model.dropout=0.5"]), "mixed_bfloat16", 7)
    keras.layers.Dense(5).build((None, 3))
    random.seed(0)
    assert weights() == first
    assert weights(seed=4) != first


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_nothing_is_left_behind(precision: str) -> None:
    before = keras.config.dtype_policy().name
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    network = build_network(DIGITS, precision, 10)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002
    assert keras.config.dtype_policy().name == before
    assert network.precision == precision
    inner = [layer for layer in network.backbone.layers if layer.name.startswith("conv")]
    assert {layer.dtype_policy.name for layer in inner} == {precision}
    assert network.model.get_layer("head").dtype_policy.name == "float32"


def test_a_policy_ends_with_its_block_even_by_an_error() -> None:
    before = keras.config.dtype_policy().name

    def fail() -> None:
        with policy("mixed_float16"):
            assert keras.config.dtype_policy().name == "mixed_float16"
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert keras.config.dtype_policy().name == before
