"""`environment.json`: what the numbers of a run depend on beside its configuration."""

import hashlib
import platform
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

import augexp
from augexp.config import hub
from augexp.config.ops import own
from augexp.config.schema import Experiment, Model
from augexp.data import copies, decode
from augexp.data.splits import division
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
        **software(),
        "platform": platform.platform(),
        "libraries": _libraries(task.experiment),
        "backend": keras.backend.backend(),
        "device": devices(task),
        "precision": task.network.precision,
        "git_commit": _git_commit(),
        "weights": _weights(task.experiment.model),
        "command": shlex.join([Path(command[0]).name, *command[1:]]),
        "data_fingerprint": task.splits.fingerprint,
        "decoder": decode.VERSION,
        "grey": task.splits.grey,
        "left_out": list(task.splits.left_out),
        "copies": copies.record(task.splits.copies),
        "class_names": list(task.splits.class_names),
        "train_examples": len(task.splits.train),
        "division": asdict(division(task.experiment.data, task.experiment.seed)),
        "start": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _libraries(experiment: Experiment) -> dict[str, str]:
    """Versions of the libraries that ops of the strategy and the network come from."""
    kinds = {op.name.partition(own.SEP)[0] for spec in experiment.strategy for op in spec.alternatives()}
    of_network = {"keras-hub"} if hub.is_hub(experiment.model.backbone) else set()
    names = kinds & {"albumentations", "torchvision", "keras"} | of_network
    return {name: own.installed(name) for name in sorted(names)}


def software() -> dict[str, Any]:
    """Versions of Python and packages, and the digest of augexp's own modules, as they are on the disk now."""
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _packages()}},
        "code": _code(),
    }


def _packages() -> list[str]:
    backend = keras.backend.backend()
    return [*PACKAGES, backend] if backend not in PACKAGES else list(PACKAGES)


def _git_commit() -> str | None:
    """The commit of the repository in which the run was started; `+` where files differ from it."""
    commit = _git("rev-parse", "HEAD")
    return commit and commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*words: str) -> str | None:
    try:
        found = subprocess.run(["git", *words], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603, S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def _code() -> str:
    """Digest of augexp's own modules: another commit with the same code changes no number, edited files may."""
    package = Path(augexp.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _weights(settings: Model) -> str | None:
    """Digest of files of initial weights: what stands at their path may change."""
    if settings.weights is None:
        return None
    if not settings.has_own_weights:
        return _digest([Path(settings.weights).expanduser()])
    folder = hub.folder(settings.backbone) if hub.is_hub(settings.backbone) else None
    return None if folder is None else _digest(sorted(folder.glob("*.h5")))


def _digest(paths: Sequence[Path]) -> str:
    digests = []
    for path in paths:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return (digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest())[:16]
