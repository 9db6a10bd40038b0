"""Presets of KerasHub in configurations: by name, or a folder that is known by what it says."""

from pathlib import Path

import pytest

from augexp.config import hub, load, ownnet, settings
from augexp.config.schema import Experiment
from augexp.errors import UserError


def of(backbone: str, *overrides: str) -> Experiment:
    return load.experiment(None, [f"model.backbone={backbone}", "model.weights=preset", *overrides])


def test_a_preset_with_a_name_is_taken_as_it_stands() -> None:
    found = of("keras_hub:vit_base_patch16_224_imagenet")
    assert not ownnet.is_own(found.model.backbone)
    assert found.model.has_own_weights
    assert found.model.backbone_digest is None
    assert "ops_dir" not in found.to_yaml()
    assert hub.folder(found.model.backbone) is None


def test_a_folder_is_known_by_its_configuration_and_scaling(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    one = of(f"keras_hub:{tmp_path}")
    (tmp_path / "image_converter.json").write_text('{"scale": 2}')
    other = of(f"keras_hub:{tmp_path}")
    assert None not in (one.model.backbone_digest, other.model.backbone_digest)
    assert settings.differences(one.model_dump(mode="json"), other) == [
        f"model.backbone: its file has changed: {one.model.backbone_digest} there, {other.model.backbone_digest} here"
    ]
    with pytest.raises(UserError, match=r"the file of keras_hub:.* has changed since"):
        load.read_network(Experiment.model_validate(one.model_dump(mode="json")))
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match=rf"there is no config.json in {tmp_path}; a folder that `save_to_preset`"):
        of(f"keras_hub:{tmp_path}")


def test_its_weights_are_not_those_for_imagenet_of_keras() -> None:
    with pytest.raises(
        UserError, match=r"model.weights: write preset for the weights of keras_hub:resnet_50_imagenet, "
    ):
        of("keras_hub:resnet_50_imagenet", "model.weights=imagenet")
