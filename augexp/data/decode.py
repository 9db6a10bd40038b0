"""Encoded images -> RGB uint8 of one size, as any viewer shows them: one decoder for the cache and for single files.

Turned upright as EXIF says, transparency on white, deep grey scaled by the range of its set, of animations the first
frame.
"""

import ctypes
import io
import logging
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from augexp.config.schema import Data
from augexp.data import grey
from augexp.data.examples import Examples
from augexp.data.imagefiles import HEAD, foreign, is_image

# Goes up when other bytes come out of some file: retires every entry of the cache. 1 was TensorFlow's decoder; 2 knew
# no grey without data, and took what is transparent in PNGs of few bits for what it is in those of 8.
VERSION = 3
BACKGROUND = (255, 255, 255)  # what transparent images lie on
CHUNK = 64  # images a write
READ = 16  # files a read
TASK = 4  # images that a thread takes at a time
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO")  # no EPS, which is a program
MOST_PIXELS = 178_956_970  # of one image, where Pillow stops; and of all that are decoded at once
WORKERS = os.cpu_count() or 1

FOREIGN = "{}, a kind of image that augexp can't read; convert it"
UNKNOWN = "broken, or stored in a way that can't be read; convert it to PNG with 8 bits"

Pixels = NDArray[np.uint8]
Indices = NDArray[np.int64]
# Of an image file; where a set keeps no files, grey values (H, W) float32, or pixels uint8 as Pillow takes them.
# A path is that of a file, which is read where it is decoded.
Content = bytes | Path | NDArray[np.float32] | NDArray[np.uint8]
_Result = TypeVar("_Result")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


_STEPS = {"L;2": 85, "L;4": 17}  # between two greys of so many bits, in 8


@dataclass(frozen=True)
class Chunk:
    """Some images that follow each other; those that can't be decoded are left out."""

    indices: Indices  # (n,)
    images: Pixels  # (n, S, S, 3), RGB
    bad: Mapping[int, str]  # index -> why it can't be decoded


class UnknownRangeError(Exception):
    """An image of deep grey or colour came up before the ranges of its set were measured."""


def decode(examples: Examples, data: Data, ranges: grey.Ranges | None) -> Iterator[Chunk]:
    """The images of a split in order; what TensorFlow can't even read is in no chunk.

    Args:
        examples: the split.
        data: their size, and how it is reached.
        ranges: of deep grey, those of the set; None if they weren't measured.

    Raises:
        UnknownRangeError: if an image needs a range and `ranges` is None.
    """
    results = _each(examples, lambda content: _decoded(content, data, ranges))
    while chunk := list(islice(results, CHUNK)):
        good = [(index, image) for index, image in chunk if not isinstance(image, str)]
        images = [image for _, image in good]
        size = data.decoded_size
        yield Chunk(
            np.array([index for index, _ in good], np.int64),
            np.stack(images) if images else np.empty((0, size, size, 3), np.uint8),
            {index: reason for index, reason in chunk if isinstance(reason, str)},
        )


def extents(examples: Examples) -> Iterator[tuple[int, grey.Extent]]:
    """Indices and extents of the images of deep grey or colour; what can't be decoded is left out."""
    for index, extent in _each(examples, _extent):
        if extent is not None:
            yield index, extent


def orientation(encoded: bytes) -> int:
    """EXIF's number for how an image file that can be decoded is turned; 1 is upright."""
    with _opened(encoded) as image:
        return _orientation(image)


def sizes(examples: Examples) -> Iterator[tuple[int, tuple[int, int]]]:
    """Indices, and width and height of the files as a viewer shows them; what is no image is left out."""
    for index, size in _each(examples, _size):
        if size is not None:
            yield index, size


def _size(content: Content) -> tuple[int, int] | None:
    if isinstance(content, np.ndarray):
        return content.shape[1], content.shape[0]
    try:
        return upright_size(content)
    except Exception:  # as in `_decoded`
        return None


def upright_size(encoded: bytes | Path) -> tuple[int, int]:
    """Width and height as a viewer shows an image file that can be decoded."""
    with _opened(encoded) as image:
        if image.format == "TIFF":
            image.load()  # Versions of Pillow differ in when they turn the size.
        width, height = image.size
        return (height, width) if _orientation(image) > 4 else (width, height)


def _each(examples: Examples, work: Callable[[Content], _Result]) -> Iterator[tuple[int, _Result]]:
    """What `work` makes of each example, in order, from a pool of threads."""

    def all_of(task: list[tuple[int, Content]]) -> list[tuple[int, _Result]]:
        return [(int(index), work(content)) for index, content in task]

    _silence()
    under_way: deque[Future[list[tuple[int, _Result]]]] = deque()
    contents = _contents(examples)
    pool = ThreadPoolExecutor(WORKERS)
    try:
        while task := list(islice(contents, TASK)):
            under_way.append(pool.submit(all_of, task))
            if len(under_way) > 2 * WORKERS:
                yield from under_way.popleft().result()
        for future in under_way:
            yield from future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _contents(examples: Examples) -> Iterator[tuple[int, Content]]:
    """Indices and contents; what TensorFlow can't read is left out."""
    if not callable(examples.encoded):
        yield from enumerate(examples.encoded)
        return
    import tensorflow as tf

    encoded = examples.encoded().ignore_errors()
    if encoded.element_spec[1].dtype != tf.string:
        yield from encoded.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
        return
    # One by one, they would take half as long to hand over as to decode.
    for indices, contents in encoded.batch(READ).prefetch(1).as_numpy_iterator():
        yield from zip(indices, contents, strict=True)


def _silence() -> None:
    """Whatever Pillow has to say of a file is no news on the screen: the image is read, or named with a reason."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    libraries = ctypes.CDLL(Image.core.__file__)  # type: ignore[attr-defined] # finds what is in the libraries that Pillow came with, too
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        # libtiff writes to the terminal itself; where it is built into Pillow, it can't be reached.
        if hasattr(libraries, name):
            getattr(libraries, name)(None)


def _decoded(content: Content, data: Data, ranges: grey.Ranges | None) -> Pixels | str:
    """An image (S, S, 3), or why there is none."""
    try:
        name, content = (content.name, content.read_bytes()) if isinstance(content, Path) else ("", content)
        if len(content) == 0:
            return "empty file"
        if name and (kind := foreign(bytes(content[:HEAD]), name)):
            return FOREIGN.format(kind)
        with _opened(content) as image:
            _ask_for_ranges(image, ranges)
            image.draft(None, _least(data))
            with _budget.taken(image.width * image.height):
                return _fit(_shown(image, ranges), data)
    except UnknownRangeError:
        raise
    except UnidentifiedImageError:
        return _why_unknown(bytes(content))
    except FileNotFoundError:
        return "the file is gone"
    except Image.DecompressionBombError:
        return f"more than {MOST_PIXELS / 1e6:.0f} million pixels, which may be a decompression bomb; make it smaller"
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them stumble over.
        return str(error) or type(error).__name__


def _why_unknown(content: bytes) -> str:
    if kind := foreign(content):  # whatever the file is called: phones send HEIC as .jpg
        return FOREIGN.format(kind)
    return UNKNOWN if is_image(content) else "not an image"


def _ask_for_ranges(image: Image.Image, ranges: grey.Ranges | None) -> None:
    """Deep grey is told apart when it is loaded; of deep colour nothing is left then."""
    if ranges is None and grey.is_deep_colour(image):
        raise UnknownRangeError


def _extent(content: Content) -> grey.Extent | None:
    try:
        with _opened(content) as image:
            if not grey.kind(image) and not grey.is_deep_colour(image):
                return None
            with _budget.taken(image.width * image.height):
                return grey.extent(image)
    except Exception:
        return None


@contextmanager
def _opened(content: Content) -> Iterator[Image.Image]:
    if isinstance(content, np.ndarray):
        yield Image.fromarray(content)
        return
    file = content if isinstance(content, Path) else io.BytesIO(content)
    with Image.open(file, formats=_formats()) as image:
        yield image


@cache
def _formats() -> list[str]:
    """Those of FORMATS that this Pillow was built with."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _least(data: Data) -> tuple[int, int]:
    """The size at which a JPEG must at least be decoded; what is smaller would have to be enlarged."""
    # Antialiasing weighs twice as many pixels as there will be.
    side = data.decoded_size * (2 if data.antialias else 1)
    return side, side


class _Budget:
    """Pixels that may be in memory at once; one image too large for it comes in alone."""

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        pixels = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()


_budget = _Budget(MOST_PIXELS)


def _shown(image: Image.Image, ranges: grey.Ranges | None) -> Image.Image:
    """An image as viewers show it, in RGB."""
    is_deep_colour = grey.is_deep_colour(image)
    _scale_transparency(image)
    image.load()
    if ranges is not None and is_deep_colour and (reason := grey.dark_colour(image, ranges)):
        raise ValueError(reason)
    # Pillow turns TIFFs itself while it loads them, and takes the tag away.
    method = _UPRIGHT.get(_orientation(image))
    shown = _rgb(image, ranges)
    return shown if method is None else shown.transpose(method)


def _scale_transparency(image: Image.Image) -> None:
    """Which value of a PNG is transparent stands there in the bits of the file; Pillow has 8 for the pixels."""
    transparent: Any = image.info.get("transparency")
    raw = grey.raw_mode(image)
    if isinstance(transparent, int) and raw in _STEPS:
        image.info["transparency"] = transparent * _STEPS[raw]
    elif isinstance(transparent, tuple) and raw.endswith(";16B"):
        image.info["transparency"] = tuple(value >> 8 for value in transparent)


def _orientation(image: Image.Image) -> int:
    """EXIF's number for how an image is turned: 1 is upright, and what a broken EXIF block is taken for."""
    try:
        found: Any = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return found if isinstance(found, int) else 1


def _rgb(image: Image.Image, ranges: grey.Ranges | None) -> Image.Image:
    if grey.kind(image):
        if ranges is None:
            raise UnknownRangeError
        return Image.fromarray(grey.scaled(image, ranges, BACKGROUND[0])).convert("RGB")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, (*BACKGROUND, 255)), seen).convert("RGB")
    return image.convert("RGB")


def _fit(image: Image.Image, data: Data) -> Pixels:
    """Any RGB image -> (S, S, 3): the whole of it, or the central square of its short side."""
    size = data.decoded_size
    left, top, width, height = 0, 0, *image.size
    if data.resize == "crop":
        side = min(image.size)
        left, top, width, height = (width - side) // 2, (height - side) // 2, side, side
    if (width, height) != (size, size) and data.antialias:
        box = (left, top, left + width, top + height)
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box))
    pixels = np.asarray(image)[top : top + height, left : left + width]
    return pixels if (width, height) == (size, size) else _bilinear(pixels, size)


def _bilinear(pixels: Pixels, size: int) -> Pixels:
    """(H, W, 3) -> (size, size, 3), each pixel from the four nearest: no antialiasing."""
    import tensorflow as tf

    sides = np.array((size, size), np.int32)  # TensorFlow takes a third of the time longer for a tuple.
    with tf.device("CPU"):  # A GPU rounds otherwise.
        # What `tf.image.resize` calls; its checks and casts would take longer than the resizing.
        resized = tf.raw_ops.ResizeBilinear(images=pixels[None], size=sides, half_pixel_centers=True)
    found = np.empty((size, size, 3), np.uint8)
    np.add(np.asarray(memoryview(resized))[0], np.float32(0.5), out=found, casting="unsafe")
    return found
