"""Accuracy with a part of each image covered, and under common corruptions."""

from typing import Any

from augexp.augment.corruptions import AREAS, CORRUPTIONS, OCCLUSIONS, SEVERITIES, Corrupt, corruption, occlusion
from augexp.evaluate.subject import Floats, Found, Subject, correct, mean_of, means, shares


def occluded(subject: Subject) -> Found:
    """Accuracy with a part of each image covered."""
    right: dict[str, list[Floats]] = {
        kind: [_under(subject, occlusion(kind, area), f"{kind} box, {area:.0%}") for area in AREAS]
        for kind in OCCLUSIONS
    }
    columns = {f"occlusion_{kind}": mean_of(rows) for kind, rows in right.items()}
    return Found({"occlusion": {"areas": list(AREAS), **shares(right)}}, means(columns), columns)


def corrupted(subject: Subject) -> Found:
    """Accuracy under common corruptions."""
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
