"""Images by their content, and what is hidden at any depth."""

import os
from pathlib import Path

import pytest
from PIL import Image

from augexp.data import imagefiles
from augexp.data.imagefiles import LeftOut, has_images, images_beside, images_under, is_hidden, subfolders, why_not
from tests.data.photos import draw


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000"])
@pytest.mark.parametrize("name", ["a", "a.jfif", "a.txt"])
def test_content_tells_where_the_ending_does_not(tmp_path: Path, kind: str, name: str) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / name, kind)
    assert why_not(tmp_path / name) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "files that are no images"),
        (b"BM is how this note begins, and no bitmap", "files that are no images"),
        (b"P5", "files that are no images"),
        (b"\0\0\0\x18ftypheic", "HEIC images, which augexp can't read"),
        (b"8BPS\0\1", "PSD images, which augexp can't read"),
        (bytes(128) + b"DICM\2\0", "DICOM images, which augexp can't read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG images, which augexp can't read"),
        (b'<?xml version="1.0"?>\n<annotation><svg/></annotation>', "files that are no images"),
        (b"\0\0\0\x18ftypcrx ", "camera raw images, which augexp can't read"),
        (b"II*\0\x10\0\0\0CR\2\0", "camera raw images, which augexp can't read"),
    ],
)
def test_what_is_no_image_is_told_why(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert why_not(tmp_path / "file") == reason


def test_of_a_camera_s_raw_file_no_thumbnail_is_taken(tmp_path: Path) -> None:
    """It is a TIFF whose first image is small, and often lies beside the same photo as a JPEG."""
    for name in ("a.NEF", "a.dng"):
        Image.new("RGB", (16, 12)).save(tmp_path / name, "TIFF")
        assert why_not(tmp_path / name) == "camera raw images, which augexp can't read"
    Image.new("RGB", (16, 12)).save(tmp_path / "b.nef", "JPEG")
    assert why_not(tmp_path / "b.nef") is None


@pytest.mark.parametrize(("reads", "reason"), [(True, None), (False, "AVIF images, which augexp can't read")])
def test_avif_is_an_image_where_pillow_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: bool, reason: str | None
) -> None:
    monkeypatch.setattr(imagefiles, "_reads_avif", lambda: reads)
    (tmp_path / "file").write_bytes(b"\0\0\0\x1cftypavif")
    assert why_not(tmp_path / "file") == reason


def test_a_broken_file_that_is_called_an_image_is_left_to_decoding(tmp_path: Path) -> None:
    (tmp_path / "a.JPG").write_bytes(b"<html>")
    assert why_not(tmp_path / "a.JPG") is None


@pytest.mark.parametrize("name", [".x", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", "Thumbs.db", ".DS_Store"])
def test_hidden_names(name: str) -> None:
    assert is_hidden(name)
    assert not is_hidden(name[1:])


def test_hidden_folders_are_left_out_however_deep(tmp_path: Path) -> None:
    for name in ("1.png", "deep/2.png", ".ipynb_checkpoints/1.png", "deep/__MACOSX/._2.png", "deep/@eaDir/x/2.png"):
        draw(tmp_path / name)
    (tmp_path / "link").symlink_to("deep")
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "self.png").symlink_to("self.png")
    os.mkfifo(tmp_path / "pipe.png")
    left = LeftOut()
    assert images_under(tmp_path, left) == [tmp_path / "1.png", tmp_path / "deep/2.png"]
    assert left.in_words(tmp_path) == (
        "left out: hidden or system files and folders (3, such as .ipynb_checkpoints), "
        "linked folders (1, such as link), files that can't be read (3, such as gone.png)"
    )
    assert LeftOut().in_words(tmp_path) == ""


def test_masks_and_thumbnails_are_left_out(tmp_path: Path) -> None:
    for name in ("1.png", "1_mask.png", "thumbs/1.png"):
        draw(tmp_path / name)
    left = LeftOut()
    assert images_under(tmp_path, left) == [tmp_path / "1.png"]
    assert left.in_words(tmp_path) == "left out: masks and thumbnails beside their images (2, such as 1_mask.png)"


def test_what_lies_in_a_folder_itself(tmp_path: Path) -> None:
    for name in ("b/1.png", "a/1.png", ".git/1.png"):
        draw(tmp_path / name)
    (tmp_path / "self.png").symlink_to("self.png")
    assert subfolders(tmp_path) == ["a", "b"]
    assert not has_images(tmp_path)
    draw(tmp_path / "x.png")
    assert has_images(tmp_path)
    assert images_beside(tmp_path) == [tmp_path / "x.png"]
