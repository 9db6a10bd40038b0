"""`environment.json`: what the numbers of a run depend on beside its configuration."""

import platform
import shlex
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from augexp.train.announce import devices
from augexp.train.task import Task

PACKAGES = ("augexp", "tensorflow", "keras", "numpy", "tensorflow-datasets")


def environment(task: Task, command: Sequence[str]) -> dict[str, Any]:
    """What the numbers depend on beside the configuration.

    Args:
        task: the run.
        command: the words that started it, the program first.
    """
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _packages()}},
        "platform": platform.platform(),
        "backend": keras.backend.backend(),
        "device": devices(task),
        "precision": task.network.precision,
        "git_commit": _git_commit(),
        "command": shlex.join([Path(command[0]).name, *command[1:]]),
        "data_fingerprint": task.splits.fingerprint,
        "left_out": list(task.splits.left_out),
        "class_names": list(task.splits.class_names),
        "train_examples": len(task.splits.train),
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
