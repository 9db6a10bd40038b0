"""What limits a run: its input path, or its network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from augexp.runs.read import Column
from augexp.runs.records import MOST

# Of `history.csv` and `result.json`; earlier versions have none of them.
COLUMNS = ("input_images_per_second", "network_images_per_second", "waiting")
NEARLY = 0.8  # of the input path's rate: training as fast as this has little else to wait for


@dataclass(frozen=True)
class Limit:
    """How fast the two halves of a run are.

    Attributes:
        input: images/s of the input path alone, from the decoded images to the batch.
        network: images/s of training, without the time in which it waited for input where that is known.
        waiting: share of the time of training spent waiting for input, in [0, 1]; None where it can't be told.
    """

    input: float
    network: float
    waiting: float | None = None

    @property
    def is_input(self) -> bool:
        """Whether the input path is the slower half."""
        return self.input < self.network if self.waiting is not None else NEARLY * self.input < self.network

    @property
    def name(self) -> str:
        """`input` or `network`."""
        return "input" if self.is_input else "network"

    @property
    def row(self) -> dict[str, float | None]:
        """The numbers by their `COLUMNS`."""
        waiting = None if self.waiting is None else round(self.waiting, 4)
        return dict(zip(COLUMNS, (round(self.input, 1), round(self.network, 1), waiting), strict=True))


def of_row(row: Mapping[str, float | None]) -> Limit | None:
    """What a row of `history.csv`, or `result.json`, says; None where it says nothing."""
    alone, network, waiting = (row.get(name) for name in COLUMNS)
    known = [number is not None and 0 <= number <= MOST for number in (alone, network, waiting)]
    return Limit(alone, network, waiting if known[2] else None) if all(known[:2]) else None  # type: ignore[arg-type]


def of_epochs(history: Mapping[str, Column]) -> Limit | None:
    """Medians over the epochs that say something; None where none does."""
    told = {name: history[name][np.isfinite(history[name])] for name in COLUMNS if name in history}
    return of_row({name: float(np.median(column)) for name, column in told.items() if len(column)})


def remedies(ops: str = "other ops") -> str:
    """What makes an input path faster; `ops` is empty where there are none."""
    return f"more processor cores, {f'{ops}, ' if ops else ''}or a smaller data.image_size would help"


def sentence(limit: Limit) -> str:
    """`input path 9,100 images/s, network 320: the network is the limit`."""
    return f"input path {limit.input:,.0f} images/s, network {limit.network:,.0f}: the {limit.name} is the limit"
