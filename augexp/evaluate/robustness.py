"""Accuracy with a part of each image covered, and under common corruptions.

A changed image often takes longer to make than a network to look at, so each is made once and shown to the networks of
all runs that are evaluated together and fit into memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from augexp.augment.corruptions import AREAS, CORRUPTIONS, OCCLUSIONS, SEVERITIES, Corrupt, corruption, occlusion
from augexp.data.pipeline import View
from augexp.evaluate.subject import Floats, Found, Subject, correct_of_each, mean_of, means, shares


def images(subject: Subject) -> int:
    """The part once a kind and area, and once a corruption and severity, unless all have been shown before."""
    return 0 if subject.run.folder in _known(subject) else len(subject.part) * len(CONDITIONS)


def run(subject: Subject) -> Found:
    """Accuracy under each condition, and the means over them."""
    known = _known(subject)
    if subject.run.folder not in known:
        known |= _right(subject)
    right = known.pop(subject.run.folder)
    one, other = _occluded(right), _corrupted(right)
    return Found(one.section | other.section, one.metrics | other.metrics, one.columns | other.columns)


Condition = tuple[str, float]  # a kind of box and its area, or a corruption and its severity
CONDITIONS: dict[Condition, Callable[[], Corrupt]] = {
    **{(kind, area): partial(occlusion, kind, area) for kind in OCCLUSIONS for area in AREAS},
    **{(name, severity): partial(corruption, name, severity) for name in CORRUPTIONS for severity in SEVERITIES},
}
Right = dict[Condition, Floats]  # (N,) 1 where a network is right


def _known(subject: Subject) -> dict[Path, Right]:
    """Of runs whose turn comes later."""
    found: dict[Path, Right] = subject.shared.setdefault(f"robustness on {subject.split}", {})
    return found


def _right(subject: Subject) -> dict[Path, Right]:
    """Of a run, and of all later ones that are shown the same images."""
    runs = [subject.run, *subject.queue.alike(subject.run)]
    found: dict[Path, Right] = {one.folder: {} for one in runs}
    for condition, make in CONDITIONS.items():
        note = _note(condition) + (f", {len(runs)} runs" if len(runs) > 1 else "")
        view = _under(subject, make())
        for one, right in zip(runs, correct_of_each(runs, subject, subject.part, view, note), strict=True):
            found[one.folder][condition] = right
    return found


def _occluded(found: Right) -> Found:
    right: dict[str, list[Floats]] = {kind: [found[kind, area] for area in AREAS] for kind in OCCLUSIONS}
    columns = {f"occlusion_{kind}": mean_of(rows) for kind, rows in right.items()}
    return Found({"occlusion": {"areas": list(AREAS), **shares(right)}}, means(columns), columns)


def _corrupted(found: Right) -> Found:
    right = {name: [found[name, severity] for severity in SEVERITIES] for name in CORRUPTIONS}
    columns = {f"corruption_{name}": mean_of(rows) for name, rows in right.items()}
    columns["corruptions"] = mean_of(list(columns.values()))
    return Found({"corruptions": {"severities": list(SEVERITIES), "accuracy": shares(right)}}, means(columns), columns)


def _under(subject: Subject, corrupt: Corrupt) -> View:
    def view(decoded: Any, numbers: Any) -> Any:
        return corrupt(subject.middle(decoded, numbers), numbers)

    return view


def _note(condition: Condition) -> str:
    name, strength = condition
    return f"{name} {strength}" if name in CORRUPTIONS else f"{name} box, {strength:.0%}"


def rows(section: Mapping[str, Any]) -> Iterator[str]:
    """What is printed of a split in `evaluation.json`."""
    found = section["metrics"]
    if "occlusion" in section:
        areas = section["occlusion"]["areas"]
        yield f"  {'accuracy %, covered:':24}{''.join(f'{area:>7.0%}' for area in areas)}{'mean':>8}"
        for kind in (kind for kind in section["occlusion"] if kind != "areas"):
            yield _row(f"{kind} box", section["occlusion"][kind], found[f"occlusion_{kind}"])
    if "corruptions" in section:
        severities = section["corruptions"]["severities"]
        yield f"  {'accuracy %, severity:':24}{''.join(f'{severity:>7}' for severity in severities)}{'':7}{'mean':>8}"
        for name, accuracies in section["corruptions"]["accuracy"].items():
            yield _row(name.replace("_", " "), accuracies, found[f"corruption_{name}"])
        yield _row("mean corruption accuracy", (), found["corruptions"])


def _row(title: str, accuracies: Sequence[float], mean: float) -> str:
    cells = "".join(f"{100 * accuracy:>7.1f}" for accuracy in accuracies)
    return f"  {title:24}{cells:<42}{100 * mean:>8.2f}"
