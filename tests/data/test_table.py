"""A table instead of folders: what it gives, and every mistake with its line."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from augexp.config import load
from augexp.config.schema import Data
from augexp.data import sources
from augexp.data.examples import Source
from augexp.data.splits import load_splits
from augexp.errors import UserError
from tests.data.photos import draw, encoded

IMAGES = [f"photos/{name}{number}.png" for name in ("cat", "dog") for number in range(1, 5)]
ROWS = [f"{image},{image[7:10]}" for image in IMAGES]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for image in IMAGES:
        draw(tmp_path / image)
    return tmp_path


def write(root: Path, rows: list[str], head: str = "image,label") -> Path:
    path = root / "labels.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8", errors="surrogateescape")
    return path


def open_table(path: Path, **settings: object) -> Source:
    return sources.open_source(Data.model_validate({"source": f"csv:{path}", **settings}))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_table(path)
    return str(caught.value).removeprefix(f"csv:{path}: ").replace(str(path.parent), "ROOT")


def test_images_and_labels(root: Path) -> None:
    source = open_table(write(root, ROWS[::-1]))
    assert (source.name, source.class_names, list(source.splits)) == ("labels", ("cat", "dog"), ["all"])
    listing = source.splits["all"].listing()
    assert listing.ids == IMAGES
    assert listing.labels.tolist() == [0] * 4 + [1] * 4
    assert encoded(source.splits["all"]) == [(i, (root / image).read_bytes()) for i, image in enumerate(IMAGES)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_encodings(root: Path, delimiter: str, encoding: str) -> None:
    text = "\r\n".join([" Image , LABEL", *ROWS]).replace(",", delimiter)
    (root / "labels.csv").write_bytes(text.encode(encoding))
    assert open_table(root / "labels.csv").splits["all"].listing().ids == IMAGES


def test_absolute_paths_backslashes_and_bytes(root: Path) -> None:
    draw(root / "photos" / "M\udcfc.png")
    rows = [f"{root}/{IMAGES[0]},cat", ".\\photos\\dog1.png,dog", "photos/M\udcfc.png,B\udcfc"]
    source = open_table(write(root, rows))
    assert source.class_names == ("B\\xfc", "cat", "dog")
    assert source.splits["all"].listing().ids == ["photos/M\udcfc.png", IMAGES[0], "photos/dog1.png"]


def test_splits_by_any_name_and_val_is_used(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["Training", "val", "TEST", "train"] * 2
    rows = [f"{row},{word},9" for row, word in zip(ROWS, words, strict=True)]
    path = write(root, rows, "image,label,split,age")
    source = open_table(path)
    assert {split: examples.listing().ids for split, examples in source.splits.items()} == {
        "train": [IMAGES[i] for i in (0, 3, 4, 7)],
        "val": [IMAGES[i] for i in (1, 5)],
        "test": [IMAGES[i] for i in (2, 6)],
    }
    assert "columns not used: age" in capsys.readouterr().err
    assert list(open_table(path, validation=0.1).splits) == ["train", "test"]


def test_groups_are_never_divided(root: Path) -> None:
    for index in range(40):
        draw(root / f"more/{index:02d}.png", (index, 0, 0))
    rows = [f"more/{index:02d}.png,{'ab'[index % 2]}, P{index // 4} " for index in range(40)]
    path = write(root, rows, "image;label;group".replace(";", ","))
    experiment = load.experiment(
        "digits.yaml", [f"data.source=csv:{path}", "data.image_size=8", f"data.cache_dir={root / 'cache'}"]
    )
    splits = load_splits(experiment)
    groups = [{int(id_[5:7]) // 4 for id_ in part.ids} for part in (splits.train, splits.val, splits.test)]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 10
    assert all(groups)
    path.write_text(path.read_text().replace(" P9 ", " P8 "))
    assert load_splits(experiment).fingerprint != splits.fingerprint


def test_version_follows_labels_splits_and_files(root: Path) -> None:
    versions = [open_table(write(root, ROWS)).version]
    assert open_table(write(root, ROWS[::-1])).version == versions[0]
    versions.append(open_table(write(root, [*ROWS[:-1], ROWS[-1].replace(",dog", ",cat")])).version)
    draw(root / IMAGES[0], (1, 2, 3))
    versions.append(open_table(write(root, ROWS)).version)
    assert len(set(versions)) == 3


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*ROWS, "photos/no.png,cat"], "line 10: no such file: photos/no.png; paths are relative to the folder of the"),
        ([*ROWS, "x.png,cat", "photos,cat"], "line 10: no such file: x.png (2 of 10 images aren't there)"),
        ([*ROWS, "~$x.png,cat"], "line 10: no such file: ~$x.png; paths are relative"),
        ([*ROWS, f"{'x' * 300},cat"], f"line 10: no such file: {'x' * 117}...; paths are relative"),
        ([*ROWS, ROWS[0]], "line 10: photos/cat1.png is named in line 2 already; keep one"),
        ([*ROWS, "./photos/cat1.png,dog"], "line 10: ./photos/cat1.png is named in line 2 already, as cat and as dog"),
        ([*ROWS[:3], "photos/dog1.png, "], "line 5: label is empty; the class of the image is needed"),
        ([*ROWS[:3], "photos/dog1.png,nan"], "line 5: label is nan; the class of the image is needed"),
        ([*ROWS[:3], ",dog"], "line 5: image is empty; the path of an image is needed"),
        ([*ROWS[:3], "", "photos/dog1.png"], "line 6: 2 cells are needed, as in line 1, not 1"),
        ([*ROWS[:-1], ROWS[-1].replace(",dog", ",Dog")], "'Dog' (line 9) and 'dog' (line 6) differ only in case"),
        ([*ROWS[:-1], ROWS[-1] + " "], "'dog' (line 6) and 'dog ' (line 9) differ only in case or blanks"),
        (ROWS[:4], "at least two classes are needed, found only cat"),
        ([], "no images: there is no line below that of the columns"),
        ([*ROWS, '"photos/dog1.png,dog'], "line 10: unexpected end of data (the cells stand between commas)"),
    ],
)
def test_mistakes_have_their_line(root: Path, rows: list[str], said: str) -> None:
    assert refusal(write(root, rows)).startswith(said)


@pytest.mark.parametrize(
    ("head", "cells", "said"),
    [
        ("file,class", "", "line 1: the names of the columns are needed, image and label among them"),
        ("image,label,label", ",x", "line 1: the column label is there twice"),
        ("image,label,weight", ",1", "line 1: images can't be weighted"),
        ("image,label,split", ",trian", "line 2: split: train, val or test is needed, not 'trian'"),
        ("image,label,split", ",", "line 2: split is empty; train, val or test is needed in every line"),
        ("image,label,split", ",test", "split: no line says train, only test"),
        ("image,label,group", ",", "line 2: group is empty"),
    ],
)
def test_columns_and_their_words(root: Path, head: str, cells: str, said: str) -> None:
    assert refusal(write(root, [row + cells for row in ROWS], head)).startswith(said)


def test_several_classes_of_an_image_are_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert open_table(write(root, [*ROWS[:-1], ROWS[-1] + "|cat"])).class_names == ("cat", "dog", "dog|cat")
    said = "labels such as 'dog|cat' (1 image) are taken for classes of their own, though dog and cat are classes, too"
    assert said in capsys.readouterr().err


def test_a_group_in_two_splits_is_refused(root: Path) -> None:
    rows = [f"{row},{'test' if i == 5 else 'train'},p{i // 2}" for i, row in enumerate(ROWS)]
    said = "line 7: the group p2 is in test here and in train in line 6; a group has to be in one split"
    assert refusal(write(root, rows, "image,label,split,group")) == said


def test_no_table(root: Path) -> None:
    assert refusal(root / "none.csv") == "no such file (ROOT/none.csv)"
    assert refusal(root / "photos").startswith("ROOT/photos is a folder; write data.source=folder:PATH")
    for content, said in ((b"PK\3\4\0", "no text file"), (b"", "line 1: the names"), (b"\xff\xfea", "no whole UTF-16")):
        (root / "odd.csv").write_bytes(content)
        assert refusal(root / "odd.csv").startswith(said)
    with pytest.raises(UserError, match=r"for a table of images write data\.source=csv:.*odd\.csv"):
        sources.open_source(Data(source=str(root / "odd.csv")))


def test_a_class_of_a_split_that_is_not_used_is_none(root: Path) -> None:
    rows = [f"{row},{'train' if '1.' in row or '2.' in row else 'test'}" for row in ROWS]
    draw(root / "photos/fox1.png")
    path = write(root, [*rows, "photos/fox1.png,fox,val"], "image,label,split")
    assert open_table(path, validation=0.5).class_names == ("cat", "dog")
    assert refusal(path).startswith("the val split has none of train's classes, only fox; train's are cat, dog;")


def in_parquet(root: Path, columns: dict[str, Any]) -> Source:
    parquet.write_table(pa.table(columns), root / "labels.parquet")
    return sources.open_source(Data(source=f"csv:{root / 'labels.parquet'}"))


def test_a_parquet_file_is_read_as_a_table(root: Path) -> None:
    labels = [image[7:10] for image in IMAGES]
    wanted = open_table(write(root, ROWS))
    dictionary = pa.array(labels).dictionary_encode()
    for of_labels in (labels, dictionary, pa.array(labels, pa.large_string())):
        found = in_parquet(root, {"image": IMAGES, "label": of_labels, "width": list(range(len(IMAGES)))})
        assert found.class_names == wanted.class_names
        assert encoded(found.splits["all"]) == encoded(wanted.splits["all"])
    numbers = in_parquet(root, {"image": IMAGES, "label": [number % 2 for number in range(len(IMAGES))]})
    assert numbers.class_names == ("0", "1")


def test_mistakes_in_a_parquet_file(root: Path) -> None:
    with pytest.raises(UserError, match=r"line 3: label is empty"):
        in_parquet(root, {"image": IMAGES[:2], "label": ["a", None]})
    with pytest.raises(UserError, match=r"the column image holds struct<.*>, not text"):
        in_parquet(root, {"image": [{"bytes": b"x"}], "label": ["a"]})
    with pytest.raises(UserError, match=r"image and label among them .*, not picture, label"):
        in_parquet(root, {"picture": IMAGES[:2], "label": ["a", "b"]})
    (root / "cut.parquet").write_bytes((root / "labels.parquet").read_bytes()[:50])
    with pytest.raises(UserError, match="the Parquet file can't be read"):
        sources.open_source(Data(source=f"csv:{root / 'cut.parquet'}"))
