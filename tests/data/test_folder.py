"""Image folders: what is found in them, and what is refused."""

import os
from pathlib import Path

import numpy as np
import pytest

from augexp.config.schema import Data
from augexp.data import sources
from augexp.data.folder import files_of
from augexp.errors import UserError
from tests.data.photos import draw, encoded, open_folder
from tests.places import SHARED

WOOF = SHARED / "data" / "woof-photos"


def message(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_folder(root)
    return str(caught.value).replace(str(root), "ROOT")


def test_class_folders_alone_are_one_split(tmp_path: Path) -> None:
    for name in ("dog/b.PNG", "dog/deep/a.jpeg", "cat/z.webp"):
        draw(tmp_path / name)
    source = open_folder(tmp_path)
    assert source.name == tmp_path.name
    assert source.class_names == ("cat", "dog")
    assert list(source.splits) == ["all"]
    listing = source.splits["all"].listing()
    assert listing.ids == ["cat/z.webp", "dog/b.PNG", "dog/deep/a.jpeg"]
    assert listing.labels.tolist() == [0, 1, 1]
    assert listing.labels.dtype == np.int32
    wanted = [(i, (tmp_path / id_).read_bytes()) for i, id_ in enumerate(listing.ids)]
    assert encoded(source.splits["all"]) == wanted


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_train_with_a_held_out_folder(tmp_path: Path, held_out: str) -> None:
    for name in ("train/a/1.png", "train/b/1.png", f"{held_out}/a/1.png", f"{held_out}/b/2.png"):
        draw(tmp_path / name)
    splits = open_folder(tmp_path).splits
    assert splits["train"].listing().ids == ["train/a/1.png", "train/b/1.png"]
    assert splits["test"].listing().ids == [f"{held_out}/a/1.png", f"{held_out}/b/2.png"]


def test_val_beside_test_is_used_unless_the_settings_say_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "test", "val"):
        for name in ("a", "b"):
            draw(tmp_path / split / name / "1.png")
    splits = open_folder(tmp_path).splits
    assert [splits[split].listing().ids for split in ("train", "val", "test")] == [
        [f"{split}/a/1.png", f"{split}/b/1.png"] for split in ("train", "val", "test")
    ]
    assert capsys.readouterr().err == f"folder:{tmp_path}: train/, val/ and test/ are train, val and test\n"
    for validation in (0.1, "test"):
        source = sources.open_source(Data.model_validate({"source": f"folder:{tmp_path}", "validation": validation}))
        assert list(source.splits) == ["train", "test"]
        said = capsys.readouterr().err
        assert f"val/ not used, as data.validation={validation} says; train/ and test/ are\n" in said


def test_train_folder_alone(tmp_path: Path) -> None:
    draw(tmp_path / "train/a/1.png")
    draw(tmp_path / "train/b/1.png")
    assert open_folder(tmp_path).splits["all"].listing().ids == ["train/a/1.png", "train/b/1.png"]


def test_other_files_are_counted_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a/1.png", "b/1.png", "b/._1.png", ".git/1.png"):
        draw(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    assert open_folder(tmp_path).splits["all"].listing().ids == ["a/1.png", "b/1.png"]
    assert capsys.readouterr().err == (
        f"folder:{tmp_path}: left out: hidden or system files and folders (2, such as .git), "
        "files that are no images (1, such as a/notes.txt)\n"
    )


def test_names_that_are_not_ascii_or_utf8(tmp_path: Path) -> None:
    draw(tmp_path / "größe" / "naïve ♞.png")
    draw(tmp_path / "b" / "1.png")
    (tmp_path / "b" / "1.png").rename(tmp_path / "b" / "\udcff.png")
    source = open_folder(tmp_path)
    assert source.splits["all"].listing().ids == ["b/\udcff.png", "größe/naïve ♞.png"]
    assert all(content.startswith(b"\x89PNG") for _, content in encoded(source.splits["all"]))


def test_relative_path_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "pets/a/1.png")
    draw(tmp_path / "pets/b/1.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    opened = [sources.open_source(Data(source=f"folder:{path}")) for path in ("pets", "./pets/", "~/pets")]
    assert {source.version for source in opened} == {open_folder(tmp_path / "pets").version}
    assert {source.name for source in opened} == {"pets"}


def test_version_follows_names_sizes_and_dates(tmp_path: Path) -> None:
    draw(tmp_path / "a/1.png")
    draw(tmp_path / "b/1.png")
    versions = [open_folder(tmp_path).version]
    assert open_folder(tmp_path).version == versions[0]
    os.utime(tmp_path / "a/1.png", ns=(1, 1))
    versions.append(open_folder(tmp_path).version)
    draw(tmp_path / "b/2.png")
    versions.append(open_folder(tmp_path).version)
    (tmp_path / "b/2.png").rename(tmp_path / "b/3.png")
    versions.append(open_folder(tmp_path).version)
    assert len(set(versions)) == 4


def test_no_such_folder(tmp_path: Path) -> None:
    root = tmp_path / "nowhere"
    assert message(root) == "folder:ROOT: no such folder (ROOT)"
    root.write_text("a file")
    assert message(root) == "folder:ROOT: not a folder (ROOT)"


NEEDED = "one folder a class is needed, under train/ and test/ (and val/), or alone"
ENDINGS = "(bmp gif jpeg jpg png tif tiff webp)"


def test_no_images(tmp_path: Path) -> None:
    needed = f"{NEEDED}, with images {ENDINGS}"
    assert message(tmp_path) == f"folder:ROOT: no images and no class folders; {needed}"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert message(tmp_path) == f"folder:ROOT: no images in its 2 class folders; {needed}"


def test_one_class(tmp_path: Path) -> None:
    draw(tmp_path / "cat/1.png")
    assert message(tmp_path) == "folder:ROOT: at least two classes are needed, found only cat"


def test_class_without_train_images(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw(tmp_path / f"train/{name}/1.png")
        draw(tmp_path / f"test/{name}/1.png")
    (tmp_path / "train/c").mkdir()
    (tmp_path / "train/d").mkdir()
    assert message(tmp_path) == "folder:ROOT: no train images in c, d; add some, or take the class away"
    draw(tmp_path / "test/d/1.png")
    assert (
        message(tmp_path) == "folder:ROOT: the test split has classes without train images: d; train's are a, b; "
        "give each of them train images, or take it out of test"
    )


def test_empty_split(tmp_path: Path) -> None:
    draw(tmp_path / "test/a/1.png")
    assert message(tmp_path) == f"folder:ROOT: there is test/ but no train/; {NEEDED}"
    (tmp_path / "train").mkdir()
    assert message(tmp_path) == "folder:ROOT: there are no images to train on"
    for name in ("a", "b"):
        draw(tmp_path / f"train/{name}/1.png")
    (tmp_path / "test/a/1.png").unlink()
    assert message(tmp_path) == (
        "folder:ROOT: there are no images to test on; put some into test, or more than two of a class into train and "
        "leave test out"
    )


@pytest.mark.parametrize(
    ("images", "names"),
    [(["images/1.png"], "images"), (["unknown/1.png"], "unknown"), (["pets/a/1.png", "pets/b/1.png"], "pets")],
)
def test_a_test_split_without_labels_is_named_for_what_it_is(tmp_path: Path, images: list[str], names: str) -> None:
    for image in ["train/a/1.png", "train/b/1.png", *(f"test/{image}" for image in images)]:
        draw(tmp_path / image)
    assert message(tmp_path) == (
        f"folder:ROOT: the test split has none of train's classes, only {names}; train's are a, b; call them as in "
        "train, or, if its images have no labels, take test away"
    )


def test_of_a_folder_to_predict_is_said_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("1.png", "1_mask.png", ".2.png"):
        draw(tmp_path / name)
    (tmp_path / "3.heic").write_bytes(b"\0\0\0\x18ftypheic")
    assert files_of([tmp_path]) == [tmp_path / "1.png"]
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path}: left out: ")
    assert "HEIC images, which augexp can't read (1, such as 3.heic)" in said


@pytest.mark.skipif(not WOOF.is_dir(), reason="the shared photos are not here")
def test_real_photos() -> None:
    source = open_folder(WOOF)
    assert len(source.class_names) == 10
    assert {name: examples.count for name, examples in source.splits.items()} == {"train": 300, "test": 150}
    assert all(content.startswith(b"\xff\xd8") for _, content in encoded(source.splits["test"]))
