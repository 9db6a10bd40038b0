"""Files come out as viewers show them, deep grey by its set; nothing is on the screen, and little in memory."""

import io
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, ImageOps

from augexp.config.schema import Data
from augexp.data import cache, decode, grey, sources
from augexp.data.examples import listed
from augexp.data.folder import of_files
from augexp.errors import UserError

HEIGHT, WIDTH, SIZE = 20, 32, 16
ORIENTATION = 0x0112
rng = np.random.default_rng(0)
COLOURS = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
ALPHA = rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8)


def file_bytes(image: Image.Image, kind: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def shown(folder: Path, content: bytes, ranges: grey.Ranges | None = None, **settings: Any) -> NDArray[np.uint8] | str:
    """What the decoder makes of one file, by default at a size it has itself."""
    data = Data.model_validate({"source": "digits", "image_size": HEIGHT, "resize": "crop"} | settings)
    (chunk,) = decode.decode(of_files([write(folder / "one", content)]), data, ranges)
    return chunk.bad[0] if chunk.bad else chunk.images[0]


def centre(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """(H, W, ...) -> the square of the short side."""
    side = min(pixels.shape[:2])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


# --- as viewers show them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
def test_exif_turns_and_mirrors(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = file_bytes(Image.fromarray(COLOURS), kind, exif=exif, **({"lossless": True} if kind == "webp" else {}))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    assert np.array_equal(shown(tmp_path, content), centre(np.asarray(upright)))
    assert decode.upright_size(content) == upright.size


def test_a_broken_exif_block_breaks_no_picture(tmp_path: Path) -> None:
    for kind in ("jpeg", "png"):
        content = file_bytes(Image.fromarray(COLOURS), kind, exif=b"Exif\0\0MM\0*garbage\xff\xff\xff\xff")
        plain = file_bytes(Image.fromarray(COLOURS), kind)
        assert np.array_equal(shown(tmp_path, content), shown(tmp_path, plain))


@pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(tmp_path: Path, kind: str, mode: str) -> None:
    image = Image.fromarray(np.dstack([COLOURS, ALPHA])).convert(mode)
    settings = {"lossless": True, "exact": True} if kind == "webp" else {}
    content = file_bytes(image.convert("RGBA") if kind == "webp" else image, kind, **settings)
    opacity = ALPHA[..., None] / 255
    colours = np.asarray(image.convert("RGBA"))[..., :3]
    wanted = colours * opacity + 255 * (1 - opacity)
    assert np.abs(np.asarray(shown(tmp_path, content), float) - centre(wanted)).max() < 1


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_a_transparent_palette_entry_is_white(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(COLOURS).quantize(8)
    entries = np.asarray(image)
    got = shown(tmp_path, file_bytes(image, kind, transparency=3))
    wanted = np.where(entries[..., None] == 3, 255, np.asarray(image.convert("RGB")))
    assert np.array_equal(got, centre(wanted))


def test_a_transparent_colour_and_half_transparent_entries(tmp_path: Path) -> None:
    first = tuple(COLOURS[0, 6].tolist())
    got = shown(tmp_path, file_bytes(Image.fromarray(COLOURS), "png", transparency=first))
    assert isinstance(got, np.ndarray)
    assert got[0, 0].tolist() == [255] * 3
    assert got[1, 1].tolist() == COLOURS[1, 7].tolist()
    black = Image.new("P", (HEIGHT, HEIGHT))
    black.putpalette([0, 0, 0, 9, 9, 9])
    got = shown(tmp_path, file_bytes(black, "png", transparency=bytes([55, 255])))
    assert np.unique(np.asarray(got)).tolist() == [200]


@pytest.mark.parametrize("bits", [1, 2, 4, 16])
def test_what_is_transparent_is_told_in_the_bits_of_the_file(tmp_path: Path, bits: int) -> None:
    """Pillow compares it with pixels of 8 bits: a background of 2 or 4 bits, or of deep colour, stayed as it was."""
    wide = np.arange(HEIGHT * HEIGHT).reshape(HEIGHT, HEIGHT) % min(2**bits, 200)
    if bits == 16:
        values = np.dstack([wide * 256 + 7] * 3).astype(np.uint16)
        content = png(HEIGHT, bits, 2, values.astype(">u2"), struct.pack(">HHH", *values[0, 1]))
        got, scaled = shown(tmp_path, content, {grey.COLOUR: (0, 65535)}), wide
    else:
        spread = (wide[..., None] >> np.arange(bits)[::-1]) & 1
        content = png(HEIGHT, bits, 0, np.packbits(spread.reshape(HEIGHT, -1), axis=1), struct.pack(">H", 1))
        got, scaled = shown(tmp_path, content), wide * 255 // (2**bits - 1)
    assert np.array_equal(got, np.where(wide == 1, 255, scaled)[..., None].repeat(3, axis=2))


def test_premultiplied_grey_lies_on_white(tmp_path: Path) -> None:
    """A TIFF of grey and alpha, of which Pillow shows nothing by itself."""
    pixels = np.zeros((HEIGHT, HEIGHT, 2), np.uint8)
    pixels[:, 9:] = 50, 100
    tags = [(256, HEIGHT), (257, HEIGHT), (258, 8 << 16 | 8), (259, 1), (262, 1), (273, 8), (277, 2), (278, HEIGHT)]
    tags += [(279, pixels.size), (338, 1)]
    entries = b"".join(
        struct.pack("<HHII", tag, 3 if tag == 258 else 4, 2 if tag == 258 else 1, of) for tag, of in tags
    )
    head = struct.pack("<2sHI", b"II", 42, 8 + pixels.size) + pixels.tobytes()
    got = shown(tmp_path, head + struct.pack("<H", len(tags)) + entries + bytes(4))
    assert np.unique(np.asarray(got)[:, 9:]).tolist() == [205]  # 127 at 100 / 255, and white
    assert np.unique(np.asarray(got)[:, :9]).tolist() == [255]


@pytest.mark.parametrize("kind", ["webp", "png", "tiff", "gif"])
def test_of_several_frames_the_first(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (HEIGHT, HEIGHT), colour) for colour in ("red", "lime", "blue")]
    settings = {"lossless": True} if kind == "webp" else {}
    content = file_bytes(frames[0], kind, save_all=True, append_images=frames[1:], **settings)
    assert np.array_equal(shown(tmp_path, content), np.asarray(frames[0]))


def test_cmyk_of_adobe_and_ppm(tmp_path: Path) -> None:
    cmyk = file_bytes(Image.new("RGB", (HEIGHT, HEIGHT), (10, 200, 30)).convert("CMYK"), "jpeg", quality=100)
    assert np.abs(np.asarray(shown(tmp_path, cmyk), int) - (10, 200, 30)).max() <= 3
    assert np.array_equal(shown(tmp_path, file_bytes(Image.fromarray(COLOURS), "ppm")), centre(COLOURS))


def test_a_program_is_no_image(tmp_path: Path) -> None:
    """Pillow would hand PostScript to Ghostscript."""
    assert shown(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n") == "not an image"


def test_an_image_that_cannot_be_read_is_not_called_none(tmp_path: Path) -> None:
    """A TIFF of floats of 64 bits."""
    tags = [(256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 1, 64), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 134), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, 1, 8), (339, 3, 1, 3)]
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    content = b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + struct.pack("<Id", 0, 0.5)
    assert shown(tmp_path, content) == decode.UNKNOWN
    assert (
        shown(tmp_path, b"\0\0\0\x18ftypheic" + bytes(40)) == "HEIC, a kind of image that augexp can't read; convert it"
    )


def test_of_a_camera_s_raw_file_no_thumbnail_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "a.NEF", file_bytes(Image.fromarray(COLOURS), "tiff"))
    (chunk,) = decode.decode(of_files([path]), Data(source="digits", image_size=8), None)
    assert chunk.bad == {0: "camera raw, a kind of image that augexp can't read; convert it"}


@pytest.mark.slow
def test_nothing_of_the_libraries_is_on_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tf.constant(0)  # TensorFlow looks for a GPU at its first op, and says so
    capfd.readouterr()
    content = bytearray(file_bytes(Image.fromarray(COLOURS).resize((300, 300)), "tiff", compression="tiff_lzw"))
    content[200:3000] = b"\xff" * 2800
    assert shown(tmp_path, bytes(content)) == "decoder error -2"
    assert shown(tmp_path, file_bytes(Image.new("1", (9500, 9500)), "png"), image_size=8) is not None  # Pillow warns
    assert capfd.readouterr().err == ""


# --- deep grey -----------------------------------------------------------------------------------------------------


def grey_image(kind: str, white: float) -> Image.Image:
    """An even ramp from 0 to white in each row, (20, 256)."""
    ramp = np.tile(np.linspace(0, white, 256), (HEIGHT, 1))
    return Image.fromarray(ramp.round().astype(kind) if kind != "float32" else ramp.astype(np.float32))


@pytest.mark.parametrize(
    ("kind", "white", "ending"),
    [
        ("uint16", 4095, "tif"),
        ("uint16", 4095, "png"),
        ("uint16", 65535, "png"),
        ("uint16", 65535, "tif"),
        (">u2", 1023, "tif"),
        ("uint16", 255, "png"),
        ("int32", 65535, "tif"),
        ("int32", 2**31 - 1, "tif"),
        ("float32", 1, "tif"),
        ("float32", 255, "tif"),
        ("float32", 0.003, "tif"),
        ("float32", 4000, "tif"),
    ],
)
def test_a_set_is_scaled_by_its_own_range(tmp_path: Path, kind: str, white: float, ending: str) -> None:
    """A dim image stays dim beside a bright one, whichever split it is in."""
    for split in ("train", "test"):
        for name, share in (("bright", 1), ("dim", 0.5)):
            write(
                tmp_path / "set" / split / name / f"a.{ending}",
                file_bytes(grey_image(kind, white * share), "tiff" if ending == "tif" else "png"),
            )
    decoded = build(tmp_path / "set", image_size=256)
    for part in decoded.splits.values():
        bright, dim = (part.images[part.ids.index(id_)][0, :, 0].astype(int) for id_ in sorted(part.ids))
        assert np.abs(bright - np.arange(256)).max() <= 1
        assert np.abs(dim - np.arange(256) / 2).max() <= 1
    ((black, found),) = decoded.grey.values()
    assert black == 0
    assert found == pytest.approx(white)


def build(root: Path, **settings: Any) -> cache.Decoded:
    data = Data.model_validate({"source": f"folder:{root}", "cache_dir": str(root.parent / "cache")} | settings)
    return cache.load_or_build(sources.open_source(data), data)


EXTENT = grey.Extent


@pytest.mark.parametrize(
    ("extent", "wanted"),
    [
        (EXTENT("16-bit", 3, 4000), (0, 4095)),
        (EXTENT("16-bit", 0, 1), (0, 1)),
        (EXTENT("16-bit", 1000, 1400), (1000, 1400)),
        (EXTENT("16-bit", 0, 0), (0, 1)),
        (EXTENT("16-bit", 7, 7), (7, 8)),
        (EXTENT("signed 16-bit", -1024, 3071), (-1024, 3071)),
        (EXTENT("signed 8-bit", -128, 127), (-128, 127)),
        (EXTENT("32-bit", 0, 70000), (0, 131071)),
        (EXTENT("float", 0, 0.98), (0, 1)),
        (EXTENT("float", 0, 254.5), (0, 255)),
        (EXTENT("float", -1, 1), (-1, 1)),
        (EXTENT("float", 280, 320), (280, 320)),
    ],
)
def test_ranges(extent: grey.Extent, wanted: tuple[float, float]) -> None:
    assert grey.ranges("set", {"a": extent}) == {extent.kind: wanted}


def test_grey_of_signed_bytes(tmp_path: Path) -> None:
    """Pillow takes -1 for 255."""
    plain = file_bytes(Image.fromarray((np.arange(HEIGHT**2) % 256).astype(np.uint8).reshape(HEIGHT, -1)), "tiff")
    signed = file_bytes(Image.open(io.BytesIO(plain)), "tiff", tiffinfo={339: 2})
    values = np.asarray(Image.open(io.BytesIO(plain))).view(np.int8).astype(int)
    got = shown(tmp_path, signed, {"signed 8-bit": (-128, 127)})
    assert np.array_equal(got, (values + 128)[..., None].repeat(3, axis=2))


def test_a_stray_value_is_refused_by_name() -> None:
    extents = {f"{i}.tif": grey.Extent("float", 0, 1) for i in range(5)} | {"stray.tif": grey.Extent("float", -3e38, 1)}
    with pytest.raises(UserError) as caught:
        grey.ranges("set", extents)
    assert "set: which values of its float grey images are black and white can't be known" in str(caught.value)
    assert "convert all to 8 bits; the widest:\n  stray.tif (-3e+38 to 1)" in str(caught.value)


@pytest.mark.parametrize(("none", "share", "refused"), [(-9999, 0.1, True), (-9999, 0.001, True), (30, 0.01, False)])
def test_a_value_that_stands_for_none_in_each_image(tmp_path: Path, none: float, share: float, refused: bool) -> None:
    """All images would be white, or nearly black: each one has the whole range."""
    found: dict[str, grey.Extent] = {}
    for i in range(4):
        values = np.random.default_rng(i).uniform(0, 1, (100, 100)).astype(np.float32)
        values.ravel()[: int(share * values.size)] = none
        one = write(tmp_path / f"{i}.tif", file_bytes(Image.fromarray(values), "tiff"))
        found |= {f"{i}.tif": extent for _, extent in decode.extents(of_files([one]))}
    if refused:
        with pytest.raises(UserError, match="nearly all values of half of the images less than a 256th of that, which"):
            grey.ranges("set", found)
    else:
        assert grey.flat(found, grey.ranges("set", found)) == sorted(found)


def test_floats_of_two_scales_are_refused() -> None:
    """Half of them came out black, without a word."""
    full = {f"{i}.tif": grey.Extent("float", 0, 250) for i in range(90)}
    half = {f"half{i}.tif": grey.Extent("float", 0, 0.9) for i in range(10)}
    with pytest.raises(
        UserError, match=r"of two scales: 10 of 100 hold no value over 1 \(half0\.tif\), and others up to"
    ):
        grey.ranges("set", full | half)
    blank = {f"blank{i}.tif": grey.Extent("float", 0, 0) for i in range(10)}
    assert grey.ranges("set", full | blank) == {"float": (0, 255)}


def test_images_that_come_out_flat_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(6):
        write(tmp_path / "ab"[i % 2] / f"{i}.png", file_bytes(grey_image("uint16", 255 if i == 3 else 65535), "png"))
    data = Data.model_validate({"source": f"folder:{tmp_path}", "image_size": 8, "cache_dir": str(tmp_path / ".c")})
    cache.load_or_build(sources.open_source(data), data)
    assert "nearly flat, as it uses less than a 16th of that range: 1 image (b/3.png); if" in capsys.readouterr().err
    assert grey.flat({"a": grey.Extent("16-bit", 5, 5)}, {"16-bit": (0, 65535)}) == []


@pytest.mark.parametrize("value", [np.nan, -np.inf, -3.4e38])
def test_values_that_are_no_numbers_are_said(tmp_path: Path, value: float) -> None:
    image = Image.fromarray(np.full((HEIGHT, HEIGHT), value, np.float32))
    reason = shown(tmp_path, file_bytes(image, "tiff"), {"float": (0, 1)})
    assert reason == (
        "it has values that are no numbers (NaN, infinite, beyond 1e30); replace them, or convert it to 8 bits"
    )


@pytest.mark.parametrize(("kind", "none"), [("float32", "-3.4e38"), ("float32", "-9999"), ("uint16", "65535 ")])
def test_where_gdal_has_no_data_it_is_white(tmp_path: Path, kind: str, none: str) -> None:
    """Such a value in each image made all of them black and white, without a word."""
    values = np.tile(np.linspace(0, 255, HEIGHT), (HEIGHT, 1)).astype(kind)
    values[0] = np.float64(none).astype(kind)
    content = file_bytes(Image.fromarray(values), "tiff", tiffinfo={42113: none})
    ((_, extent),) = decode.extents(of_files([write(tmp_path / "one", content)]))
    assert (extent.low, extent.high) == (0, 255)
    got = np.asarray(shown(tmp_path, content, {extent.kind: (0, 255)}), int)
    assert (got[0] == 255).all()
    assert np.abs(got[1:] - values[1:, :, None]).max() <= 1


def test_grey_of_a_kind_that_training_had_not(tmp_path: Path) -> None:
    reason = shown(tmp_path, file_bytes(grey_image("uint16", 4095), "png"), {})
    assert reason == (
        "16-bit grey, and no image that the run was trained on is: what is white can't be known; convert it to 8 bits"
    )


def png(side: int, bits: int, colour: int, rows: NDArray[Any], transparent: bytes = b"") -> bytes:
    """A square PNG with rows as they lie in the file, which Pillow can't write of all kinds."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0))
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    told = chunk(b"tRNS", transparent) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + head + told + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def colour_16(pixels: NDArray[np.uint16], kind: str) -> bytes:
    """A PNG or TIFF of 16 bits a channel (H, W, channels), which Pillow can't write: 2 channels are grey and alpha."""
    height, width, channels = pixels.shape
    if kind == "png":
        return png(height, 16, {2: 4, 3: 2, 4: 6}[channels], pixels.astype(">u2"))
    data = pixels.astype("<u2").tobytes()
    end = 8 + 2 + 9 * 12 + 4
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, end), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, end + 6), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(data))]
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + struct.pack("<IHHH", 0, 16, 16, 16) + data


@pytest.mark.parametrize(("kind", "channels"), [("png", 2), ("png", 3), ("png", 4), ("tif", 3)])
def test_colour_of_16_bits_that_would_come_out_black(tmp_path: Path, kind: str, channels: int) -> None:
    """Pillow reads the upper 8 bits: 12 bits in 16 came out as 0 to 15, without a word."""

    def folder(white: int) -> Data:
        for i in range(4):
            pixels = np.random.default_rng(i).integers(0, white + 1, (HEIGHT, HEIGHT, channels)).astype(np.uint16)
            if channels in (2, 4):
                pixels[..., -1] = 65535
            for name in ("a", "b"):
                write(tmp_path / str(white) / name / f"{i}.{kind}", colour_16(pixels, kind))
        source, kept = f"folder:{tmp_path / str(white)}", str(tmp_path / "cache")
        return Data.model_validate({"source": source, "image_size": HEIGHT, "cache_dir": kept})

    with pytest.raises(UserError, match=f"4095: its 16-bit colour images hold no value over 4,095.*a/[0-3].{kind}"):
        cache.load_or_build(sources.open_source(folder(4095)), folder(4095))
    decoded = cache.load_or_build(sources.open_source(folder(65535)), folder(65535))
    assert decoded.grey == {grey.COLOUR: (0, 65535)}
    dark = (tmp_path / "4095" / "a" / f"0.{kind}").read_bytes()
    assert isinstance(shown(tmp_path, dark, decoded.grey), np.ndarray)  # as in a set that has brighter ones
    assert "16-bit colour that holds no value over 4,095 of 65,535, which" in str(shown(tmp_path, dark, {}))
    assert decoded.splits["all"].images.max() == 255


@pytest.mark.parametrize("turn", [1, 6])
def test_white_is_zero_and_orientation_of_deep_tiffs(tmp_path: Path, turn: int) -> None:
    ramp = grey_image("uint16", 65535)
    got = shown(tmp_path, file_bytes(ramp, "tiff", tiffinfo={262: 0, 274: turn}), {"16-bit": (0, 65535)})
    dark = np.repeat(255 - np.arange(256)[None, :, None], HEIGHT, axis=0).repeat(3, axis=2)
    assert np.array_equal(got, centre(dark if turn == 1 else np.rot90(dark, -1)))


def test_grey_values_without_a_file() -> None:
    """As TFDS gives its float images."""
    import tensorflow as tf

    ramp = np.tile(np.arange(256, dtype=np.float32), (256, 1))
    examples = listed(["a"], np.zeros(1, np.int32), lambda: tf.data.Dataset.from_tensors(ramp).enumerate())
    ((index, extent),) = decode.extents(examples)
    assert (index, extent) == (0, grey.Extent("float", 0, 255))
    data = Data(source="digits", image_size=256)
    (chunk,) = decode.decode(examples, data, grey.ranges("set", {"a": extent}))
    assert np.array_equal(chunk.images[0, ..., 0], ramp)


# --- sizes ---------------------------------------------------------------------------------------------------------


def test_antialiasing_keeps_what_lies_between(tmp_path: Path) -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    content = file_bytes(Image.fromarray(stripes), "png")
    smooth = np.asarray(shown(tmp_path, content, image_size=SIZE, antialias=True), int)
    assert np.abs(smooth - 127).max() <= 8
    wide = Image.fromarray(np.hstack([np.full((256, 100, 3), 255, np.uint8), stripes, stripes[:, :100]]))
    box = ((456 - 256) // 2, 0, (456 - 256) // 2 + 256, 256)
    wanted = wide.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box)
    got = shown(tmp_path, file_bytes(wide, "png"), image_size=SIZE, antialias=True)
    assert np.array_equal(got, np.asarray(wanted))


def test_antialiasing_has_an_entry_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i in range(2):
            write(tmp_path / "set" / name / f"{i}.png", file_bytes(Image.fromarray(COLOURS), "png"))
    first, second = (build(tmp_path / "set", image_size=8, antialias=antialias) for antialias in (False, True))
    assert first.fingerprint != second.fingerprint


def test_a_large_jpeg_is_decoded_small(tmp_path: Path) -> None:
    half = np.zeros((256, 512, 3), np.uint8)
    half[:, 256:] = 255
    content = file_bytes(Image.fromarray(half), "jpeg", quality=95)
    got = np.asarray(shown(tmp_path, content, image_size=SIZE, resize="squash"))
    assert got[:, : SIZE // 2 - 1].max() <= 3
    assert got[:, SIZE // 2 + 1 :].min() >= 252


def test_a_bomb_is_said_and_not_read(tmp_path: Path) -> None:
    reason = shown(tmp_path, file_bytes(Image.new("1", (20_000, 20_000)), "png"))
    assert reason == "more than 179 million pixels, which may be a decompression bomb; make it smaller"


def test_pixels_at_once_are_bounded() -> None:
    budget, inside, most = decode._Budget(100), [0], [0]
    lock = threading.Lock()

    def hold(pixels: int) -> None:
        with budget.taken(pixels):
            with lock:
                inside[0] += min(pixels, 100)
                most[0] = max(most[0], inside[0])
            threading.Event().wait(0.002)
            with lock:
                inside[0] -= min(pixels, 100)

    threads = [threading.Thread(target=hold, args=(pixels,)) for pixels in (60, 50, 30, 900, 100, 10, 10) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 60 <= most[0] <= 100


# --- one decoder ---------------------------------------------------------------------------------------------------


def _photo(_path: Path) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return file_bytes(Image.fromarray(COLOURS).resize((300, 200)), "jpeg", exif=exif)


def _cutout(_path: Path) -> bytes:
    return file_bytes(Image.fromarray(np.dstack([COLOURS, ALPHA])), "png")


def _scan(_path: Path) -> bytes:
    return file_bytes(grey_image("uint16", 4095), "tiff")


@pytest.mark.parametrize("draw", [_photo, _cutout, _scan])
def test_single_files_come_out_as_in_the_cache(tmp_path: Path, draw: Callable[[Path], bytes]) -> None:
    paths = [write(tmp_path / "set" / name / f"{i}.tif", draw(tmp_path)) for name in ("a", "b") for i in range(2)]
    decoded = build(tmp_path / "set", image_size=SIZE)
    data = Data(source="digits", image_size=SIZE)
    (chunk,) = decode.decode(of_files(paths[:1]), data, decoded.grey)
    assert np.array_equal(chunk.images[0], decoded.splits["all"].images[decoded.splits["all"].ids.index("a/0.tif")])


def test_order_and_gaps(tmp_path: Path) -> None:
    """Good, bad and missing files, more than a chunk of them."""
    paths = [tmp_path / f"{i:03d}.png" for i in range(150)]
    for i, path in enumerate(paths):
        if i % 50 != 7:
            write(path, b"no image" if i % 50 == 3 else file_bytes(Image.new("L", (8, 8), i), "png"))
    chunks = list(decode.decode(of_files(paths), Data(source="digits", image_size=8), None))
    indices = np.concatenate([chunk.indices for chunk in chunks])
    assert indices.tolist() == [i for i in range(150) if i % 50 not in (3, 7)]
    assert np.array_equal(np.concatenate([chunk.images for chunk in chunks])[:, 0, 0, 0], indices)
    bad = {index: reason for chunk in chunks for index, reason in chunk.bad.items()}
    assert bad == {3 + add: "not an image" for add in (0, 50, 100)} | {
        7 + add: "the file is gone" for add in (0, 50, 100)
    }
