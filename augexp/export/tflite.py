"""`.tflite`: a flat buffer of built-in operations alone; `augexp.json` lies in a zip at its end, as labels do."""

import tempfile
import warnings
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from augexp.export import saved_model
from augexp.export.facts import Facts
from augexp.export.formats import FACTS, Answers

SIGNATURE = saved_model.IMAGES


def write(classifier: keras.Model, about: Facts, path: Path) -> None:
    """As `formats.FormatModule` says."""
    with tempfile.TemporaryDirectory() as folder:
        saved_model.write_plain(classifier, about.image_size, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        path.write_bytes(converter.convert())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS, about.to_json())


def opened(path: Path) -> Answers:
    """As `formats.FormatModule` says."""
    run = _interpreter(path).get_signature_runner(SIGNATURE)
    return lambda images: np.asarray(run(images=images)["probabilities"], np.float32)


def _interpreter(path: Path) -> Any:
    """LiteRT's where it is installed, else the one in TensorFlow, which is the same and says that it is to go."""
    if find_spec("ai_edge_litert") is not None:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(str(path))
    with warnings.catch_warnings(action="ignore"):
        return tf.lite.Interpreter(str(path))
