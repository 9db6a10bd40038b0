"""The decoder inside a SavedModel against augexp's own: the same pixels, to a grey level."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from augexp.config.schema import Data
from augexp.data import decode, pipeline
from augexp.data.folder import of_files
from augexp.export import jpeg
from augexp.export.facts import Facts

SIDE, DECODED = 24, 32
# Width and height: enlarged, equal, and such that a half, a quarter and an eighth are decoded.
SIZES = ((20, 50), (32, 32), (90, 70), (201, 133), (300, 600))


def facts_of(data: Data) -> Facts:
    return Facts("run", ("a", "b"), data.image_size, data.decoded_size, data.resize, data.antialias, 1.0, "", None)


def scene(width: int, height: int) -> Image.Image:
    """Smooth colours with edges, nothing symmetric."""
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    waves = [np.sin(9 * x + 2 * y), np.cos(7 * y * y + x), np.sign(np.sin(13 * (x + y * y)))]
    return Image.fromarray(np.rint(127.5 + 120 * np.stack(waves, axis=2)).astype(np.uint8))


def save(path: Path, image: Image.Image, orientation: int | None = None) -> Path:
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(path, quality=92, exif=exif)
    return path


def apart(paths: list[Path], data: Data) -> NDArray[np.float32]:
    """Differences (N, S, S, 3) between the two decoders, in grey levels."""
    (chunk,) = decode.decode(of_files(paths), data, {})
    expected = np.asarray(pipeline.centre(data.image_size)(chunk.images, chunk.indices), np.float32)
    read = tf.function(lambda one: jpeg.pixels(one, facts_of(data)), input_signature=[tf.TensorSpec([], tf.string)])
    found = np.stack([read(path.read_bytes()).numpy() for path in paths])
    assert found.shape == expected.shape == (len(paths), SIDE, SIDE, 3)
    return np.asarray(found - expected, np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(("resize", "antialias"), [("squash", False), ("crop", False), ("crop", True)])
def test_files_of_every_size_and_orientation_come_out_the_same(tmp_path: Path, resize: str, antialias: bool) -> None:
    data = Data.model_validate(
        {"source": "digits", "image_size": SIDE, "cache_size": DECODED, "resize": resize, "antialias": antialias}
    )
    paths = [save(tmp_path / f"{number}.jpg", scene(*size)) for number, size in enumerate(SIZES)]
    paths += [save(tmp_path / f"turned{turn}.jpg", scene(75, 50), turn) for turn in (1, 2, 3, 4, 5, 6, 7, 8, 9)]
    save(tmp_path / "grey.jpg", scene(75, 50).convert("L"))
    scene(75, 50).save(tmp_path / "plain.jpg", quality=92)
    paths += [tmp_path / "grey.jpg", tmp_path / "plain.jpg"]
    assert np.abs(apart(paths, data)).max() <= (1 if antialias else 0)


def test_a_broken_exif_is_none(tmp_path: Path) -> None:
    data = Data(source="digits", image_size=SIDE, cache_size=DECODED)
    whole = save(tmp_path / "whole.jpg", scene(75, 50), 6).read_bytes()
    start = whole.index(b"Exif\0\0") + 6
    upright = save(tmp_path / "upright.jpg", scene(75, 50))
    broken = []
    for place in range(start, start + 24):  # its header, and the first entries
        path = tmp_path / f"{place}.jpg"
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        broken.append(path)
    read = tf.function(lambda one: jpeg.pixels(one, facts_of(data)), input_signature=[tf.TensorSpec([], tf.string)])
    either = [read(path.read_bytes()).numpy() for path in (upright, tmp_path / "whole.jpg")]
    for path in broken:
        assert any(np.array_equal(read(path.read_bytes()).numpy(), one) for one in either)


def test_what_is_no_jpeg_is_refused(tmp_path: Path) -> None:
    data = Data(source="digits", image_size=SIDE, cache_size=DECODED)
    for content in (b"", b"no image"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            jpeg.pixels(tf.constant(content), facts_of(data))
