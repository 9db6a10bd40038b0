"""Image files -> classes, by a trained run; so that a run is of use after the study."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp import console
from augexp.config.schema import Data
from augexp.data import pipeline
from augexp.data.decode import decode, rescue
from augexp.data.folder import of_files
from augexp.errors import printable
from augexp.metrics.scores import probabilities
from augexp.network.trained import Trained


@dataclass(frozen=True)
class Answer:
    """What a run says of one file: its most probable classes, first first; or why the file can't be read."""

    file: Path
    classes: tuple[tuple[str, float], ...] = ()  # name, probability
    error: str = ""


def answers(run: Trained, files: Sequence[Path], top: int) -> list[Answer]:
    """The most probable classes of each file, in the order of the files; images are read a batch at a time."""
    found: dict[int, Answer] = {}
    with console.progress("predicting", len(files)) as advance:
        for indices, images in _images(files, run.experiment.data):
            if isinstance(images, str):
                found[indices[0]] = Answer(files[indices[0]], error=images)
            else:
                probability = probabilities(run.network.model.predict_on_batch(images))
                for index, row in zip(indices, probability, strict=True):
                    found[index] = Answer(files[index], _best(row, run.class_names, top))
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
        cells = [cell for name, probability in answer.classes for cell in (name, f"{probability:.6f}")]
        writer.writerow([printable(str(answer.file)), *cells, *[""] * (2 * top - len(cells))])
    return text.getvalue()


def json_text(answers: Sequence[Answer]) -> str:
    """A list with an object a file: `file`, and `classes` with names and probabilities, or `error`."""
    rows = [
        {"file": printable(str(answer.file))}
        | (
            {"error": answer.error}
            if answer.error
            else {"classes": [{"name": name, "probability": round(share, 6)} for name, share in answer.classes]}
        )
        for answer in answers
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _best(probability: NDArray[np.float32], names: Sequence[str], top: int) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-probability, kind="stable")[:top]
    return tuple((names[i], float(probability[i])) for i in order)


def _images(files: Sequence[Path], data: Data) -> Iterator[tuple[list[int], NDArray[np.uint8] | str]]:
    """Numbers of files and their images (n, S, S, 3), decoded as for training; or one number and what is wrong."""
    examples = of_files(files)
    middle = pipeline.centre(data.image_size)
    missing = np.ones(len(files), bool)
    rescued: list[tuple[list[int], NDArray[np.uint8] | str]] = []

    def shown(indices: NDArray[np.int64], decoded: NDArray[np.uint8]) -> tuple[list[int], NDArray[np.uint8]]:
        missing[indices] = False
        return indices.tolist(), middle(tf.convert_to_tensor(decoded), tf.convert_to_tensor(indices)).numpy()

    for indices, decoded in decode(examples, data):
        yield shown(indices, decoded)
    append = lambda indices, decoded: rescued.append(shown(indices, decoded))  # noqa: E731
    reasons = rescue(examples, data, missing.copy(), append)
    yield from rescued
    for index in np.flatnonzero(missing).tolist():
        yield [index], reasons.get(index, "can't be read")
