"""What enters the first convolution: measured for every backbone, refused where nothing can be learnt from it."""

import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.config.schema import BACKBONES, RANGE_ARGS, SMALL_NETWORKS, Model
from augexp.errors import UserError
from augexp.network import inputs, model
from tests.tools import backbones

DOCS = Path(__file__).parents[2] / "docs" / "backbones.md"
UNSCALED = "model.backbone_args={include_preprocessing: false}"
# Keras makes the others of a family with the same function; to measure them, too, takes minutes.
SMALLEST = (
    *SMALL_NETWORKS,
    *("ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S"),
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile"),
    *("ResNet50", "ResNet50V2", "VGG16", "Xception"),
)


def settings(*overrides: str) -> Model:
    return load.experiment(None, list(overrides)).model


def of(backbone: str, *overrides: str) -> Model:
    return settings(f"model.backbone={backbone}", "model.weights=null", *overrides)


def refusal(asked: Model) -> str:
    with pytest.raises(UserError) as caught:
        inputs.refuse_unfit(asked, 32)
    return str(caught.value)


def documented(backbone: str) -> str:
    (row,) = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith(f"| {backbone} |")]
    return row


def family(backbone: str) -> str:
    """ResNet50V2 -> ResNetV2: the name without depth and size; EfficientNetV2S is of a family beside V2B0's."""
    if backbone in SMALL_NETWORKS:
        return backbone
    name = re.sub(r"(Tiny|Small|Base|XLarge|Large|Mobile)$", "", backbone.replace("V2L", "V2S").replace("V2M", "V2S"))
    return re.sub(r"B[0-7]$", "B", re.sub(r"\d{2,3}", "", name))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", SMALLEST)
def test_the_documented_table_is_what_is_measured(backbone: str) -> None:
    assert backbones.row(backbone) == documented(backbone)
    keras.utils.clear_session()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_family_has_one_row_of_the_table(backbone: str) -> None:
    (smallest,) = [name for name in SMALLEST if family(name) == family(backbone)]
    assert documented(backbone) == documented(smallest).replace(f"| {smallest} |", f"| {backbone} |")


def test_no_other_argument_of_a_backbone_decides_what_enters() -> None:
    of_size = {"alpha", "depth_multiplier", "minimalistic", "dropout", "dropout_rate"}
    of_the_head = {"classifier_activation", "name", "weights_name"}
    known = {*model.SET_BY_AUGEXP, *of_size, *of_the_head, *RANGE_ARGS}
    for name in set(BACKBONES) - set(SMALL_NETWORKS):
        assert inspect.signature(getattr(keras.applications, name)).parameters.keys() <= known, name


@pytest.mark.slow
def test_what_enters_is_what_the_layers_give() -> None:
    asked = of("MobileNetV3Small")
    found = inputs.entering(model.bare_backbone(asked, 32), asked)
    assert (found.low, found.high, found.span) == pytest.approx((-1, 1, 2))
    assert str(found) == "-1..1"
    tutorial = of("ResNet50", "model.preprocessing=unit")
    assert str(inputs.entering(model.bare_backbone(tutorial, 32), tutorial)) == "0..1"


@pytest.mark.slow
def test_scaling_twice_is_refused() -> None:
    assert refusal(of("EfficientNetB0", "model.preprocessing=unit")) == (
        "model.preprocessing unit: RGB 0..255 would enter the first convolution of EfficientNetB0 as 0..0.003922 in "
        "place of 0..1, as it scales by itself; set model.preprocessing=imagenet"
    )
    args = of("MobileNetV3Small", "model.preprocessing=unit", "model.backbone_args={include_preprocessing: true}")
    assert "as -1..-0.9922 in place of -1..1, as it scales by itself" in refusal(args)


@pytest.mark.slow
def test_no_scaling_at_all_is_refused() -> None:
    said = (
        'model.backbone_args {"include_preprocessing": false}: RGB 0..255 would enter the first convolution of '
        "MobileNetV3Small as 0..255 in place of -1..1; take include_preprocessing out of it"
    )
    asked = of("MobileNetV3Small", UNSCALED)
    assert refusal(asked) == f"{said}, or set model.preprocessing=unit for 0..1"
    assert refusal(asked.model_copy(update={"weights": "imagenet"})) == said


@pytest.mark.slow
def test_unit_is_refused_where_trained_weights_expect_more_and_nothing_adapts() -> None:
    for overrides in ([], ["model.freeze=backbone"], ["model.batch_norm=frozen"]):
        name = "ResNet50" if overrides else "VGG16"
        asked = settings(f"model.backbone={name}", "model.weights=imagenet", "model.preprocessing=unit", *overrides)
        assert refusal(asked) == (
            f"model.preprocessing unit: RGB 0..255 would enter the first convolution of {name} as 0..1 in place of "
            "-123.7..151.1, and no batch norm in training adapts to it; set model.preprocessing=imagenet"
        )


@pytest.mark.parametrize(
    "allowed",
    [
        of("ResNet50"),
        of("SmallCNN", "model.preprocessing=unit"),
        of("VGG16", "model.preprocessing=unit"),  # random weights
        of("VGG16", "model.preprocessing=unit", "model.freeze=backbone"),
        of("MobileNetV3Small", "model.preprocessing=unit", UNSCALED),
        of("MobileNetV3Small", "model.backbone_args={include_preprocessing: true}"),
        settings("model.backbone=MobileNetV2", "model.preprocessing=unit", "model.freeze=backbone"),  # 0..1 for -1..1
        load.experiment("tutorial.yaml").model,
    ],
)
def test_what_can_work_is_allowed(allowed: Model) -> None:
    inputs.refuse_unfit(allowed, 32)


@pytest.mark.slow
def test_weights_that_get_other_values_than_they_are_made_for_are_said() -> None:
    asked = settings("model.backbone=MobileNetV2", "model.preprocessing=unit")
    network = model.build(asked, 32, 5, pretrained=False)
    assert inputs.line(network, asked) == "input: RGB 0..255 enters the first convolution as 0..1"
    assert inputs.unlike(network, asked) == [
        "the ImageNet weights of MobileNetV2 are made for -1..1 in its first convolution, and get 0..1 "
        "(model.preprocessing: unit)"
    ]
    for same in (settings("model.backbone=MobileNetV2"), of("MobileNetV2", "model.preprocessing=unit")):
        assert inputs.unlike(network, same) == []


def test_half_precision_changes_next_to_nothing() -> None:
    asked = of("MobileNetV3Small")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = inputs.entering(model.bare_backbone(asked, 32), asked)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose((found.low, found.high), (-1, 1), atol=0.01)
