"""A part scored with test-time augmentation: the mean probability over the views that `tta` names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from augexp.errors import counted
from augexp.evaluate.scores import scores_of
from augexp.evaluate.subject import Found, Subject, said_of
from augexp.evaluate.tta import Tta, views
from augexp.metrics.catalogue import gain_by
from augexp.metrics.scores import per_example, probabilities


@dataclass(frozen=True)
class Augmented:
    """The probe that an option `--tta` asks for."""

    tta: Tta

    def images(self, subject: Subject) -> int:
        """The part once a view."""
        return len(views(self.tta, subject.image_size)) * len(subject.part)

    def run(self, subject: Subject) -> Found:
        """What averaging gains over the plain score."""
        seen, label = views(self.tta, subject.image_size), self.tta.label
        total, seconds = np.zeros_like(subject.clean.logits), 0.0
        for number, view in enumerate(seen, 1):
            said = said_of(subject, subject.part, view, f"tta {label} {number}/{len(seen)}")
            total += probabilities(said.logits)
            seconds += 1 / said.images_per_second
        columns, scores, _ = scores_of(total / np.float32(len(seen)), subject.part.labels)
        before = per_example(probabilities(subject.clean.logits), subject.part.labels)["accuracy"]
        gain = columns["accuracy"] - before
        section = {"views": len(seen), "scores": scores, "images_per_second": round(1 / seconds, 1)}
        name = gain_by(label).name
        return Found({"tta": {label: section}}, {name: float(gain.mean(dtype=np.float64))}, {name: gain})


def rows(section: Mapping[str, Any]) -> Iterator[str]:
    """What is printed of a split in `evaluation.json`."""
    for label, one in section.get("tta", {}).items():
        gain = section["metrics"][gain_by(label).name]
        yield (
            f"  tta {label}: accuracy {100 * one['scores']['accuracy']:.2f} % ({100 * gain:+.2f} points), "
            f"{counted(one['views'], 'view')}, {one['images_per_second']:,.0f} images/s"
        )
