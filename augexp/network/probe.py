"""What frozen features tell: logistic regression on what a backbone knew before any training here."""

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Experiment
from augexp.network.build import build_network

STRENGTHS = (0.01, 0.1, 1.0)  # of the probe's regularisation, C
STEPS = 300  # of its fit, at most
ROWS = 4096  # of features that are in memory at once
SHORT = 10**8  # products of a step of the fit that take one thread a few milliseconds

Floats = NDArray[np.float32]


def features(experiment: Experiment, precision: str, num_classes: int) -> keras.Model:
    """(B, S, S, 3) -> (B, C): pooled features under the initial weights of an experiment.

    Raises:
        UserError: if they can't be had.
    """
    initial = build_network(experiment, precision, num_classes).model
    return keras.Model(initial.inputs, initial.get_layer("pool").output)


@contextmanager
def standardised(features: Iterable[Floats], folder: Path) -> Iterator[tuple[Floats, Any]]:
    """Features of train as a probe is fitted to them, without holding them in memory.

    Args:
        features: (B, C) of each batch in turn.
        folder: for a file that has no name and is gone with the block, however that ends.

    Yields:
        (N, C) float32, standardised and mapped from the file, and the scikit-learn scaler that did it.

    Raises:
        OSError: if the disk has no room for them.
    """
    from sklearn.preprocessing import StandardScaler

    scaler, rows = StandardScaler(), 0
    with tempfile.TemporaryFile(dir=folder) as file:
        for batch in features:
            scaler.partial_fit(batch)
            file.write(batch.tobytes())
            rows += len(batch)
        shape = rows, len(scaler.mean_)
        _rewrite(file, shape, scaler.transform)
        yield np.asarray(np.memmap(file, np.float32, "r", shape=shape)), scaler


def _rewrite(file: IO[bytes], shape: tuple[int, int], change: Callable[[Floats], Floats]) -> None:
    """Replaces the rows of a file, some at a time."""
    # Written through a memory map, a full disk would kill the process.
    for first in range(0, shape[0], ROWS):
        count, place = min(ROWS, shape[0] - first), 4 * shape[1] * first
        file.seek(place)
        rows = np.frombuffer(file.read(4 * shape[1] * count), np.float32).reshape(count, shape[1])
        file.seek(place)
        file.write(change(rows).astype(np.float32).tobytes())
    file.flush()


def probe(strength: float) -> Any:
    """Standardised features -> classes, to be fitted: a scikit-learn pipeline."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), _regression(strength))


def fitted(features: Floats, labels: NDArray[np.int32]) -> list[Any]:
    """A probe a strength of `STRENGTHS`, fitted to features (N, C) that are standardised already."""
    with patient(features, labels):
        return [_regression(strength).fit(features, labels) for strength in STRENGTHS]


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=STEPS)


@contextmanager
def patient(features: Floats, labels: NDArray[np.int32]) -> Iterator[None]:
    """Inside, a fit to these that ends after `STEPS` warns nobody, and one of short steps takes them on one thread."""
    from sklearn import linear_model  # noqa: F401 - threads are limited of what is loaded
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    step = features.size * len(np.unique(labels))
    # OpenBLAS's threads wait for each other busily: next to other programs that is nearly all of a small fit.
    with (
        threadpool_limits(1 if step < SHORT else None, user_api="blas"),
        warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
    ):
        yield
