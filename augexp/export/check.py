"""Does a file say what its run said? Asked before the file takes its place, in the runtime that it is for."""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augexp.data import decode, pipeline
from augexp.data.folder import of_files
from augexp.data.splits import Part
from augexp.errors import UserError
from augexp.export.formats import Answers
from augexp.metrics.scores import Floats, probabilities
from augexp.network import scoring
from augexp.network.trained import Trained
from augexp.runs import predictions
from augexp.runs.predictions import Unusable
from augexp.runs.read import Run

MOST = 256  # images
CONVERTED = 1e-3  # that the file may differ from the network in memory, in any probability
STORED = 1e-3  # that the network may differ from the predictions that the run left; they are rounded to float16
COARSE = 0.1  # the same on average, where they were computed in half precision (seen: 0.03), or on a GPU in TF32
READ = 0.05  # that the file may differ for a JPEG, of whose pixels some may be a grey level off
JPEGS = ((1.0, 1.3), (2.1, 2.9), (4.4, 4.1))  # width and height in sides of what they become


@dataclass(frozen=True)
class Deviation:
    """The largest difference between two probabilities of one class of one image.

    Attributes:
        images: that were compared.
        converted: file from network.
        stored: network, without a temperature, from the predictions that the run left.
        usual: the same, on average over images.
        exact: whether those predictions were made as the network makes them here.
        right: how many of the images the network is right on.
        was_right: how many it was right on by those predictions.
        jpeg: file from network for JPEGs, read by each in its way; None where the file takes none.
    """

    images: int
    converted: float
    stored: float
    usual: float
    exact: bool
    right: int
    was_right: int
    jpeg: float | None = None


def is_exact(run: Run) -> bool:
    """Whether a run computed as its network does here, in float32 on a CPU, but for the last digits."""
    environment = run.environment
    return environment.precision == "float32" and (environment.device or "").startswith("CPU")


class Network:
    """The network of a run in memory, and what it said of val when it was trained.

    Args:
        run: as it was found.
        opened: its network, in float32.
        val: of its data.

    Raises:
        UserError: if its predictions of val are missing, damaged, or of other images.
    """

    def __init__(self, run: Run, opened: Trained, val: Part) -> None:
        self.run, self.opened = run, opened
        self.view = pipeline.centre(opened.experiment.data.as_evaluated.image_size)
        stored = _stored(run, val)
        rows = np.unique(np.linspace(0, len(val) - 1, min(len(val), MOST)).astype(np.int64))
        self.part = replace(val, rows=val.rows[rows], labels=val.labels[rows], ids=[val.ids[row] for row in rows])
        self.said = np.stack([stored[id_] for id_ in self.part.ids])

    def images(self) -> Iterator[NDArray[np.float32]]:
        """(B, S, S, 3) in [0, 255], batch after batch."""
        for images, _ in pipeline.eval_batches(self.part, scoring.BATCH, 1, self.view).as_numpy_iterator():
            yield images.astype(np.float32)

    def logits(self, images: NDArray[np.float32]) -> Floats:
        """(B, K)."""
        return np.asarray(self.opened.network.model.predict_on_batch(images), np.float32)


def compare(network: Network, answers: Answers, temperature: float) -> Deviation:
    """Asks both of the same images.

    Raises:
        UserError: if either deviates by more than its tolerance.
    """
    converted, plain = [], []
    for images in network.images():
        logits = network.logits(images)
        converted.append(_apart(answers(images), probabilities(logits, temperature)))
        plain.append(probabilities(logits))
    said = np.concatenate(plain)
    stored = _apart(said, network.said)
    found = Deviation(
        images=len(stored),
        converted=float(np.concatenate(converted).max()),
        stored=float(stored.max()),
        usual=float(stored.mean()),
        exact=is_exact(network.run),
        right=_right(said, network.part),
        was_right=_right(network.said, network.part),
    )
    _refuse(network, found)
    return found


def compare_jpeg(network: Network, answers: Callable[[Sequence[bytes]], Floats], temperature: float) -> float:
    """How far apart the probabilities are where a file reads JPEGs itself; they are made of images of val.

    Raises:
        UserError: if they deviate by more than `READ`.
    """
    files = _jpegs(next(network.images()), network.opened.experiment.data.as_evaluated.decoded_size)
    found = float(_apart(answers(files), probabilities(network.logits(_read(network, files)), temperature)).max())
    if not found <= READ:
        raise UserError(
            f"{network.run.path}: not exported: of JPEGs that the file reads itself its probabilities are up to "
            f"{found:.2g} from those of augexp's own decoder; at most {READ:g} is allowed"
        )
    return found


def _refuse(network: Network, found: Deviation) -> None:
    folder, images = network.run.path, f"{found.images} validation images"
    if not (found.stored <= STORED if found.exact else found.usual <= COARSE):
        raise UserError(
            f"{folder}: not exported: on {images} the probabilities of its weights are up to {found.stored:.2g} from "
            f"those that it stored when it was trained, {found.usual:.2g} on average; {allowed(found)} is allowed. Its "
            "weights, data or settings are not those of its predictions, or its network computes otherwise in this "
            "version"
        )
    if not found.converted <= CONVERTED:
        raise UserError(
            f"{folder}: not exported: on {images} the probabilities of the file are up to {found.converted:.2g} from "
            f"those of the network that it was made of; at most {CONVERTED:g} is allowed. Try another format"
        )


def _stored(run: Run, val: Part) -> dict[str, NDArray[np.float32]]:
    """What a run said of val, by the ids of the images."""
    try:
        ids, _, shares = predictions.stored(run, "val")
    except Unusable as error:
        raise UserError(f"{run.path}: {error}; an export is checked against it: bring back the file") from None
    found = dict(zip(ids.tolist(), shares.astype(np.float32), strict=True))
    if set(val.ids) - found.keys():
        raise UserError(f"{run.path}: predictions-val.npz is of other images than its data holds now")
    return found


def allowed(found: Deviation) -> str:
    """How far the network may be from what the run stored, in words."""
    return f"at most {STORED:g}" if found.exact else f"an average of {COARSE:g}"


def _right(shares: Floats, part: Part) -> int:
    return int((shares.argmax(axis=1) == part.labels).sum())


def _apart(one: Floats, other: Floats) -> Floats:
    """The largest difference of each image, (N,); NaN, which is greater than any number, where there is none."""
    if one.shape != other.shape:
        return np.full(len(other), np.nan, np.float32)
    return np.asarray(np.abs(one - other).max(axis=1), np.float32)


def _jpegs(images: NDArray[np.float32], size: int) -> list[bytes]:
    """JPEG files of eight images, of every orientation and several sizes."""
    made = []
    for number, image in enumerate(np.resize(images, (8, *images.shape[1:])).astype(np.uint8)):
        wide, high = JPEGS[number % len(JPEGS)]
        exif = Image.Exif()
        exif[0x0112] = number + 1
        file = io.BytesIO()
        scaled = Image.fromarray(image).resize((round(size * wide), round(size * high)), Image.Resampling.BICUBIC)
        scaled.save(file, "JPEG", quality=90, exif=exif)
        made.append(file.getvalue())
    return made


def _read(network: Network, contents: Sequence[bytes]) -> NDArray[np.float32]:
    """The same files as `augexp predict` reads them: (N, S, S, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        (chunk,) = decode.decode(of_files(paths), network.opened.experiment.data.as_evaluated, network.opened.grey)
        return np.asarray(network.view(chunk.images, chunk.indices), np.float32)
