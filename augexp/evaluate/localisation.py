"""Does it look where the object is? Class-activation maps against boxes."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from augexp.data import boxes, pipeline
from augexp.evaluate import cam
from augexp.evaluate.subject import Found, Subject, means
from augexp.network import scoring

OVERLAP = 0.5  # of the box around the map with that around the object: found


def images(subject: Subject) -> int:
    """The part once. Raises UserError if the data has no boxes, or the network no places."""
    cam.refuse_vectors(subject.run)
    boxes.open_boxed(subject.run.experiment.data)
    return len(subject.part)


def run(subject: Subject) -> Found:
    """Whether the box around the class-activation map meets one around an object (Zhou et al., 2016).

    `known`: the map of the true class; `top1`: the map of the class that is said, which must be the true one.
    """
    network, start = subject.run.network, 0
    around = boxes.of_part(subject.part, subject.run.experiment.data.as_evaluated)
    look = cam.looker(network)
    found: dict[str, list[bool]] = {"localisation_known": [], "localisation_top1": []}
    batches = pipeline.eval_batches(subject.part, scoring.BATCH, 1, subject.middle)
    for images, _ in batches.as_numpy_iterator():
        seen = look(images)
        labels = subject.part.labels[start : start + len(images)]
        maps = cam.enlarge(cam.activation_maps(network, seen.features, labels), subject.image_size)
        met = [
            cam.overlap(cam.box_of(heat), around[start + i]).max(initial=0) >= OVERLAP for i, heat in enumerate(maps)
        ]
        found["localisation_known"] += met
        found["localisation_top1"] += list(np.array(met) & (seen.logits.argmax(axis=1) == labels))
        start += len(images)
        subject.advance(len(images), "localisation")
    columns = {name: np.array(values, np.float32) for name, values in found.items()}
    section = {"localisation": {"overlap": OVERLAP, "threshold": cam.THRESHOLD}}
    return Found(section, means(columns), columns)


def rows(section: Mapping[str, Any]) -> Iterator[str]:
    """What is printed of a split in `evaluation.json`."""
    if "localisation" in section:
        found = section["metrics"]
        yield (
            f"  localisation at IoU {section['localisation']['overlap']}: {100 * found['localisation_known']:.2f} % "
            f"with the class known, {100 * found['localisation_top1']:.2f} % with the class that is said"
        )
