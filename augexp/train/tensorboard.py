"""TensorBoard event files of a run: the numbers of `history.csv`, an event an epoch; TensorBoard isn't needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

# How TensorBoard knows a number that is drawn as a curve.
SCALAR = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"})


class Events:
    """Appends epochs to a new event file in a run folder, in place of those of an earlier process."""

    def __init__(self, folder: Path) -> None:
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._writer = tf.summary.create_file_writer(str(folder))

    def add(self, row: Mapping[str, Any]) -> None:
        """One epoch: every number of its history row; text and what isn't known are left out."""
        with self._writer.as_default(), tf.device("CPU:0"):
            for name, value in row.items():
                if name != "epoch" and not isinstance(value, str | None):
                    tf.summary.write(name, tf.constant(value, tf.float32), step=int(row["epoch"]), metadata=SCALAR)
        self._writer.flush()
