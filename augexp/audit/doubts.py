"""Labels that may be wrong: those that a linear probe finds improbable for an image that it wasn't fitted to.

The probability of the given label, out of fold, is the self-confidence of Northcutt, Jiang and Chuang (Confident
Learning, 2021). The probe is logistic regression on features of the initial backbone, or on the pixels of small images;
it is asked only if it is right often enough to be believed.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.audit.findings import IMPROBABLE, SURE, Doubt, Doubts, Pixels, Shown
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.data.copies import Split
from augexp.data.splits import Part, Splits, id_hash
from augexp.errors import UserError
from augexp.network import probe, scoring

MOST = 12  # doubts that are shown
ASKED = 200, 4_000  # images of a class, and of all, in train and in test, unless told otherwise
LEAST = 5  # of a class
FOLDS = 5
STRENGTH = 0.01  # C
BELIEVED = 0.6  # accuracy of the probe, out of fold
SMALL = 32  # pixels: images of this side are looked at without a backbone

Floats = NDArray[np.float32]


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
        looked_at = {"train": splits.train, "test": splits.test}
        parts = {split: _some(part, count) for split, part in looked_at.items()}
        seen, name = _seen(experiment, parts, precision, classes)
    except UserError as reason:
        return Doubts(reason=str(reason))
    return _doubted(splits.class_names, parts, seen, name)


def _some(part: Part, count: int) -> Part:
    """The first of each class by a hash of their ids."""
    order = sorted(range(len(part)), key=lambda place: id_hash(f"doubts:{part.ids[place]}"))
    taken: dict[int, list[int]] = {}
    for place in order:
        of_class = taken.setdefault(int(part.labels[place]), [])
        if len(of_class) < count:
            of_class.append(place)
    chosen = np.array(sorted(place for places in taken.values() for place in places), np.int64)
    return Part(part.images, part.rows[chosen], part.labels[chosen], [part.ids[place] for place in chosen])


def _seen(
    experiment: Experiment, parts: Mapping[str, Part], precision: str, classes: int
) -> tuple[dict[str, Floats], str]:
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


def _doubted(class_names: tuple[str, ...], parts: Mapping[str, Part], seen: Mapping[str, Floats], name: str) -> Doubts:
    train, test = parts["train"], parts["test"]
    folds = min(FOLDS, int(np.bincount(train.labels, minlength=len(class_names)).min()))
    if folds < 2:
        return Doubts(probe=name, reason="a class has one train image alone")
    out_of_fold, on_test = _probabilities(seen["train"], train.labels, seen["test"], folds)
    accuracy = float(np.mean(out_of_fold.argmax(axis=1) == train.labels))
    told = len(train) + len(test)
    if accuracy < BELIEVED:
        reason = f"a probe on {name} is right for {100 * accuracy:.0f} % of train, too few to doubt a label"
        return Doubts(probe=name, accuracy=accuracy, reason=reason)
    found = [*_of_part("train", train, out_of_fold), *_of_part("test", test, on_test)]
    found.sort(key=lambda doubt: (doubt.given, doubt.image.id))
    improbable = _improbable(train, out_of_fold) + _improbable(test, on_test)
    return Doubts(tuple(found[:MOST]), name, accuracy, told, improbable)


def _probabilities(train: Floats, labels: NDArray[np.int32], test: Floats, folds: int) -> tuple[Floats, Floats]:
    """Of each class: for train by probes that were fitted to other images, for test by one fitted to train."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    divided = StratifiedKFold(folds, shuffle=True, random_state=0)
    with probe.patient(train, labels):
        out_of_fold = cross_val_predict(probe.probe(STRENGTH), train, labels, cv=divided, method="predict_proba")
        on_test = probe.probe(STRENGTH).fit(train, labels).predict_proba(test)
    return out_of_fold.astype(np.float32), on_test.astype(np.float32)


def _given(part: Part, said: Floats) -> Floats:
    return np.asarray(said[np.arange(len(part)), part.labels])


def _improbable(part: Part, said: Floats) -> int:
    return int(((_given(part, said) < IMPROBABLE) & (said.max(axis=1) > SURE)).sum())


def _of_part(split: Split, part: Part, said: Floats) -> list[Doubt]:
    """The most doubtful of a part whose label isn't the most probable class."""
    given = _given(part, said)
    doubted = [n for n in np.argsort(given, kind="stable")[:MOST].tolist() if said[n].argmax() != part.labels[n]]
    return [
        Doubt(_shown(split, part, n), float(given[n]), int(said[n].argmax()), float(said[n].max())) for n in doubted
    ]


def _shown(split: Split, part: Part, place: int) -> Shown:
    pixels: Pixels = np.array(part.images[part.rows[place]])
    return Shown(split, part.ids[place], int(part.labels[place]), pixels)
