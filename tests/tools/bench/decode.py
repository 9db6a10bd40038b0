"""Decoding into the cache, beside the bare steps in tf.data on the same files."""

import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from augexp.config.schema import Data
from augexp.data import cache, sources
from tests.tools.bench.measure import rate, seconds

FILES, WIDTH, HEIGHT, SIZE = 2000, 500, 375, 224
CLASSES = 4


def run() -> dict[str, Any]:
    """Measures and prints images/s."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = _write_photographs(root / "photos")
        times = seconds(
            {
                "tf.io.decode_jpeg": _passing(files, tf.shape),
                "tf.io.decode_jpeg, tf.image.resize": _passing(files, _resize),
                "augexp's cache, written and synced": _building(root),
            }
        )
    rates = {name: rate(FILES, found) for name, found in times.items()}
    print(f"\ndecoding {FILES} JPEGs of {WIDTH} x {HEIGHT} to {SIZE} px, images/s")
    for name, value in rates.items():
        print(f"{name:36}{value:8,.0f}")
    return {"images_per_second": rates, "seconds": times}


def _write_photographs(root: Path) -> list[str]:
    rng = np.random.default_rng(0)
    both = [Image.fromarray(image) for image in load_sample_images().images]
    for i in range(FILES):
        path = root / f"class{i % CLASSES}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        left, top = int(rng.integers(0, 640 - WIDTH)), int(rng.integers(0, 427 - HEIGHT))
        both[i % 2].crop((left, top, left + WIDTH, top + HEIGHT)).save(path, quality=80)
    return sorted(map(str, root.rglob("*.jpg")))


def _resize(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.image.resize(image, (SIZE, SIZE)) + 0.5, tf.uint8)


def _passing(files: list[str], then: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[], None]:
    def decode(path: tf.Tensor) -> tf.Tensor:
        return then(tf.io.decode_jpeg(tf.io.read_file(path), channels=3))

    images = tf.data.Dataset.from_tensor_slices(files).map(decode, num_parallel_calls=tf.data.AUTOTUNE)

    def consume() -> None:
        for _ in images.batch(64).prefetch(tf.data.AUTOTUNE):
            pass

    return consume


def _building(root: Path) -> Callable[[], None]:
    numbers = itertools.count()

    def build() -> None:
        folder = root / f"cache{next(numbers)}"
        data = Data(source=f"folder:{root / 'photos'}", image_size=SIZE, cache_dir=str(folder))
        cache.load_or_build(sources.open_source(data), data)
        shutil.rmtree(folder)

    return build
