"""A probe of one's own, as CONTRIBUTING.md says: three functions. Accuracy with the right half of each image black."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from augexp.evaluate.probes import Probe
from augexp.evaluate.subject import Found, Subject, correct, means
from augexp.metrics.catalogue import Metric

PROBE = Probe("halves", "With the right half of each image black.", __name__)
METRIC = Metric("left_half", "occlusion", "left half alone", option="--halves")


def images(subject: Subject) -> int:
    return len(subject.part)


def run(subject: Subject) -> Found:
    def left(decoded: Any, numbers: Any) -> Any:
        shown = subject.middle(decoded, numbers)
        return shown * np.array(np.arange(subject.image_size) < subject.image_size // 2, np.uint8)[:, None]

    columns = {METRIC.name: correct(subject, subject.part, left, "left half")}
    return Found({"halves": {"hidden": 0.5}}, means(columns), columns)


def rows(section: Mapping[str, Any]) -> Iterator[str]:
    if "halves" in section:
        yield f"  left half alone: accuracy {100 * section['metrics'][METRIC.name]:.2f} %"
