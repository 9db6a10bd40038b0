"""Runs that came to nothing: far below the others of their strategy, or naming one class for every image.

They stay in: nothing says that the next ones won't. What they do to an interval no method mends with few seeds, so they
are named.
"""

from collections.abc import Sequence

import numpy as np

from augexp.compare.groups import Group
from augexp.compare.scores import Evidence
from augexp.runs.read import Run

FAR = 5.0  # robust standard deviations below the median
NORMAL = 1.4826  # of the median absolute deviation, for many normal values
# For few: simulated, deviations of normal values from the median of their own n.
FEW = {2: 1.29, 3: 1.9, 4: 1.37, 5: 1.25, 6: 1.27, 7: 1.2, 8: 1.12, 9: 1.14, 10: 1.13, 11: 1.11, 12: 1.07}


def collapsed(groups: Sequence[Group], evidence: Evidence) -> dict[str, tuple[Run, ...]]:
    """Label of each group that has them -> its collapsed runs.

    A run is one if its network names a single class, or its test accuracy lies further below the median of its group
    than five standard deviations over seeds, estimated from how far all runs lie from the medians of their groups.
    """
    scale = _scale(groups)
    found = {group.label: tuple(run for run in group.runs if _fell(run, group, scale, evidence)) for group in groups}
    return {label: runs for label, runs in found.items() if runs}


def _fell(run: Run, group: Group, scale: float | None, evidence: Evidence) -> bool:
    said = evidence.predictions.get(run.path)
    if said is not None and said.is_constant:
        return True
    return scale is not None and _median(group) - run.result.test.accuracy > FAR * scale


def _scale(groups: Sequence[Group]) -> float | None:
    """Robust standard deviation of one run; None where no group has three seeds. At least one test example."""
    several = [group for group in groups if len(group.runs) > 2]
    if not several:
        return None
    deviations = [abs(run.result.test.accuracy - _median(group)) for group in several for run in group.runs]
    few = min(len(group.runs) for group in several)
    smallest = 1 / max((run.result.test.counted or 1) for group in several for run in group.runs)
    return max(NORMAL * FEW.get(few, 1.0) * float(np.median(deviations)), smallest)


def _median(group: Group) -> float:
    return float(np.median([run.result.test.accuracy for run in group.runs]))


def highest_rate(runs: int) -> float:
    """The highest rate of collapses, with 95 % confidence, of which so many runs show none."""
    return float(1 - 0.05 ** (1 / runs))
