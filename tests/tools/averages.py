"""Trains digits with `train.ema`, and compares the weights that are kept with NumPy's recurrence over every step.

    KERAS_BACKEND=jax python -m tests.tools.averages RUNS_DIR CACHE_DIR [KEY=VALUE]...

prints the largest difference of the last and of the best weights, relative to the largest weight, and how far the
weights themselves are from their averages. tests/train/test_fit.py runs it on both backends.
"""

import sys
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import numpy as np

from augexp.network import device

MOMENTUM = 0.8
SETTINGS = (
    *("strategy=cutmix", "train.epochs=3", "train.head_epochs=1", "train.plain_epochs=1", "train.batch_size=64"),
    *("data.train_per_class=30", f"train.ema={MOMENTUM}"),
)


def main(runs_dir: str, cache_dir: str, *overrides: str) -> tuple[float, float, float]:
    """Differences of last and best weights from the recurrence; of the last weights from those that were trained."""
    import keras

    from augexp.config import load
    from augexp.network import model
    from augexp.train import record
    from augexp.train.prepare import prepare
    from augexp.train.run import train

    stepped: list[dict[str, Any]] = []  # weights by name after each step
    averages: list[dict[str, Any]] = []  # at the end of each epoch

    def follow(self: record.Record, batch: int, logs: Mapping[str, Any]) -> None:
        after_step(self, batch, logs)
        trained = self.model.trainable_variables
        stepped.append({one.path: np.array(keras.ops.convert_to_numpy(one), np.float64) for one in trained})

    def average(self: record.Record, epoch: int, logs: Mapping[str, Any]) -> None:
        after_epoch(self, epoch, logs)
        averages.append(_recurrence(stepped))

    after_step, after_epoch = record.Record.on_train_batch_end, record.Record.on_epoch_end
    settings = load.experiment(
        "digits.yaml", [*SETTINGS, f"runs_dir={runs_dir}", f"data.cache_dir={cache_dir}", *overrides]
    )
    with (
        patch.object(record.Record, "on_train_batch_end", follow),
        patch.object(record.Record, "on_epoch_end", average),
    ):
        folder = train(settings)
    best_epoch = int(np.argmax(np.loadtxt(folder / "history.csv", delimiter=",", skiprows=1, usecols=5)))

    network = prepare(settings).network

    def stored(name: str) -> dict[str, Any]:
        model.load_weights(network, folder / name)
        named = zip(trained, network.model.trainable_variables, strict=True)
        return {path: keras.ops.convert_to_numpy(one) for path, one in named}

    trained = list(stepped[-1])
    last, best = stored("last.weights.h5"), stored("best.weights.h5")
    return (
        _difference(last, averages[-1]),
        _difference(best, averages[best_epoch]),
        _difference(last, stepped[-1]),
    )


def _recurrence(stepped: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the steps that train the same variables as the last one: they begin with the weights after the first."""
    average: dict[str, Any] = {}
    for weights in stepped:
        begins = weights.keys() != average.keys()
        average = {
            path: weight if begins else MOMENTUM * average[path] + (1 - MOMENTUM) * weight
            for path, weight in weights.items()
        }
    return average


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    largest = max(float(np.abs(weight).max()) for weight in theirs.values())
    return max(float(np.abs(ours[path] - weight).max()) for path, weight in theirs.items()) / largest


if __name__ == "__main__":
    device.load_tensorflow()
    print(*main(*sys.argv[1:]))
