"""`make bench`: images/s of the input path alone (memory map -> batch), beside Keras's own layers in the same run.

Every round measures each line once, in turn, so that a drifting machine slows all of them alike; the median counts.
"""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from augexp import device

device.load_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from augexp.augment.specs import STRATEGY_NAMES, named_strategy
from augexp.data import pipeline
from augexp.data.splits import Part

EXAMPLES, SIZE, CLASSES, BATCH = 4000, 224, 120, 64
ROUNDS, STEPS, WARM = 5, 50, 15


def part(folder: Path) -> Part:
    """Random images as the decoded cache holds them."""
    rng = np.random.default_rng(0)
    path = folder / "images.npy"
    shape = (EXAMPLES, SIZE, SIZE, 3)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, EXAMPLES, 500):
        images[start : start + 500] = rng.integers(0, 256, (500, *shape[1:]), np.uint8)
    images.flush()
    labels = rng.integers(0, CLASSES, EXAMPLES, np.int32)
    mapped = np.load(path, mmap_mode="c")
    return Part(mapped, np.arange(EXAMPLES, dtype=np.int64), labels, [str(i) for i in range(EXAMPLES)])


def ours(images: Part, name: str) -> tf.data.Dataset:
    """The training pipeline with one of the four strategies."""
    specs = named_strategy(name)  # type: ignore[arg-type]
    recipe = pipeline.Recipe(specs, BATCH, SIZE, CLASSES, seed=0)
    return pipeline.train_batches(images, recipe, range(10**6))


def theirs(images: Part, layer: keras.layers.Layer) -> tf.data.Dataset:
    """The same batches through a Keras preprocessing layer in tf.data."""

    def mix(batch: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = layer({"images": tf.cast(batch, tf.float32), "labels": labels}, training=True)
        return mixed["images"], mixed["labels"]

    return ours(images, "none").map(mix, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def rate(dataset: tf.data.Dataset) -> float:
    """Images a second; the iterator lives no longer, so that its threads don't run beside the next measurement."""
    batches = iter(dataset)
    for _ in range(WARM):
        next(batches)
    start = time.perf_counter()
    for _ in range(STEPS):
        next(batches)
    return STEPS * BATCH / (time.perf_counter() - start)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        images = part(Path(folder))
        lines = {f"augexp {name}": ours(images, name) for name in STRATEGY_NAMES}
        lines["keras.layers.CutMix"] = theirs(images, keras.layers.CutMix())
        lines["keras.layers.MixUp"] = theirs(images, keras.layers.MixUp())
        for dataset in lines.values():
            rate(dataset)  # traced, compiled, paged in
        rates: dict[str, list[float]] = {name: [] for name in lines}
        for _ in range(ROUNDS):
            for name, dataset in lines.items():
                rates[name].append(rate(dataset))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}, "
          f"Keras {keras.__version__}; batch {BATCH}, {SIZE} px, median of {ROUNDS} rounds")  # fmt: skip
    for name, found in rates.items():
        print(f"{name:22} {statistics.median(found):10,.0f} images/s  ({min(found):,.0f} to {max(found):,.0f})")


if __name__ == "__main__":
    main()
