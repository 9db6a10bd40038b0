"""Boxes around objects, from TFDS's own Stanford Dogs to the square that the network sees."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from augexp.config import load
from augexp.config.schema import Data
from augexp.data import boxes, decode
from augexp.errors import UserError


def test_a_squashed_image_keeps_its_shares() -> None:
    found = boxes.seen(np.array([[0.1, 0.2, 0.5, 0.9]], np.float32), (30, 90), Data(image_size=32))
    np.testing.assert_allclose(found, [[0.1, 0.2, 0.5, 0.9]], atol=1e-6)


def test_a_crop_shows_the_middle_of_the_long_side() -> None:
    # 90 wide, 30 high: the window is columns 30 to 60.
    box = np.array([[0.0, 35 / 90, 0.5, 50 / 90], [0.2, 0.0, 0.9, 0.4]], np.float32)
    found = boxes.seen(box, (30, 90), Data(image_size=32, resize="crop"))
    np.testing.assert_allclose(found, [[0, 5 / 30, 0.5, 20 / 30], [0.2, 0, 0.9, 6 / 30]], atol=1e-6)


def test_the_centre_of_a_larger_decoded_image() -> None:
    found = boxes.seen(np.array([[0.25, 0.5, 1, 0.75]], np.float32), (64, 64), Data(image_size=32, cache_size=64))
    np.testing.assert_allclose(found, [[0, 0.5, 1, 1]], atol=1e-6)


@pytest.mark.slow
def test_boxes_of_stanford_dogs(prepared_dogs: Path, tmp_path: Path) -> None:
    from augexp.data.splits import load_splits

    settings = load.experiment(
        "none.yaml", [f"data.data_dir={prepared_dogs}", f"data.cache_dir={tmp_path}", "data.image_size=32"]
    )
    splits = load_splits(settings)
    found = boxes.of_part(splits.test, settings.data)
    assert len(found) == len(splits.test) == 120
    # xmin 2, ymin 3, xmax 20, ymax 25 of 40
    np.testing.assert_allclose(np.concatenate(found), [[3 / 40, 2 / 40, 25 / 40, 20 / 40]] * 120, atol=1e-6)


def test_data_without_boxes_is_refused(cache_dir: Path) -> None:
    from augexp.data.splits import load_splits

    settings = load.experiment("digits.yaml", [f"data.cache_dir={cache_dir}"])
    with pytest.raises(UserError, match=r"data\.source digits: it has no boxes"):
        boxes.of_part(load_splits(settings).test, settings.data)


@pytest.mark.parametrize("number", range(1, 9))
def test_boxes_are_turned_with_their_photos(number: int) -> None:
    """The decoder is the oracle: the box is where the white rectangle comes out."""
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[4:12, 30:54] = 255
    content, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = number
    Image.fromarray(stored).save(content, "PNG", exif=exif)
    encoded = content.getvalue()
    shown = decode._decoded(encoded, Data(image_size=120), None)
    assert not isinstance(shown, str)
    rows, columns = (np.flatnonzero((shown[..., 0] > 127).any(axis=axis)) / 120 for axis in (1, 0))
    (box,) = boxes.upright(np.array([[0.1, 0.5, 0.3, 0.9]]), decode.orientation(encoded))
    np.testing.assert_allclose(box, [rows[0], columns[0], rows[-1] + 1 / 120, columns[-1] + 1 / 120], atol=0.011)
