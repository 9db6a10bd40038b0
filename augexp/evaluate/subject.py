"""What every part of an evaluation needs: a network, its data, its logits, who is right."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.data import pipeline
from augexp.data.pipeline import View
from augexp.data.splits import Part, Splits
from augexp.evaluate.queue import Queue
from augexp.metrics.scores import per_example, probabilities
from augexp.network import scoring
from augexp.network.trained import Trained
from augexp.runs.evaluation import SplitName

Floats = NDArray[np.float32]


def _nobody(count: int = 1, note: str = "") -> None:
    pass


@dataclass(frozen=True)
class Subject:
    """A network, its data, and whom to tell how far it is.

    Attributes:
        run: with the weights that were scored.
        splits: of its data.
        part: of them that is evaluated.
        split: its name.
        advance: to be told of every image that has gone through the network.
        shared: what is equal for several runs and computed once for all, by whom and for what.
        queue: with the runs whose turn comes later.
    """

    run: Trained
    splits: Splits
    part: Part
    split: SplitName = "test"
    advance: console.Advance = _nobody
    shared: dict[str, Any] = field(default_factory=dict)
    queue: Queue = field(default_factory=Queue)

    @cached_property
    def clean(self) -> "Said":
        """What the network says of the part as it is."""
        return said_of(self, self.part)

    @property
    def image_size(self) -> int:
        return self.run.experiment.data.as_evaluated.image_size

    @property
    def middle(self) -> View:
        return pipeline.centre(self.image_size)

    def logits(self, part: Part, view: View | None, note: str) -> Iterator[Floats]:
        """Of each batch of a part in turn, (B, K); in the middle of the image unless `view` says otherwise."""
        return scoring.of_part(self.run.network.model, part, view or self.middle, self.advance, note)


class Found(NamedTuple):
    """Numbers of an evaluation, and the (N,) values behind those that are means over examples."""

    section: dict[str, Any]
    metrics: dict[str, float]
    columns: dict[str, Floats]


class Said(NamedTuple):
    logits: Floats  # (N, K)
    images_per_second: float


def said_of(subject: Subject, part: Part, view: View | None = None, note: str = "clean") -> Said:
    """The logits of a part, and the speed at which they came, but for the first batch, which may compile."""
    parts, started = [], time.perf_counter()
    for logits in subject.logits(part, view, note):
        parts.append(logits)
        if len(parts) == 1:
            first = time.perf_counter()
    counted, since = (len(part) - len(parts[0]), first) if len(parts) > 1 else (len(part), started)
    return Said(np.concatenate(parts), counted / max(time.perf_counter() - since, 1e-9))


def correct(subject: Subject, part: Part, view: View | None, note: str) -> Floats:
    """(N,) 1 where the most probable class is the true one, by the rule that a tie is none."""
    return correct_of_each([subject.run], subject, part, view, note)[0]


def correct_of_each(
    runs: Sequence[Trained], subject: Subject, part: Part, view: View | None, note: str
) -> list[Floats]:
    """As `correct`, for the networks of several runs, which see the very same images."""
    right: list[list[Floats]] = [[] for _ in runs]
    start, models = 0, [run.network.model for run in runs]
    for said in scoring.of_each(models, part, view or subject.middle, subject.advance, note):
        labels = part.labels[start : start + len(said[0])]
        for one, logits in zip(right, said, strict=True):
            one.append(per_example(probabilities(logits), labels)["accuracy"])
        start += len(labels)
    return [np.concatenate(one) for one in right]


def shares(right: Mapping[str, Sequence[Floats]]) -> dict[str, list[float]]:
    """Accuracy under each condition."""
    return {name: [float(row.mean(dtype=np.float64)) for row in rows] for name, rows in right.items()}


def mean_of(right: Sequence[Floats]) -> Floats:
    """(N,) the share of these conditions under which each example is right."""
    return np.asarray(np.mean(right, axis=0), np.float32)


def means(columns: Mapping[str, Floats]) -> dict[str, float]:
    return {name: float(column.mean(dtype=np.float64)) for name, column in columns.items()}
