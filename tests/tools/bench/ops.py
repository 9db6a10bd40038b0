"""Every op and the named strategies on one batch, beside the same op of others and a bare copy of the batch."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from augexp.augment import strategy
from augexp.config import load
from tests.tools.bench.measure import rate, rate_of_a_core, seconds
from tests.tools.bench.rivals import rivals

SIZE, CLASSES = 224, 120
COLUMNS = "images/s, share of np.copyto, and of what the bytes moved allow, images/s of CPU time, times as fast as"


def run(names: Sequence[str], batches: Sequence[int]) -> list[dict[str, Any]]:
    """Measures and prints; a row an op, batch size and dtype."""
    rows = []
    for batch, dtype in itertools.product(batches, (np.uint8, np.float32)):
        images, labels = photographs(batch).astype(dtype), np.eye(CLASSES, dtype=np.float32)[np.arange(batch) % CLASSES]
        print(f"\nbatch {batch}, {SIZE} px, {np.dtype(dtype).name}: {COLUMNS}", flush=True)
        for name in names:
            times = seconds(_calls(name, images, labels))
            rates = {who: rate(batch, found) for who, found in times.items()}
            of_a_core = rate_of_a_core(batch, times["augexp"])
            limit = rates["np.copyto"] * _moved(name, images, labels)
            print(_line(name, rates, limit, of_a_core), flush=True)
            row = {
                "op": name,
                "batch": batch,
                "dtype": np.dtype(dtype).name,
                "images_per_second": rates,
                "limit": limit,
            }
            rows.append({**row, "images_per_cpu_second": of_a_core, "seconds": times})
    return rows


def photographs(count: int) -> NDArray[np.uint8]:
    """(count, SIZE, SIZE, 3): cuts of scikit-learn's two photographs, each at a place of its own."""
    rng = np.random.default_rng(0)
    both = load_sample_images().images
    cuts = []
    for i in range(count):
        image = both[i % 2]
        top, left = (int(rng.integers(0, side - SIZE)) for side in image.shape[:2])
        cuts.append(image[top : top + SIZE, left : left + SIZE])
    return np.stack(cuts)


def _calls(name: str, images: NDArray[Any], labels: NDArray[np.float32]) -> dict[str, Callable[[], Any]]:
    target = np.empty_like(images)
    return {
        "augexp": _ours(name, images, labels),
        "np.copyto": lambda: np.copyto(target, images),
        **dict(rivals(name, images, labels)),
    }


def _ours(name: str, images: NDArray[Any], labels: NDArray[np.float32]) -> Callable[[], Any]:
    chain = strategy.build(load.experiment(None, [f"strategy={name}"]).strategy)
    steps = itertools.count()
    batch = tf.constant(images), tf.constant(labels)
    # As in the input path: draws and pixels in one graph.
    augment = tf.function(lambda images, labels, step: chain(images, labels, tf.stack([0, step])))
    return lambda: augment(*batch, tf.constant(next(steps)))


def _moved(name: str, images: NDArray[Any], labels: NDArray[np.float32]) -> float:
    """Bytes that a copy of the batch moves, as a share of those that an op must: its images, partners, and results."""
    spec = load.experiment(None, [f"strategy={name}"]).strategy
    changed: int = _ours(name, images, labels)()[0].dtype.size
    read = images.itemsize * (2 if any(one.mixes for op in spec for one in op.alternatives()) else 1)
    return 2 * images.itemsize / (read + changed)


def _line(name: str, rates: dict[str, float], limit: float, of_a_core: float) -> str:
    ours = rates["augexp"]
    others = [f"{who} {ours / value:,.1f} x" for who, value in rates.items() if who not in ("augexp", "np.copyto")]
    shares = f"{ours / rates['np.copyto']:6.0%} {ours / limit:6.0%}"
    return f"{name:20}{ours:10,.0f} {shares} {of_a_core:8,.0f}  {'; '.join(others)}"
