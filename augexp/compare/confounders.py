"""Is a comparison fair? What groups differ in beside strategy, seed and name, and what that does to a verdict."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from augexp.compare import divided
from augexp.compare.groups import Group, ended_early, validated_on_test
from augexp.config import settings
from augexp.config.settings import UNSET
from augexp.errors import UserError
from augexp.runs.read import Run

# Recorded differences that move numbers by no more than another order of summation would: said, not held against.
HARMLESS = frozenset({"device", "versions.python", "versions.numpy", "versions.tensorflow-datasets"})
ENVIRONMENT_KEYS = ("data_fingerprint", "backend", "device", "precision")
# Recorded since later versions, and only where there is something to record.
LATER_KEYS = ("git_commit", "code", "weights")


def conditions(run: Run) -> dict[str, Any]:
    """Everything beside strategy, seed and name that a run's accuracy may depend on: dotted key -> value."""
    config = {
        key: value
        for key, value in settings.flatten(run.config).items()
        if key not in settings.FREE_KEYS and key.partition(".")[0] != "strategy"
    }
    return (
        config
        | {key: getattr(run.environment, key) or UNSET for key in ENVIRONMENT_KEYS}
        | {key: value for key in LATER_KEYS if (value := getattr(run.environment, key))}
        | {f"versions.{name}": value for name, value in run.environment.versions.items()}
    )


def differences(groups: Sequence[Group]) -> dict[str, tuple[Any, ...]]:
    """What groups differ in besides strategy, seed and name: key -> one value a group, `UNSET` where it has none.

    Seeds of one group that ran under different conditions give `a / b`.
    """
    table = [[conditions(run) for run in group.runs] for group in groups]
    keys = dict.fromkeys(key for rows in table for row in rows for key in row)
    found = {key: tuple(_joined(row.get(key, UNSET) for row in rows) for rows in table) for key in keys}
    return {key: values for key, values in found.items() if _vary(values) or any(map(_is_mixed, values))}


class _Mixed(str):
    """Several values in one group."""

    __slots__ = ()


def _joined(values: Iterable[Any]) -> Any:
    distinct = {settings.show(value): value for value in values}
    return next(iter(distinct.values())) if len(distinct) == 1 else _Mixed(" / ".join(sorted(distinct)))


def _is_mixed(value: Any) -> bool:
    return isinstance(value, _Mixed)


def _vary(values: Sequence[Any]) -> bool:
    return len({settings.show(value) for value in values}) > 1


def confounders(group: Group, baseline: Group, allowed: Iterable[str] = ()) -> dict[str, tuple[Any, Any]]:
    """What, beside the strategy, may be behind a difference of two groups: key -> (value of group, of baseline).

    Args:
        group: one side.
        baseline: the other.
        allowed: keys, or sections such as `versions`, that are not held against it.
    """
    keys = tuple(allowed)
    differing = {
        key: (values[0], values[1])
        for key, values in differences((group, baseline)).items()
        if not is_among(key, HARMLESS) and not _shared(group, baseline, key) and not _is_settled(key, group, baseline)
    }
    found = differing | _copies(group, baseline) | _flaws(group, baseline)
    return {key: values for key, values in found.items() if not is_among(key, keys)}


def _is_settled(key: str, group: Group, baseline: Group) -> bool:
    """Whether what a key stands for is told better: data and weights by their content, a commit by its code."""
    recorded = [run.environment for run in (*group.runs, *baseline.runs)]
    if key == "data.source":
        return len({one.data_fingerprint for one in recorded}) == 1 and recorded[0].data_fingerprint is not None
    if key == "model.weights":
        return len({one.weights for one in recorded}) == 1 and recorded[0].weights is not None
    knows_code = all(one.code for one in recorded)
    return {"git_commit": knows_code, "code": not knows_code}.get(key, False)


def _copies(group: Group, baseline: Group) -> dict[str, tuple[str, str]]:
    """Copies across splits that one side left out and the other trained on, seed by seed.

    Of one division the fingerprint of the data tells; where each seed has a division of its own, it doesn't.
    """
    if not divided.is_divided(group):
        return {}
    ours, theirs = (
        {run.seed: sum(run.environment.copies.dropped.values()) for run in side.runs} for side in (group, baseline)
    )
    if all(ours[seed] == theirs[seed] for seed in ours.keys() & theirs.keys()):
        return {}
    done = [settings.about_copies(side.runs[0].config) for side in (group, baseline)]
    return {"data.duplicates": (done[0], done[1])}


def _flaws(group: Group, baseline: Group) -> dict[str, tuple[Any, Any]]:
    """What flatters a side even where both have it: val that is test, and epochs that are missing."""
    found: dict[str, tuple[Any, Any]] = {}
    if validated_on_test(group) or validated_on_test(baseline):
        ours, theirs = ("test" if validated_on_test(one) else "train" for one in (group, baseline))
        found["data.validation"] = ours, theirs
    if ended_early(group) or ended_early(baseline):
        found["train.epochs"] = (_epochs(group), _epochs(baseline))
    return found


def _epochs(group: Group) -> str:
    """`6 of 12`, as trained and as configured."""
    counts = [(len(run.history["epoch"]), settings.flatten(run.config).get("train.epochs")) for run in group.runs]
    return " / ".join(dict.fromkeys(f"{trained} of {wanted}" for trained, wanted in counts))


def is_among(key: str, allowed: Iterable[str]) -> bool:
    """Whether `allowed` names a key or a section that holds it."""
    return any(key == name or key.startswith(f"{name}.") for name in allowed)


def _shared(group: Group, baseline: Group, key: str) -> bool:
    """Whether a condition that varies does so over seeds, in both groups alike."""
    ours, theirs = (
        {(run.seed, settings.show(conditions(run).get(key, UNSET))) for run in g.runs} for g in (group, baseline)
    )
    return ours == theirs


def check_allowed(groups: Sequence[Group], allowed: Sequence[str]) -> None:
    """Raises UserError for a key to allow that no run has."""
    known = dict.fromkeys(key for group in groups for run in group.runs for key in conditions(run))
    sections = {key.partition(".")[0] for key in known}
    for name in allowed:
        if name not in known and name not in sections:
            close = get_close_matches(name, [*known, *sections], n=1)
            hint = f"did you mean {close[0]}?" if close else "the notes of `augexp compare` name those that differ"
            raise UserError(f"--allow {name}: no run has such a key; {hint}")
