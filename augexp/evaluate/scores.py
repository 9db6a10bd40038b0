"""The plain scores: accuracy, calibration, mistakes, and the gap to train."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from augexp.evaluate.subject import Floats, Found, Said, Subject, correct, means, said_of
from augexp.metrics import calibration
from augexp.metrics.calibration import Bin
from augexp.metrics.confusion import confusion_matrix, most_confused
from augexp.metrics.scores import per_example, probabilities
from augexp.network import device
from augexp.runs.evaluation import SplitName

MOST_CONFUSED = 20


def plain(subject: Subject, said: Said, split: SplitName) -> Found:
    labels, classes = subject.part.labels, len(subject.run.class_names)
    fitted_here = subject.part.ids == subject.splits.val.ids
    val = said if fitted_here else said_of(subject, subject.splits.val, note="val, for the temperature")
    temperature = calibration.temperature(val.logits, subject.splits.val.labels)
    probability = probabilities(said.logits)
    columns, scores, bins = scores_of(probability, labels)
    cooled_columns, cooled, cooled_bins = scores_of(probabilities(said.logits, temperature), labels)
    train = float(correct(subject, subject.splits.train, None, "train, clean").mean(dtype=np.float64))
    kept = ("cross_entropy", "brier", "ece")
    confusion = confusion_matrix(probability.argmax(axis=1).astype(np.int32), labels, classes)
    section = {
        "examples": len(labels),
        "made": {"precision": subject.run.precision, "backend": keras.backend.backend(), "device": device.find().name},
        "images_per_second": round(said.images_per_second, 1),
        "temperature": temperature,
        "temperature_fitted_on": f"{split} itself" if fitted_here else "val",
        "train_examples": len(subject.splits.train),
        "reliability": _rows(bins),
        "calibrated_reliability": _rows(cooled_bins),
        "confusion": confusion.tolist(),
        **_mistakes(confusion, subject.run.class_names),
    }
    return Found(
        section,
        scores
        | {f"calibrated_{name}": cooled[name] for name in kept}
        | {"train_accuracy": train, "generalisation_gap": train - scores["accuracy"]},
        columns | {f"calibrated_{name}": cooled_columns[name] for name in kept if name in cooled_columns},
    )


def scores_of(probability: Floats, labels: NDArray[np.int32]) -> tuple[dict[str, Floats], dict[str, float], list[Bin]]:
    columns = per_example(probability, labels)
    bins = calibration.reliability(probability, labels)
    return columns, means(columns) | {"ece": calibration.calibration_error(bins)}, bins


def _rows(bins: list[Bin]) -> list[dict[str, float]]:
    return [vars(one) for one in bins]


def _mistakes(confusion: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy of each class, and the pairs of classes that are confused most often."""
    examples = confusion.sum(axis=1)
    right = np.diag(confusion) / np.maximum(examples, 1)
    return {
        "classes": [
            {"name": name, "examples": int(count), "accuracy": float(share) if count else None}
            for name, count, share in zip(names, examples, right, strict=True)
        ],
        "most_confused": [
            {"true": names[true], "said": names[said], "examples": count}
            for true, said, count in most_confused(confusion, MOST_CONFUSED)
        ],
    }
