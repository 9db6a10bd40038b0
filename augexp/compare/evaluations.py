"""Evaluations in run folders -> what each run measured, and by seed for a group; or why a group has none."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augexp.compare import divided
from augexp.compare import scores as group_scores
from augexp.compare.contrasts import Scores
from augexp.compare.groups import Group
from augexp.compare.scores import Evidence
from augexp.compare.summary import Spread, by_seed, per_seed
from augexp.errors import counted
from augexp.metrics import catalogue
from augexp.runs import evaluation as run_evaluation
from augexp.runs.evaluation import Section, Unreadable
from augexp.runs.read import Run

Line = tuple[tuple[float, ...], tuple[float, ...]]  # x and accuracy in [0, 1], of one length
ROUNDING = 0.02  # of accuracy


@dataclass(frozen=True)
class Measured:
    """What the evaluation of a run says of its test set.

    Attributes:
        examples: N.
        metrics: known ones by name, finite.
        columns: (N,) float32 whose mean is the metric of that name, ordered by id.
        ids: (N,) str in order.
        lines: accuracy against occluded area in percent (`centre`, `random`) and against severity (`corruptions`).
        floors: accuracies of the backbone without any fine-tuning, by name.
    """

    examples: int
    metrics: Mapping[str, float]
    columns: Mapping[str, NDArray[np.float32]]
    ids: NDArray[np.str_]
    lines: Mapping[str, Line]
    floors: Mapping[str, float]


@dataclass(frozen=True)
class LeftOut:
    """A group that is not judged by some metrics (by none, if `titles` is empty), because of these runs."""

    group: str
    runs: tuple[Path, ...]
    reason: str
    titles: tuple[str, ...] = ()
    options: tuple[str, ...] = ()  # with which `augexp evaluate` measures what is missing


@dataclass(frozen=True)
class Measurements:
    """Of the groups whose every run has an evaluation; the others, with the reason."""

    of_runs: Mapping[Path, Measured] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    unknown: tuple[str, ...] = ()  # metrics that this version has no line for

    def of(self, group: Group) -> list[Measured]:
        """Of every run of a group, ordered by seed; empty where the group has none."""
        return [self.of_runs[run.path] for run in group.runs if run.path in self.of_runs]

    def has(self, group: Group, name: str) -> bool:
        """Whether every run of the group has the metric."""
        measured = self.of(group)
        return bool(measured) and all(name in one.metrics for one in measured)

    def spread(self, group: Group, metric: catalogue.Metric) -> Spread:
        """The metric over seeds, of a group that has it; accuracy is that of the results, as in the verdicts."""
        of_result = metric.name == "accuracy"
        values = by_seed(group, "test") if of_result else self._by_seed(group, metric.name)
        return Spread(tuple(values.values()), metric.most, metric.least, self._overlap(group))

    def scores(self, group: Group, name: str) -> Scores:
        """The metric by seed, of a group that has it, and its values example by example where they are stored."""
        rows = {run.path: self.of_runs[run.path].columns.get(name) for run in group.runs}
        kept = {path: row for path, row in rows.items() if row is not None}
        overlap = self._overlap(group) or 0.0
        by_example = {} if overlap else group_scores.rows_by_seed(group, kept)
        return Scores(
            self._by_seed(group, name), by_example, min(one.examples for one in self.of(group)), overlap=overlap
        )

    def _overlap(self, group: Group) -> float | None:
        return divided.overlap(group, [one.ids.tobytes() for one in self.of(group)])

    def _by_seed(self, group: Group, name: str) -> dict[int, float]:
        return per_seed(group, [one.metrics[name] for one in self.of(group)])

    def of_same_examples(self, group: Group, baseline: Group) -> bool:
        """Whether all runs of both were evaluated on the same examples, or those of each seed."""
        if divided.is_divided(group) and divided.is_divided(baseline):
            ours, theirs = (
                {run.seed: self.of_runs[run.path] for run in one.runs if run.path in self.of_runs}
                for one in (group, baseline)
            )
            return all(np.array_equal(ours[seed].ids, theirs[seed].ids) for seed in set(ours) & set(theirs))
        first, *others = [*self.of(group), *self.of(baseline)]
        return all(np.array_equal(first.ids, other.ids) for other in others)


def gather(groups: Sequence[Group], evidence: Evidence) -> Measurements:
    """Reads the evaluations of all runs; empty, with nothing left out, where no run has one."""
    listed = [run for group in groups for run in group.runs]
    if not any((run.path / "evaluation.json").exists() for run in listed):
        return Measurements()
    with ThreadPoolExecutor() as pool:
        read = list(pool.map(lambda run: _attempt(run, evidence), listed))
    attempts = dict(zip((run.path for run in listed), read, strict=True))
    out = [one for group in groups for one in _unusable(group, attempts)]
    whole = [group for group in groups if group.label not in {one.group for one in out}]
    usable = {run.path: one for group in whole for run in group.runs if isinstance(one := attempts[run.path], Measured)}
    unknown = catalogue.unknown(name for one in usable.values() for name in one.metrics)
    return Measurements(usable, (*out, *_lacking(whole, usable)), tuple(unknown))


def _unusable(group: Group, attempts: Mapping[Path, Measured | Unreadable]) -> list[LeftOut]:
    reasons: dict[str, list[Path]] = {}
    for run in group.runs:
        if isinstance(reason := attempts[run.path], Unreadable):
            reasons.setdefault(str(reason), []).append(run.path)
    return [LeftOut(group.label, tuple(paths), reason) for reason, paths in reasons.items()]


def _lacking(groups: Sequence[Group], usable: Mapping[Path, Measured]) -> list[LeftOut]:
    """Of groups with evaluations, the metrics that some run lacks and a run of any group has."""
    every = catalogue.known(name for one in usable.values() for name in one.metrics)
    left_out: list[LeftOut] = []
    for group in groups:
        lacking: dict[tuple[Path, ...], list[catalogue.Metric]] = {}
        for metric in every:
            without = tuple(run.path for run in group.runs if metric.name not in usable[run.path].metrics)
            if without:
                lacking.setdefault(without, []).append(metric)
        left_out += [
            LeftOut(
                group.label,
                without,
                "not measured",
                tuple(metric.title for metric in missing),
                tuple(dict.fromkeys(metric.option for metric in missing if metric.option)),
            )
            for without, missing in lacking.items()
        ]
    return left_out


# --- one run -------------------------------------------------------------------------------------------------------


def _attempt(run: Run, evidence: Evidence) -> Measured | Unreadable:
    try:
        return _read(run, evidence)
    except Unreadable as reason:
        return reason


def _read(run: Run, evidence: Evidence) -> Measured:
    content = run_evaluation.read(run.path)
    if content is None:
        raise Unreadable("no evaluation")
    section = content.splits.get("test")
    if section is None:
        raise Unreadable("no evaluation of the test set")
    if content.finished is False:
        raise Unreadable("its evaluation is of the run when it was unfinished")
    metrics = section.numbers
    if section.temperature_fitted_on != "val":  # what is fitted on test flatters
        metrics = {name: value for name, value in metrics.items() if not name.startswith("calibrated_")}
    _check_accuracy(run, metrics)
    stored = run_evaluation.read_columns(run.path, "test", content.digests)
    ids = stored.pop("id")
    _check_examples(run, evidence, section.examples, ids)
    columns = {name: column for name, column in stored.items() if name in metrics}
    # A process that was killed between the two files leaves new columns beside old metrics.
    if (name := run_evaluation.misfit(columns, metrics)) is not None:
        raise Unreadable(f"evaluation-test.npz doesn't fit evaluation.json ({name})")
    floors = {name: floor.accuracy for name, floor in section.floors.items() if floor.accuracy is not None}
    return Measured(section.examples, metrics, columns, ids, _lines(section, metrics), floors)


def _check_examples(run: Run, evidence: Evidence, examples: int, ids: NDArray[Any]) -> None:
    """An evaluation of other weights' test set says nothing of this run."""
    said = run.result.test.examples
    if examples != said or len(ids) != examples:
        raise Unreadable(f"its evaluation is of {counted(examples, 'example')}, result.json says {said}")
    predicted = evidence.predictions.get(run.path)
    if predicted is not None and not np.array_equal(ids, predicted.ids):
        raise Unreadable("its evaluation is of other examples than its predictions")


def _check_accuracy(run: Run, metrics: Mapping[str, float]) -> None:
    """An evaluation of other weights is of no use; another device may round a few images to the other side."""
    accuracy, result = metrics.get("accuracy"), run.result.test.accuracy
    if accuracy is not None and abs(accuracy - result) > ROUNDING:
        raise Unreadable(f"its evaluation has the accuracy {accuracy:.4f}, result.json {result:.4f}")


def _lines(section: Section, metrics: Mapping[str, float]) -> dict[str, Line]:
    """Accuracy against area and severity, from the untouched image on."""
    clean = (metrics["accuracy"],) if "accuracy" in metrics else ()
    start = (0.0,) * len(clean)
    lines: dict[str, Line | None] = {}
    if (occlusion := section.occlusion) is not None:
        areas = (*start, *(100 * area if area <= 1 else area for area in occlusion.areas))
        lines |= {"centre": _line(areas, clean + occlusion.centre), "random": _line(areas, clean + occlusion.random)}
    if (corruptions := section.corruptions) is not None:
        rows = list(corruptions.accuracy.values())
        if rows and all(len(row) == len(corruptions.severities) for row in rows):
            lines["corruptions"] = _line(start + corruptions.severities, (*clean, *np.mean(rows, axis=0).tolist()))
    return {name: line for name, line in lines.items() if line is not None}


def _line(x: tuple[float, ...], y: tuple[float, ...]) -> Line | None:
    return (x, y) if len(x) == len(y) > 1 else None
