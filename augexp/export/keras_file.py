"""`.keras`: a zip of architecture and weights, of Keras's own layers alone; `augexp.json` lies in it."""

import zipfile
from pathlib import Path

import keras
import numpy as np

from augexp.export.facts import Facts
from augexp.export.formats import FACTS, Answers


def write(classifier: keras.Model, about: Facts, path: Path) -> None:
    """As `formats.FormatModule` says."""
    classifier.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS, about.to_json())


def opened(path: Path) -> Answers:
    """As `formats.FormatModule` says."""
    model = keras.models.load_model(path)
    return lambda images: np.asarray(model.predict_on_batch(images), np.float32)
