"""Many experiments, each as a run of its own: finished ones are skipped, unfinished ones resumed, failures borne."""

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from augexp import console
from augexp.config import partners, targets, trackers
from augexp.config.ops import OwnOp
from augexp.config.schema import Experiment
from augexp.errors import UserError, as_typed, counted
from augexp.network import device
from augexp.runs import checkpoint, status
from augexp.runs import folder as run_folder
from augexp.runs.records import BrokenRun
from augexp.runs.status import Standing
from augexp.study import watch

POLL_SECONDS = 0.2

Item = TypeVar("Item")


class Running(Protocol):
    """A run that was started somewhere."""

    def poll(self) -> str | None:
        """None while it runs; then why it failed, or nothing."""

    def end(self) -> None:
        """Asks it to end, so that it can be resumed."""

    def stop(self) -> None:
        """Waits until it has ended, and makes it where it doesn't."""


class Pool(Protocol):
    """Where runs are trained."""

    places: int  # runs at once

    def start(self, experiment: Experiment) -> Any:
        """Starts a run, in a place that is free."""

    def release(self, ended: Any) -> None:
        """Makes the place of a run that has ended free."""


def stand(experiment: Experiment) -> Standing:
    """How the run of an experiment stands now."""
    try:
        found = status.of(experiment.run_dir)
    except BrokenRun:  # the folder is just being made
        found = Standing(experiment.run_dir, "waiting")
    return replace(found, epochs=experiment.train.epochs)


def due(experiments: Sequence[Experiment], *, retry: bool = False) -> list[Experiment]:
    """The experiments that still have to be trained; a failed one only with `retry`.

    Raises:
        UserError: if a run folder holds the run of another configuration, or a run would mix without partners or
            train targets that its loss doesn't fit, a line each.
    """
    _each(experiments, lambda experiment: checkpoint.refuse_other_config(experiment.run_dir, experiment))
    done = ("finished",) if retry else ("finished", "failed")
    todo = [experiment for experiment in experiments if stand(experiment).state not in done]
    _each(todo, partners.refuse_alone)
    _each(todo, targets.refuse_unfit)
    _each(todo, trackers.refuse_missing)
    return todo


def _each(items: Sequence[Item], check: Callable[[Item], None]) -> None:
    """Raises UserError with all the mistakes that a check finds, a line each."""
    mistakes = []
    for item in items:
        try:
            check(item)
        except UserError as error:
            mistakes += error.lines
    if mistakes:
        raise UserError(*dict.fromkeys(mistakes))


def _refuse_unfit(experiments: Sequence[Experiment]) -> None:
    """Raises UserError where a network would see next to nothing; loads TensorFlow only where that may be."""
    unusual = [one for one in experiments if one.model != one.model.with_usual_input]
    if not unusual:
        return
    device.load_for_cpu()
    from augexp.network import inputs

    kinds = {(one.model.model_dump_json(), one.data.image_size): one for one in unusual}
    _each(list(kinds.values()), lambda one: inputs.refuse_unfit(one.model, one.data.image_size))


def _prove_own(experiments: Sequence[Experiment]) -> None:
    """Raises UserError where an own op isn't what it has to be; loads TensorFlow only where there is one."""
    by_op = {
        (op.name, json.dumps(op.model_dump(mode="json")), experiment.data.image_size): op
        for experiment in experiments
        for spec in experiment.strategy
        for op in spec.alternatives()
        if isinstance(op, OwnOp)
    }
    if not by_op:
        return
    device.load_for_cpu()
    from augexp.augment import own

    _each(list(by_op), lambda key: own.prove(by_op[key], key[-1]))


def run(experiments: Sequence[Experiment], todo: Sequence[Experiment], pool: Pool) -> list[Standing]:
    """Trains what is to do, as many at once as the pool has places, and shows how all experiments stand.

    One run that fails, or crashes, stops no other. Ctrl-C stops all, in order, and is raised again.

    Returns:
        How each experiment stands in the end.

    Raises:
        UserError: before the first run starts, if the network of one would see next to nothing, or an own op of one
            returns anything but images and labels.
    """
    _refuse_unfit(todo)
    _prove_own(todo)
    waiting, running = deque(todo), list[tuple[Experiment, Running]]()
    crashed: dict[Path, str] = {}
    shown = 0.0
    with watch.live(pool.places) as show:
        try:
            while waiting or running:
                while waiting and len(running) < pool.places:
                    experiment = waiting.popleft()
                    crashed.pop(experiment.run_dir, None)
                    running.append((experiment, pool.start(experiment)))
                running = _still_running(running, pool, crashed)
                if time.monotonic() - shown >= watch.REFRESH_SECONDS or not running:
                    shown = time.monotonic()
                    show(_standings(experiments, [experiment for experiment, _ in running], crashed))
                time.sleep(POLL_SECONDS)
        except BaseException:
            console.say(f"stopping {counted(len(running), 'run')}")
            for _, started in running:
                started.end()
            for _, started in running:
                started.stop()
            raise
    return _standings(experiments, (), crashed)


def _still_running(
    running: Sequence[tuple[Experiment, Running]], pool: Pool, crashed: dict[Path, str]
) -> list[tuple[Experiment, Running]]:
    left = []
    for experiment, started in running:
        reason = started.poll()
        if reason is None:
            left.append((experiment, started))
            continue
        pool.release(started)
        if reason:
            _note(experiment, reason)
            crashed[experiment.run_dir] = reason
    return left


def _note(experiment: Experiment, reason: str) -> None:
    """Leaves the reason in the run folder, unless the next sweep is to go on: it was killed, or another trains it."""
    if not reason.startswith("killed") and run_folder.IN_USE not in reason and stand(experiment).state != "failed":
        with suppress(UserError):  # another process writes the run, or the disk is full
            run_folder.record_failure(experiment, reason)


def _standings(
    experiments: Sequence[Experiment], running: Sequence[Experiment], crashed: dict[Path, str]
) -> list[Standing]:
    folders = {experiment.run_dir for experiment in running}
    found = []
    for experiment in experiments:
        now = stand(experiment)
        if now.folder in folders and now.state not in ("finished", "waiting"):
            now = replace(now, state="running", reason="")
        elif now.state in ("killed", "waiting") and now.folder in crashed:
            now = replace(now, reason=crashed[now.folder])
        found.append(now)
    return found


def closing_lines(standings: Sequence[Standing]) -> list[str]:
    """What finished, what failed and why."""
    lines = [watch.summary(standings)]
    lines += watch.reasons(standings)
    if any(now.state == "failed" for now in standings):
        lines.append("the same command with --retry tries the failed runs again")
    return lines


def next_line(standings: Sequence[Standing]) -> str | None:
    """What to type next; None where no run is finished."""
    finished = [str(now.folder) for now in standings if now.state == "finished"]
    return f"compare: {compare_line(finished)}" if finished else None


def compare_line(finished: Sequence[str]) -> str:
    """The `augexp compare` that names these folders: by a pattern where it catches nothing else."""
    parent = Path(finished[0]).parent
    caught = {str(path) for path in parent.glob("*-seed*") if not path.name.startswith(".")}  # as a shell does
    if caught == set(finished):
        return f"augexp compare {as_typed(str(parent))}/*-seed*"
    return f"augexp compare {' '.join(map(as_typed, finished))}"
