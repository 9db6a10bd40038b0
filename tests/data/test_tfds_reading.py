"""Real small TFDS sets of every type of image and label, read from disk."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from augexp.data import cache
from augexp.data.examples import Source, SplitName
from augexp.errors import UserError
from tests.data.stored import data, image, open_stored, store

FEATURES = tfds.features
IMAGE, CLASSES = FEATURES.Image(), FEATURES.ClassLabel(names=["cat", "dog"])


def pixels(source: Source, folder: Path, split: SplitName = "all", **settings: Any) -> np.ndarray:
    """The decoded images of a split, in the order of its listing."""
    decoded = cache.load_or_build(source, data(folder, cache_dir=str(folder / "cache"), **settings)).splits[split]
    order = [decoded.ids.index(id_) for id_ in source.splits[split].listing().ids]
    return decoded.images[order]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "values", "names"),
    [
        (CLASSES, [1, 0, 1], ("cat", "dog")),
        (FEATURES.Scalar(np.int64), [30, 4, 30], ("4", "30")),
        (FEATURES.Scalar(np.int8), [1, -1, 1], ("-1", "1")),
        (FEATURES.Scalar(np.bool_), [True, False, True], ("0", "1")),
        (FEATURES.Text(), ["b\u00fcffel", "a", "bu\u0308ffel"], ("a", "b\u00fcffel")),
    ],
)
def test_labels_of_every_type(tmp_path: Path, label: Any, values: list[Any], names: tuple[str, ...]) -> None:
    rows = [{"photo": image(i), "kind": value} for i, value in enumerate(values)]
    store(tmp_path, {"photo": IMAGE, "kind": label}, train=rows)
    source = open_stored(tmp_path)
    assert source.class_names == names
    assert source.splits["all"].listing().labels.tolist() == [1, 0, 1]
    assert pixels(source, tmp_path)[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.slow
def test_labels_of_a_held_out_split_have_the_same_numbers(tmp_path: Path) -> None:
    kinds = {"train": ["a", "b", "c", "c"], "test": ["c", "b"]}
    splits = {name: [{"photo": image(1), "kind": kind} for kind in labels] for name, labels in kinds.items()}
    store(tmp_path, {"photo": IMAGE, "kind": FEATURES.Text()}, **splits)
    source = open_stored(tmp_path)
    assert source.splits["test"].listing().labels.tolist() == [2, 1]


def test_a_label_for_each_image_is_no_class(tmp_path: Path) -> None:
    store(
        tmp_path, {"photo": IMAGE, "id": FEATURES.Text()}, train=[{"photo": image(1), "id": f"{i}"} for i in range(4)]
    )
    with pytest.raises(
        UserError, match=r"^stored: id is another for each image, so it is no class; set data.label_key$"
    ):
        open_stored(tmp_path)


ARRAYS = [
    (FEATURES.Tensor(shape=(8, 8, 3), dtype=np.uint8), np.uint8, (8, 8, 3), (0, 100, 255)),
    (FEATURES.Tensor(shape=(8, 8), dtype=np.uint8), np.uint8, (8, 8), (0, 100, 255)),
    (FEATURES.Tensor(shape=(8, 8, 1), dtype=np.uint8), np.uint8, (8, 8, 1), (0, 100, 255)),
    (FEATURES.Tensor(shape=(8, 8, 1), dtype=np.float32), np.float32, (8, 8, 1), (0, 100 / 255, 1)),
    (FEATURES.Tensor(shape=(8, 8, 3), dtype=np.float32), np.float32, (8, 8, 3), (0, 100 / 255, 1)),
    (FEATURES.Tensor(shape=(8, 8, 3), dtype=np.float64), np.float64, (8, 8, 3), (-1, 2 * 100 / 255 - 1, 1)),
    (FEATURES.Tensor(shape=(8, 8, 3), dtype=np.uint16), np.uint16, (8, 8, 3), (0, 100 * 257, 65535)),
    (FEATURES.Tensor(shape=(8, 8, 1), dtype=np.uint16), np.uint16, (8, 8, 1), (0, 100 * 257, 65535)),
    (FEATURES.Tensor(shape=(8, 8), dtype=np.int32), np.int32, (8, 8), (0, 100, 255)),
    (FEATURES.Image(shape=(8, 8, 1), dtype=np.float32), np.float32, (8, 8, 1), (0, 100 / 255, 1)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("feature", "dtype", "shape", "levels"), ARRAYS)
def test_images_of_every_type(
    tmp_path: Path, feature: Any, dtype: Any, shape: tuple[int, ...], levels: tuple[float, ...]
) -> None:
    rows = [{"x": np.full(shape, level, dtype), "y": i % 2} for i, level in enumerate(levels)]
    # One image holds both ends, as photos do; of flat ones alone a range would be of a few.
    rows += [{"x": np.linspace(levels[0], levels[-1], int(np.prod(shape))).reshape(shape).astype(dtype), "y": 0}]
    store(tmp_path, {"x": feature, "y": CLASSES}, train=rows)
    read = pixels(open_stored(tmp_path), tmp_path)
    assert read[:3, 0, 0].tolist() == [[0] * 3, [100] * 3, [255] * 3]


@pytest.mark.slow
def test_the_range_of_colour_is_that_of_all_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def row(top: float, y: int) -> dict[str, Any]:
        return {"x": np.linspace(-2, top, 8 * 8 * 3).reshape(8, 8, 3).astype(np.float32), "y": y}

    store(
        tmp_path,
        {"x": FEATURES.Tensor(shape=(8, 8, 3), dtype=np.float32), "y": CLASSES},
        train=[row(2, 0), row(2, 1)],
        test=[row(3, 0)],
    )
    source = open_stored(tmp_path)
    assert pixels(source, tmp_path, "train")[0].max() == 204
    assert pixels(source, tmp_path, "test")[0].max() == 255
    assert "stored: colours of x are read as -2 = black to 3 = white\n" in capsys.readouterr().err


@pytest.mark.slow
def test_colours_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    rows = [{"x": np.full((8, 8, 3), value, np.float32), "y": 0} for value in (1, np.nan)]
    store(tmp_path, {"x": FEATURES.Tensor(shape=(8, 8, 3), dtype=np.float32), "y": CLASSES}, train=rows)
    with pytest.raises(UserError, match=r"^stored: train: x of image 1 has values that are no numbers$"):
        pixels(open_stored(tmp_path), tmp_path)


@pytest.mark.slow
def test_texts_that_are_image_files(tmp_path: Path) -> None:
    def file(level: int) -> bytes:
        content = io.BytesIO()
        Image.fromarray(image(level)).save(content, "PNG")
        return content.getvalue()

    features = {"png": FEATURES.Tensor(shape=(), dtype=np.object_), "y": CLASSES}
    store(tmp_path, features, train=[{"png": file(level), "y": level % 2} for level in (7, 8)])
    source = open_stored(tmp_path, image_key="png")
    assert pixels(source, tmp_path, image_key="png")[:, 0, 0, 0].tolist() == [7, 8]


def rows_of(*labels: int) -> list[dict[str, Any]]:
    return [{"photo": image(i), "kind": label} for i, label in enumerate(labels)]


@pytest.mark.slow
def test_a_contest_s_test_split_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features = {"photo": IMAGE, "kind": CLASSES}
    store(tmp_path, features, train=rows_of(0, 1, 0), validation=rows_of(1, 0), test=rows_of(-1, -1, -1))
    source = open_stored(tmp_path)
    assert {name: examples.count for name, examples in source.splits.items()} == {"train": 3, "test": 2}
    assert source.splits["test"].listing().labels.tolist() == [1, 0]
    said = capsys.readouterr().err
    assert "stored: test not used, as its images have no labels\n" in said
    assert "stored: validation is the test set, as there is none beside it\n" in said


def test_splits_that_are_not_used_may_lack_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features = {"photo": IMAGE, "kind": CLASSES}
    store(tmp_path, features, train=rows_of(0, 1), test=rows_of(0), unlabelled=rows_of(-1, -1))
    assert set(open_stored(tmp_path).splits) == {"train", "test"}
    assert "stored: split unlabelled not used\n" in capsys.readouterr().err


def test_splits_in_their_usual_forms_make_another_set(tmp_path: Path) -> None:
    features = {"photo": IMAGE, "kind": CLASSES}
    store(tmp_path, features, training=rows_of(0, 1), dev=rows_of(1, 0), test=rows_of(0, 1))
    source = open_stored(tmp_path)
    assert set(source.splits) == {"train", "val", "test"}
    assert "training" in source.version  # earlier versions refused it, or left dev unused


def test_the_only_split_needs_labels(tmp_path: Path) -> None:
    store(tmp_path, {"photo": IMAGE, "kind": CLASSES}, whole=rows_of(-1, -1))
    with pytest.raises(UserError, match=r"^stored: the images of its split whole have no labels \(kind\)$"):
        open_stored(tmp_path)


def test_without_labelled_splits_a_part_of_train_is_held_out(tmp_path: Path) -> None:
    store(tmp_path, {"photo": IMAGE, "kind": CLASSES}, train=rows_of(0, 1), test=rows_of(-1))
    assert list(open_stored(tmp_path).splits) == ["all"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"train": (-1, -1), "test": (0, 1)}, "stored: the images of its split train have no labels (kind)"),
        ({"train": (0, 1), "test": (0, -1)}, "stored: the split test has images without a label"),
        ({"train": (0, 1), "test": (-1, 0)}, "stored: the split test has images without a label"),
    ],
)
def test_train_and_single_images_need_labels(tmp_path: Path, labels: dict[str, tuple[int, ...]], said: str) -> None:
    store(tmp_path, {"photo": IMAGE, "kind": CLASSES}, **{name: rows_of(*some) for name, some in labels.items()})
    with pytest.raises(UserError) as caught:
        open_stored(tmp_path).splits["test"].listing()
    assert str(caught.value) == said


@pytest.mark.slow
def test_other_keys_are_another_set(tmp_path: Path) -> None:
    features = {"photo": IMAGE, "kind": CLASSES, "age": FEATURES.ClassLabel(num_classes=2)}
    store(tmp_path, features, train=[{"photo": image(i), "kind": i, "age": 1 - i} for i in range(2)])
    sets = [open_stored(tmp_path, label_key=key) for key in ("kind", "age")]
    assert sets[0].version != sets[1].version
    assert [one.splits["all"].listing().labels.tolist() for one in sets] == [[0, 1], [1, 0]]
