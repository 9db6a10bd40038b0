"""A SavedModel: a folder with signatures for images and for JPEG, which name the classes beside the probabilities.

    serving_default: images (B, S, S, 3) float32 -> probabilities (B, K) float32, classes (B, K) string
    jpeg: jpeg (B,) string -> the same

`assets/augexp.json` holds the facts.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.export import jpeg
from augexp.export.facts import Facts
from augexp.export.formats import FACTS, Answers

IMAGES, JPEG = "serving_default", "jpeg"

Named = dict[str, tf.Tensor]


class _Served(tf.Module):  # type: ignore[misc]
    """Holds what the functions of a signature use."""

    def __init__(self, classifier: keras.Model) -> None:
        super().__init__()
        self.classifier_weights = [variable.value for variable in classifier.variables]


def write(classifier: keras.Model, about: Facts, path: Path) -> None:
    """As `formats.FormatModule` says."""
    served = _Served(classifier)
    names = tf.constant(about.class_names)

    def named(images: tf.Tensor) -> Named:
        shares = classifier(images, training=False)
        return {"probabilities": shares, "classes": tf.broadcast_to(names, tf.shape(shares))}

    def of_jpeg(encoded: tf.Tensor) -> Named:
        spec = tf.TensorSpec((about.image_size, about.image_size, 3), tf.float32)
        return named(tf.map_fn(lambda one: jpeg.pixels(one, about), encoded, fn_output_signature=spec))

    with tempfile.TemporaryDirectory() as folder:
        asset = Path(folder) / FACTS
        asset.write_text(about.to_json(), "utf-8")
        served.facts = tf.saved_model.Asset(str(asset))
        encoded = tf.TensorSpec([None], tf.string, name=JPEG)
        signatures = {IMAGES: _of_images(named, about.image_size), JPEG: tf.function(of_jpeg, [encoded])}
        tf.saved_model.save(served, str(path), signatures=signatures)


def write_plain(classifier: keras.Model, image_size: int, path: Path) -> None:
    """Writes the signature of images without names of classes: what other formats are converted from."""

    def unnamed(images: tf.Tensor) -> Named:
        return {"probabilities": classifier(images, training=False)}

    tf.saved_model.save(_Served(classifier), str(path), signatures={IMAGES: _of_images(unnamed, image_size)})


def _of_images(answer: Callable[[tf.Tensor], Named], image_size: int) -> Callable[[tf.Tensor], Named]:
    spec = tf.TensorSpec((None, image_size, image_size, 3), tf.float32, name="images")
    traced: Callable[[tf.Tensor], Named] = tf.function(answer, input_signature=[spec])
    return traced


def opened(path: Path) -> Answers:
    """As `formats.FormatModule` says."""
    answer = tf.saved_model.load(str(path)).signatures[IMAGES]
    return lambda images: np.asarray(answer(images=tf.constant(images))["probabilities"], np.float32)


def opened_for_jpeg(path: Path) -> Callable[[Sequence[bytes]], NDArray[np.float32]]:
    """The signature of JPEG: contents of files -> class probabilities (B, K) float32."""
    answer = tf.saved_model.load(str(path)).signatures[JPEG]
    return lambda encoded: np.asarray(answer(jpeg=tf.constant(encoded))["probabilities"], np.float32)
