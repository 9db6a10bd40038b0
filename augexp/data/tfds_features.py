"""Which of a TFDS set's features are the image and the label, and what each is read as, whatever type it has."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from augexp import console
from augexp.config.schema import Data
from augexp.errors import UserError, did_you_mean

What = Literal["image", "label"]
Kind = Literal["file", "array", "class", "number", "text", ""]  # empty: neither an image nor a class

FILE_NAMES = ("image/filename", "file_name", "filename")  # as TFDS's builders call what tells examples apart
CHANNELS = (1, 2, 3, 4)
WITH_ALPHA = (2, 4)


class Keys(NamedTuple):
    """The names of the features that are read."""

    image: str
    label: str


def keys(data: Data, features: Mapping[str, Any], supervised: object) -> Keys:
    """The image and the label: as `data.image_key` and `label_key` say, as the set does, or the only ones there are.

    Args:
        data: its source and keys.
        features: of the set, by name.
        supervised: the two names that the set gives itself; None if it gives none.

    Raises:
        UserError: with the features that there are, if it isn't certain, or can't be read.
    """
    given = supervised if isinstance(supervised, tuple) and len(supervised) == 2 else (None, None)
    image = _key(data, features, "image", data.image_key, given[0])
    label = _key(data, features, "label", data.label_key, given[1])
    if (image, label) != given:
        console.say_once(f"{data.source}: the image is {image}, and the class is {label}")
    return Keys(image, label)


def _key(data: Data, features: Mapping[str, Any], what: What, told: str | None, given: object) -> str:
    place = f"data.{what}_key"
    readable = [name for name, feature in features.items() if _kind(feature, what)]
    shown = f"; it has {', '.join(f'{name} ({described(feature)})' for name, feature in sorted(features.items()))}"
    if told is not None:
        if told not in features:
            hint = did_you_mean(told, list(features))
            raise UserError(f"{place}: {data.source} has nothing called {told}{hint}{shown}")
        if told not in readable:
            raise UserError(f"{place}: {told} of {data.source} can't be read as {_wanted(what)}{shown}")
        return told
    if isinstance(given, str) and given in features:
        if given not in readable:
            raise UserError(
                f"{data.source}: no image classification set: its {given} can't be read as {_wanted(what)}{shown}; set "
                f"{place} if another one is"
            )
        return given
    candidates = _likely(features, readable, what)
    if len(candidates) != 1:
        if not candidates:
            raise UserError(f"{data.source}: no image classification set: nothing in it is {_wanted(what)}{shown}")
        named = " or ".join(sorted(candidates))
        raise UserError(f"{data.source}: {named} may be {_wanted(what)}{shown}; set {place} to the right one")
    return candidates[0]


def _wanted(what: What) -> str:
    return "an image" if what == "image" else "a class"


def _likely(features: Mapping[str, Any], readable: Sequence[str], what: What) -> list[str]:
    """The names that stand for the image or the label by their type: the plainest type that there is."""
    order = ("file", "array") if what == "image" else ("class", "number", "text")
    # A text may be an image file, which nobody can know.
    names = [name for name in readable if name not in FILE_NAMES and not (what == "image" and _is_text(features[name]))]
    for kind in order:
        if found := [name for name in names if _kind(features[name], what) == kind]:
            return found
    return []


def _is_text(feature: Any) -> bool:
    return bool(np.dtype(feature.np_dtype).kind == "O")


def _kind(feature: Any, what: What) -> Kind:
    return image_kind(feature) if what == "image" else label_kind(feature)


def image_kind(feature: Any) -> Kind:
    """`file` for encoded images, `array` for values of pixels that only TFDS can decode."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.LabeledImage):  # a map of classes, pixel by pixel
        return ""
    if isinstance(feature, tfds.features.Image):
        return "array" if feature.np_dtype == np.float32 else "file"
    if not isinstance(feature, tfds.features.Tensor) or isinstance(feature, tfds.features.ClassLabel):
        return ""
    if _is_text(feature):
        return "file" if feature.shape == () else ""
    if len(feature.shape) not in (2, 3) or (len(feature.shape) == 3 and feature.shape[2] not in CHANNELS):
        return ""
    if len(feature.shape) == 3 and feature.shape[2] in WITH_ALPHA and feature.np_dtype != np.uint8:
        return ""
    return "array" if np.dtype(feature.np_dtype).kind in "biuf" else ""


def label_kind(feature: Any) -> Kind:
    """`class` for numbers with names, `number` and `text` for values that are each a class of their own."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes is not None:
        return "class"
    if not isinstance(feature, tfds.features.Tensor) or feature.shape != ():
        return ""
    if _is_text(feature):
        return "text"
    return "number" if np.dtype(feature.np_dtype).kind in "biu" else ""


def described(feature: Any) -> str:
    """A feature in a few words: `uint8 image`, `3 classes`, `text`, `float32 of shape (4,)`."""
    import tensorflow_datasets as tfds

    if label_kind(feature) == "class":
        return f"{feature.num_classes} classes"
    if isinstance(feature, tfds.features.LabeledImage):
        return "a class for each pixel"
    if isinstance(feature, tfds.features.Image):
        return f"{np.dtype(feature.np_dtype).name} image"
    if not isinstance(feature, tfds.features.Tensor):
        return type(feature).__name__.replace("Dict", "").lower()
    if _is_text(feature):
        return "text"
    name = np.dtype(feature.np_dtype).name
    return f"{name} of shape {feature.shape}" if feature.shape else name
