"""Groups -> recall of their classes: its mean, the lowest, and whether the classes are of unlike size.

All from stored predictions, so runs of earlier versions have them too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augexp.compare import divided
from augexp.compare.groups import Group
from augexp.compare.scores import Evidence, class_names
from augexp.compare.summary import Spread, per_seed
from augexp.metrics import recall
from augexp.runs import predictions
from augexp.runs.predictions import Predictions
from augexp.runs.records import Split


@dataclass(frozen=True)
class Recalls:
    """What a group reached on a split, class by class.

    Attributes:
        macro: mean recall of the classes, over seeds.
        worst: each seed's lowest recall of a class.
        worst_class: the class whose recall, mean over seeds, is lowest.
        examples: (K,) of each class, the fewest of a seed; where a seed has none, its numbers are without the class.
        absent: names of the classes without examples.
        of_runs: macro recall, lowest recall and the class that has it, of each run.
    """

    macro: Spread
    worst: Spread
    worst_class: str
    examples: NDArray[np.int64]
    absent: tuple[str, ...]
    of_runs: tuple[tuple[float, float, str], ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """Examples of the smallest and of the largest class that has any."""
        return recall.sizes(self.examples)

    @property
    def is_unequal(self) -> bool:
        """Whether the classes are so unlike in size that accuracy may hide the small ones."""
        return recall.are_unequal(self.examples)


@dataclass(frozen=True)
class BySplit:
    """Of a group; None where a run has no usable predictions of the split.

    Attributes:
        val: of the validation set.
        test: of the test set.
        unusable: folders without predictions of val that can be used, each with the reason.
    """

    val: Recalls | None
    test: Recalls | None
    unusable: tuple[tuple[Path, str], ...] = ()


def by_group(groups: Sequence[Group], evidence: Evidence) -> dict[str, BySplit]:
    """Label -> recalls of every group; `evidence`: the predictions of the test set."""
    read = predictions.read_all((run for group in groups for run in group.runs), "val")
    val = {path: one for path, one in read.items() if isinstance(one, Predictions)}
    bad = {path: str(one) for path, one in read.items() if not isinstance(one, Predictions)}
    return {
        group.label: BySplit(
            _recalls(group, val, "val"),
            _recalls(group, evidence.predictions, "test"),
            tuple((run.path, bad[run.path]) for run in group.runs if run.path in bad),
        )
        for group in groups
    }


def _recalls(group: Group, said: Mapping[Path, Predictions], split: Split) -> Recalls | None:
    found = [said[run.path] for run in group.runs if run.path in said]
    several_sets = len({one.test_set for one in found}) > 1
    if several_sets and not divided.is_divided(group):
        return None
    if len(found) < len(group.runs) or len({one.classes for one in found}) > 1:
        return None
    count = found[0].classes
    names = class_names(group, count)
    table = np.array([recall.recalls(one.correct, one.labels, count) for one in found])  # (runs, K)
    # Where each seed has images of its own, the fewest of each class.
    examples = np.min([np.bincount(one.labels, minlength=count) for one in found], axis=0)
    told = np.flatnonzero(~np.isnan(table).all(axis=0))  # classes that any seed has
    overlap = divided.of_split(group, split) if several_sets else 0.0
    return Recalls(
        Spread(tuple(per_seed(group, np.nanmean(table, axis=1).tolist()).values()), overlap=overlap),
        Spread(tuple(per_seed(group, np.nanmin(table, axis=1).tolist()).values()), overlap=overlap),
        names[told[np.argmin(np.nanmean(table[:, told], axis=0))]],
        examples,
        tuple(name for name, many in zip(names, examples, strict=True) if not many),
        tuple((float(np.nanmean(row)), float(np.nanmin(row)), names[int(np.nanargmin(row))]) for row in table),
    )
