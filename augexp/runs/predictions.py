"""Stored predictions: written after training; of finished runs, who was right on which test example, in one order."""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Score
from augexp.errors import counted
from augexp.files import replacing
from augexp.runs import contents
from augexp.runs.read import Run
from augexp.runs.records import BrokenRun, Split


def path_of(folder: Path, split: Split, kind: Score | None = None) -> Path:
    """Where the predictions of a split lie: those of the weights that are scored, or else of which kind of weights."""
    return folder / f"predictions-{split}{'' if kind is None else f'-{kind}'}.npz"


def write(path: Path, ids: Sequence[str], labels: NDArray[np.int32], probability: NDArray[np.float32]) -> None:
    """Stores ids (N,), labels (N,) int32 and probabilities (N, K) as float16."""
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            id=np.asarray(ids, np.str_),
            label=labels.astype(np.int32),
            probability=probability.astype(np.float16),
        )


NEEDED = ("id", "label", "probability")


class Unusable(Exception):  # noqa: N818 - it names what was found
    """Predictions that are missing, cut off or not those of the run; the message says which and why."""


@dataclass(frozen=True)
class Predictions:
    """What a run said of a split, examples ordered by id.

    Attributes:
        ids: (N,) str.
        labels: (N,) the true classes.
        said: (N,) the most probable classes.
        classes: how many there are.
        digest: of all probabilities; equal for no two networks.
    """

    ids: NDArray[np.str_]
    labels: NDArray[np.int32]
    said: NDArray[np.int32]
    classes: int
    digest: str = ""

    @property
    def correct(self) -> NDArray[np.float32]:
        """(N,) 1 where the most probable class is the true one, else 0."""
        return np.asarray(self.said == self.labels, np.float32)

    @property
    def is_constant(self) -> bool:
        """Whether the network names one class for every example."""
        return self.classes > 1 and len(self.said) > 1 and bool((self.said == self.said[0]).all())

    @cached_property
    def test_set(self) -> str:
        """Equal for two runs if they have the same examples with the same labels, among as many classes."""
        digest = hashlib.blake2b("\n".join(self.ids.tolist()).encode("utf-8", "surrogatepass"))
        digest.update(self.labels.tobytes() + str(self.classes).encode())
        return digest.hexdigest()


def read(run: Run, split: Split = "test") -> Predictions:
    """Reads `predictions-test.npz` of a run, or that of val.

    Raises:
        Unusable: as `stored` does.
    """
    ids, labels, probability = stored(run, split)
    order = np.argsort(ids, kind="stable")
    # float16 is compared in software, several times slower.
    said = probability.astype(np.float32).argmax(axis=1).astype(np.int32)
    digest = hashlib.blake2b(probability[order].tobytes()).hexdigest()
    return Predictions(ids[order], labels[order].astype(np.int32), said[order], probability.shape[1], digest)


def stored(run: Run, split: Split) -> tuple[NDArray[np.str_], NDArray[Any], NDArray[Any]]:
    """Ids (N,), labels (N,) and probabilities (N, K), float16, as a run left them, in the order of the file.

    Raises:
        Unusable: if they are missing, cut off, not what the run left, no numbers, or don't fit the run's result.
    """
    path = path_of(run.path, split)
    try:
        contents.refuse_changed(path, run.result.digests)
        found = contents.arrays(path)
        ids, labels, probability = (found[name] for name in NEEDED)
    except BrokenRun as error:
        raise Unusable(str(error)) from None
    except KeyError as error:
        raise Unusable(f"{path.name} is foreign (no {error.args[0]})") from None
    _check(path, run.result.of(split).examples, ids, labels, probability)
    return ids, labels, probability


def _check(
    path: Path, examples: int | None, ids: NDArray[Any], labels: NDArray[Any], probability: NDArray[Any]
) -> None:
    if ids.ndim != 1 or ids.dtype.kind != "U" or labels.shape != ids.shape or labels.dtype.kind not in "iu":
        raise Unusable(f"{path.name} holds no ids and labels")
    if probability.ndim != 2 or probability.dtype.kind != "f" or len(probability) != len(ids) or not len(ids):
        raise Unusable(f"{path.name} holds {probability.shape} probabilities for {ids.shape} examples")
    if not np.isfinite(probability).all():
        raise Unusable(f"{path.name} holds probabilities that are not finite")
    if labels.min() < 0 or labels.max() >= probability.shape[1]:
        raise Unusable(f"{path.name} has the label {labels.max()} and probabilities of {probability.shape[1]} classes")
    if examples != len(ids):
        raise Unusable(f"{path.name} holds {counted(len(ids), 'example')}, result.json says {examples}")


def read_all(runs: Iterable[Run], split: Split = "test") -> dict[Path, Predictions | Unusable]:
    """Predictions of every run by its folder, or why there are none."""
    listed = list(runs)
    with ThreadPoolExecutor() as pool:  # unpacking leaves other threads free
        read = pool.map(lambda run: _attempt(run, split), listed)
        return dict(zip((run.path for run in listed), read, strict=True))


def _attempt(run: Run, split: Split) -> Predictions | Unusable:
    try:
        return read(run, split)
    except Unusable as reason:
        return reason
