"""Estimates against what the network really holds."""

from typing import Any

from augexp import config, estimate, experiment


def of(*overrides: str) -> tuple[Any, config.Experiment]:
    settings = config.load(None, ["model.weights=null", "model.backbone=MobileNetV2", "data.image_size=96", *overrides])
    return experiment.build_network(settings, "float32", 10, pretrained=False), settings


def test_weights_count_their_gradients_and_moments() -> None:
    network, settings = of()
    count = network.model.count_params()
    assert estimate.memory(network, settings).weights == 3 * 4 * count
    network, settings = of("train.optimizer=adamw")
    assert estimate.memory(network, settings).weights == 4 * 4 * count


def test_a_frozen_backbone_needs_less() -> None:
    network, settings = of()
    frozen = config.load(None, [*_flat(settings), "model.freeze=backbone"])
    assert estimate.memory(network, frozen).total < estimate.memory(network, settings).total / 5


def _flat(settings: config.Experiment) -> list[str]:
    return ["model.weights=null", f"model.backbone={settings.model.backbone}", "data.image_size=96"]


def test_activations_grow_with_the_batch() -> None:
    network, settings = of("train.batch_size=8")
    larger = config.load(None, [*_flat(settings), "train.batch_size=16"])
    assert estimate.memory(network, larger).activations == 2 * estimate.memory(network, settings).activations


def test_more_epochs_take_longer() -> None:
    network, settings = of("train.batch_size=4")
    seconds = estimate.seconds(network, settings, train_examples=1000, val_examples=100)
    hundredfold = estimate.seconds(network, settings, train_examples=100_000, val_examples=10_000)
    assert 0 < seconds < hundredfold
