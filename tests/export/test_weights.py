"""What is said of the licences of initial weights."""

import pytest

from augexp.config.schema import BACKBONES, Model
from augexp.export import weights


def of(backbone: str, initial: str | None = "imagenet") -> str:
    return weights.provenance(Model(backbone=backbone, weights=initial), "0123456789abcdef")


@pytest.mark.parametrize(
    ("backbone", "licence"),
    [
        ("ResNet50", "MIT, by Kaiming He"),
        ("ResNet50V2", "BSD, by Facebook"),
        ("MobileNetV2", "Apache-2.0, by Google"),
        ("InceptionResNetV2", "Apache-2.0, by Google"),
        ("VGG16", "CC BY 4.0"),
        ("DenseNet121", "BSD 3-clause"),
        ("Xception", "MIT, by the Keras team"),
    ],
)
def test_weights_of_keras_are_under_the_licence_of_their_makers(backbone: str, licence: str) -> None:
    assert f"published under {licence}" in of(backbone)


def test_what_is_not_known_is_said() -> None:
    for backbone in BACKBONES:
        if backbone.startswith(("EfficientNet", "ConvNeXt", "MobileNetV3")):
            assert "names no licence" in of(backbone)
    assert "augexp doesn't know whose they are" in of("ResNet50", "mine.h5")
    assert "0123456789abcdef" in of("ResNet50", "mine.h5")


def test_random_weights_are_nobodys() -> None:
    assert of("SmallCNN", None) == "None: trained from random weights."
