"""Estimates against what the network really holds."""

from functools import cache
from typing import Any

import pytest

from augexp.config import load
from augexp.config.schema import Experiment
from augexp.network import estimate
from augexp.network.build import build_network


def of(*overrides: str) -> tuple[Any, Experiment]:
    settings = load.experiment(
        None, ["model.weights=null", "model.backbone=MobileNetV2", "data.image_size=96", *overrides]
    )
    return _network(), settings


@cache
def _network() -> Any:
    """No setting of these tests changes it."""
    settings = load.experiment(None, ["model.weights=null", "model.backbone=MobileNetV2", "data.image_size=96"])
    return build_network(settings, "float32", 10, pretrained=False)


@pytest.mark.slow
def test_weights_count_their_gradients_and_moments() -> None:
    network, settings = of()
    count = network.model.count_params()
    assert estimate.memory(network, settings).weights == 3 * 4 * count
    network, settings = of("train.optimizer=adamw")
    assert estimate.memory(network, settings).weights == 4 * 4 * count
    network, settings = of("train.optimizer=adamw", "train.ema=0.99")
    assert estimate.memory(network, settings).weights == 5 * 4 * count


@pytest.mark.slow
def test_a_frozen_backbone_needs_less() -> None:
    network, settings = of()
    frozen = load.experiment(None, [*_flat(settings), "model.freeze=backbone"])
    assert estimate.memory(network, frozen).total < estimate.memory(network, settings).total / 5


def _flat(settings: Experiment) -> list[str]:
    return ["model.weights=null", f"model.backbone={settings.model.backbone}", "data.image_size=96"]


@pytest.mark.slow
def test_activations_grow_with_the_batch() -> None:
    network, settings = of("train.batch_size=8")
    larger = load.experiment(None, [*_flat(settings), "train.batch_size=16"])
    assert estimate.memory(network, larger).activations == 2 * estimate.memory(network, settings).activations


@pytest.mark.slow
def test_more_epochs_take_longer() -> None:
    network, settings = of("train.batch_size=4")
    seconds = estimate.seconds(network, settings, 1000, 100, jit_compile=False)
    hundredfold = estimate.seconds(network, settings, 100_000, 10_000, jit_compile=False)
    assert 0 < seconds < hundredfold


@pytest.mark.slow
@pytest.mark.parametrize(
    ("freeze", "expected"),
    # 20 epochs with 1 of the head: 4 predictions for a trained image, 1 with the backbone frozen or for a val image.
    [("none", 0.01 * ((19 * 4 + 1) * 1000 + 20 * 100) + 0.5 * (5 + 13)), ("backbone", 0.01 * 20 * 1100 + 0.5 * 5)],
)
def test_epochs_steps_and_compiling_are_counted(monkeypatch: pytest.MonkeyPatch, freeze: str, expected: float) -> None:
    monkeypatch.setattr(estimate, "_prediction", lambda *_, **__: (0.5, 0.01))
    network, settings = of(f"model.freeze={freeze}")
    assert estimate.seconds(network, settings, 1000, 100, jit_compile=False) == pytest.approx(expected)


@pytest.mark.slow
def test_measuring_leaves_the_weights_as_they_are() -> None:
    network, settings = of("train.batch_size=4")
    before = [variable.numpy().tobytes() for variable in network.model.variables]
    first, image = estimate._prediction(network.model, 4, settings.data.image_size, jit_compile=False)
    assert 0 < image < first
    assert [variable.numpy().tobytes() for variable in network.model.variables] == before
