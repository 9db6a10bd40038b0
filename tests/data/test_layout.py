"""Folders as people have them: which is which split, and what is refused because it isn't certain."""

import os
from pathlib import Path

import pytest

from augexp.config.schema import Data
from augexp.data import sources
from augexp.data.examples import Source
from augexp.errors import UserError
from tests.data.photos import draw, open_folder

PAIR = ("cat", "dog")


def fill(root: Path, *folders: str, classes: tuple[str, ...] = PAIR) -> Path:
    for folder in folders:
        for name in classes:
            draw(root / folder / name / "1.png")
    return root


def flat(folder: Path) -> None:
    draw(folder / "1.png")
    draw(folder / "2.png")


def counts(source: Source) -> dict[str, int]:
    return {split: examples.count for split, examples in source.splits.items()}


def message(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_folder(root)
    return str(caught.value).replace(str(root), "ROOT")


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("Training", "Validation", "Testing"),
        ("TRAIN", "VALID", "TEST"),
        ("training_set", "dev_set", "test_set"),
        ("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
        ("train/images", "valid/images", "eval/images"),
        ("photos/train", "photos/val", "photos/test"),
        ("a/b/Train", "a/b/dev", "a/b/Test"),
        ("train/train", "train/val", "train/test"),
    ],
)
def test_three_splits_in_any_form(tmp_path: Path, train: str, val: str, test: str) -> None:
    source = open_folder(fill(tmp_path, train, val, test))
    assert source.class_names == PAIR
    assert counts(source) == {"train": 2, "val": 2, "test": 2}
    for split, folder in (("train", train), ("val", val), ("test", test)):
        ids = source.splits[split].listing().ids  # type: ignore[index]
        assert all(f"{tmp_path / folder}/".endswith(id_.removesuffix("cat/1.png")) for id_ in ids[:1])


@pytest.mark.parametrize("folder", ["PetImages", "download/archive", "train", "training_set/training_set"])
def test_one_folder_around_classes(tmp_path: Path, folder: str) -> None:
    source = open_folder(fill(tmp_path, folder))
    assert (source.class_names, counts(source)) == (PAIR, {"all": 4 // 2})


def test_what_was_read_is_the_same_with_a_folder_around_it(tmp_path: Path) -> None:
    fill(tmp_path, "around/Train", "around/Test")
    around, inner = open_folder(tmp_path), open_folder(tmp_path / "around")
    assert (around.name, around.version) == (inner.name, inner.version)
    assert around.splits["train"].listing().ids == inner.splits["train"].listing().ids


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    vehicles = ("bus", "car", "train")
    source = open_folder(fill(tmp_path, "train", "test", classes=vehicles))
    assert source.class_names == vehicles


def test_what_stands_beside_the_splits_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", "test", "training")
    flat(tmp_path / "pred")
    draw(tmp_path / "train/stray.png")
    assert counts(open_folder(tmp_path)) == {"train": 2, "test": 2}
    said = capsys.readouterr().err
    assert "pred/, training/ not used; test/, train/ are" in said
    assert "left out: images in no class folder (1, such as train/stray.png)" in said


def test_a_test_set_of_another_name_is_not_left_unused(tmp_path: Path) -> None:
    fill(tmp_path, "Training", "PublicTest", "PrivateTest")
    assert message(tmp_path) == (
        "folder:ROOT: PrivateTest/, PublicTest/ beside Training/ may be a test set, and there is no test/; call one of "
        "them test (and another val, if there is none), or take them away"
    )
    (tmp_path / "PublicTest").rename(tmp_path / "test")
    assert counts(open_folder(tmp_path)) == {"train": 2, "test": 2}


def test_an_empty_val_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", "test")
    (tmp_path / "val/cat").mkdir(parents=True)
    assert counts(open_folder(tmp_path)) == {"train": 2, "test": 2}
    assert "val/ holds no images and is not used" in capsys.readouterr().err


def test_a_class_without_test_images_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", classes=("cat", "dog", "emu"))
    fill(tmp_path, "test")
    open_folder(tmp_path)
    assert "no test images in emu" in capsys.readouterr().err


def test_images_without_classes_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "train")
    flat(tmp_path / "test")
    assert message(tmp_path) == (
        "folder:ROOT: test/ holds 2 images and no class folders (1.png), so what they show isn't known; "
        "put them into a folder for each class, or take it away: then a part of train is held out"
    )
    (tmp_path / "test").rename(tmp_path / "val")
    assert "or take it away" in message(tmp_path)
    fill(tmp_path, "test")
    assert "or set data.validation=0.1" in message(tmp_path)
    source = sources.open_source(Data.model_validate({"source": f"folder:{tmp_path}", "validation": 0.1}))
    assert counts(source) == {"train": 2, "test": 2}


def test_a_flat_folder_is_refused(tmp_path: Path) -> None:
    flat(tmp_path)
    assert message(tmp_path).startswith("folder:ROOT: the folder holds 2 images and no class folders (1.png)")


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["test"], "there is test/ but no train/"),
        (["Test", "val"], "there is Test/, val/ but no train/"),
        (["trainset", "training", "test"], "training/, trainset/ may all be train"),
        (["fold_train_1", "fold_test_1"], "fold_test_1/, fold_train_1/ look like splits"),
        (
            ["data/train", "data/test", "docs/x"],
            "data/test/, data/train/ look like splits, inside of data/, beside docs/",
        ),
        (["train/train", "train/more", "test"], "train/ in train/ may be splits or classes"),
    ],
)
def test_what_is_not_certain_is_refused(tmp_path: Path, folders: list[str], said: str) -> None:
    assert message(fill(tmp_path, *folders)).startswith(f"folder:ROOT: {said}")


@pytest.mark.parametrize(
    ("image", "beside", "where"),
    [
        ("images/1.jpg", "labels/1.txt", "ROOT"),
        ("JPEGImages/1.jpg", "Annotations/1.xml", "ROOT"),
        ("images/1.jpg", "annotations/trimaps/1.png", "ROOT"),
        ("train/images/1.jpg", "train/labels/1.txt", "train"),
    ],
)
def test_what_is_marked_on_images_is_no_class(tmp_path: Path, image: str, beside: str, where: str) -> None:
    for name in (image, beside):
        draw(tmp_path / name) if name.endswith(("jpg", "png")) else (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / beside).touch()
    folder = beside.removeprefix("train/").split("/")[0]
    where = tmp_path.name if where == "ROOT" else where
    said = f"folder:ROOT: {folder}/ in {where}/: their files are called as the images beside, so they look like"
    assert message(tmp_path).startswith(said)


def test_splits_inside_of_classes_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "cat", "dog", classes=("train", "test"))
    assert "cat/test/, cat/train/ look like splits, inside of cat/, beside dog/" in message(tmp_path)


@pytest.mark.parametrize("name", ["train", "test", "Validation"])
def test_a_split_or_a_class_is_refused(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "")
    flat(tmp_path / name)
    assert message(tmp_path).endswith("move the folders of the classes into a folder train/")
    assert f"{name}/" in message(tmp_path)


def test_class_names_in_latin_1_and_in_two_forms(tmp_path: Path) -> None:
    fill(tmp_path, "train", "test", classes=("b", "M\udcfcller"))
    draw(tmp_path / "train" / "o\u0308" / "1.png")
    draw(tmp_path / "test" / "\u00f6" / "1.png")
    source = open_folder(tmp_path)
    assert source.class_names == ("M\\xfcller", "b", "\u00f6")
    assert source.splits["test"].listing().labels.tolist() == [0, 1, 2]
    os.rename(tmp_path / "test" / "b", tmp_path / "test" / "B")  # noqa: PTH104
    assert message(tmp_path).startswith("folder:ROOT: 'B' (test/B) and 'b' (train/b) differ only in case")


@pytest.mark.parametrize("target", [".", "train", "train/cat"])
def test_a_split_that_is_a_link_to_another_is_refused(tmp_path: Path, target: str) -> None:
    fill(tmp_path, "train")
    draw(tmp_path / "train" / "cat" / "more" / "1.png")
    (tmp_path / "test").symlink_to(tmp_path / target, target_is_directory=True)
    said = "train/ and test/ hold the same images, as one is a link to the other or into it"
    assert message(tmp_path) == f"folder:ROOT: {said}; give test images of its own, or take it away"


@pytest.mark.parametrize(("target", "shared"), [("cat", "cat"), (".", "cat"), ("dog/deep", "dog")])
def test_a_class_that_is_a_link_to_another_is_refused(tmp_path: Path, target: str, shared: str) -> None:
    fill(tmp_path, "train")
    draw(tmp_path / "train" / "dog" / "deep" / "1.png")
    (tmp_path / "train" / "more").symlink_to(tmp_path / "train" / target, target_is_directory=True)
    assert message(tmp_path).startswith(f"folder:ROOT: more/ holds the images of {shared}/, as one is a link to the")


def test_a_split_that_is_a_link_to_another_place_is_used(tmp_path: Path) -> None:
    fill(tmp_path / "here", "train")
    fill(tmp_path / "there", "")
    (tmp_path / "here" / "test").symlink_to(tmp_path / "there", target_is_directory=True)
    assert counts(open_folder(tmp_path / "here")) == {"train": 2, "test": 2}


@pytest.mark.parametrize("names", [("fold1", "fold2", "fold3"), ("Batch_1", "Batch_2"), ("part-a", "part-b")])
def test_parts_of_a_set_are_never_guessed_into_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    said = message(fill(tmp_path, *names))
    assert f"{names[0]}/, {names[1]}/" in said
    assert "look like parts of the set, as each holds cat/, dog/; one folder a class is needed" in said


def test_the_same_many_folders_in_a_few_are_never_guessed_into_classes(tmp_path: Path) -> None:
    said = message(fill(tmp_path, "photo", "sketch", classes=("cat", "dog", "emu")))
    assert "photo/, sketch/ look like parts of the set, as each holds cat/, dog/, emu/; one folder a class" in said


def test_the_same_folders_in_each_class_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = open_folder(fill(tmp_path, "oak", "elm", classes=("bark", "leaf")))
    assert source.class_names == ("elm", "oak")
    assert "elm/, oak/ are taken for the classes, though each holds bark/, leaf/; if those" in capsys.readouterr().err
