"""Groups of runs and their stored predictions -> scores that can be contrasted, or why two groups can't be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augexp import tables
from augexp.compare import divided
from augexp.compare.contrasts import Scores
from augexp.compare.groups import Group
from augexp.compare.summary import by_seed
from augexp.config import settings
from augexp.config.decide import JudgedBy
from augexp.metrics import recall
from augexp.metrics.recall import macro_recall
from augexp.runs import predictions
from augexp.runs.predictions import Predictions, Unusable
from augexp.runs.read import Run


@dataclass(frozen=True)
class Evidence:
    """What the runs of a comparison said of their test sets.

    Attributes:
        predictions: of each run folder whose predictions can be used.
        unusable: the other folders, each with the reason.
    """

    predictions: Mapping[Path, Predictions]
    unusable: tuple[tuple[Path, str], ...] = ()

    def of(self, group: Group) -> list[Predictions]:
        """Usable predictions of a group, ordered by seed."""
        return [self.predictions[run.path] for run in group.runs if run.path in self.predictions]


def gather(groups: Sequence[Group]) -> Evidence:
    """Reads the predictions of all runs."""
    found = predictions.read_all(run for group in groups for run in group.runs)
    usable = {path: one for path, one in found.items() if not isinstance(one, Unusable)}
    return Evidence(usable, tuple((path, str(one)) for path, one in found.items() if isinstance(one, Unusable)))


def scores(group: Group, evidence: Evidence, metric: JudgedBy = "accuracy") -> Scores:
    """A group's test accuracies and who was right on what; folders of one seed are averaged.

    Macro recalls are those of the predictions; a seed without any has none.
    """
    overlap = divided.overlap(group, [said.test_set for said in evidence.of(group)]) or 0.0
    if overlap:
        return _of_divided(group, evidence, metric, overlap)
    paths = [run.path for run in group.runs]
    correct = {path: evidence.predictions[path].correct for path in paths if path in evidence.predictions}
    rows, examples = rows_by_seed(group, correct), _examples(group.runs[0]) or 0
    if metric == "accuracy":
        return Scores(by_seed(group, "test"), rows, examples)
    labels = evidence.of(group)[0].labels if rows else np.zeros(0, np.int32)
    fitting = {seed: row for seed, row in rows.items() if len(row) == len(labels)}
    recalls = {seed: macro_recall(row, labels) for seed, row in sorted(fitting.items())}
    return Scores(recalls, fitting, examples, labels)


def _of_divided(group: Group, evidence: Evidence, metric: JudgedBy, overlap: float) -> Scores:
    """Of a group whose seeds have test sets of their own: no row of one seed is of the examples of another's."""
    if metric == "accuracy":
        return Scores(by_seed(group, "test"), {}, min((_examples(run) or 0) for run in group.runs), overlap=overlap)
    told = {run.seed: evidence.predictions[run.path] for run in group.runs if run.path in evidence.predictions}
    recalls = {seed: macro_recall(said.correct, said.labels) for seed, said in told.items()}
    sizes = [np.unique(said.labels, return_counts=True)[1] for said in told.values()]
    return Scores(recalls, {}, min((len(counts) * int(counts.min()) for counts in sizes), default=1), overlap=overlap)


def rows_by_seed(group: Group, rows: Mapping[Path, NDArray[np.float32]]) -> dict[int, NDArray[np.float32]]:
    """(N,) values of run folders -> the mean of each seed over those of its folders that have them."""
    found: dict[int, list[NDArray[np.float32]]] = {}
    for run in group.runs:
        if run.path in rows:
            found.setdefault(run.seed, []).append(rows[run.path])
    return {seed: np.asarray(np.mean(same, axis=0), np.float32) for seed, same in found.items()}


def _examples(run: Run) -> int | None:
    return run.result.test.counted


def unscored(groups: Sequence[Group], evidence: Evidence, metric: JudgedBy) -> list[Run]:
    """The runs that the metric can't be computed of."""
    if metric == "accuracy":
        return []
    return [run for group in groups for run in group.runs if run.path not in evidence.predictions]


def incomparable(group: Group, baseline: Group, evidence: Evidence, metric: JudgedBy = "accuracy") -> str | None:
    """Why no difference of two groups means anything; None where it may."""
    return _unlike(group, baseline, evidence) or (
        None if metric == "accuracy" else _without_recall(group, baseline, evidence)
    )


def _without_recall(group: Group, baseline: Group, evidence: Evidence) -> str | None:
    """Why there is no interval for a difference of macro recalls."""
    if missing := unscored((group, baseline), evidence, "macro_recall"):
        return f"macro recall needs the test predictions of every run, and {missing[0].path} has none that can be used"
    if min(len(group.seeds), len(baseline.seeds)) < 2:
        return (
            "one seed is two models, and McNemar's test of two models counts images, not classes: of their macro "
            "recalls it says nothing; train more seeds"
        )
    every = evidence.of(group)
    names = class_names(group, every[0].classes)
    # Of one test set all say the same; where each seed has its own, a class may be lacking in one of them.
    few = sorted({number for said in every for number in recall.too_few(said.labels)})
    return few_images([names[number] for number in few]) if few else None


def few_images(names: Sequence[str]) -> str:
    """Why no macro recall can be judged where these classes are so small."""
    return (
        f"macro recall can't be judged with fewer than {recall.FEWEST} test images of a class: one doesn't tell how "
        f"others of it fare ({tables.names(names)})"
    )


def class_names(group: Group, count: int) -> list[str]:
    """Class names as the runs record them, else `class 0` and so on."""
    recorded = group.runs[0].environment.class_names or ()
    if len(recorded) == count:
        return list(recorded)
    return [f"class {index}" for index in range(count)]


def _unlike(group: Group, baseline: Group, evidence: Evidence) -> str | None:
    if divided.is_divided(group) and divided.is_divided(baseline):
        return _incomparable_by_seed(group, baseline, evidence)
    for one in (group, baseline):
        if len({_examples(run) for run in one.runs}) > 1 or len({said.test_set for said in evidence.of(one)}) > 1:
            return f"the runs of {one.label} were not all scored on the same test set"
    if None in (_examples(group.runs[0]), _examples(baseline.runs[0])):
        return "result.json does not say on how many test examples they were scored"
    ours, theirs = evidence.of(group)[:1], evidence.of(baseline)[:1]
    if ours and theirs:
        return _different_test_sets(ours[0], theirs[0]) or _copied(group, evidence) or _copied(baseline, evidence)
    sources = [
        str(settings.flatten(one.runs[0].config).get("data.source", settings.UNSET)) for one in (group, baseline)
    ]
    if sources[0] != sources[1]:
        return (
            f"they are of different data sets ({sources[0]}, {sources[1]}), and predictions that would tell are missing"
        )
    if _examples(group.runs[0]) != _examples(baseline.runs[0]):
        return f"their test sets differ ({_examples(group.runs[0]):,} and {_examples(baseline.runs[0]):,} examples)"
    return None


def _incomparable_by_seed(group: Group, baseline: Group, evidence: Evidence) -> str | None:
    """Of groups whose seeds have test sets of their own: whether each common seed has the same one in both."""
    for one in (group, baseline):
        if divided.overlap(one, [said.test_set for said in evidence.of(one)]) is None:
            return f"the runs of {one.label} don't say how many images they were trained and tested on"
    ours, theirs = _said_by_seed(group, evidence), _said_by_seed(baseline, evidence)
    if not set(group.seeds) & set(baseline.seeds):
        return "they have no seed in common, and each seed has a test set of its own"
    for seed in sorted(set(ours) & set(theirs)):
        if (reason := _different_test_sets(ours[seed], theirs[seed])) is not None:
            return f"seed {seed}: {reason}"
    return _copied(group, evidence) or _copied(baseline, evidence)


def _said_by_seed(group: Group, evidence: Evidence) -> dict[int, Predictions]:
    return {run.seed: evidence.predictions[run.path] for run in group.runs if run.path in evidence.predictions}


def _copied(group: Group, evidence: Evidence) -> str | None:
    """Whether seeds gave equal probabilities throughout, which no two trainings do."""
    seeds: dict[str, list[int]] = {}
    for run in group.runs:
        if (said := evidence.predictions.get(run.path)) is not None and said.digest:
            seeds.setdefault(said.digest, []).append(run.seed)
    for same in map(sorted, map(set, seeds.values())):
        if len(same) > 1:
            told = ", ".join(map(str, same))
            return f"seeds {told} of {group.label} are one run under several names, with the very same predictions"
    return None


def _different_test_sets(ours: Predictions, theirs: Predictions) -> str | None:
    if ours.test_set == theirs.test_set:
        return None
    if ours.classes != theirs.classes:
        return f"their predictions are of {ours.classes} and {theirs.classes} classes"
    shared = np.intersect1d(ours.ids, theirs.ids)
    if len(shared) < max(len(ours.ids), len(theirs.ids)):
        return (
            f"their test sets differ: {len(shared):,} of {len(ours.ids):,} and {len(theirs.ids):,} examples are shared"
        )
    return "their test sets have the same examples with different labels"
