"""A trained run -> what its strategy changed: calibration, mistakes, test-time augmentation, robustness, localisation.

Images stream through the network a batch at a time; what stays in memory is the logits of val and of the evaluated
split, which training keeps too, a number an example and measure, and for the linear probe the pooled features of train.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augexp import console, files
from augexp.augment.corruptions import AREAS, CORRUPTIONS, OCCLUSIONS, SEVERITIES
from augexp.data import boxes
from augexp.data.splits import Part, Splits
from augexp.draw import evaluation as draw_evaluation
from augexp.errors import UserError
from augexp.evaluate import baselines
from augexp.evaluate.averaged import augmented
from augexp.evaluate.localisation import localised
from augexp.evaluate.robustness import corrupted, occluded
from augexp.evaluate.scores import plain
from augexp.evaluate.subject import Found, Subject, said_of
from augexp.evaluate.tta import CORNERS, CROPS, FLIP, Tta
from augexp.network import trained
from augexp.network.trained import Trained
from augexp.runs import evaluation as run_evaluation
from augexp.runs.evaluation import SplitName


@dataclass(frozen=True)
class Request:
    """What is to be evaluated, beside the plain scores."""

    split: SplitName = "test"
    tta: tuple[Tta, ...] = ()
    robustness: bool = False
    localisation: bool = False
    floor: bool = False


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
        subject = Subject(run, splits, part, advance)
        said = said_of(subject, part)
        parts = [plain(subject, said, request.split)]
        parts += [augmented(subject, one, said) for one in request.tta]
        parts += [occluded(subject), corrupted(subject)] if request.robustness else []
        parts += [localised(subject, around)] if request.localisation else []
        parts += [Found({"floors": baselines.find(run, splits, part, advance)}, {}, {})] if request.floor else []
    content = _merged(run, request.split, part, parts)
    for name, figure in draw_evaluation.pictures(content["splits"][request.split], run.class_names, folder.name):
        with files.replacing(folder / f"{name}-{request.split}.png") as temporary:
            figure.savefig(temporary)
    return content


def _images(splits: Splits, part: Part, request: Request) -> int:
    """How many images will go through the network."""
    views = sum({FLIP: 2, CROPS: len(CORNERS)}.get(one.label, one.draws) for one in request.tta)
    passes = 1 + views + (len(OCCLUSIONS) * len(AREAS) + len(CORRUPTIONS) * len(SEVERITIES)) * request.robustness
    once = len(splits.val) * ((part is not splits.val) + request.floor) + len(splits.train) * (1 + request.floor)
    return once + len(part) * (passes + request.localisation + 2 * request.floor)


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
