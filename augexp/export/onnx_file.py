"""`.onnx`: one file for ONNX Runtime; `augexp.json` and `class_names` stand in its metadata."""

import json
import warnings
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf

from augexp.export.facts import Facts
from augexp.export.formats import FACTS, Answers

OUTPUT = "probabilities"


def write(classifier: keras.Model, about: Facts, path: Path) -> None:
    """As `formats.FormatModule` says."""
    spec = tf.TensorSpec((None, about.image_size, about.image_size, 3), tf.float32, name="images")
    with warnings.catch_warnings(action="ignore"):  # tf2onnx needs names that NumPy 2 warns of, and Keras gives them
        classifier.export(path, format="onnx", verbose=False, input_signature=[spec])
    model = onnx.load(path)
    _name_output(model)
    told = {FACTS: about.to_json(), "class_names": json.dumps(about.class_names)}
    onnx.helper.set_model_props(model, told)
    onnx.save(model, path)


def _name_output(model: onnx.ModelProto) -> None:
    before = model.graph.output[0].name
    model.graph.output[0].name = OUTPUT
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == before:
                node.output[place] = OUTPUT


def opened(path: Path) -> Answers:
    """As `formats.FormatModule` says."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run([OUTPUT], {"images": images})[0], np.float32)
