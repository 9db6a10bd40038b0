"""Accuracy with a part of each image covered, and under common corruptions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from augexp.augment.corruptions import AREAS, CORRUPTIONS, OCCLUSIONS, SEVERITIES, Corrupt, corruption, occlusion
from augexp.evaluate.subject import Floats, Found, Subject, correct, mean_of, means, shares


def images(subject: Subject) -> int:
    """The part once a kind and area, and once a corruption and severity."""
    return len(subject.part) * (len(OCCLUSIONS) * len(AREAS) + len(CORRUPTIONS) * len(SEVERITIES))


def run(subject: Subject) -> Found:
    """Accuracy under each condition, and the means over them."""
    one, other = _occluded(subject), _corrupted(subject)
    return Found(one.section | other.section, one.metrics | other.metrics, one.columns | other.columns)


def _occluded(subject: Subject) -> Found:
    right: dict[str, list[Floats]] = {
        kind: [_under(subject, occlusion(kind, area), f"{kind} box, {area:.0%}") for area in AREAS]
        for kind in OCCLUSIONS
    }
    columns = {f"occlusion_{kind}": mean_of(rows) for kind, rows in right.items()}
    return Found({"occlusion": {"areas": list(AREAS), **shares(right)}}, means(columns), columns)


def _corrupted(subject: Subject) -> Found:
    right = {
        name: [_under(subject, corruption(name, level), f"{name} {level}") for level in SEVERITIES]
        for name in CORRUPTIONS
    }
    columns = {f"corruption_{name}": mean_of(rows) for name, rows in right.items()}
    columns["corruptions"] = mean_of(list(columns.values()))
    return Found({"corruptions": {"severities": list(SEVERITIES), "accuracy": shares(right)}}, means(columns), columns)


def _under(subject: Subject, corrupt: Corrupt, note: str) -> Floats:
    def view(decoded: Any, numbers: Any) -> Any:
        return corrupt(subject.middle(decoded, numbers), numbers)

    return correct(subject, subject.part, view, note)


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
