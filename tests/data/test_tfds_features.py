"""Which feature is the image and which the label: what is certain is taken, anything else refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds

from augexp.config import load
from augexp.config.schema import Data
from augexp.data.tfds_features import Keys, keys
from augexp.errors import UserError

FEATURES = tfds.features
IMAGE, CLASSES = FEATURES.Image(), FEATURES.ClassLabel(names=["cat", "dog"])


def tensor(*shape: int | None, dtype: Any = np.float32) -> Any:
    return FEATURES.Tensor(shape=shape, dtype=dtype)


def found(features: dict[str, Any], supervised: object = None, **settings: str) -> Keys:
    return keys(Data.model_validate({"source": "pets", **settings}), features, supervised)


@pytest.mark.parametrize(
    ("features", "wanted"),
    [
        ({"photo": IMAGE, "kind": CLASSES, "id": FEATURES.Text()}, ("photo", "kind")),
        ({"photo": IMAGE, "kind": FEATURES.Scalar(np.int64)}, ("photo", "kind")),
        ({"photo": IMAGE, "kind": FEATURES.Text(), "file_name": FEATURES.Text()}, ("photo", "kind")),
        ({"x": tensor(8, 8, 3), "y": FEATURES.Scalar(np.bool_)}, ("x", "y")),
        ({"x": tensor(28, 28, dtype=np.uint8), "y": CLASSES}, ("x", "y")),
        ({"photo": IMAGE, "mask": FEATURES.LabeledImage(labels=3), "y": CLASSES}, ("photo", "y")),
        ({"photo": IMAGE, "depth": tensor(8, 8), "y": CLASSES, "age": FEATURES.Scalar(np.int32)}, ("photo", "y")),
    ],
)
def test_the_only_ones_there_are(
    features: dict[str, Any], wanted: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(features) == wanted
    assert capsys.readouterr().err in (f"pets: the image is {wanted[0]}, and the class is {wanted[1]}\n", "")


def test_the_set_s_own_and_those_that_are_asked_for() -> None:
    features = {"image": IMAGE, "other": IMAGE, "label": CLASSES, "breed": FEATURES.ClassLabel(num_classes=9)}
    assert found(features, ("image", "label")) == ("image", "label")
    assert found(features, ("image", "label"), image_key="other") == ("other", "label")
    assert found(features, image_key="image", label_key="breed") == ("image", "breed")
    files = {"bytes": FEATURES.Tensor(shape=(), dtype=np.object_), "label": CLASSES}
    assert found(files, image_key="bytes") == ("bytes", "label")


HAS = "; it has breed (9 classes), image (uint8 image), label (2 classes), other (uint8 image)"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, f"pets: image or other may be an image{HAS}; set data.image_key to the right one"),
        ({"image_key": "image"}, f"pets: breed or label may be a class{HAS}; set data.label_key to the right one"),
        ({"image_key": "imgae"}, f"data.image_key: pets has nothing called imgae; did you mean image?{HAS}"),
        ({"image_key": "label"}, f"data.image_key: label of pets can't be read as an image{HAS}"),
        ({"image_key": "image", "label_key": "other"}, f"data.label_key: other of pets can't be read as a class{HAS}"),
    ],
)
def test_what_isn_t_certain_is_refused_with_what_there_is(settings: dict[str, str], said: str) -> None:
    features = {"other": IMAGE, "image": IMAGE, "label": CLASSES, "breed": FEATURES.ClassLabel(num_classes=9)}
    with pytest.raises(UserError) as caught:
        found(features, **settings)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("label", "described"),
    [
        (FEATURES.Sequence(CLASSES), "sequence"),
        (FEATURES.Scalar(np.float32), "float32"),
        (FEATURES.FeaturesDict({"a": CLASSES}), "features"),
        (FEATURES.BBoxFeature(), "float32 of shape (4,)"),
    ],
)
def test_labels_that_are_no_class(label: Any, described: str) -> None:
    has = f"it has image (uint8 image), label ({described})"
    for supervised, said in (
        (None, f"pets: no image classification set: nothing in it is a class; {has}"),
        (
            ("image", "label"),
            f"pets: no image classification set: its label can't be read as a class; {has}; set data.label_key if "
            "another one is",
        ),
    ):
        with pytest.raises(UserError) as caught:
            found({"image": IMAGE, "label": label}, supervised)
        assert str(caught.value) == said


@pytest.mark.parametrize(
    "pixels",
    [
        tensor(8, 8, 5, dtype=np.uint8),
        tensor(8, 8, 4),
        tensor(8),
        tensor(None, None, None, dtype=np.uint8),
        FEATURES.Video(shape=(None, 8, 8, 3)),
        FEATURES.LabeledImage(labels=3),
        tensor(8, 8, dtype=np.complex64),
    ],
)
def test_what_is_no_image(pixels: Any) -> None:
    with pytest.raises(UserError, match="nothing in it is an image; it has label"):
        found({"pixels": pixels, "label": CLASSES})


@pytest.mark.parametrize("source", ["digits", "folder:photos", "csv:labels.csv"])
def test_keys_are_refused_beside_other_sources(source: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.label_key: only sets of TFDS have keys; leave this one out"):
        load.experiment(None, [f"data.source={source}", "data.label_key=label"])
