"""What is doubtful about the examples of a run, in a line or two; nothing where nothing is."""

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Data
from augexp.data import copies
from augexp.data.limits import IMBALANCE, TINY
from augexp.data.splits import Part, Splits
from augexp.errors import counted


def lines(splits: Splits, data: Data) -> list[str]:
    """Copies across splits, images under two labels; classes that are much smaller than others, or tiny."""
    told = {"copies": copies.in_words(splits.copies, splits.class_names), "classes": _classes(splits, data)}
    return [f"{what}: {words}" for what, words in told.items() if words]


def majority(splits: Splits) -> tuple[int, float]:
    """The largest class of train, and the accuracy on test of a network that says nothing else."""
    label = int(np.argmax(_counts(splits.train, splits)))
    return label, float(np.mean(splits.test.labels == label))


def _classes(splits: Splits, data: Data) -> str:
    counts = _counts(splits.train, splits)
    smallest = int(np.argmin(counts))
    most, least = int(counts.max()), int(counts[smallest])
    label, share = majority(splits)
    names = splits.class_names
    if most > IMBALANCE * least:
        return (
            f"{counted(least, 'train image')} of {names[smallest]}, {most:,} of {names[label]}: "
            f"a network that always says {names[label]} scores {100 * share:.1f} % on test"
        )
    if least < min(TINY, data.train_per_class or TINY):
        few = int((counts < TINY).sum())
        more = f", and fewer than {TINY} of {few - 1:,} more" if few > 1 else ""
        return f"only {counted(least, 'train image')} of {names[smallest]}{more}"
    return ""


def _counts(part: Part, splits: Splits) -> NDArray[np.intp]:
    return np.bincount(part.labels, minlength=len(splits.class_names))
