"""A trained run -> what its strategy changed: calibration, mistakes, test-time augmentation, and what probes say.

Images stream through the network a batch at a time; what stays in memory is the logits of val and of the evaluated
split, which training keeps too, and a number an example and metric.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from augexp import console, files
from augexp.draw import evaluation as draw_evaluation
from augexp.draw import style
from augexp.errors import UserError
from augexp.evaluate import averaged, probes, scores
from augexp.evaluate.averaged import Augmented
from augexp.evaluate.probes import Measuring, Probe
from augexp.evaluate.queue import Queue
from augexp.evaluate.subject import Found, Subject
from augexp.evaluate.tta import Tta
from augexp.metrics import catalogue
from augexp.network import trained
from augexp.runs import evaluation as run_evaluation
from augexp.runs.evaluation import SplitName


@dataclass(frozen=True)
class Request:
    """What is to be evaluated, beside the plain scores.

    Attributes:
        split: on which.
        tta: views to be averaged.
        probes: of `probes.PROBES`.
        shared: what is equal for several runs and computed once for all that are evaluated by this request.
        queue: these runs, where there are several.
    """

    split: SplitName = "test"
    tta: tuple[Tta, ...] = ()
    probes: tuple[Probe, ...] = ()
    shared: dict[str, Any] = field(default_factory=dict)
    queue: Queue = field(default_factory=Queue)


def evaluate(folder: Path, request: Request) -> dict[str, Any]:
    """Evaluates the weights of a run that were scored, and writes `evaluation.json`, its columns and its pictures.

    What an earlier evaluation of the same weights found stays, unless it is found anew.

    Returns:
        The content of `evaluation.json`.

    Raises:
        UserError: if the run can't be loaded or written, its data has changed, or it lacks what a probe needs.
        ValueError: if a probe measures what the table of `metrics.catalogue` lacks.
    """
    try:
        return _evaluate(folder, request)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: {error.strerror or error}; an evaluation is written into the run folder: "
            "make room, or make it writable"
        ) from error


def _evaluate(folder: Path, request: Request) -> dict[str, Any]:
    run = request.queue.open(folder)
    splits = trained.splits(run)
    subject = Subject(run, splits, {"test": splits.test, "val": splits.val}[request.split], request.split)
    subject = replace(subject, shared=request.shared, queue=request.queue)
    plan: list[Measuring] = [scores, *map(Augmented, request.tta), *(probe.load() for probe in request.probes)]
    images = sum(one.images(subject) for one in plan)
    names = ["plain", *(f"tta {one.label}" for one in request.tta), *(probe.name for probe in request.probes)]
    trained.log_test_use(run, splits, subject.part, f"evaluate: {', '.join(names)}")
    with console.progress(f"evaluating {folder.name}", images) as advance:
        subject = replace(subject, advance=advance)
        parts = [one.run(subject) for one in plan]
    with run_evaluation.writing(folder):
        content = _merged(subject, parts)
        for name, figure in draw_evaluation.pictures(content["splits"][request.split], run.class_names, folder.name):
            with files.replacing(folder / f"{name}-{request.split}.png") as temporary:
                style.save(figure, temporary)
    return content


def _merged(subject: Subject, parts: Sequence[Found]) -> dict[str, Any]:
    """Adds what was found to what an earlier evaluation of the same weights has left, and writes it."""
    run, split, ids = subject.run, subject.split, subject.part.ids
    made = {key: value for found in parts for key, value in found.section.get("made", {}).items() if key != "device"}
    content, columns = run_evaluation.kept(run.folder, split, run.weights, ids, made)
    section = dict(content["splits"].get(split, {}))
    for found in parts:
        catalogue.refuse_unknown([*found.metrics, *found.columns])
        for name, value in found.section.items():
            section[name] = section.get(name, {}) | value if isinstance(value, dict) else value
        section["metrics"] = section.get("metrics", {}) | found.metrics
        columns |= found.columns
    content |= {"weights": run.weights, "finished": run.finished, "splits": content["splits"] | {split: section}}
    return run_evaluation.write(run.folder, content, {split: {"id": np.asarray(ids, np.str_), **columns}})


def lines(content: Mapping[str, Any], split: SplitName) -> Iterator[str]:
    """What `augexp evaluate` prints of a run; `content` is that of its `evaluation.json`."""
    section = content["splits"][split]
    yield from scores.rows(section, split)
    yield from averaged.rows(section)
    for probe in probes.PROBES:
        yield from probe.load().rows(section)
