"""Folders, digits and TFDS's real Stanford Dogs builder give the same kind of source."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augexp.config.schema import Data
from augexp.data import sources
from augexp.data.examples import Examples, Source
from augexp.errors import UserError
from tests import stanford_dogs
from tests.places import SHARED

WOOF = SHARED / "data" / "woof-photos"


def draw(path: Path, color: tuple[int, int, int] = (200, 100, 50)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), color).save(path)


def open_folder(root: Path) -> Source:
    return sources.open_source(Data(source=f"folder:{root}"))


def message(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_folder(root)
    return str(caught.value).replace(str(root), "ROOT")


def encoded(examples: Examples) -> list[tuple[int, bytes]]:
    return [(int(index), content) for index, content in examples.encoded().as_numpy_iterator()]


# --- folder --------------------------------------------------------------------------------------------------------


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


def test_val_beside_test_is_not_used_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png", "val/a/1.png"):
        draw(tmp_path / name)
    splits = open_folder(tmp_path).splits
    assert splits["test"].listing().ids == ["test/a/1.png"]
    said = capsys.readouterr().err
    assert said == f"folder:{tmp_path}: val/ not used; train/ and test/ are\n"


def test_train_folder_alone(tmp_path: Path) -> None:
    draw(tmp_path / "train/a/1.png")
    draw(tmp_path / "train/b/1.png")
    assert open_folder(tmp_path).splits["all"].listing().ids == ["train/a/1.png", "train/b/1.png"]


def test_other_files_are_counted_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a/1.png", "b/1.png", "b/._1.png", ".git/1.png"):
        draw(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    assert open_folder(tmp_path).splits["all"].listing().ids == ["a/1.png", "b/1.png"]
    assert capsys.readouterr().err == f"{tmp_path}: 2 files that are no images are left out\n"


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


ENDINGS = "(bmp gif jpeg jpg png tif tiff webp)"


def test_no_images(tmp_path: Path) -> None:
    needed = f"one folder a class is needed (under train/ and test/, or alone), with images {ENDINGS}"
    assert message(tmp_path) == f"folder:ROOT: no images and no class folders; {needed}"
    draw(tmp_path / "stray.png")
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
    assert message(tmp_path) == "folder:ROOT: no train images in c, d"
    draw(tmp_path / "test/d/1.png")
    assert message(tmp_path) == "folder:ROOT: the test split has classes that train hasn't: d"


def test_splits_in_capitals_are_not_taken_for_classes(tmp_path: Path) -> None:
    for split in ("Train", "Test"):
        (tmp_path / split / "cat").mkdir(parents=True)
    assert message(tmp_path) == ("folder:ROOT: Test, Train: call the folders train and test (or val), in lower case")


def test_empty_split(tmp_path: Path) -> None:
    draw(tmp_path / "test/a/1.png")
    assert message(tmp_path) == "folder:ROOT: there is test/ but no train/"
    (tmp_path / "train").mkdir()
    assert message(tmp_path) == "folder:ROOT: there are no images to train on"
    for name in ("a", "b"):
        draw(tmp_path / f"train/{name}/1.png")
    (tmp_path / "test/a/1.png").unlink()
    assert message(tmp_path) == "folder:ROOT: there are no images to test on"


@pytest.mark.skipif(not WOOF.is_dir(), reason="the shared photos are not here")
def test_real_photos() -> None:
    source = open_folder(WOOF)
    assert len(source.class_names) == 10
    assert {name: examples.count for name, examples in source.splits.items()} == {"train": 300, "test": 150}
    assert all(content.startswith(b"\xff\xd8") for _, content in encoded(source.splits["test"]))


# --- digits --------------------------------------------------------------------------------------------------------


def test_digits_are_png_files() -> None:
    import tensorflow as tf
    from sklearn.datasets import load_digits

    source = sources.open_source(Data(source="digits"))
    examples = source.splits["all"]
    listing = examples.listing()
    assert (examples.count, len(set(listing.ids)), source.class_names[9]) == (1797, 1797, "9")
    assert np.array_equal(listing.labels, load_digits().target)
    images = [tf.io.decode_image(content).numpy()[..., 0] for _, content in encoded(examples)]
    assert np.abs(np.array(images) - load_digits().images * 255 / 16).max() <= 0.5


# --- TFDS ----------------------------------------------------------------------------------------------------------


def test_stanford_dogs_through_the_real_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stanford_dogs.install(tmp_path, monkeypatch)
    data = Data(data_dir=str(tmp_path))
    assert not sources.is_prepared(data)
    source = sources.open_source(data)
    assert sources.is_prepared(data)
    folders = stanford_dogs.class_folders()
    assert source.name == "stanford_dogs"
    assert source.class_names == tuple(folder.lower() for folder in folders)
    assert {name: examples.count for name, examples in source.splits.items()} == {"train": 360, "test": 120}
    for examples in source.splits.values():
        listing = examples.listing()
        assert len(set(listing.ids)) == examples.count
        assert [id_.split("/")[1] for id_ in listing.ids] == [folders[label] for label in listing.labels]
    assert_files_are_the_archive_s(tmp_path, source.splits["test"])


def assert_files_are_the_archive_s(data_dir: Path, examples: Examples) -> None:
    import tarfile

    ids = examples.listing().ids
    with tarfile.open(data_dir / "downloads" / "manual" / "images.tar") as archive:
        members = {name: archive.extractfile(name) for name in ids}
        for index, content in encoded(examples):
            member = members[ids[index]]
            assert member is not None
            assert content == member.read()


def test_a_prepared_set_is_only_read(tmp_path: Path) -> None:
    stanford_dogs.prepare(tmp_path, train=2)
    (tmp_path / "downloads").rename(tmp_path / "elsewhere")
    data = Data(data_dir=str(tmp_path))
    first, second = sources.open_source(data), sources.open_source(data)
    assert first.version == second.version
    assert first.splits["train"].listing().ids == second.splits["train"].listing().ids
    assert not (tmp_path / "downloads").exists()


def test_sets_from_different_archives_differ_in_version(tmp_path: Path) -> None:
    versions = set()
    for train in (1, 2):
        stanford_dogs.prepare(tmp_path / str(train), train=train)
        versions.add(sources.open_source(Data(data_dir=str(tmp_path / str(train)))).version)
    assert len(versions) == 2


def refusal(name: str, data_dir: Path) -> str:
    with pytest.raises(UserError) as caught:
        sources.open_source(Data(source=name, data_dir=str(data_dir)))
    return str(caught.value).replace(str(data_dir), "DIR")


def test_misspelt_name(tmp_path: Path) -> None:
    wanted = "data.source: TFDS has no data set 'stanford_dgos'; did you mean stanford_dogs?"
    assert refusal("stanford_dgos", tmp_path) == wanted
    assert refusal("digit", tmp_path) == "data.source: TFDS has no data set 'digit'; did you mean digits?"
    assert refusal("qqqqqqqq", tmp_path) == "data.source: TFDS has no data set 'qqqqqqqq'"


def test_unknown_version(tmp_path: Path) -> None:
    wanted = "data.source: TFDS can't open 'mnist:9.0.0': Dataset mnist cannot be loaded at version 9.0.0, only: 3.0.1"
    assert refusal("mnist:9.0.0", tmp_path) == wanted


def test_no_image_classification(tmp_path: Path) -> None:
    wanted = "no image classification set: an image and a class label are needed, TFDS gives"
    assert refusal("iris", tmp_path) == f"iris: {wanted} ('features', 'label')"
    assert refusal("wider_face", tmp_path) == f"wider_face: {wanted} None"


def test_no_network_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown_host(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    assert refusal("stanford_dogs", tmp_path) == (
        "stanford_dogs: TFDS can't download and prepare the data set: "
        "http://vision.stanford.edu/aditya86/ImageNetDogs/annotation.tar: vision.stanford.edu can't be reached "
        "(Name or service not known). What helps: put annotation.tar, images.tar, lists.tar into DIR/downloads/manual, "
        "set data.data_dir= to a folder where TFDS has prepared it, or use images of your own with "
        "data.source=folder:PATH"
    )


def test_wrong_archive_is_refused(tmp_path: Path) -> None:
    stanford_dogs.write_archives(tmp_path / "downloads" / "manual", train=1)
    said = refusal("stanford_dogs", tmp_path)
    assert said.startswith("stanford_dogs: TFDS can't download and prepare the data set: Artifact http://vision")
    assert "has wrong checksum" in said


def test_damaged_records_are_said(tmp_path: Path) -> None:
    stanford_dogs.prepare(tmp_path, train=1)
    records = next(tmp_path.glob("stanford_dogs/*/*-test.tfrecord*"))
    records.write_bytes(records.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"^stanford_dogs: the files of the split test are damaged: .*truncated"):
        sources.open_source(Data(data_dir=str(tmp_path))).splits["test"].listing()
