"""Which weights should a run score? `python -m tests.tools.scoring CONFIG --seeds 8` prints a row of docs/scoring.md.

Every run is trained by the product's own `fit`; after each epoch its weights and their averages are scored on val and
test. Then each rule picks an epoch, or several, and the paired differences of the strategies are taken by that rule.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from augexp.config import load
from augexp.metrics.scores import metrics
from augexp.network import device
from augexp.train import fit as fitting
from augexp.train import optimizer
from augexp.train.prepare import prepare
from augexp.train.record import Record
from augexp.train.task import eval_batches

STRATEGIES = ("none", "basic", "cutmix", "mixup", "basic+cutmix")
EMA = 0.99  # over a hundred steps; such runs have a few hundred

Epochs = dict[str, list[float]]  # what is followed -> one value an epoch
FOLLOWED = ("val_accuracy", "val_cross_entropy", "test_accuracy", "average_test_accuracy")


class Followed(Record):
    """Scores the weights and their averages after every epoch."""

    epochs: Epochs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any]) -> None:
        super().on_epoch_end(epoch, logs)
        splits = self.task.splits
        val, test = self._score(splits.val), self._score(splits.test)
        with optimizer.averaged(self.task.network.model):
            averaged = self._score(splits.test)
        found = (val["accuracy"], val["cross_entropy"], test["accuracy"], averaged["accuracy"])
        for name, value in zip(FOLLOWED, found, strict=True):
            self.epochs.setdefault(name, []).append(float(value))

    def _score(self, part: Any) -> Mapping[str, float]:
        from augexp.network import scoring

        return metrics(scoring.predict(self.task.network.model, eval_batches(self.task, part)), part.labels)


def followed(config: str, overrides: list[str]) -> Epochs:
    """One run, epoch by epoch."""
    experiment = load.experiment(config, [*overrides, f"train.ema={EMA}"])
    task = prepare(experiment)
    Followed.epochs = {}
    with tempfile.TemporaryDirectory() as folder:
        fitting.fit(task, Path(folder))
    return Followed.epochs


# --- rules ---------------------------------------------------------------------------------------------------------


def picked(run: Epochs) -> dict[str, float]:
    """Test accuracy of a run by each rule."""
    val, loss, test, average = (np.array(run[name]) for name in FOLLOWED)
    return {
        "best on val": test[np.argmax(val)],
        "last of the best on val": test[len(val) - 1 - np.argmax(val[::-1])],
        "lowest val cross-entropy": test[np.argmin(loss)],
        "last epoch": test[-1],
        "mean of the last three": test[-3:].mean(),
        f"average of weights ({EMA})": average[-1],
    }


def table(runs: Mapping[str, list[Epochs]]) -> list[str]:
    """A line a rule: variance of the paired difference of two strategies over seeds, and mean test accuracy."""
    scores = {name: [picked(run) for run in several] for name, several in runs.items()}
    rules = list(next(iter(scores.values()))[0])
    lines, first = [], 0.0
    for rule in rules:
        values = {name: 100 * np.array([one[rule] for one in several]) for name, several in scores.items()}
        variance = np.mean([np.var(values[a] - values[b], ddof=1) for a, b in combinations(values, 2)])
        first = first or float(variance)
        mean = np.mean([one.mean() for one in values.values()])
        lines.append(f"{rule:28} {variance:8.3f} {variance / first:6.2f} {mean:8.2f}")
    return lines


def main() -> None:
    """Trains every strategy with every seed, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("overrides", nargs="*", help="such as train.epochs=10")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="a file that the epochs are kept in, and taken from")
    told = parser.parse_args()
    runs: dict[str, list[Epochs]] = json.loads(told.keep.read_text()) if told.keep and told.keep.exists() else {}
    device.load_tensorflow()
    fitting.Record = Followed  # type: ignore[attr-defined]
    for seed in range(told.seeds):
        for strategy in STRATEGIES:
            several = runs.setdefault(strategy, [])
            if len(several) <= seed:
                several.append(followed(told.config, [*told.overrides, f"strategy={strategy}", f"seed={seed}"]))
                if told.keep:
                    told.keep.write_text(json.dumps(runs))
    print(f"{told.seeds} seeds of {', '.join(STRATEGIES)}")
    print(f"{'':28} variance  ratio accuracy")
    print("\n".join(table(runs)))


if __name__ == "__main__":
    main()
