"""Labels that may be wrong: those that a linear probe finds improbable for an image that it wasn't fitted to.

The probability of the given label, out of fold, is the self-confidence of Northcutt, Jiang and Chuang (Confident
Learning, 2021). The probe is logistic regression on features of the initial backbone, or on the pixels of small images;
it is asked only if it is right often enough to be believed.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.audit.findings import Doubt, Doubts, Pixels, Shown
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.data.copies import Split
from augexp.data.splits import Part, Splits, id_hash
from augexp.errors import UserError
from augexp.metrics.recall import macro_recall
from augexp.network import probe, scoring

MOST = 12  # doubts, where fewer are improbable
ASKED = 200, 4_000  # images of a class, and of all, in train and in test, unless told otherwise
LEAST = 5  # of a class
FOLDS = 5
STRENGTH = 0.01  # C
BELIEVED = 0.6  # accuracy of the probe, and macro recall, out of fold
SMALL = 32  # pixels: images of this side are looked at without a backbone

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


def find(experiment: Experiment, splits: Splits, precision: str, per_class: int | None) -> Doubts:
    """The labels of train and test that a probe doubts most, and how far it can be trusted.

    Args:
        experiment: its data and its initial backbone.
        splits: of its data.
        precision: Keras's policy.
        per_class: at most so many images of a class are looked at, in train and in test; 0: none; None: as `ASKED`.
    """
    if per_class == 0:
        return Doubts(reason="not asked for")
    classes = len(splits.class_names)
    count = max(LEAST, min(ASKED[0], ASKED[1] // classes)) if per_class is None else per_class
    try:
        train, test = _some(splits.train, count), _some(splits.test, count)
        sizes = np.bincount(train.labels, minlength=classes)
        several = np.flatnonzero(sizes > 1)  # without one image, there must be one left to be fitted to
        if len(several) < 2:
            return Doubts(reason="of fewer than two classes there are two train images to ask about")
        parts: dict[Split, Part] = {"train": _of_classes(train, several), "test": _of_classes(test, several)}
        parts = {split: part for split, part in parts.items() if len(part)}
        seen, name = _seen(experiment, parts, precision, classes)
    except UserError as reason:
        return Doubts(reason=str(reason))
    return replace(_doubted(classes, parts, seen, name), alone=int((sizes == 1).sum()))


def _some(part: Part, count: int) -> Part:
    """The first of each class by a hash of their ids."""
    order = sorted(range(len(part)), key=lambda place: id_hash(f"doubts:{part.ids[place]}"))
    taken: dict[int, list[int]] = {}
    for place in order:
        of_class = taken.setdefault(int(part.labels[place]), [])
        if len(of_class) < count:
            of_class.append(place)
    return _take(part, np.array(sorted(place for places in taken.values() for place in places), np.int64))


def _of_classes(part: Part, labels: Places) -> Part:
    return _take(part, np.flatnonzero(np.isin(part.labels, labels)))


def _take(part: Part, chosen: Places) -> Part:
    return Part(part.images, part.rows[chosen], part.labels[chosen], [part.ids[place] for place in chosen])


def _seen(
    experiment: Experiment, parts: Mapping[Split, Part], precision: str, classes: int
) -> tuple[dict[Split, Floats], str]:
    """What the probe sees of each part (n, C), and what that is.

    Raises:
        UserError: if the backbone knows nothing, or its weights can't be had, and the images aren't small.
    """
    settings = experiment.model
    if settings.weights is None:
        side = experiment.data.image_size
        if side > SMALL:
            raise UserError(
                "the initial network is random (model.weights: null); pretrained weights are needed, such as "
                "model.backbone=MobileNetV2 model.weights=imagenet"
            )
        middles = {split: _middle(part, side) for split, part in parts.items()}
        return {split: images.reshape(len(images), -1) for split, images in middles.items()}, f"pixels at {side} px"
    network = probe.features(experiment, precision, classes)
    view = pipeline.centre(experiment.data.image_size)
    with console.progress("features", sum(map(len, parts.values()))) as advance:
        seen = {
            split: np.concatenate(list(scoring.of_part(network, part, view, advance, split)))
            for split, part in parts.items()
        }
    return seen, f"features of {settings.backbone}"


def _middle(part: Part, side: int) -> Floats:
    margin = (part.images.shape[1] - side) // 2
    window = slice(margin, margin + side)
    return part.images[part.rows][:, window, window].astype(np.float32)


def _doubted(classes: int, parts: Mapping[Split, Part], seen: Mapping[Split, Floats], name: str) -> Doubts:
    """Of parts whose classes have two train images or more."""
    train = parts["train"]
    said = _probabilities(seen, train.labels, classes)
    right = (said["train"].argmax(axis=1) == train.labels).astype(np.float32)
    accuracy, of_a_class = float(right.mean()), macro_recall(right, train.labels)
    # Where one class has nearly all images, whoever says nothing else is right, and doubts all others.
    if min(accuracy, of_a_class) < BELIEVED:
        reason = (
            f"a probe on {name} is right for {100 * accuracy:.0f} % of train, {100 * of_a_class:.0f} % of a class on "
            "average, too few to doubt a label"
        )
        return Doubts(probe=name, accuracy=accuracy, reason=reason)
    found = [doubt for split, part in parts.items() for doubt in _of_part(split, part, said[split])]
    found.sort(key=lambda doubt: (doubt.given, doubt.image.id))
    kept = tuple(doubt for place, doubt in enumerate(found) if place < MOST or doubt.is_improbable)
    return Doubts(kept, name, accuracy, sum(map(len, parts.values())))


def _probabilities(seen: Mapping[Split, Floats], labels: NDArray[np.int32], classes: int) -> dict[Split, Floats]:
    """Of each of K classes: for train by probes that were fitted to other images, for test by one fitted to train."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    known, sizes = np.unique(labels, return_counts=True)
    divided = StratifiedKFold(min(FOLDS, int(sizes.min())), shuffle=True, random_state=0)
    said: dict[Split, NDArray[np.float64]] = {}
    with probe.patient(seen["train"], labels):
        said["train"] = cross_val_predict(
            probe.probe(STRENGTH), seen["train"], labels, cv=divided, method="predict_proba"
        )
        if "test" in seen:
            said["test"] = probe.probe(STRENGTH).fit(seen["train"], labels).predict_proba(seen["test"])
    return {split: _of_all(one, known, classes) for split, one in said.items()}


def _of_all(said: NDArray[np.float64], known: NDArray[np.int32], classes: int) -> Floats:
    """Probabilities (n, K), 0 of the classes that the probe doesn't know."""
    found = np.zeros((len(said), classes), np.float32)
    found[:, known] = said
    return found


def _of_part(split: Split, part: Part, said: Floats) -> list[Doubt]:
    """All of a part whose label isn't the most probable class."""
    most = said.argmax(axis=1)
    return [
        Doubt(_shown(split, part, n), float(said[n, part.labels[n]]), int(most[n]), float(said[n, most[n]]))
        for n in np.flatnonzero(most != part.labels).tolist()
    ]


def _shown(split: Split, part: Part, place: int) -> Shown:
    pixels: Pixels = part.images[part.rows[place]]
    return Shown(split, part.ids[place], int(part.labels[place]), pixels)
