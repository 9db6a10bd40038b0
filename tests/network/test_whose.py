"""The backbone that a file of weights fits."""

from pathlib import Path

import keras
import pytest

from augexp.errors import UserError
from augexp.network import whose
from tests.factories import write_published_layout
from tests.places import SHARED

MOBILENET = SHARED / "weights" / "mobilenet_v2_0.35_224_notop.weights.h5"


@pytest.mark.slow
def test_a_file_in_the_published_layout_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whose, "KNOWN", (("MobileNetV2", 0.5), ("MobileNetV2", 0.35)))  # each takes a second
    path = tmp_path / "mine.h5"
    backbone = keras.applications.MobileNetV2(alpha=0.35, include_top=False, weights=None, input_shape=(96, 96, 3))
    write_published_layout(backbone, path)
    found = whose.of_file(str(path))
    assert (found.backbone, found.backbone_args, found.weights) == ("MobileNetV2", {"alpha": 0.35}, str(path))


@pytest.mark.slow
@pytest.mark.skipif(not MOBILENET.exists(), reason="../shared with its photos and weights is not here")
def test_real_weights_are_found_at_once_by_their_name() -> None:
    assert max(whose.KNOWN, key=lambda known: whose._likeness(MOBILENET.name, *known)) == ("MobileNetV2", 0.35)
    assert whose.of_file(str(MOBILENET)).backbone_args == {"alpha": 0.35}


@pytest.mark.parametrize(
    ("file", "likeliest"),
    [
        ("resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", ("ResNet50V2", None)),
        ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", ("ResNet50", None)),
        ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.4_224_no_top.h5", ("MobileNetV2", 1.4)),
        ("efficientnetv2-b0_notop.h5", ("EfficientNetV2B0", None)),
    ],
)
def test_published_names_are_told_apart(file: str, likeliest: tuple[str, float | None]) -> None:
    assert max(whose.KNOWN, key=lambda known: whose._likeness(file, *known)) == likeliest


@pytest.mark.slow
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whose, "KNOWN", (("MobileNetV2", 0.35),))
    (tmp_path / "notes.h5").write_text("nothing")
    other = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(other)
    for path, reason in (
        (tmp_path / "gone.h5", "no such file"),
        (tmp_path, "not a file"),
        (tmp_path / "notes.h5", "no weights of Keras"),
        (other, "it fits none of MobileNetV2"),
    ):
        with pytest.raises(UserError, match=f"--weights .*{reason}"):
            whose.of_file(str(path))
