"""Two groups, class by class: which classes gained, and which pairs of classes are told apart better or worse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augexp.compare import contrasts, inference
from augexp.compare import scores as group_scores
from augexp.compare.contrasts import Contrast, Scores
from augexp.compare.groups import Group
from augexp.compare.scores import Evidence
from augexp.runs.predictions import Predictions

FEWEST_EXAMPLES = 2


@dataclass(frozen=True)
class ClassGain:
    """A class: its name, its accuracy in the baseline, its contrast, and q of it among all classes."""

    name: str
    baseline_accuracy: float
    contrast: Contrast
    q_value: float


@dataclass(frozen=True)
class Confusion:
    """Examples of class `true` taken for `said`, per run: in the baseline and in the group."""

    true: str
    said: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Above 0: the group makes this mistake more often."""
        return self.after - self.before


def gains(group: Group, baseline: Group, evidence: Evidence) -> list[ClassGain]:
    """Differences by class, the largest gain first; none without predictions.

    The false discovery rate is controlled over the classes: of those with q at most 0.05, 5 % or fewer are expected to
    be chance.
    """
    said = evidence.of(group)
    if not said or not evidence.of(baseline):
        return []
    ours, theirs = group_scores.scores(group, evidence), group_scores.scores(baseline, evidence)
    called = group_scores.class_names(group, said[0].classes)
    rows = []
    for label in np.unique(np.concatenate([one.labels for one in said])):
        mine, part = _of_class(ours, group, evidence, label), _of_class(theirs, baseline, evidence, label)
        if min(mine.examples, part.examples) >= FEWEST_EXAMPLES:
            contrast = contrasts.contrast(mine, part)
            if contrast is not None:
                rows.append((called[label], float(np.mean(list(part.accuracy.values()))), contrast))
    q_values = inference.benjamini_hochberg([contrast.p_value for _, _, contrast in rows])
    found_gains = [ClassGain(*row, float(q)) for row, q in zip(rows, q_values, strict=True)]
    return sorted(found_gains, key=lambda gain: -gain.contrast.difference)


def _of_class(scores: Scores, group: Group, evidence: Evidence, label: int) -> Scores:
    """What a group scored on one class; 0 examples where it has none."""
    if not scores.overlap:
        said = evidence.of(group)[0]
        return _part(scores, np.flatnonzero(said.labels == label))
    # Each seed has test examples of its own, and with few of a class there may be none among them.
    found = {run.seed: evidence.predictions[run.path] for run in group.runs if run.path in evidence.predictions}
    rows = {seed: said.correct[said.labels == label] for seed, said in found.items()}
    told = {seed: row for seed, row in rows.items() if len(row)}
    accuracy = {seed: float(row.mean(dtype=np.float64)) for seed, row in told.items()}
    return Scores(accuracy, {}, min(map(len, told.values()), default=0), overlap=scores.overlap)


def _part(scores: Scores, chosen: NDArray[np.int64]) -> Scores:
    correct = {seed: row[chosen] for seed, row in scores.correct.items()}
    return Scores({seed: float(row.mean(dtype=np.float64)) for seed, row in correct.items()}, correct, len(chosen))


def confusions(group: Group, baseline: Group, evidence: Evidence) -> list[Confusion]:
    """Pairs of classes whose confusion changed, most repaired first; none without predictions."""
    ours, theirs = evidence.of(group), evidence.of(baseline)
    if not ours or not theirs:
        return []
    after, before = _mistakes(ours), _mistakes(theirs)
    called = group_scores.class_names(group, ours[0].classes)
    changed = np.argwhere(after != before)
    pairs = [
        Confusion(called[true], called[said], float(before[true, said]), float(after[true, said]))
        for true, said in changed
    ]
    return sorted(pairs, key=lambda pair: pair.change)


def _mistakes(runs: Sequence[Predictions]) -> NDArray[np.float64]:
    """(K, K) examples of class i taken for j, mean over runs; the diagonal is 0."""
    classes = runs[0].classes
    counted = np.zeros(classes * classes)
    for run in runs:
        counted += np.bincount(run.labels * classes + run.said, minlength=classes * classes)
    table = counted.reshape(classes, classes) / len(runs)
    np.fill_diagonal(table, 0)
    return table
