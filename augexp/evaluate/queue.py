"""Runs that one command evaluates in turn, some of them opened before their turn: what they are shown is made once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from augexp.data.splits import division
from augexp.errors import UserError
from augexp.network import trained
from augexp.network.trained import Trained

MOST_WEIGHTS = 2 * 2**30  # bytes, of all networks that are open at once


class Queue:
    """The runs of one command that are still to be evaluated.

    Args:
        folders: in their order.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._later = list(dict.fromkeys(folders))
        self._opened: dict[Path, Trained] = {}

    def open(self, folder: Path) -> Trained:
        """The run whose turn it is. Raises UserError as `trained.load` does."""
        if folder in self._later:
            self._later.remove(folder)
        return self._opened.pop(folder, None) or trained.load(folder)

    def alike(self, run: Trained) -> Iterator[Trained]:
        """The later runs that are evaluated on the same images, while all their weights take `MOST_WEIGHTS` at most."""
        room = MOST_WEIGHTS - _weights(run)
        for folder in self._later:
            try:
                other = self._opened[folder] = self._opened.get(folder) or trained.load(folder)
            except UserError:  # said in its turn
                continue
            room -= _weights(other)
            if room < 0:
                return
            if _data(other) == _data(run):
                yield other


def _weights(run: Trained) -> int:
    """Bytes, of float32 in every precision."""
    return 4 * int(run.network.model.count_params())


def _data(run: Trained) -> tuple[object, ...]:
    """What decides the images that a run is evaluated on; a run that doesn't say is alone."""
    settings = run.experiment
    seen = run.fingerprint or str(run.folder)
    return seen, settings.data, division(settings.data, settings.seed), run.decoder, run.grey
