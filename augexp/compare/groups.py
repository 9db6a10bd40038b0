"""Finished runs -> groups over seeds: what belongs together, in which order, under which name."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from augexp.config.schema import Score
from augexp.config.settings import FREE_KEYS, UNSET, about_copies, divides_by_seed, flatten, show
from augexp.errors import UserError
from augexp.runs import read
from augexp.runs.read import Run
from augexp.runs.records import BrokenRun


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
    def score(self) -> Score:
        """Whose weights were scored: those of the last epoch, or of the best; one for all runs of a group."""
        return self.runs[0].result.score

    @property
    def strategy(self) -> str:
        """Names of the ops joined by +, or none."""
        return str(flatten(self.runs[0].config)["strategy"])


@dataclass(frozen=True)
class Comparison:
    """Groups of finished runs, the folders that are none (path, reason), and those given more than once."""

    groups: tuple[Group, ...]
    skipped: tuple[tuple[Path, str], ...] = ()
    repeated: tuple[Path, ...] = ()


def load_groups(paths: Sequence[Path]) -> Comparison:
    """Loads run folders and groups the finished ones; what can't be read is listed, not fatal.

    Raises:
        UserError: if no finished run is left, with the reason for every folder.
    """
    loaded: list[Run] = []
    skipped: list[tuple[Path, str]] = []
    folders, repeated = _distinct([path for path in paths if not _is_lock(path)])
    for path in folders:
        try:
            loaded.append(read.load(path))
        except BrokenRun as reason:
            skipped.append((path, str(reason)))
    if not loaded:
        lines = [f"  {path}: {reason}" for path, reason in skipped]
        raise UserError(f"no finished run to compare{':' if lines else '; give run folders, such as runs/*'}", *lines)
    return Comparison(grouped(loaded), tuple(skipped), repeated)


def _is_lock(path: Path) -> bool:
    """Whether it is the lock of a run, which `Path.glob` finds beside its folder."""
    return path.name.startswith(".") and path.suffix == ".lock" and path.with_name(path.stem[1:]).is_dir()


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
    typed: dict[tuple[str, str], Any] = {}
    for run in loaded:
        flat = _settings(run)
        contents = {"data.source": run.environment.data_fingerprint, "model.weights": run.environment.weights}
        for key, content in contents.items():
            if content:  # the same, however its place was typed
                flat[key] = typed.setdefault((key, content), flat.get(key))
        members.setdefault(_identity(flat), []).append(run)
    ordered = sorted(members.values(), key=lambda same: flatten(same[0].config)["strategy"] != "none")
    return tuple(
        Group(label, tuple(sorted(same, key=lambda run: (run.seed, str(run.path)))))
        for label, same in zip(_labels([same[0] for same in ordered]), ordered, strict=True)
    )


def _settings(run: Run) -> dict[str, Any]:
    """By dotted names; `data.duplicates: drop` is told from `keep` only where something was dropped, or may have been.

    Where each seed has a division of its own, some may have nothing to drop.
    """
    flat = flatten(run.config)
    if not divides_by_seed(flat):
        return flat | ({"data.duplicates": "drop"} if any(run.environment.copies.dropped.values()) else {})
    return flat | {"data.duplicates": about_copies(run.config)}


def _identity(flat: Mapping[str, Any]) -> str:
    return json.dumps({key: flat[key] for key in flat if key not in FREE_KEYS}, sort_keys=True, default=str)


def member_of(config: Mapping[str, Any], groups: Sequence[Group]) -> Group | None:
    """The group whose runs have this configuration, whatever the seed."""
    wanted = _identity(flatten(config))
    return next((group for group in groups if _identity(flatten(group.runs[0].config)) == wanted), None)


def _labels(firsts: Sequence[Run]) -> list[str]:
    """A run's name; where names collide, also what tells the runs apart: `cutmix train.epochs=40`."""
    flats = [_settings(run) for run in firsts]
    labels: list[str] = []
    for flat in flats:
        namesakes = [other for other in flats if other["name"] == flat["name"]]
        label = " ".join([flat["name"], *_telling(flat, namesakes)])
        labels.append(label if label not in labels else f"{label} ({len(labels) + 1})")
    return labels


def _telling(flat: Mapping[str, Any], namesakes: Sequence[Mapping[str, Any]]) -> list[str]:
    """`key=value` for what differs between namesakes; an op's parameters only where two of them have the op.

    Which classes an op is for is told wherever it is set: an op for all has no such parameter.
    """
    told = []
    for key in _differing(namesakes):
        of_op = key.startswith("strategy.") and not key.endswith(".only")
        if key in flat and (not of_op or len({show(other[key]) for other in namesakes if key in other}) > 1):
            told.append(f"{key.removeprefix('strategy.')}={show(flat[key])}")
    return told


def _differing(flats: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys outside `FREE_KEYS` that don't have one value in all."""
    keys = dict.fromkeys(key for flat in flats for key in flat if key not in FREE_KEYS)
    return [key for key in keys if len({json.dumps(flat.get(key, UNSET), default=str) for flat in flats}) > 1]


def duplicates(group: Group) -> dict[int, tuple[Path, ...]]:
    """Seeds that stand in more than one folder, with the folders."""
    folders = {seed: tuple(run.path for run in group.runs if run.seed == seed) for seed in group.seeds}
    return {seed: paths for seed, paths in folders.items() if len(paths) > 1}


def validated_on_test(group: Group) -> bool:
    """Whether the test set is the validation set of any run."""
    return any(run.result.validation == "test" for run in group.runs)


def best_is_last(group: Group) -> int:
    """How many runs were best in their last epoch."""
    return sum(run.result.best_epoch == run.result.epochs for run in group.runs)


def ended_early(group: Group) -> int:
    """How many runs have fewer epochs than their configuration asks for."""
    wanted = [flatten(run.config).get("train.epochs") for run in group.runs]
    return sum(
        isinstance(epochs, int) and len(run.history["epoch"]) < epochs
        for run, epochs in zip(group.runs, wanted, strict=True)
    )
