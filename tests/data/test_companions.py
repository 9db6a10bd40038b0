"""Masks, annotations and thumbnails by their names; what only sounds like them stays."""

from pathlib import Path

import pytest

from augexp.data.companions import annotations, companions, is_of_companions

CLASS = Path("set/benign")


@pytest.mark.parametrize(
    ("image", "beside"),
    [
        ("benign (1).png", "benign (1)_mask.png"),
        ("benign (1).png", "benign (1)_mask_1.png"),
        ("7.jpg", "7-label.PNG"),
        ("7.jpg", "7 Ground Truth.png"),
        ("7.jpg", "7-150x150.jpg"),
        ("7.jpg", "7_thumb.jpg"),
        ("images/7.png", "masks/7.png"),
        ("images/7.png", "masks/7_mask.png"),
        ("7.png", "thumbnails/7.jpg"),
        ("images/7.png", "7_seg.png"),
    ],
)
def test_what_belongs_to_an_image(image: str, beside: str) -> None:
    assert companions([CLASS / beside, CLASS / image], CLASS) == {CLASS / beside}


@pytest.mark.parametrize(
    ("image", "other"),
    [
        ("7.png", "8_mask.png"),
        ("7.png", "unmask.png"),
        ("deep/7.png", "7_mask.png"),
        ("fist/7.png", "thumbs/7.png"),
        ("7_mask.png", "9_mask.png"),
    ],
)
def test_what_only_sounds_like_it(image: str, other: str) -> None:
    assert companions([CLASS / image, CLASS / other], CLASS) == set()


def test_a_class_may_be_called_so() -> None:
    mask = Path("set/mask")
    assert companions([mask / "1.png", mask / "2.png"], mask) == set()
    assert is_of_companions("Masks")
    assert not any(map(is_of_companions, ["", "no_mask", "images", "label 7"]))


def test_folders_of_annotations(tmp_path: Path) -> None:
    for name in ("images/a/1.jpg", "labels/1.txt", "annotations/xml/1.xml", "masks/9.png", "mask/1.png", "cat/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = ["images", "labels", "annotations", "masks", "cat"]
    assert annotations(tmp_path, names) == ["labels", "annotations"]
    assert annotations(tmp_path, ["mask", "cat"]) == []
