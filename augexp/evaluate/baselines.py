"""What the backbone knew before any fine-tuning: the floors under a run's accuracy.

    zero_shot      the whole ImageNet network, head included, restricted to the data's classes by their WordNet ids
    linear_probe   logistic regression on the frozen, average-pooled features of the initial weights

A floor that can't be had is left out, and the reason said.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.config.schema import Model
from augexp.data.splits import Part, division
from augexp.errors import UserError, first_line
from augexp.evaluate.subject import Found, Subject
from augexp.metrics.scores import metrics
from augexp.network import model, probe, scoring
from augexp.network.build import policy
from augexp.network.trained import Trained

WORDNET_ID = re.compile(r"n\d{8}")


def images(subject: Subject) -> int:
    """The part once for each floor, and train and val for the probe."""
    return 2 * len(subject.part) + len(subject.splits.train) + len(subject.splits.val)


def run(subject: Subject) -> Found:
    """The floors, `{"linear_probe": {"accuracy": 0.8, ...}, ...}`; computed once for all runs alike."""
    key = f"floors of {json.dumps(_what_decides(subject), sort_keys=True)}"
    if key not in subject.shared:
        subject.shared[key] = dict(_floors(subject))
    return Found({"floors": subject.shared[key]}, {}, {})


def _what_decides(subject: Subject) -> dict[str, Any]:
    """All that floors depend on: with equal values here, two runs have the same floors."""
    settings = subject.run.experiment.model_dump(mode="json", include={"data", "model"})
    made = {"precision": subject.run.precision, "backend": keras.backend.backend(), "split": subject.split}
    into = asdict(division(subject.run.experiment.data, subject.run.experiment.seed))
    return settings | made | into | {"fingerprint": subject.splits.fingerprint}


def _floors(subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, floor in (("zero_shot", _zero_shot), ("linear_probe", _linear_probe)):
        try:
            yield name, floor(subject)
        except UserError as reason:
            console.say(f"floor {name} left out: {reason}")


def rows(section: Mapping[str, Any]) -> Iterator[str]:
    """What is printed of a split in `evaluation.json`."""
    for name, floor in section.get("floors", {}).items():
        yield f"  floor, {name.replace('_', ' ')}: accuracy {100 * floor['accuracy']:.2f} %"


def _said(subject: Subject, network: keras.Model, part: Part, note: str) -> Iterator[NDArray[np.float32]]:
    """(B, K) what a network says of the middle of each image of a part, a batch in turn."""
    return scoring.of_part(network, part, subject.middle, subject.advance, f"floor: {note}")


# --- zero-shot -----------------------------------------------------------------------------------------------------


def _zero_shot(subject: Subject) -> dict[str, Any]:
    places = imagenet_places(subject.run.class_names)
    network = _whole_network(subject.run)
    said = np.concatenate([batch[:, places] for batch in _said(subject, network, subject.part, "zero-shot")])
    said = np.maximum(said, np.finfo(np.float32).tiny)  # all may have gone to other classes
    return metrics(said / said.sum(axis=1, keepdims=True), subject.part.labels)


def imagenet_places(class_names: tuple[str, ...]) -> list[int]:
    """Where the classes stand among the 1,000 of ImageNet, by the WordNet id that their names start with.

    Raises:
        UserError: if a class has none, or one that is not among them.
    """
    import tensorflow_datasets as tfds

    labels = Path(tfds.core.tfds_path("datasets/imagenet2012/labels.txt")).read_text(encoding="utf-8").split()
    order = {id_: place for place, id_ in enumerate(sorted(labels))}
    places = []
    for name in class_names:
        found = WORDNET_ID.match(name)
        if found is None or found[0] not in order:
            raise UserError(f"class {name}: no WordNet id of ImageNet's 1,000 classes at its start, such as n02086240")
        places.append(order[found[0]])
    return places


def _whole_network(run: Trained) -> keras.Model:
    """ImageNet's own classifier behind the backbone's preprocessing: (B, S, S, 3) in [0, 255] -> (B, 1000)."""
    settings, size = run.experiment.model, run.experiment.data.as_evaluated.image_size
    if not settings.is_of_keras:
        raise UserError(f"{settings.backbone} is none of keras.applications, and has no head for ImageNet")
    # In half precision, probabilities of 1,000 classes tie and vanish.
    with policy("float32"):
        whole = _imagenet_classifier(settings, size)
        images = keras.Input((size, size, 3), dtype="float32")
        # Its weights expect the backbone's own preprocessing, whatever the run was trained with.
        own = model.preprocessing(settings.model_copy(update={"preprocessing": "imagenet"}))
        return keras.Model(images, whole(own(images)))


def _imagenet_classifier(settings: Model, size: int) -> keras.Model:
    create = getattr(keras.applications, settings.backbone)
    try:
        whole = create(include_top=True, weights="imagenet", **settings.backbone_args)
        if whole.input_shape[1] != size:  # Keras gives ImageNet's weights at their own size only
            weights = whole.get_weights()
            whole = create(include_top=True, weights=None, input_shape=(size, size, 3), **settings.backbone_args)
            whole.set_weights(weights)
    except Exception as error:  # get_file raises a bare Exception when a download fails
        reason = first_line(error)
        raise UserError(f"ImageNet's whole {settings.backbone} can't be had at {size} px ({reason})") from error
    return whole


# --- linear probe --------------------------------------------------------------------------------------------------


def _linear_probe(subject: Subject) -> dict[str, Any]:
    run, splits = subject.run, subject.splits
    if run.experiment.model.weights is None:
        raise UserError("model.weights is null: the backbone knew nothing before")
    features = probe.features(run.experiment, run.precision, len(run.class_names))
    with probe.standardised(_said(subject, features, splits.train, "linear probe"), run.folder) as (train, scaler):
        probes = probe.fitted(train, splits.train.labels)

    def shown(part: Part) -> Iterator[NDArray[np.float32]]:
        return map(scaler.transform, _said(subject, features, part, "linear probe"))

    said = [[one.predict(batch) for one in probes] for batch in shown(splits.val)]
    right = (np.concatenate(said, axis=1) == splits.val.labels).sum(axis=1)
    best = probes[int(right.argmax())]
    probability = np.concatenate([best.predict_proba(batch) for batch in shown(subject.part)]).astype(np.float32)
    return metrics(probability, subject.part.labels) | {"C": best.C}
