"""Makers of what tests read: finished run folders as training would leave them, weights in the published layout."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from augexp import files
from augexp.config import load
from augexp.config.schema import Experiment
from augexp.runs import evaluation as run_evaluation
from augexp.runs import folder as run_folder
from augexp.runs import predictions, seal
from augexp.runs.limit import Limit
from augexp.runs.records import Split

EXAMPLES, CLASSES = 100, 4


def make_run(
    folder: Path,
    *,
    strategy: str = "cutmix",
    seed: int = 0,
    epochs: int = 5,
    accuracy: float = 0.8,
    test_accuracy: float | None = None,
    best_epoch: int | None = None,
    val_accuracy: Sequence[float] | None = None,
    seconds: float = 90.0,
    images_per_second: float = 1000.0,
    overrides: Sequence[str] = (),
    environment: dict[str, Any] | None = None,
    other_test: float | None = None,
    sealed: bool = False,
    limit: Limit | None = None,
) -> Path:
    """Writes a finished run with these numbers into `folder`; it scores its best epoch unless overrides say otherwise.

    Args:
        folder: made when missing.
        strategy: as in a configuration; the run is named after it unless overrides say `name=`.
        seed: of the run.
        epochs: rows of the history.
        accuracy: of the best epoch on val.
        test_accuracy: accuracy - 0.02 when None.
        best_epoch: from 1; the last but one when None.
        val_accuracy: the whole curve, (epochs,), in place of `accuracy`.
        seconds: of training.
        images_per_second: median over epochs.
        overrides: further `key=value`s of the configuration.
        environment: keys of environment.json to replace.
        other_test: test accuracy of the weights that are not scored; None: as if an earlier version wrote the run.
        sealed: with digests and a seal, which earlier versions didn't write.
        limit: of every epoch, likewise.
    """
    given = ("data.source=digits", f"strategy={strategy}", f"seed={seed}", f"train.epochs={epochs}", "train.score=best")
    experiment = load.experiment(None, [*given, *overrides])
    curve = _curve(epochs, best_epoch or max(1, epochs - 1), accuracy) if val_accuracy is None else val_accuracy
    reached = {"best": max(curve), "last": curve[-1]}
    val = reached.pop(experiment.train.score)
    test = val - 0.02 if test_accuracy is None else test_accuracy
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(folder / "config.yaml", experiment.to_yaml())
    files.write_json(folder / "environment.json", _environment() | (environment or {}))
    run_folder.set_state(folder, "finished")
    files.write_text(folder / "history.csv", _history(curve, seconds, images_per_second, limit))
    for split, share in (("val", val), ("test", test)):
        _write_predictions(folder / f"predictions-{split}.npz", split, share, seed)
    result = _result(experiment, curve, val, test) | {"seconds": seconds, "images_per_second": images_per_second}
    result |= limit.row if limit else {}
    if other_test is not None:
        ((score, other_val),) = reached.items()
        result["other"] = {"score": score, "val": _metrics(other_val), "test": _metrics(other_test)}
    files.write_json(folder / "result.json", seal.close(folder, result) if sealed else result)
    return folder


def unseal(folder: Path) -> Path:
    """Takes digests and seals out of a run, as earlier versions didn't write them: its files may be changed."""
    for path in (folder / "result.json", folder / "evaluation.json"):
        if path.exists():
            content = json.loads(path.read_text("utf-8"))
            files.write_json(path, {key: content[key] for key in content if key not in ("digests", "settings", "seal")})
    return folder


def forget(folder: Path, *keys: str) -> Path:
    """Takes settings of `train` out of the configuration of a run, as earlier versions didn't have them."""
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    config["train"] = {key: value for key, value in config["train"].items() if key not in keys}
    files.write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    return folder


def _curve(epochs: int, best_epoch: int, accuracy: float) -> list[float]:
    """Rises to `accuracy` at `best_epoch`, and is lower ever after."""
    rising = [accuracy * (1 - 0.5 * (1 - epoch / best_epoch) ** 2) for epoch in range(1, best_epoch + 1)]
    return rising + [accuracy * 0.99] * (epochs - best_epoch)


def _environment() -> dict[str, Any]:
    versions = {"augexp": "0.1.0", "python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"}
    return {
        "versions": versions,
        "backend": "tensorflow",
        "device": "CPU",
        "precision": "float32",
        "git_commit": None,
        "command": "augexp train",
        "data_fingerprint": "0123456789abcdef",
        "start": "2026-01-02T03:04:05+00:00",
    }


def _history(curve: Sequence[float], seconds: float, images_per_second: float, limit: Limit | None) -> str:
    row = limit.row if limit else {}
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds", "images_per_second", *row)
    lines = [",".join(("epoch", "phase", *names))]
    for epoch, accuracy in enumerate(curve, start=1):
        values = (2 - accuracy, accuracy - 0.1, 1.5 - accuracy, accuracy, 0.01, seconds / len(curve), images_per_second)
        told = ["" if value is None else repr(value) for value in (*values, *row.values())]
        lines.append(f"{epoch},full,{','.join(told)}")
    return "\n".join(lines) + "\n"


def _result(experiment: Experiment, curve: Sequence[float], val: float, test: float) -> dict[str, Any]:
    return {
        "epochs": len(curve),
        "best_epoch": int(np.argmax(curve)) + 1,
        "validation": "test" if experiment.data.validation == "test" else "train",
        "score": experiment.train.score,
        "val": _metrics(val),
        "test": _metrics(test),
    }


def _metrics(accuracy: float) -> dict[str, Any]:
    return {"accuracy": accuracy, "top5_accuracy": 1.0, "cross_entropy": 1.5 - accuracy, "examples": EXAMPLES}


def _write_predictions(path: Path, split: str, accuracy: float, seed: int) -> None:
    """As many right answers as `accuracy` says, to a hundredth; no two seeds are as sure of them."""
    labels = np.arange(EXAMPLES, dtype=np.int32) % CLASSES
    said = np.where(np.arange(EXAMPLES) < round(accuracy * EXAMPLES), labels, (labels + 1) % CLASSES)
    rest = 0.1 - 0.001 * (seed % 50)
    probability = np.full((EXAMPLES, CLASSES), rest, np.float32)
    probability[np.arange(EXAMPLES), said] = 1 - rest * (CLASSES - 1)
    predictions.write(path, [f"{split}/{index}" for index in range(EXAMPLES)], labels, probability)


def classify(folder: Path, sizes: Sequence[int], right: Sequence[int], split: Split = "test") -> Path:
    """Replaces what a finished run said of a split: of class i, `right[i]` of `sizes[i]` examples are right."""
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    said = np.where(place < np.repeat(right, sizes), labels, (labels + 1) % len(sizes))
    # No two folders are as sure of it.
    sure = 0.9 - 0.001 * (int(hashlib.md5(str(folder).encode(), usedforsecurity=False).hexdigest(), 16) % 97)
    probability = np.full((len(labels), len(sizes)), (1 - sure) / (len(sizes) - 1), np.float32)
    probability[np.arange(len(labels)), said] = sure
    path = predictions.path_of(folder, split)
    predictions.write(path, [f"{split}/{index:06}" for index in range(len(labels))], labels, probability)
    result = json.loads((folder / "result.json").read_text("utf-8"))
    result[split] |= {"accuracy": sum(right) / sum(sizes), "examples": len(labels)}
    files.write_json(folder / "result.json", result)
    return folder


def make_evaluation(
    folder: Path,
    metrics: dict[str, float],
    *,
    rows: Mapping[str, Any] | None = None,
    ids: Sequence[str] | None = None,
    split: dict[str, Any] | None = None,
    floors: dict[str, float] | None = None,
    sealed: bool = False,
) -> Path:
    """Writes into a finished run what `augexp evaluate` leaves there.

    Args:
        folder: of the run.
        metrics: of the test set, by name.
        rows: (N,) values example by example, by name; the metric of that name becomes their mean.
        ids: of the examples, in order; those of `make_run` when None.
        split: further keys of the test set's section, such as `occlusion`.
        floors: accuracies by name.
        sealed: with digests and a seal, which earlier versions didn't write.
    """
    columns = {name: np.asarray(values, np.float32) for name, values in (rows or {}).items()}
    means = {name: float(column.mean(dtype=np.float64)) for name, column in columns.items()}
    named = [f"test/{index}" for index in range(EXAMPLES)] if ids is None else list(ids)
    section = {
        "examples": len(named),
        "metrics": metrics | means,
        "floors": {name: {"accuracy": accuracy} for name, accuracy in (floors or {}).items()},
    }
    content = {"weights": "0" * 64, "splits": {"test": section | (split or {})}}
    run_evaluation.write(folder, content, {"test": {"id": np.array(named), **columns}})
    return folder if sealed else unseal(folder)


def write_published_layout(backbone: Any, path: Path) -> None:
    """Writes a Keras backbone's weights as the `..._notop.h5` files of keras.applications hold them."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in backbone.layers]
        for layer in backbone.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, variable in zip(names, layer.weights, strict=True):
                group.create_dataset(name, data=variable.numpy())
