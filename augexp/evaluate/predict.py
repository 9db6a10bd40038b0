"""Image files -> classes, by a trained run; so that a run is of use after the study."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp import console, files, tables
from augexp.data import decode, digits, pipeline
from augexp.data.folder import of_files
from augexp.errors import printable
from augexp.metrics.scores import probabilities
from augexp.network.trained import Trained

OTHERWISE = (
    "it was trained by an augexp with another decoder: {} are read otherwise now; if it was trained on such, train it "
    "again"
)
CHANGED = {2: "deep grey with missing data (GDAL), and PNGs of 2, 4 or 16 bits with a transparent colour,"}
CHANGED_BEFORE = "images that EXIF turns, transparent ones, and grey of more than 8 bits"


@dataclass(frozen=True)
class Answer:
    """What a run says of one file: its most probable classes, first first; or why the file can't be read."""

    file: Path
    classes: tuple[tuple[str, float], ...] = ()  # name, probability
    error: str = ""


def answers(run: Trained, files: Sequence[Path], top: int) -> list[Answer]:
    """The most probable classes of each file, in the order of the files; images are read a batch at a time."""
    if run.decoder != decode.VERSION and run.experiment.data.source != digits.NAME:
        changed = CHANGED.get(run.decoder or 1, CHANGED_BEFORE)
        console.say(f"{run.folder}: {OTHERWISE.format(changed)}")
    found: dict[int, Answer] = {}
    with console.progress("predicting", len(files)) as advance:
        for indices, images in _images(files, run):
            if isinstance(images, str):
                found[indices[0]] = Answer(files[indices[0]], error=images)
            else:
                probability = probabilities(run.network.model.predict_on_batch(images))
                for index, row in zip(indices, probability, strict=True):
                    if np.isfinite(row).all():
                        found[index] = Answer(files[index], _best(row, run.class_names, top))
                    else:
                        found[index] = Answer(files[index], error="the network says no numbers of it")
            advance(len(indices))
    return [found[index] for index in range(len(files))]


def csv_text(answers: Sequence[Answer]) -> str:
    """A row a file: its name, then its classes with their probabilities; empty cells where it can't be read."""
    text = io.StringIO()
    top = max([1, *(len(answer.classes) for answer in answers)])
    writer = csv.writer(text, lineterminator="\n")
    numbers = [""] if top == 1 else [f"_{place}" for place in range(1, top + 1)]
    writer.writerow(["file", *(f"{name}{number}" for number in numbers for name in ("class", "probability"))])
    for answer in answers:
        cells = [one for name, probability in answer.classes for one in (tables.cell(name), f"{probability:.6f}")]
        writer.writerow([tables.cell(str(answer.file)), *cells, *[""] * (2 * top - len(cells))])
    return text.getvalue()


def json_text(answers: Sequence[Answer]) -> str:
    """A list with an object a file: `file`, and `classes` with names and probabilities, or `error`."""
    rows = [
        {"file": printable(str(answer.file))}
        | (
            {"error": printable(answer.error)}
            if answer.error
            else {
                "classes": [{"name": printable(name), "probability": round(share, 6)} for name, share in answer.classes]
            }
        )
        for answer in answers
    ]
    return files.json_text(rows)


def _best(probability: NDArray[np.float32], names: Sequence[str], top: int) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-probability, kind="stable")[:top]
    return tuple((names[i], float(probability[i])) for i in order)


def _images(files: Sequence[Path], run: Trained) -> Iterator[tuple[list[int], NDArray[np.uint8] | str]]:
    """Numbers of files and their images (n, S, S, 3), decoded as for training; or one number and what is wrong."""
    data = run.experiment.data.as_evaluated
    middle = pipeline.centre(data.image_size)
    missing = np.ones(len(files), bool)
    for chunk in decode.decode(of_files(files), data, run.grey):
        missing[[*chunk.indices.tolist(), *chunk.bad]] = False
        if len(chunk.indices):
            images = middle(tf.convert_to_tensor(chunk.images), tf.convert_to_tensor(chunk.indices)).numpy()
            yield chunk.indices.tolist(), images
        for index, reason in chunk.bad.items():
            yield [index], reason
    for index in np.flatnonzero(missing).tolist():
        yield [index], "can't be read"
