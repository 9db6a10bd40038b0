"""Where trained networks look: class-activation maps of the same examples, one row a run (Zhou et al., 2016)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from numpy.typing import NDArray

from augexp import console
from augexp.config import settings
from augexp.data import pipeline
from augexp.data.splits import Part, id_hash
from augexp.draw import evaluation as draw_evaluation
from augexp.errors import UserError, did_you_mean
from augexp.evaluate import cam
from augexp.metrics.scores import probabilities
from augexp.network import scoring, trained
from augexp.network.trained import Trained
from augexp.runs.evaluation import SplitName


@dataclass(frozen=True)
class _Look:
    """What one run says of the chosen examples, and where it looks: maps (n, S, S), probabilities (n, K)."""

    heat: NDArray[np.float32]
    probability: NDArray[np.float32]


def picture(folders: Sequence[Path], split: SplitName, examples: int, ids: Sequence[str] = ()) -> Figure:
    """The maps of the class that each run says, over the image.

    Args:
        folders: runs of one data set.
        split: where the examples are from.
        examples: how many; those come first of which the runs say different things.
        ids: of examples, in place of chosen ones.

    Raises:
        UserError: if a run can't be loaded, its network gives no map of features, the runs know different classes, or
            there is no such example.
    """
    runs = [trained.load(folder) for folder in folders]
    for run in runs:
        cam.refuse_vectors(run)
    part = _part(runs, split)
    rows = _by_id(part, ids) if ids else _telling(runs, part, examples)
    images = [_images(run, part, rows) for run in runs]
    looks = [_look(run, shown) for run, shown in zip(runs, images, strict=True)]
    names = runs[0].class_names
    labels = part.labels[rows]
    drawn = [
        (run.folder.name, look.heat, _captions(look, labels, names)) for run, look in zip(runs, looks, strict=True)
    ]
    return draw_evaluation.explanation(images[0], [names[label] for label in labels], drawn)


def _part(runs: Sequence[Trained], split: SplitName) -> Part:
    first, *others = runs
    for run in others:
        if run.class_names != first.class_names:
            raise UserError(f"{run.folder} and {first.folder} know different classes; give runs of one data set")
        ours, theirs = (settings.deciding(one.experiment.model_dump(mode="json"), "data") for one in (run, first))
        if run.fingerprint != first.fingerprint or ours != theirs:
            raise UserError(
                f"{run.folder} and {first.folder} were trained on different data, or on the same split or sized "
                "differently (the `data` section of config.yaml); give runs of one data set"
            )
    splits = trained.splits(first)
    part = {"test": splits.test, "val": splits.val}[split]
    for run in runs:
        trained.log_test_use(run, splits, part, "explain")
    return part


def _by_id(part: Part, ids: Sequence[str]) -> NDArray[np.int64]:
    places = {id_: row for row, id_ in enumerate(part.ids)}
    for id_ in ids:
        if id_ not in places:
            raise UserError(f"--id {id_}: no such example in this split{did_you_mean(id_, part.ids)}")
    return np.array([places[id_] for id_ in ids], np.int64)


def _telling(runs: Sequence[Trained], part: Part, examples: int) -> NDArray[np.int64]:
    """Rows of examples: those that the runs disagree on first, else in an order that is fixed and says nothing."""
    with console.progress("choosing examples", len(runs) * len(part)) as advance:
        said = np.stack([_said(run, part, advance) for run in runs])
    agreed = (said == said[0]).all(axis=0)
    order = sorted(range(len(part)), key=lambda row: (agreed[row], id_hash(part.ids[row])))
    return np.array(sorted(order[:examples]), np.int64)


def _said(run: Trained, part: Part, advance: console.Advance) -> NDArray[np.int64]:
    middle = pipeline.centre(run.experiment.data.as_evaluated.image_size)
    logits = scoring.of_part(run.network.model, part, middle, advance, run.folder.name)
    return np.concatenate([batch.argmax(axis=1) for batch in logits])


def _images(run: Trained, part: Part, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    decoded = np.asarray(part.images[part.rows[rows]])
    middle = pipeline.centre(run.experiment.data.as_evaluated.image_size)
    return np.asarray(middle(tf.convert_to_tensor(decoded), tf.convert_to_tensor(rows)))


def _look(run: Trained, images: NDArray[np.uint8]) -> _Look:
    seen = cam.looker(run.network)(images)
    maps = cam.activation_maps(run.network, seen.features, seen.logits.argmax(axis=1))
    return _Look(cam.enlarge(maps, images.shape[1]), probabilities(seen.logits))


def _captions(look: _Look, labels: NDArray[np.int32], names: Sequence[str]) -> list[tuple[str, bool]]:
    """What is said, with its probability, and whether it is right."""
    said: Any = look.probability.argmax(axis=1)
    return [
        (f"{names[number]} {row[number]:.2f}", bool(number == label))
        for number, row, label in zip(said, look.probability, labels, strict=True)
    ]
