"""How far an epoch is: its time and rate, and what of it is shown."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augexp import console
from augexp.config.schema import Experiment
from augexp.runs import folder as run_folder

SHOW_SECONDS = 0.25


@dataclass
class Pace:
    """The time of one epoch, in this process and in an earlier one that began it."""

    batch_size: int
    earlier: float = 0.0  # seconds
    began: float = field(default_factory=time.perf_counter)
    steps: int = 0  # in this process
    first_step_ended: float = 0.0
    trained: float = 0.0  # when the last step was done

    def step(self) -> None:
        """One more step is done, or queued."""
        self.steps += 1
        if self.steps == 1:
            self.first_step_ended = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the epoch began, validation included."""
        return self.earlier + time.perf_counter() - self.began

    @property
    def images_per_second(self) -> float:
        """Of training; the first step, which may compile, isn't counted where there are others."""
        steps, since = self.steps, self.began
        if steps > 1:
            steps, since = steps - 1, self.first_step_ended
        return steps * self.batch_size / max(self.trained - since, 1e-9)


class Display:
    """The bar, moved on a few times a second, and the line after an epoch."""

    def __init__(self, experiment: Experiment, folder: Path, advance: console.Advance) -> None:
        self._experiment, self._folder, self._advance = experiment, folder, advance
        self._pending, self._shown = 0, time.perf_counter()

    def begin_epoch(self) -> None:
        """Starts to count anew."""
        self._pending, self._shown = 0, time.perf_counter()

    def step(self, epoch: int, loss: Callable[[], float], val_accuracy: float | None, *, first: bool) -> None:
        """One more step; `loss` is read a few times a second only, as reading it waits for the GPU.

        Args:
            epoch: from 1.
            loss: reads it.
            val_accuracy: of the epoch before, if there is one.
            first: of the epoch: it may have compiled, which is no part of any rate.
        """
        self._pending += 1
        now = time.perf_counter()
        if first:
            self._move("")
        elif now - self._shown >= SHOW_SECONDS:
            self._move(self._note(epoch, loss(), val_accuracy, now - self._shown))
        else:
            return
        self._shown = now

    def _note(self, epoch: int, loss: float, val_accuracy: float | None, seconds: float) -> str:
        train = self._experiment.train
        val = "" if val_accuracy is None else f"val {val_accuracy:.3f} "
        rate = self._pending * train.batch_size / seconds
        return f"epoch {epoch}/{train.epochs} loss {loss:.3f} {val}{rate:,.0f} images/s"

    def _move(self, note: str) -> None:
        self._advance(self._pending, note)
        self._pending = 0

    def end_epoch(self, row: Mapping[str, Any]) -> None:
        """The line of an epoch, on the screen and in the log of the run."""
        self._advance(self._pending)
        val = "val (= test)" if self._experiment.data.validation == "test" else "val"
        line = (
            f"epoch {row['epoch']}/{self._experiment.train.epochs}  loss {row['loss']:.3f}  {val} accuracy "
            f"{row['val_accuracy']:.4f}  {row['images_per_second']:,.0f} images/s  {row['seconds']:.1f} s"
        )
        console.say(line)
        run_folder.log(self._folder, line)
