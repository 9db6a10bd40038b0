"""Finished runs -> groups over seeds, their summaries, curves and differences. Numbers only: no text, no picture."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np

from augexp import config, runs
from augexp.errors import UserError
from augexp.runs import Metric, Run

# Keys that cannot change a number: runs that differ in nothing else are one experiment, repeated.
FREE_KEYS = frozenset({"seed", "name"}) | config.WITHOUT_EFFECT
ENVIRONMENT_KEYS = ("data_fingerprint", "backend", "device", "precision")
UNSET = "unset"


@dataclass(frozen=True)
class Group:
    """Runs of one experiment, ordered by seed."""

    label: str
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The different seeds, in order."""
        return tuple(sorted({run.seed for run in self.runs}))

    @property
    def strategy(self) -> str:
        """Names of the ops joined by +, or none."""
        return str(flatten(self.runs[0].config)["strategy"])


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over seeds; `sd` is None where there is one seed only."""

    mean: float
    sd: float | None


@dataclass(frozen=True)
class Summary:
    """What a group reached: accuracies in [0, 1], `best_epoch` as median, lowest and highest."""

    val: Spread
    test: Spread
    best_epoch: tuple[float, int, int]
    images_per_second: float
    minutes: float


@dataclass(frozen=True)
class Curve:
    """One history column of a group: `epochs` (E,) from 1, `values` (E, R) with NaN where a run was shorter."""

    epochs: Metric
    values: Metric

    @property
    def mean(self) -> Metric:
        """(E,) mean over the runs that came so far."""
        return np.asarray(np.nanmean(self.values, axis=1))

    @property
    def low(self) -> Metric:
        """(E,) the lowest run."""
        return np.asarray(np.nanmin(self.values, axis=1))

    @property
    def high(self) -> Metric:
        """(E,) the highest run."""
        return np.asarray(np.nanmax(self.values, axis=1))


@dataclass(frozen=True)
class Comparison:
    """Groups of finished runs, the folders that are none (path, reason), and those given more than once."""

    groups: tuple[Group, ...]
    skipped: tuple[tuple[Path, str], ...] = ()
    repeated: tuple[Path, ...] = ()


def compare(paths: Sequence[Path]) -> Comparison:
    """Loads run folders and groups the finished ones; what can't be read is listed, not fatal.

    Raises:
        UserError: if no finished run is left, with the reason for every folder.
    """
    loaded: list[Run] = []
    skipped: list[tuple[Path, str]] = []
    folders, repeated = _distinct(paths)
    for path in folders:
        try:
            loaded.append(runs.load(path))
        except runs.BrokenRun as reason:
            skipped.append((path, str(reason)))
    if not loaded:
        lines = "".join(f"\n  {path}: {reason}" for path, reason in skipped)
        raise UserError(f"no finished run to compare{':' if lines else '; give run folders, such as runs/*'}{lines}")
    return Comparison(grouped(loaded), tuple(skipped), repeated)


def _distinct(paths: Sequence[Path]) -> tuple[list[Path], tuple[Path, ...]]:
    """Every folder once, whatever names and links lead to it, and the further ways to it."""
    # Path.resolve raises on a loop of links, realpath does not.
    real = [os.path.realpath(path) for path in paths]
    first = [real.index(name) == place for place, name in enumerate(real)]
    again = [not is_first for is_first in first]
    return list(compress(paths, first)), tuple(compress(paths, again))


def grouped(loaded: Sequence[Run]) -> tuple[Group, ...]:
    """Runs that share a configuration but for `FREE_KEYS`, in the order they come, the strategy none first."""
    members: dict[str, list[Run]] = {}
    for run in loaded:
        members.setdefault(_identity(run), []).append(run)
    ordered = sorted(members.values(), key=lambda same: flatten(same[0].config)["strategy"] != "none")
    return tuple(
        Group(label, tuple(sorted(same, key=lambda run: (run.seed, str(run.path)))))
        for label, same in zip(_labels([same[0] for same in ordered]), ordered, strict=True)
    )


def _identity(run: Run) -> str:
    flat = flatten(run.config)
    return json.dumps({key: flat[key] for key in flat if key not in FREE_KEYS}, sort_keys=True, default=str)


def _labels(firsts: Sequence[Run]) -> list[str]:
    """A run's name; where names collide, also what tells the runs apart: `cutmix train.epochs=40`."""
    flats = [flatten(run.config) for run in firsts]
    labels: list[str] = []
    for flat in flats:
        namesakes = [other for other in flats if other["name"] == flat["name"]]
        label = " ".join([flat["name"], *_telling(flat, namesakes)])
        labels.append(label if label not in labels else f"{label} ({len(labels) + 1})")
    return labels


def _telling(flat: Mapping[str, Any], namesakes: Sequence[Mapping[str, Any]]) -> list[str]:
    """`key=value` for what differs between namesakes; an op's parameters only where two of them have the op."""
    told = []
    for key in _differing(namesakes):
        of_op = key.startswith("strategy.")
        if key in flat and (not of_op or len({show(other[key]) for other in namesakes if key in other}) > 1):
            told.append(f"{key.removeprefix('strategy.')}={show(flat[key])}")
    return told


def flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Nested sections -> dotted keys; `strategy` becomes its op names joined by +, and `strategy.OP.PARAMETER`s."""
    names: list[str] = []
    parameters: dict[str, Any] = {}
    for op in config["strategy"]:
        names.append(op["name"])
        repeat = names.count(op["name"])
        place = f"strategy.{op['name']}" + (f"[{repeat}]" if repeat > 1 else "")
        parameters |= {f"{place}.{key}": value for key, value in op.items() if key != "name"}
    others = _dotted({key: value for key, value in config.items() if key != "strategy"})
    return {"strategy": "+".join(names) or "none"} | parameters | dict(others)


def _dotted(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _differing(flats: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys outside `FREE_KEYS` that don't have one value in all."""
    keys = dict.fromkeys(key for flat in flats for key in flat if key not in FREE_KEYS)
    return [key for key in keys if len({json.dumps(flat.get(key, UNSET), default=str) for flat in flats}) > 1]


def differences(groups: Sequence[Group]) -> dict[str, tuple[Any, ...]]:
    """What the groups differ in besides strategy, seed and name: key -> one value a group, `UNSET` where it has none.

    The data fingerprint, backend, device and precision of the environment count too; seeds of one group that ran on
    different ones give `a / b`.
    """
    flats = [flatten(group.runs[0].config) for group in groups]
    found = {
        key: tuple(flat.get(key, UNSET) for flat in flats)
        for key in _differing(flats)
        if key.partition(".")[0] != "strategy"
    }
    for key in ENVIRONMENT_KEYS:
        if len({_environment(run, key) for group in groups for run in group.runs}) > 1:
            found[key] = tuple(" / ".join(sorted({_environment(run, key) for run in group.runs})) for group in groups)
    return found


def _environment(run: Run, key: str) -> str:
    return show(run.environment.get(key, UNSET))


def show(value: object) -> str:
    """A value as a configuration would hold it: `null`, `true`, bare strings."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def summarize(group: Group) -> Summary:
    """Accuracies of the best weights, best epoch, speed (median over runs) and mean training time a run."""
    best = [int(run.result["best_epoch"]) for run in group.runs]
    return Summary(
        val=_spread(group, "val"),
        test=_spread(group, "test"),
        best_epoch=(median(best), min(best), max(best)),
        images_per_second=median(run.result["images_per_second"] for run in group.runs),
        minutes=fmean(run.result["seconds"] for run in group.runs) / 60,
    )


def _spread(group: Group, split: str) -> Spread:
    values = accuracies(group, split)
    # Two folders of one seed say nothing about the spread between seeds.
    return Spread(fmean(values), stdev(values) if len(group.seeds) > 1 else None)


def accuracies(group: Group, split: str) -> tuple[float, ...]:
    """Accuracy in [0, 1] of every run on `val` or `test`, ordered by seed."""
    return tuple(float(run.result[split]["accuracy"]) for run in group.runs)


def curve(group: Group, column: str = "val_accuracy") -> Curve:
    """A history column over epochs and runs; runs may differ in length."""
    histories = [run.history[column] for run in group.runs]
    values = np.full((max(map(len, histories)), len(histories)), np.nan)
    for index, history in enumerate(histories):
        values[: len(history), index] = history
    return Curve(np.arange(1.0, len(values) + 1), values)


def duplicates(group: Group) -> dict[int, tuple[Path, ...]]:
    """Seeds that stand in more than one folder, with the folders."""
    folders = {seed: tuple(run.path for run in group.runs if run.seed == seed) for seed in group.seeds}
    return {seed: paths for seed, paths in folders.items() if len(paths) > 1}


def validated_on_test(group: Group) -> bool:
    """Whether any run chose its best epoch on the test set."""
    return any(run.result.get("validation") == "test" for run in group.runs)


def best_is_last(group: Group) -> int:
    """How many runs were best in their last epoch."""
    return sum(run.result["best_epoch"] == run.result["epochs"] for run in group.runs)
