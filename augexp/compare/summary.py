"""Groups -> what they reached, at what cost, and their curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Literal, assert_never

import numpy as np

from augexp.compare import divided, inference
from augexp.compare.groups import Group
from augexp.config.settings import flatten
from augexp.errors import UserError
from augexp.runs import limit
from augexp.runs.limit import Limit
from augexp.runs.read import Column, Run
from augexp.runs.records import Split

OTHER_METRICS = ("top5_accuracy", "cross_entropy")
LATE = 5  # epochs: a curve's last few are steadier than its last
XAxis = Literal["epochs", "examples", "seconds"]


@dataclass(frozen=True)
class Spread:
    """A metric over seeds: one value a seed, ordered by seed; none can be below `least` or above `most`.

    `overlap`: images for each train image, where each seed has some of its own (`divided.of_split`); None: unknown.
    """

    values: tuple[float, ...]
    most: float = 1.0
    least: float = 0.0
    overlap: float | None = 0.0

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def sd(self) -> float | None:
        """Sample standard deviation; None for one seed, which says nothing about others."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's 95 % interval for the mean over all seeds there could be, and splits where each has its own."""
        ends = inference.mean_interval(self.values, overlap=self.overlap)
        return None if ends is None else (max(ends[0], self.least), min(ends[1], self.most))

    @property
    def lowest(self) -> float:
        return min(self.values)

    @property
    def highest(self) -> float:
        return max(self.values)


@dataclass(frozen=True)
class Summary:
    """What a group reached, and at what cost.

    Attributes:
        val: accuracy in [0, 1] of the weights that are scored, after the last epoch or the best (`Group.score`).
        test: likewise.
        other_test: that of the other weights, where every run has them.
        others: `val_top5_accuracy`, `test_cross_entropy` and the like, where every run has a finite one; and of the
            curve `last_val_accuracy` (last epoch) and `late_val_accuracy` (median of the last five).
        best_epoch: median, lowest and highest.
        images_per_second: median over runs.
        limit: of medians over runs, where every run says what limits it.
        minutes: of training a run, mean.
    """

    val: Spread
    test: Spread
    other_test: Spread | None
    others: Mapping[str, Spread]
    best_epoch: tuple[float, int, int]
    images_per_second: float
    limit: Limit | None
    minutes: float


@dataclass(frozen=True)
class Reach:
    """When a group's runs reached an accuracy: `seconds` and `epoch` as medians over the `runs` that did, of `of`."""

    seconds: float
    epoch: float
    runs: int
    of: int


@dataclass(frozen=True)
class Curve:
    """One history column of a group.

    Attributes:
        epochs: (E,) from 1.
        values: (E, R), NaN where a run was shorter.
        x: (E,) where to draw them: epochs, examples seen or mean seconds of training; `epochs` unless given.
    """

    epochs: Column
    values: Column
    x: Column

    @property
    def mean(self) -> Column:
        """(E,) mean over the runs that came so far."""
        return np.asarray(np.nanmean(self.values, axis=1))

    @property
    def low(self) -> Column:
        """(E,) the lowest run."""
        return np.asarray(np.nanmin(self.values, axis=1))

    @property
    def high(self) -> Column:
        """(E,) the highest run."""
        return np.asarray(np.nanmax(self.values, axis=1))


def summarize(group: Group) -> Summary:
    """Accuracies of the weights that are scored, and of the others; best epoch, speed and cost."""
    best = [run.result.best_epoch for run in group.runs]
    return Summary(
        val=_spread(group, "val"),
        test=_spread(group, "test"),
        other_test=_other_test(group),
        others=_others(group),
        best_epoch=(median(best), min(best), max(best)),
        images_per_second=median(run.result.images_per_second for run in group.runs),
        limit=_limit(group),
        minutes=fmean(run.result.seconds for run in group.runs) / 60,
    )


def _limit(group: Group) -> Limit | None:
    found = [limit.of_row(run.result.model_dump(include=set(limit.COLUMNS))) for run in group.runs]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    waits = [one.waiting for one in known if one.waiting is not None]
    waiting = median(waits) if len(waits) == len(known) else None
    return Limit(median(one.input for one in known), median(one.network for one in known), waiting)


def _spread(group: Group, split: Split) -> Spread:
    return Spread(tuple(by_seed(group, split).values()), overlap=divided.of_split(group, split))


def _other_test(group: Group) -> Spread | None:
    found = [run.result.other.test.accuracy for run in group.runs if run.result.other is not None]
    if len(found) < len(group.runs):
        return None
    return Spread(tuple(per_seed(group, found).values()), overlap=divided.of_split(group, "test"))


def best_val_accuracy(group: Group) -> float:
    """Mean over the runs of the highest val accuracy of their histories, which round to six digits."""
    return math.fsum(float(run.history["val_accuracy"].max()) for run in group.runs) / len(group.runs)


def by_seed(group: Group, split: Split, metric: str = "accuracy") -> dict[int, float]:
    """Mean of each seed over its folders (several only where a run was repeated) of a metric on `val` or `test`."""
    return per_seed(group, [float(getattr(run.result.of(split), metric)) for run in group.runs])


def per_seed(group: Group, values: Sequence[float]) -> dict[int, float]:
    """Values of the runs of a group -> the mean of each seed over its folders."""
    found: dict[int, list[float]] = {}
    for run, value in zip(group.runs, values, strict=True):
        found.setdefault(run.seed, []).append(value)
    return {seed: fmean(same) for seed, same in found.items()}


def _others(group: Group) -> dict[str, Spread]:
    histories = [run.history["val_accuracy"] for run in group.runs]
    columns = {
        f"{split}_{metric}": [getattr(run.result.of(split), metric) for run in group.runs]
        for metric in OTHER_METRICS
        for split in ("val", "test")
    }
    columns["last_val_accuracy"] = [float(history[-1]) for history in histories]
    columns["late_val_accuracy"] = [float(np.median(history[-LATE:])) for history in histories]
    # JSON has no NaN: what was not finite when it was written is null.
    return {
        name: Spread(
            tuple(per_seed(group, [float(value) for value in values]).values()),
            most=math.inf if name.endswith("cross_entropy") else 1.0,
            overlap=divided.of_split(group, "test" if name.startswith("test_") else "val"),
        )
        for name, values in columns.items()
        if all(isinstance(value, int | float) for value in values)
    }


def accuracies(group: Group, split: Split) -> tuple[float, ...]:
    """Accuracy in [0, 1] of every run on `val` or `test`, ordered by seed."""
    return tuple(run.result.of(split).accuracy for run in group.runs)


def reach(group: Group, accuracy: float) -> Reach:
    """When the runs of a group first had a val accuracy of at least `accuracy`; NaN seconds where none did."""
    found = []
    for run in group.runs:
        epochs = np.flatnonzero(run.history["val_accuracy"] >= accuracy)
        if len(epochs):
            found.append((_elapsed(run)[epochs[0]], epochs[0] + 1))
    if not found:
        return Reach(math.nan, math.nan, 0, len(group.runs))
    seconds, epoch = np.median(np.array(found), axis=0)
    return Reach(float(seconds), float(epoch), len(found), len(group.runs))


def _elapsed(run: Run) -> Column:
    """(E,) seconds from the start to the end of each epoch; NaN where the history doesn't say."""
    missing = np.full(len(run.history["epoch"]), np.nan)
    return np.asarray(np.cumsum(run.history.get("seconds", missing)))


def curve(group: Group, column: str = "val_accuracy", x: XAxis = "epochs") -> Curve:
    """A history column over epochs and runs; runs may differ in length.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    values = _padded([run.history[column] for run in group.runs])
    epochs = np.arange(1.0, len(values) + 1)
    match x:
        case "epochs":
            return Curve(epochs, values, epochs)
        case "examples":
            return Curve(epochs, values, epochs * _examples_an_epoch(group.runs[0]))
        case "seconds":
            elapsed = _padded([_elapsed(run) for run in group.runs])
            if np.isnan(elapsed).all(axis=1).any():
                raise UserError(f"--x seconds: the runs of {group.label} don't record them; choose --x epochs")
            return Curve(epochs, values, np.asarray(np.nanmean(elapsed, axis=1)))
    assert_never(x)


def _padded(columns: Sequence[Column]) -> Column:
    values = np.full((max(map(len, columns)), len(columns)), np.nan)
    for index, one in enumerate(columns):
        values[: len(one), index] = one
    return values


def _examples_an_epoch(run: Run) -> int:
    train, batch = run.environment.train_examples, flatten(run.config).get("train.batch_size")
    if not isinstance(train, int) or not isinstance(batch, int) or batch < 1:
        raise UserError(
            f"--x examples: {run.path} doesn't record how many examples it trained on (an earlier augexp wrote it); "
            "choose --x epochs"
        )
    return train // batch * batch
