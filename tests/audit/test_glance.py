"""A sample of a data set: sizes, what can't be decoded, how fast the rest is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augexp.audit import glance as glances
from augexp.audit.glance import glance
from augexp.config.schema import Data
from augexp.data import sources
from augexp.errors import UserError
from tests.data.photos import draw, open_folder


def test_sizes_of_a_folder_and_a_rate(tmp_path: Path) -> None:
    for number in range(12):
        draw(tmp_path / f"{'ab'[number % 2]}" / f"{number}.png")
    found = glance(open_folder(tmp_path), Data(source=f"folder:{tmp_path}", image_size=96))
    assert (found.images, found.short) == (12, 10)
    assert found.rate is not None
    assert found.rate > 0


def test_a_sample_is_of_all_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glances, "SAMPLE", 3)
    for name, side in (("a", 20), ("b", 30), ("c", 40)):
        for number in range(5):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (side, side)).save(tmp_path / name / f"{number}.png")
    found = glance(open_folder(tmp_path), Data(source=f"folder:{tmp_path}", image_size=96))
    assert (found.images, found.short) == (15, 30)


def test_images_in_a_data_set_of_tensorflow() -> None:
    data = Data(source="digits", image_size=96)
    found = glance(sources.open_source(data), data)
    assert (found.images, found.short) == (1797, 8)


@pytest.mark.parametrize("broken", [3, 12])
def test_many_broken_images_are_named(tmp_path: Path, broken: int) -> None:
    for number in range(12):
        draw(tmp_path / f"{'ab'[number % 2]}" / f"{number:02}.png")
    for path in sorted(tmp_path.glob("*/*.png"))[:broken]:
        path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"a/00\.png \(not an image\)"):
        glance(open_folder(tmp_path), Data(source=f"folder:{tmp_path}", image_size=96))


def test_deep_grey_has_no_rate_before_the_whole_set_is_measured(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 10).save(tmp_path / name / "1.tif")
        Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 9).save(tmp_path / name / "2.tif")
    assert glance(open_folder(tmp_path), Data(source=f"folder:{tmp_path}", image_size=96)).rate is None
