"""What limits a run while it trains: its input path, timed alone before the first epoch, and how long steps wait.

A step's wait for input tells something only where the device had nothing left to do when the batch was asked for: on a
GPU steps are queued far ahead of those that are done. So waits are taken after a loss was read, which waits for the
device: a few times a second as it is shown, and some steps in the middle of the first epoch.
"""

import time

import tensorflow as tf

from augexp.data.pipeline import as_it_is
from augexp.network import parallel
from augexp.runs.limit import Limit, remedies, sentence
from augexp.train.task import Phase, Task

MOST_BATCHES, MOST_SECONDS = 300, 1.0  # of an input path alone
SHARE = 20  # one in so many of the batches that a run still needs is enough
LEAST_SECONDS = 0.05  # which tells something all the same
SAMPLES = 8  # steps whose loss is read for the sake of their wait
MOST_WAITING = 0.95  # of the time: what is left beyond tells nothing of the network


def rate(batches: tf.data.Dataset, batch_size: int, enough: int) -> float | None:
    """Images a second of an input path alone; None if it ends before that can be told.

    Args:
        batches: of which some are made, and thrown away.
        batch_size: of each.
        enough: how many are made where they take `LEAST_SECONDS`; never more than `MOST_BATCHES` or `MOST_SECONDS`.
    """
    arrivals = []
    with tf.device("CPU:0"):
        for _ in batches:
            arrivals.append(time.perf_counter())
            spent = arrivals[-1] - arrivals[0]
            told = len(arrivals) > enough and spent >= LEAST_SECONDS
            if told or len(arrivals) >= MOST_BATCHES or spent >= MOST_SECONDS:
                break
    # The first ones were made while the first of all was waited for.
    steady = arrivals[len(arrivals) // 4 :]
    return (len(steady) - 1) * batch_size / max(steady[-1] - steady[0], 1e-9) if len(steady) > 1 else None


def timed(batches: tf.data.Dataset) -> tuple[tf.data.Dataset, tf.Variable]:
    """The same batches, and the seconds that whoever takes them has waited for them so far."""
    with tf.device("CPU:0"):
        waited = tf.Variable(0.0, dtype=tf.float64)

    def told(asked: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        waited.assign_add(tf.timestamp() - asked)
        return batch

    asked = tf.data.Dataset.counter().map(as_it_is(lambda _: tf.timestamp()))
    options = tf.data.Options()
    # A thread that asks ahead would wait, and not the step.
    options.experimental_optimization.inject_prefetch = False
    return tf.data.Dataset.zip((asked, batches)).map(as_it_is(told)).with_options(options), waited


class Waiting:
    """The input path of a run through its phases: its rate alone, and the waits of steps."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._alone: dict[bool, float | None] = {}  # by whether batches are augmented
        self._phase: Phase | None = None
        self._waited: tf.Variable | None = None
        self._idle_since: float | None = None  # what had been waited when the device had nothing left to do
        self._sum, self._count = 0.0, 0

    def watched(self, batches: tf.data.Dataset, phase: Phase, steps_left: int) -> tf.data.Dataset:
        """The same batches for a phase, after the input path that makes them was timed alone."""
        train = self._task.experiment.train
        if phase != self._phase:
            self._phase, self._sum, self._count = phase, 0.0, 0
        if self._alone.get(phase.augmented) is None:
            self._alone[phase.augmented] = rate(batches, train.batch_size, steps_left // SHARE)
        self._idle_since = None
        # What is made for several devices is asked for ahead, and deterministic ops must not know the time.
        if train.deterministic or len(parallel.names(train.devices)) > 1:
            return batches
        batches, self._waited = timed(batches)
        return batches

    def is_due(self, step: int) -> bool:
        """Whether to read the loss after a step of the epoch: in its middle, what was made beforehand is used up."""
        return self._waited is not None and self._count < SAMPLES and step >= self._task.steps // 2

    def idle(self) -> None:
        """The device has nothing left to do."""
        if self._waited is not None:
            self._idle_since = float(self._waited.numpy())

    def stepped(self) -> None:
        """A step is done, or queued."""
        if self._waited is not None and self._idle_since is not None:
            self._sum += float(self._waited.numpy()) - self._idle_since
            self._count += 1
        self._idle_since = None

    def limit(self, images_per_second: float) -> Limit | None:
        """What limits a phase that trains at this rate; None where the input path alone isn't known."""
        alone = self._alone.get(self._phase.augmented) if self._phase else None
        if alone is None:
            return None
        if not self._count:
            return Limit(alone, images_per_second)
        step = self._task.experiment.train.batch_size / images_per_second
        waiting = min(self._sum / self._count / step, MOST_WAITING)
        return Limit(alone, images_per_second / (1 - waiting), waiting)

    def line(self, found: Limit) -> str:
        """What is said of a phase: on a GPU how long it waits, and what makes a slow input path faster."""
        gpu = self._task.device.kind == "gpu" and found.waiting is not None
        said = sentence(found) + (f"; {found.waiting:.0%} of the time is spent waiting for input" if gpu else "")
        return said + (f"; {remedies(self._other_ops())}" if found.is_input else "")

    def _other_ops(self) -> str:
        augmented = self._phase is not None and self._phase.augmented
        ops = ", ".join(op.name for op in self._task.experiment.strategy) if augmented else ""
        return f"other ops than {ops}" if ops else ""
