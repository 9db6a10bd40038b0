"""The plain scores: accuracy, calibration, mistakes, and the gap to train."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from augexp.errors import counted
from augexp.evaluate.subject import Floats, Found, Subject, correct, means, said_of
from augexp.metrics import calibration, catalogue
from augexp.metrics.calibration import Bin
from augexp.metrics.confusion import confusion_matrix, most_confused
from augexp.metrics.recall import are_unequal
from augexp.metrics.scores import of_classes, per_example, probabilities
from augexp.network import device
from augexp.runs.evaluation import SplitName

MOST_CONFUSED = 20
MOST_PRINTED = 3
ROWS = (  # metric, title, digits
    ("accuracy", "accuracy %", 2),
    ("macro_recall", "macro recall %", 2),
    ("worst_class_recall", "worst class %", 2),
    ("top5_accuracy", "top-5 %", 2),
    ("cross_entropy", "cross-entropy", 4),
    ("brier", "Brier", 4),
    ("ece", "calibration error %", 2),
)
OF_CLASSES = ("macro_recall", "worst_class_recall")


def images(subject: Subject) -> int:
    """The part, train, and val for the temperature."""
    splits = subject.splits
    return len(subject.part) + len(splits.train) + (0 if _is_val(subject) else len(splits.val))


def run(subject: Subject) -> Found:
    """Everything that clean images say of a network."""
    said, split = subject.clean, subject.split
    labels, classes = subject.part.labels, len(subject.run.class_names)
    fitted_here = _is_val(subject)
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
        "reliability": _plain(bins),
        "calibrated_reliability": _plain(cooled_bins),
        "confusion": confusion.tolist(),
        **_mistakes(confusion, subject.run.class_names),
    }
    return Found(
        section,
        scores
        | of_classes(columns["accuracy"], labels)
        | {f"calibrated_{name}": cooled[name] for name in kept}
        | {"train_accuracy": train, "generalisation_gap": train - scores["accuracy"]},
        columns | {f"calibrated_{name}": cooled_columns[name] for name in kept if name in cooled_columns},
    )


def _is_val(subject: Subject) -> bool:
    return subject.part.ids == subject.splits.val.ids


def scores_of(probability: Floats, labels: NDArray[np.int32]) -> tuple[dict[str, Floats], dict[str, float], list[Bin]]:
    columns = per_example(probability, labels)
    bins = calibration.reliability(probability, labels)
    return columns, means(columns) | {"ece": calibration.calibration_error(bins)}, bins


def _plain(bins: list[Bin]) -> list[dict[str, float]]:
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


# --- printed -------------------------------------------------------------------------------------------------------


def rows(section: Mapping[str, Any], split: SplitName) -> Iterator[str]:
    """What is printed of a split in `evaluation.json`."""
    found = section["metrics"]
    yield f"{split}, {counted(section['examples'], 'image')}, {section['images_per_second']:,.0f} images/s"
    yield from _scores(section)
    images = counted(section["train_examples"], "image")
    yield (
        f"  clean train accuracy {100 * found['train_accuracy']:.2f} % ({images}): "
        f"{100 * found['generalisation_gap']:+.2f} points above {split}"
    )
    yield from _confused(section["most_confused"])


def _scores(section: Mapping[str, Any]) -> Iterator[str]:
    found = section["metrics"]
    yield f"  {'':20}{'as trained':>12}{'temperature ' + format(section['temperature'], '.2f'):>18}"
    for name, title, digits in ROWS:
        if name in OF_CLASSES and not _tells_more(section, name):
            continue
        scale = catalogue.METRICS[name].unit.scale
        cooled = found.get(f"calibrated_{name}")
        after = "" if cooled is None else f"{scale * cooled:>18.{digits}f}"
        yield f"  {title:20}{scale * found[name]:>12.{digits}f}{after}"
    if section["temperature_fitted_on"] != "val":
        yield f"  the temperature was fitted on {section['temperature_fitted_on']}: what it gains is optimistic"


def _tells_more(section: Mapping[str, Any], name: str) -> bool:
    """Whether a recall of classes is known, and accuracy doesn't say as much."""
    examples = np.array([one["examples"] for one in section["classes"]], np.int64)
    return name in section["metrics"] and are_unequal(examples)


def _confused(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if pairs:
        told = [f"{pair['true']} taken for {pair['said']} {pair['examples']} x" for pair in pairs[:MOST_PRINTED]]
        yield f"  most confused: {'; '.join(told)}"
