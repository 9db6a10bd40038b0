"""What a network says of batches of images."""

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp import console
from augexp.data import pipeline
from augexp.data.pipeline import View
from augexp.data.splits import Part
from augexp.metrics.scores import probabilities

BATCH = 64  # where nothing is trained


def predict(model: keras.Model, batches: tf.data.Dataset) -> NDArray[np.float32]:
    """Class probabilities, (N, K) float32, in the order of the batches."""
    return probabilities(np.asarray(model.predict(batches, verbose=0), np.float32))


def outputs(model: keras.Model, batches: tf.data.Dataset) -> Iterator[NDArray[np.float32]]:
    """What a network gives for each batch in turn, (B, ...) float32; no more than a batch is in memory."""
    for (output,) in outputs_of_each([model], batches):
        yield output


def outputs_of_each(models: Sequence[keras.Model], batches: tf.data.Dataset) -> Iterator[list[NDArray[np.float32]]]:
    """What each of several networks gives for each batch in turn, each batch made once."""
    size = 0
    for images, _ in batches.as_numpy_iterator():
        size, count = max(size, len(images)), len(images)
        # A short last batch would be compiled for anew, and so would images of another type.
        whole = np.concatenate([images, *[images[-1:]] * (size - count)]).astype(np.float32)
        yield [np.asarray(model.predict_on_batch(whole)[:count], np.float32) for model in models]


def of_part(
    model: keras.Model, part: Part, view: View, advance: console.Advance, note: str
) -> Iterator[NDArray[np.float32]]:
    """`outputs` for the examples of a part in their order, as `view` shows them; `advance` is told of each batch."""
    for (output,) in of_each([model], part, view, advance, note):
        yield output


def of_each(
    models: Sequence[keras.Model], part: Part, view: View, advance: console.Advance, note: str
) -> Iterator[list[NDArray[np.float32]]]:
    """As `of_part`, of several networks."""
    for said in outputs_of_each(models, pipeline.eval_batches(part, BATCH, 1, view)):
        advance(len(said[0]), note)
        yield said
