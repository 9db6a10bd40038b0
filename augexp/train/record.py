"""What a run must not lose, written while it trains: history, checkpoints, weights; and a loss that explodes."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from augexp import console, files
from augexp.config.schema import Score
from augexp.errors import UserError
from augexp.network import model
from augexp.runs import checkpoint, limit
from augexp.runs import folder as run_folder
from augexp.runs.checkpoint import Checkpoint, Progress
from augexp.train import optimizer, stopping
from augexp.train.limit import Waiting
from augexp.train.progress import Display, Pace
from augexp.train.task import Phase, Task, origin, phases
from augexp.train.trackers import Trackers

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
COLUMNS = ("epoch", *METRICS, "learning_rate", "seconds", "images_per_second")  # of `history.csv`, those of numbers


class Record(keras.callbacks.Callback):  # type: ignore[misc]
    """Follows `fit` through all phases of a run; `phase` is set before each.

    After an epoch come the history row, then the checkpoint, then the best weights, and in the end the last ones: a
    kill between any two is mended when the run goes on. Validation and these weights are of the averages, where
    `train.ema` asks for them; the checkpoint has the weights that are trained, and the averages beside them.
    """

    phase: Phase

    def __init__(
        self, task: Task, folder: Path, reached: Progress, advance: console.Advance,
        started: float, resumed: Checkpoint | None, trackers: Trackers,
    ) -> None:  # fmt: skip
        """Args are those of `fit`; `started` is when the run would have begun if it had never been interrupted."""
        super().__init__()
        self.task, self.folder, self.reached, self.started = task, folder, reached, started
        self.step = resumed.step if resumed else 0
        # Loss and accuracy of an epoch are running sums: those of an epoch that was begun are taken up again.
        self.running = resumed.arrays["metrics"] if resumed and self.step % task.steps else None
        self.trackers = trackers
        self.display = Display(task.experiment, folder, advance)
        self.epoch = 0
        self.loss: Any = math.nan  # of the last step, perhaps still being computed
        self.pace = Pace(task.experiment.train.batch_size)
        self.waiting = Waiting(task)
        self.told: Phase | None = None  # whose limit was said
        self.validation = ExitStack()
        self.is_over = resumed is not None and stopping.is_over(task.experiment, folder)  # by early stopping

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.epoch = epoch + 1
        self.pace = Pace(self.task.experiment.train.batch_size, earlier=self.reached.epoch_seconds)
        self.reached.epoch_seconds = 0.0
        self.display.begin_epoch()
        if self.running:
            assign(self.model.metrics_variables, self.running)
            self.running = None

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.loss = logs["loss"]
        self.step += 1
        self.pace.step()
        self.waiting.stepped()
        self.display.step(self.epoch, self._read_loss, self.reached.val_accuracy, first=self.pace.steps == 1)
        if self.waiting.is_due(self.pace.steps):
            self._read_loss()
        if self._is_checkpoint_due():
            self._read_loss()
            self._save_checkpoint()

    def _read_loss(self) -> float:
        """Of the last step, when the device is done with it."""
        value = self._finite(self.loss)
        self.waiting.idle()
        return value

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        # Steps may still be queued on a GPU; reading the loss waits for them.
        self._finite(self.loss)
        self.pace.trained = time.perf_counter()
        self.validation.enter_context(optimizer.averaged(self.model))

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002
        self.validation.close()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any]) -> None:  # noqa: ARG002
        row = self._row({name: float(value) for name, value in logs.items()})
        self._finite(row["loss"])
        run_folder.append_history(self.folder, row)
        better = self._reach(row)
        self._save_checkpoint()
        if better:
            save_weights(self.task, self.folder, "best")
        self.is_over = stopping.is_over(self.task.experiment, self.folder)
        if self.is_over or self.step == self.task.total_steps:
            save_weights(self.task, self.folder, "last")
        self.trackers.add(row)
        self.display.end_epoch(row)
        self._tell_limit(row)
        if self.is_over and (rule := self.task.experiment.train.early_stopping):
            self.model.stop_training = True
            console.say(stopping.in_words(rule, self.epoch))

    def _tell_limit(self, row: Mapping[str, Any]) -> None:
        """Says, once a phase, what limits it."""
        found = limit.of_row(row)
        if found is None or self.phase == self.told:
            return
        self.told = self.phase
        several = len(phases(self.task.experiment)) > 1
        line = (f"{self.phase.name} epochs: " if several else "") + self.waiting.line(found)
        console.say(line)
        run_folder.log(self.folder, line)

    def _reach(self, row: Mapping[str, Any]) -> bool:
        """Takes down what an epoch has reached; whether it is the best so far."""
        val_accuracy = float(row["val_accuracy"])
        self.reached.rates.append(float(row["images_per_second"]))
        self.reached.val_accuracy = val_accuracy
        if val_accuracy <= self.reached.best_accuracy:
            return False
        self.reached.best_accuracy, self.reached.best_epoch = val_accuracy, self.epoch
        return True

    def _row(self, logs: Mapping[str, float]) -> dict[str, Any]:
        """The epoch's row of `history.csv`."""
        last_step = self.task.steps * self.epoch - 1
        rate = optimizer.schedule(self.task.experiment.train, self.task.total_steps)(last_step)
        images_per_second = self.pace.images_per_second
        found = self.waiting.limit(images_per_second)
        return {
            "epoch": self.epoch,
            "phase": self.phase.name,
            **{name: round(logs[name], 6) for name in METRICS},
            "learning_rate": float(f"{float(rate):.6g}"),
            "seconds": round(self.pace.seconds, 3),
            "images_per_second": round(images_per_second, 1),
            **(dict.fromkeys(limit.COLUMNS) if found is None else found.row),
        }

    def _is_checkpoint_due(self) -> bool:
        every = self.task.experiment.train.checkpoint_steps
        # The last step of an epoch has its checkpoint after validation.
        return every is not None and self.step % every == 0 and self.step % self.task.steps != 0

    def _save_checkpoint(self) -> None:
        self.reached.seconds = time.perf_counter() - self.started
        within = self.step % self.task.steps != 0
        reached = replace(self.reached, epoch_seconds=self.pace.seconds if within else 0.0)
        # Asking Keras for its model mid-epoch brings JAX's state home.
        network = self.model
        parts = {"model": network.variables, "optimizer": network.optimizer.variables}
        if within:
            parts["metrics"] = network.metrics_variables
        arrays = {
            part: [keras.ops.convert_to_numpy(variable) for variable in variables] for part, variables in parts.items()
        }
        checkpoint.save(self.folder, Checkpoint(origin(self.task), self.step, self.phase.name, reached, arrays))

    def _finite(self, loss: Any) -> float:
        value = float(loss)
        if math.isfinite(value):
            return value
        raise UserError(
            f"{self.folder}: the loss is {value} in epoch {self.epoch} with train.learning_rate "
            f"{self.task.experiment.train.learning_rate:g}; try a lower one, train.warmup_epochs=1, or "
            "train.precision=float32"
        )


def assign(variables: Sequence[keras.Variable], arrays: Sequence[Any]) -> None:
    """Sets variables to the arrays of a checkpoint, in their order. Raises UserError if they are of another network."""
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in arrays]:
        raise UserError(
            "the arrays of the checkpoint don't fit the network that config.yaml asks for; start the run over without "
            "--resume"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def save_weights(task: Task, folder: Path, kind: Score) -> None:
    """Replaces the best or last weights of a run by those of the network as it is, or by their averages."""
    with files.replacing(run_folder.weights_path(folder, kind)) as temporary, optimizer.averaged(task.network.model):
        model.save_weights(task.network, temporary)
