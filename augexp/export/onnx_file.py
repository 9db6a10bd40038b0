"""`.onnx`: one file for ONNX Runtime; `augexp.json` and `class_names` stand in its metadata."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from augexp.export.facts import Facts
from augexp.export.formats import FACTS, Answers

INPUT, OUTPUT = "images", "probabilities"


def write(classifier: keras.Model, about: Facts, path: Path) -> None:
    """As `formats.FormatModule` says."""
    spec = tf.TensorSpec((None, about.image_size, about.image_size, 3), tf.float32, name=INPUT)
    answer = tf.function(lambda images: classifier(images, training=False), [spec])
    # Keras's own export gives tf2onnx the constants of a network as inputs, which nobody could answer for.
    frozen = convert_variables_to_constants_v2(answer.get_concrete_function(), lower_control_flow=False)
    (before,), (after,) = ([one.name for one in ends] for ends in (frozen.inputs, frozen.outputs))
    with _unheard():
        model, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(),
            input_names=[before],
            output_names=[after],
            tensors_to_rename={before: INPUT, after: OUTPUT},
        )
    told = {FACTS: about.to_json(), "class_names": json.dumps(about.class_names)}
    onnx.helper.set_model_props(model, told)
    onnx.save(model, path)


@contextmanager
def _unheard() -> Iterator[None]:
    """What a converter says of its own ways is for its makers; what it can't convert, ONNX Runtime refuses."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)


def opened(path: Path) -> Answers:
    """As `formats.FormatModule` says."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run([OUTPUT], {INPUT: images})[0], np.float32)
