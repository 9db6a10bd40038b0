"""A trained run -> what its strategy changed: calibration, mistakes, test-time augmentation, robustness, localisation.

Images stream through the network a batch at a time; what stays in memory is the logits of val and of the evaluated
split, which training keeps too, a number an example and measure, and for the linear probe the pooled features of train.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from augexp import cam, console, files, floors, tta
from augexp.augment.corruptions import AREAS, CORRUPTIONS, OCCLUSIONS, SEVERITIES, Corrupt, corruption, occlusion
from augexp.data import boxes, pipeline
from augexp.data.pipeline import View
from augexp.data.splits import Part, Splits
from augexp.draw import evaluation as draw_evaluation
from augexp.errors import UserError
from augexp.metrics import calibration
from augexp.metrics.calibration import Bin
from augexp.metrics.confusion import confusion_matrix, most_confused
from augexp.metrics.scores import per_example, probabilities
from augexp.network import device, scoring, trained
from augexp.network.trained import Trained
from augexp.runs import evaluation as run_evaluation
from augexp.runs.evaluation import SplitName
from augexp.tta import Tta

OVERLAP = 0.5  # of the box around the map with that around the object: found
MOST_CONFUSED = 20

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Request:
    """What is to be evaluated, beside the plain scores."""

    split: SplitName = "test"
    tta: tuple[Tta, ...] = ()
    robustness: bool = False
    localisation: bool = False
    floor: bool = False


@dataclass(frozen=True)
class _Subject:
    """A network, its data, and whom to tell how far it is."""

    run: Trained
    splits: Splits
    part: Part
    advance: console.Advance

    @property
    def image_size(self) -> int:
        return self.run.experiment.data.image_size

    @property
    def middle(self) -> View:
        return pipeline.centre(self.image_size)

    def logits(self, part: Part, view: View | None, note: str) -> Iterator[Floats]:
        """Of each batch of a part in turn, (B, K); in the middle of the image unless `view` says otherwise."""
        return scoring.of_part(self.run.network.model, part, view or self.middle, self.advance, note)


class Found(NamedTuple):
    """Numbers of an evaluation, and the (N,) values behind those that are means over examples."""

    section: dict[str, Any]
    metrics: dict[str, float]
    columns: dict[str, Floats]


def evaluate(folder: Path, request: Request) -> dict[str, Any]:
    """Evaluates the best weights of a run, and writes `evaluation.json`, its columns and its pictures beside them.

    What an earlier evaluation of the same weights found stays, unless it is found anew.

    Returns:
        The content of `evaluation.json`.

    Raises:
        UserError: if the run can't be loaded or written, its data has changed, or it has no boxes where localisation is
            asked for.
    """
    try:
        return _evaluate(folder, request)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: {error.strerror or error}; an evaluation is written into the run folder: "
            "make room, or make it writable"
        ) from error


def _evaluate(folder: Path, request: Request) -> dict[str, Any]:
    run = trained.load(folder)
    splits = trained.splits(run)
    part = {"test": splits.test, "val": splits.val}[request.split]
    around = boxes.of_part(part, run.experiment.data) if request.localisation else []
    what = [f"tta {one.label}" for one in request.tta]
    what += [name for name in ("robustness", "localisation", "floor") if getattr(request, name)]
    trained.log_test_use(run, splits, part, f"evaluate: {', '.join(['plain', *what])}")
    with console.progress(f"evaluating {folder.name}", _images(splits, part, request)) as advance:
        subject = _Subject(run, splits, part, advance)
        said = _said(subject, part)
        parts = [_plain(subject, said, request.split)]
        parts += [_augmented(subject, one, said) for one in request.tta]
        parts += [_occluded(subject), _corrupted(subject)] if request.robustness else []
        parts += [_localised(subject, around)] if request.localisation else []
        parts += [Found({"floors": floors.find(run, splits, part, advance)}, {}, {})] if request.floor else []
    content = _merged(run, request.split, part, parts)
    for name, figure in draw_evaluation.pictures(content["splits"][request.split], run.class_names, folder.name):
        with files.replacing(folder / f"{name}-{request.split}.png") as temporary:
            figure.savefig(temporary)
    return content


def _images(splits: Splits, part: Part, request: Request) -> int:
    """How many images will go through the network."""
    views = sum({tta.FLIP: 2, tta.CROPS: len(tta.CORNERS)}.get(one.label, one.draws) for one in request.tta)
    passes = 1 + views + (len(OCCLUSIONS) * len(AREAS) + len(CORRUPTIONS) * len(SEVERITIES)) * request.robustness
    once = len(splits.val) * ((part is not splits.val) + request.floor) + len(splits.train) * (1 + request.floor)
    return once + len(part) * (passes + request.localisation + 2 * request.floor)


# --- passes over the data ------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    logits: Floats  # (N, K)
    images_per_second: float


def _said(subject: _Subject, part: Part, view: View | None = None, note: str = "clean") -> _Said:
    """The logits of a part, and the speed at which they came, but for the first batch, which may compile."""
    parts, started = [], time.perf_counter()
    for logits in subject.logits(part, view, note):
        parts.append(logits)
        if len(parts) == 1:
            first = time.perf_counter()
    counted, since = (len(part) - len(parts[0]), first) if len(parts) > 1 else (len(part), started)
    return _Said(np.concatenate(parts), counted / max(time.perf_counter() - since, 1e-9))


def _correct(subject: _Subject, part: Part, view: View | None, note: str) -> Floats:
    """(N,) 1 where the most probable class is the true one, by the rule that a tie is none."""
    right, start = [], 0
    for logits in subject.logits(part, view, note):
        labels = part.labels[start : start + len(logits)]
        right.append(per_example(probabilities(logits), labels)["accuracy"])
        start += len(logits)
    return np.concatenate(right)


# --- plain ---------------------------------------------------------------------------------------------------------


def _plain(subject: _Subject, said: _Said, split: SplitName) -> Found:
    labels, classes = subject.part.labels, len(subject.run.class_names)
    fitted_here = subject.part.ids == subject.splits.val.ids
    val = said if fitted_here else _said(subject, subject.splits.val, note="val, for the temperature")
    temperature = calibration.temperature(val.logits, subject.splits.val.labels)
    probability = probabilities(said.logits)
    columns, scores, bins = _scores(probability, labels)
    cooled_columns, cooled, cooled_bins = _scores(probabilities(said.logits, temperature), labels)
    train = float(_correct(subject, subject.splits.train, None, "train, clean").mean(dtype=np.float64))
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


def _scores(probability: Floats, labels: NDArray[np.int32]) -> tuple[dict[str, Floats], dict[str, float], list[Bin]]:
    columns = per_example(probability, labels)
    bins = calibration.reliability(probability, labels)
    return columns, _means(columns) | {"ece": calibration.calibration_error(bins)}, bins


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


# --- test-time augmentation ----------------------------------------------------------------------------------------


def _augmented(subject: _Subject, one: Tta, plain: _Said) -> Found:
    labels = subject.part.labels
    views = tta.views(one, subject.image_size)
    total, seconds = np.zeros_like(plain.logits), 0.0
    for number, view in enumerate(views, 1):
        said = _said(subject, subject.part, view, f"tta {one.label} {number}/{len(views)}")
        total += probabilities(said.logits)
        seconds += 1 / said.images_per_second
    columns, scores, _ = _scores(total / np.float32(len(views)), labels)
    before = per_example(probabilities(plain.logits), labels)["accuracy"]
    name = f"tta_{one.label}_gain"
    gain = columns["accuracy"] - before
    section = {"views": len(views), "scores": scores, "images_per_second": round(1 / seconds, 1)}
    return Found({"tta": {one.label: section}}, {name: float(gain.mean(dtype=np.float64))}, {name: gain})


# --- robustness ----------------------------------------------------------------------------------------------------


def _occluded(subject: _Subject) -> Found:
    """Accuracy with a part of each image covered."""
    right: dict[str, list[Floats]] = {
        kind: [_under(subject, occlusion(kind, area), f"{kind} box, {area:.0%}") for area in AREAS]
        for kind in OCCLUSIONS
    }
    columns = {f"occlusion_{kind}": _mean(rows) for kind, rows in right.items()}
    return Found({"occlusion": {"areas": list(AREAS), **_shares(right)}}, _means(columns), columns)


def _corrupted(subject: _Subject) -> Found:
    """Accuracy under common corruptions."""
    right = {
        name: [_under(subject, corruption(name, level), f"{name} {level}") for level in SEVERITIES]
        for name in CORRUPTIONS
    }
    columns = {f"corruption_{name}": _mean(rows) for name, rows in right.items()}
    columns["corruptions"] = _mean(list(columns.values()))
    return Found(
        {"corruptions": {"severities": list(SEVERITIES), "accuracy": _shares(right)}}, _means(columns), columns
    )


def _shares(right: Mapping[str, Sequence[Floats]]) -> dict[str, list[float]]:
    """Accuracy under each condition."""
    return {name: [float(row.mean(dtype=np.float64)) for row in rows] for name, rows in right.items()}


def _under(subject: _Subject, corrupt: Corrupt, note: str) -> Floats:
    def view(decoded: Any, numbers: Any) -> Any:
        return corrupt(subject.middle(decoded, numbers), numbers)

    return _correct(subject, subject.part, view, note)


def _mean(right: Sequence[Floats]) -> Floats:
    """(N,) the share of these conditions under which each example is right."""
    return np.asarray(np.mean(right, axis=0), np.float32)


def _means(columns: Mapping[str, Floats]) -> dict[str, float]:
    return {name: float(column.mean(dtype=np.float64)) for name, column in columns.items()}


# --- localisation --------------------------------------------------------------------------------------------------


def _localised(subject: _Subject, around: list[boxes.Boxes]) -> Found:
    """Whether the box around the class-activation map meets one around an object (Zhou et al., 2016).

    `known`: the map of the true class; `top1`: the map of the class that is said, which must be the true one.
    """
    network, start = subject.run.network, 0
    look = cam.looker(network)
    found: dict[str, list[bool]] = {"localisation_known": [], "localisation_top1": []}
    batches = pipeline.eval_batches(subject.part, scoring.BATCH, 1, subject.middle)
    for images, _ in batches.as_numpy_iterator():
        seen = look(images)
        labels = subject.part.labels[start : start + len(images)]
        maps = cam.enlarge(cam.activation_maps(network, seen.features, labels), subject.image_size)
        met = [
            cam.overlap(cam.box_of(heat), around[start + i]).max(initial=0) >= OVERLAP for i, heat in enumerate(maps)
        ]
        found["localisation_known"] += met
        found["localisation_top1"] += list(np.array(met) & (seen.logits.argmax(axis=1) == labels))
        start += len(images)
        subject.advance(len(images), "localisation")
    columns = {name: np.array(values, np.float32) for name, values in found.items()}
    section = {"localisation": {"overlap": OVERLAP, "threshold": cam.THRESHOLD}}
    return Found(section, _means(columns), columns)


# --- what is written -----------------------------------------------------------------------------------------------


def _merged(run: Trained, split: SplitName, part: Part, parts: list[Found]) -> dict[str, Any]:
    """Adds what was found to what an earlier evaluation of the same weights has left, and writes it."""
    made = {key: value for found in parts for key, value in found.section.get("made", {}).items() if key != "device"}
    content, columns = run_evaluation.kept(run.folder, split, run.weights, part.ids, made)
    section = dict(content["splits"].get(split, {}))
    for found in parts:
        for name, value in found.section.items():
            section[name] = section.get(name, {}) | value if name in ("tta", "floors") else value
        section["metrics"] = section.get("metrics", {}) | found.metrics
        columns |= found.columns
    content |= {"weights": run.weights, "finished": run.finished, "splits": content["splits"] | {split: section}}
    run_evaluation.write(run.folder, content, {split: {"id": np.asarray(part.ids, np.str_), **columns}})
    return content
