"""The input path alone: memory map -> batch, for every shipped strategy, beside Keras's layers in tf.data."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from augexp.config import load
from augexp.config.ops import STRATEGY_NAMES
from augexp.data import pipeline
from augexp.data.splits import Part
from tests.tools.bench.measure import rate, rate_of_a_core, seconds

EXAMPLES, SIZE, CLASSES, BATCH = 4000, 224, 120, 64
STEPS, WARM = 50, 15
OTHERS = (
    "rand_augment", "trivial_augment", "auto_augment", "three_augment", "ricap", "resizemix", "fmix", "rotate",
    "equalize",
)  # fmt: skip
LATE = 99 * (EXAMPLES // BATCH)  # the first step of the hundredth epoch


def run() -> dict[str, Any]:
    """Measures and prints images/s; `augexp cutmix, epoch 100` reads the batches of that epoch."""
    with _part() as images:
        calls = {f"augexp {name}": _consume(_ours(images, name, 0)) for name in (*STRATEGY_NAMES, *OTHERS)}
        calls |= {f"augexp {name}, epoch 100": _consume(_ours(images, name, LATE)) for name in STRATEGY_NAMES}
        calls["keras.layers.CutMix"] = _consume(_theirs(images, keras.layers.CutMix()))
        calls["keras.layers.MixUp"] = _consume(_theirs(images, keras.layers.MixUp()))
        times = seconds(calls)
    rates = {name: rate((STEPS + WARM) * BATCH, found) for name, found in times.items()}
    of_a_core = {name: rate_of_a_core((STEPS + WARM) * BATCH, found) for name, found in times.items()}
    print(f"\ninput path, memory map to batch: batch {BATCH}, {SIZE} px, images/s, images/s of CPU time")
    for name, value in rates.items():
        print(f"{name:28}{value:10,.0f}{of_a_core[name]:10,.0f}")
    return {"images_per_second": rates, "images_per_cpu_second": of_a_core, "seconds": times}


@contextmanager
def _part() -> Iterator[Part]:
    """Random images as the decoded cache holds them."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        shape = (EXAMPLES, SIZE, SIZE, 3)
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for start in range(0, EXAMPLES, 500):
            images[start : start + 500] = rng.integers(0, 256, (500, *shape[1:]), np.uint8)
        images.flush()
        labels = rng.integers(0, CLASSES, EXAMPLES, np.int32)
        mapped = np.load(path, mmap_mode="c")
        yield Part(mapped, np.arange(EXAMPLES, dtype=np.int64), labels, [str(i) for i in range(EXAMPLES)])


def _ours(images: Part, name: str, first_step: int) -> tf.data.Dataset:
    chain = load.experiment(None, [f"strategy={name}"]).strategy
    recipe = pipeline.Recipe(chain, BATCH, SIZE, CLASSES, seed=0)
    return pipeline.train_batches(images, recipe, range(first_step, first_step + WARM + STEPS))


def _theirs(images: Part, layer: keras.layers.Layer) -> tf.data.Dataset:
    """The same batches through a Keras preprocessing layer in tf.data."""

    def mix(batch: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = layer({"images": tf.cast(batch, tf.float32), "labels": labels}, training=True)
        return mixed["images"], mixed["labels"]

    return _ours(images, "none", 0).map(mix, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _consume(batches: tf.data.Dataset) -> Callable[[], None]:
    """One pass; its iterator ends with it, so that its threads don't run beside the next measurement."""

    def consume() -> None:
        for _ in batches:
            pass

    return consume
