"""Decoding into the cache, beside the bare steps of Pillow and TensorFlow on the same files, which write nothing."""

import itertools
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from augexp.config.schema import Data
from augexp.data import cache, decode, sources
from augexp.data.folder import of_files
from tests.tools.bench.measure import rate, rate_of_a_core, seconds

SIZE, CLASSES = 224, 4
CORES = os.cpu_count() or 1
Pixels = NDArray[np.uint8]


class Photos(NamedTuple):
    """How many files, of which size in pixels and quality of JPEG, and how strong the grain of enlarged ones is."""

    files: int
    width: int
    height: int
    quality: int
    grain: int


KINDS = (Photos(2000, 500, 375, 80, 0), Photos(24, 4000, 3000, 88, 16))  # 40 KB and 4 MB a file
BARE = "Pillow, tf.raw_ops.ResizeBilinear"
BARE_SMOOTH = "Pillow, reduced with antialiasing"
OURS = "augexp's cache, written, hashed and synced"
OURS_SMOOTH = "the same with antialias: true"
SAME_PIXELS = {OURS: BARE, OURS_SMOOTH: BARE_SMOOTH}


def run() -> list[dict[str, Any]]:
    """Measures and prints images/s; a table a size."""
    return [_run(photos) for photos in KINDS]


def _run(photos: Photos) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = _write(root / "photos", photos)
        size = sum(Path(file).stat().st_size for file in files) / len(files)
        times = seconds(_calls(root, files, photos))
        quality = _quality(files) if photos.grain else {}
    rates = {name: rate(photos.files, found) for name, found in times.items()}
    of_a_core = {name: rate_of_a_core(photos.files, found) for name, found in times.items()}
    kind = f"{photos.files} JPEGs of {photos.width} x {photos.height}, {size / 1e3:,.0f} KB each"
    print(f"\ndecoding {kind}, to {SIZE} px:")
    print("images/s, images/s of CPU time, share of Pillow's that give the same pixels")
    for name, value in rates.items():
        share = f"{value / rates[SAME_PIXELS[name]]:6.0%}" if name in SAME_PIXELS else ""
        print(f"{name:46}{value:10,.1f}{of_a_core[name]:10,.1f}{share}")
    for name, decibels in quality.items():
        print(f"PSNR, {name:66}{decibels:6.1f} dB")
    return {
        "photos": photos._asdict(),
        "images_per_second": rates,
        "images_per_cpu_second": of_a_core,
        "psnr": quality,
        "seconds": times,
    }


def _write(root: Path, photos: Photos) -> list[str]:
    """Cuts of scikit-learn's two photographs, each at a place of its own."""
    rng = np.random.default_rng(0)
    both = [Image.fromarray(image) for image in load_sample_images().images]
    grain = rng.integers(-photos.grain, photos.grain + 1, (photos.height, photos.width, 1), np.int16)
    for i in range(photos.files):
        path = root / f"class{i % CLASSES}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        left, top = int(rng.integers(0, 640 - 500)), int(rng.integers(0, 427 - 375))
        cut = both[i % 2].crop((left, top, left + 500, top + 375))
        if photos.grain:  # An enlarged photo alone would be smooth, and a file of it small.
            large = np.asarray(cut.resize((photos.width, photos.height), Image.Resampling.BICUBIC), np.int16)
            cut = Image.fromarray((large + np.roll(grain, i, axis=0)).clip(0, 255).astype(np.uint8))
        cut.save(path, quality=photos.quality)
    return sorted(map(str, root.rglob("*.jpg")))


def _calls(root: Path, files: list[str], photos: Photos) -> dict[str, Callable[[], None]]:
    calls = {
        "Pillow": _by_pillow(files, SIZE, lambda image: image.load()),
        BARE: _by_pillow(files, SIZE, lambda image: _sharp(np.asarray(image))),
        BARE_SMOOTH: _by_pillow(files, 2 * SIZE, _smooth),
    }
    ratio = next(ratio for ratio in (8, 4, 2, 1) if min(photos.width, photos.height) // ratio >= SIZE)
    for used in sorted({1, ratio}):
        name = "tf.io.decode_jpeg" if used == 1 else f"tf.io.decode_jpeg, ratio {used}"
        calls[name] = _by_tensorflow(files, used, tf.shape)
        calls[f"{name}, tf.image.resize"] = _by_tensorflow(files, used, _resized)
    calls[OURS] = _building(root, antialias=False)
    calls[OURS_SMOOTH] = _building(root, antialias=True)
    return calls


def _by_pillow(files: list[str], least: int, then: Callable[[Image.Image], object]) -> Callable[[], None]:
    """A thread a core, each with its share of the files, decoded at no less than `least` px."""

    def decode_all(share: list[str]) -> None:
        for file in share:
            with Image.open(file) as image:
                image.draft(None, (least, least))
                then(image)

    def consume() -> None:
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(decode_all, [files[i::CORES] for i in range(CORES)]))

    return consume


def _sharp(pixels: Pixels) -> Pixels:
    sides = np.array((SIZE, SIZE), np.int32)  # a tuple would take longer to become a tensor
    with tf.device("CPU"):
        reduced = tf.raw_ops.ResizeBilinear(images=pixels[None], size=sides, half_pixel_centers=True)
    found: Pixels = (np.asarray(memoryview(reduced))[0] + np.float32(0.5)).astype(np.uint8)
    return found


def _smooth(image: Image.Image) -> Pixels:
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def _resized(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.image.resize(image, (SIZE, SIZE)) + 0.5, tf.uint8)


def _by_tensorflow(files: list[str], ratio: int, then: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[], None]:
    def decode_one(path: tf.Tensor) -> tf.Tensor:
        return then(tf.io.decode_jpeg(tf.io.read_file(path), channels=3, ratio=ratio))

    images = tf.data.Dataset.from_tensor_slices(files).map(decode_one, num_parallel_calls=tf.data.AUTOTUNE)

    def consume() -> None:
        for _ in images.batch(64).prefetch(tf.data.AUTOTUNE):
            pass

    return consume


def _building(root: Path, *, antialias: bool) -> Callable[[], None]:
    numbers = itertools.count()

    def build() -> None:
        folder = root / f"cache{next(numbers)}"
        source, cache_dir = f"folder:{root / 'photos'}", str(folder)
        data = Data(source=source, image_size=SIZE, antialias=antialias, cache_dir=cache_dir)
        cache.load_or_build(sources.open_source(data), data)
        shutil.rmtree(folder)

    return build


def _quality(files: list[str]) -> dict[str, float]:
    """Means over some files, in dB: what decoding small makes, beside decoding whole."""
    found: dict[str, list[float]] = {}
    for file in files[:8]:
        whole = Image.open(file).convert("RGB")
        smooth, sharp = _smooth(whole), _sharp(np.asarray(whole))
        ours = {antialias: _ours(file, antialias=antialias) for antialias in (False, True)}
        for name, one, other in (
            ("decoded small, beside decoded whole and reduced with antialiasing", ours[False], smooth),
            ("decoded small, antialias: true, beside the same", ours[True], smooth),
            ("decoded whole, four pixels for each new one, beside the same", sharp, smooth),
            ("decoded small, beside decoded whole, four pixels for each new one", ours[False], sharp),
        ):
            found.setdefault(name, []).append(_decibels(one, other))
    return {name: statistics.mean(values) for name, values in found.items()}


def _ours(file: str, *, antialias: bool) -> Pixels:
    data = Data(source="digits", image_size=SIZE, antialias=antialias)
    (chunk,) = decode.decode(of_files([Path(file)]), data, None)
    found: Pixels = chunk.images[0]
    return found


def _decibels(one: Pixels, other: Pixels) -> float:
    error = np.square(one.astype(float) - other).mean()
    return float(10 * np.log10(255**2 / error))
