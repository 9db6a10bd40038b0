"""Everything before a run folder is touched: device, data, network, and what is said of them."""

import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from augexp.config.schema import Experiment
from augexp.data import pipeline, sources
from augexp.data.splits import Splits, expected_splits, load_splits
from augexp.errors import brief
from augexp.network import device, estimate, model, parallel
from augexp.network.build import build_network
from augexp.network.parallel import uses_xla
from augexp.train.task import Task, phases

HOUR = 3600.0
GIB = 2.0**30
PACKAGES = ("augexp", "tensorflow", "keras", "numpy", "tensorflow-datasets")


@dataclass(frozen=True)
class Prepared:
    """Everything that is needed before a run folder is touched."""

    task: Task
    device: device.Device
    precision: str

    @property
    def experiment(self) -> Experiment:
        return self.task.experiment

    @property
    def splits(self) -> Splits:
        return self.task.splits


def prepare(experiment: Experiment) -> Prepared:
    """Data decoded and split, weights loaded, device and precision chosen."""
    found = device.find()
    precision = device.resolve_precision(experiment.train.precision, found)
    splits = load_splits(experiment)
    steps = pipeline.steps_per_epoch(splits.train, experiment.train.batch_size)
    parallel.check_batch(experiment.train.devices, experiment.train.batch_size)
    network = build_network(experiment, precision, len(splits.class_names))
    task = Task(experiment, network, splits, steps, uses_xla(found, experiment.train.devices))
    return Prepared(task, found, precision)


def announcement(prepared: Prepared) -> list[str]:
    """What is about to be trained, on what, and a warning where it will take hours."""
    settings = prepared.experiment
    lines = [
        f"{settings.run_dir}: {settings.model.backbone} at {settings.data.image_size} px, "
        f"{prepared.precision} on {_devices(prepared)}",
        *_sizes(settings, prepared.splits, prepared.task.steps),
    ]
    return lines + (_slow(prepared) if prepared.device.kind == "cpu" else [])


def _devices(prepared: Prepared) -> str:
    count = len(parallel.names(prepared.experiment.train.devices))
    return prepared.device.name if count == 1 else f"{count} x {prepared.device.name}"


def _sizes(settings: Experiment, splits: Splits, steps: int) -> list[str]:
    named = ", ".join(f"{len(phase.epochs)} {phase.name}" for phase in phases(settings))
    lines = [
        f"data: {settings.data.source}, {len(splits.class_names)} classes, train {len(splits.train):,}, "
        f"val {len(splits.val):,}, test {len(splits.test):,}",
        f"steps: {settings.train.epochs} epochs ({named}) x {steps} steps of {settings.train.batch_size}",
    ]
    if splits.left_out:
        lines.append(f"left out: {len(splits.left_out)} images that can't be decoded: {brief(list(splits.left_out))}")
    return lines + ([TEST_AS_VALIDATION] if settings.data.validation == "test" else [])


def _memory(network: model.Network, settings: Experiment) -> str:
    needed = estimate.memory(network, settings)
    return (
        f"memory: about {needed.total / GIB:.1f} GiB ({needed.weights / GIB:.2f} weights and optimizer, "
        f"{needed.activations / GIB:.2f} activations), beside what the framework itself takes"
    )


TEST_AS_VALIDATION = (
    "validation = test set (data.validation: test): the best epoch is chosen on test, so test is optimistic"
)


def _slow(prepared: Prepared) -> list[str]:
    splits, task = prepared.splits, prepared.task
    seconds = estimate.seconds(
        task.network, task.experiment, len(splits.train), len(splits.val), jit_compile=task.jit_compile
    )
    if seconds <= HOUR:
        return []
    return [
        f"no GPU: this run will take about {seconds / HOUR:.1f} hours on this CPU; a smaller data.image_size, "
        "data.train_per_class or model.freeze=backbone makes it shorter"
    ]


def environment(prepared: Prepared) -> dict[str, Any]:
    """What the numbers depend on beside the configuration."""
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _packages()}},
        "platform": platform.platform(),
        "backend": keras.backend.backend(),
        "device": _devices(prepared),
        "precision": prepared.precision,
        "git_commit": _git_commit(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "data_fingerprint": prepared.splits.fingerprint,
        "left_out": list(prepared.splits.left_out),
        "class_names": list(prepared.splits.class_names),
        "train_examples": len(prepared.splits.train),
        "start": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _packages() -> list[str]:
    backend = keras.backend.backend()
    return [*PACKAGES, backend] if backend not in PACKAGES else list(PACKAGES)


def _git_commit() -> str | None:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def val_is_test(settings: Experiment) -> str:
    return " (val = the test set)" if settings.data.validation == "test" else ""


def plan(experiment: Experiment) -> list[str]:
    """What `train` would do, without training: device, split sizes and steps, memory."""
    found = device.find()
    device.leave_gpus_alone()
    precision = device.resolve_precision(experiment.train.precision, found)
    classes = sources.count_classes(experiment.data)
    network = build_network(experiment, precision, classes, pretrained=False)
    return [
        f"device: {found.name}, {precision}, Keras on {keras.backend.backend()}",
        *_expected_sizes(experiment),
        _memory(network, experiment),
    ]


def _expected_sizes(experiment: Experiment) -> list[str]:
    splits = expected_splits(experiment)
    if splits is None:
        source = experiment.data.source
        return [f"data: {source} is not downloaded yet; the first run does it, then split sizes are known"]
    return _sizes(experiment, splits, pipeline.steps_per_epoch(splits.train, experiment.train.batch_size))
