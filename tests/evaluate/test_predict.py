"""Classes of image files by a real run, in any order, with damaged files among them."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augexp.data.folder import files_of
from augexp.errors import UserError
from augexp.evaluate import predict
from augexp.network import trained
from augexp.network.trained import Trained


@pytest.fixture(scope="module")
def run(trained_run: Path) -> Trained:
    return trained.load(trained_run)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of digits as files of several kinds, one of them cut off, one no image."""
    from sklearn.datasets import load_digits

    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    digits = np.rint(load_digits().images[:4] * (255 / 16)).astype(np.uint8)
    for pixels, name in zip(digits, ("a.png", "b.webp", "deeper/c.png", "d.bmp"), strict=True):
        Image.fromarray(pixels).convert("RGB").save(folder / name, lossless=True)  # WebP's; others take no notice
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "none.jpg").write_text("no image")
    (folder / "notes.txt").write_text("left alone")
    return folder


@pytest.mark.slow
def test_files_say_what_the_network_says_of_their_pixels(run: Trained, photos: Path) -> None:
    found = {answer.file.name: answer for answer in predict.answers(run, files_of([photos]), top=10)}
    assert set(found) == {"a.png", "b.webp", "c.png", "d.bmp", "cut.png", "none.jpg"}
    splits = trained.splits(run)
    ids = {
        id_: row
        for part in (splits.train, splits.val, splits.test)
        for id_, row in zip(part.ids, part.rows, strict=True)
    }
    for name, id_ in (("a.png", "0000"), ("b.webp", "0001"), ("c.png", "0002"), ("d.bmp", "0003")):
        if id_ in ids:
            logits = run.network.model.predict_on_batch(splits.test.images[ids[id_]][None])[0]
            expected = np.exp(logits) / np.exp(logits).sum()
            shares = dict(found[name].classes)
            np.testing.assert_allclose([shares[label] for label in run.class_names], expected, atol=1e-5)
    assert found["none.jpg"].error == "not an image"
    assert found["cut.png"].error
    assert not found["cut.png"].classes


def test_answers_come_in_the_order_of_the_files(run: Trained, photos: Path) -> None:
    files = files_of([photos / "none.jpg", photos / "d.bmp", photos / "a.png", photos / "d.bmp"])
    assert [answer.file.name for answer in predict.answers(run, files, 1)] == ["none.jpg", "d.bmp", "a.png"]


def test_csv_and_json_hold_the_same(run: Trained, photos: Path) -> None:
    answers = predict.answers(run, files_of([photos]), top=2)
    rows = list(csv.DictReader(io.StringIO(predict.csv_text(answers))))
    objects = json.loads(predict.json_text(answers))
    assert len(rows) == len(objects) == 6
    for row, one in zip(rows, objects, strict=True):
        assert row["file"] == one["file"]
        told = [(row[f"class_{i}"], row[f"probability_{i}"]) for i in (1, 2)]
        expected = [(item["name"], f"{item['probability']:.6f}") for item in one.get("classes", [])]
        assert told == (expected or [("", "")] * 2)
    first = predict.answers(run, files_of([photos / "a.png"]), top=1)
    assert predict.csv_text(first).splitlines()[0] == "file,class,probability"


def test_more_classes_than_there_are_is_no_mistake(run: Trained, photos: Path) -> None:
    (answer,) = predict.answers(run, [photos / "a.png"], top=99)
    assert len(answer.classes) == 10
    assert sum(share for _, share in answer.classes) == pytest.approx(1, abs=1e-5)


def test_a_file_that_is_gone_or_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        files_of([tmp_path / "gone.png"])
    with pytest.raises(UserError, match="no images in this folder"):
        files_of([tmp_path])


def test_what_another_decoder_read_otherwise_is_said(
    run: Trained, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = run.experiment.data.model_copy(update={"source": "folder:photos"})
    older = replace(run, experiment=run.experiment.model_copy(update={"data": data}))
    for decoder, said in ((2, "deep grey with missing data"), (None, "images that EXIF turns")):
        predict.answers(replace(older, decoder=decoder), [photos / "a.png"], top=1)
        assert f"another decoder: {said}" in capsys.readouterr().err
