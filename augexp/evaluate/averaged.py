"""A part scored with test-time augmentation: the mean probability over the views that `tta` names."""

import numpy as np

from augexp.evaluate.scores import scores_of
from augexp.evaluate.subject import Found, Said, Subject, said_of
from augexp.evaluate.tta import Tta, views
from augexp.metrics.scores import per_example, probabilities


def augmented(subject: Subject, one: Tta, plain: Said) -> Found:
    labels = subject.part.labels
    seen = views(one, subject.image_size)
    total, seconds = np.zeros_like(plain.logits), 0.0
    for number, view in enumerate(seen, 1):
        said = said_of(subject, subject.part, view, f"tta {one.label} {number}/{len(seen)}")
        total += probabilities(said.logits)
        seconds += 1 / said.images_per_second
    columns, scores, _ = scores_of(total / np.float32(len(seen)), labels)
    before = per_example(probabilities(plain.logits), labels)["accuracy"]
    name = f"tta_{one.label}_gain"
    gain = columns["accuracy"] - before
    section = {"views": len(seen), "scores": scores, "images_per_second": round(1 / seconds, 1)}
    return Found({"tta": {one.label: section}}, {name: float(gain.mean(dtype=np.float64))}, {name: gain})
