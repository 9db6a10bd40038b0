"""Groups whose seeds were tested on other images each: by folds, or by divisions of their own.

Each seed then trains and tests on a draw of its own from one pool of images, and the draws overlap: the seeds agree
more than independent ones would, and their spread alone claims too much. The variance of their mean is corrected by the
ratio of test to train images (Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003).
What is said holds for other images, other splits and other seeds at once.
"""

from collections.abc import Collection, Hashable

from augexp.compare.groups import Group
from augexp.config.settings import divides_by_seed, flatten
from augexp.runs.records import Split


def by_folds(group: Group) -> bool:
    """Whether each seed of a group tests on a fold."""
    return flatten(group.runs[0].config).get("data.folds") is not None


def is_divided(group: Group) -> bool:
    """Whether the seeds of a group may have test sets of their own."""
    return divides_by_seed(flatten(group.runs[0].config))


def overlap(group: Group, test_sets: Collection[Hashable]) -> float | None:
    """Test images for each train image, of a group whose seeds have test sets of their own; 0 where all have one.

    Args:
        group: of runs.
        test_sets: of those of its runs that tell, equal for equal ones; empty where none does.

    Returns:
        The largest of its runs; None where they don't say how many images they were trained on.
    """
    if not by_folds(group) and len(set(test_sets)) == 1:
        return 0.0
    return of_split(group, "test")


def of_split(group: Group, split: Split) -> float | None:
    """Images of val or test for each train image, of a group whose seeds may have splits of their own; else 0.

    Returns:
        The largest of its runs; None where they don't say how many images they were trained on.
    """
    if len(group.seeds) < 2 or not is_divided(group):
        return 0.0
    counts = [(run.result.of(split).counted, run.environment.train_examples) for run in group.runs]
    ratios = [held_out / train for held_out, train in counts if held_out and train]
    return max(ratios) if len(ratios) == len(counts) else None
