"""One experiment from data to result: everything between a configuration and a finished run folder."""

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
import numpy as np
from matplotlib.figure import Figure

from augexp import console, files, gallery, preview, training
from augexp.config.schema import Experiment
from augexp.data import pipeline, sources
from augexp.data.splits import Part, Splits, expected_splits, load_splits
from augexp.draw import history as draw_history
from augexp.errors import brief
from augexp.metrics.scores import metrics
from augexp.network import device, estimate, model, parallel, scoring
from augexp.network.build import build_network
from augexp.network.parallel import uses_xla
from augexp.runs import checkpoint, predictions, read
from augexp.runs import folder as run_folder
from augexp.runs.checkpoint import Checkpoint, Progress

HOUR = 3600.0
GIB = 2.0**30
PACKAGES = ("augexp", "tensorflow", "keras", "numpy", "tensorflow-datasets")


@dataclass(frozen=True)
class Prepared:
    """Everything that is needed before a run folder is touched."""

    task: training.Task
    device: device.Device
    precision: str

    @property
    def experiment(self) -> Experiment:
        return self.task.experiment

    @property
    def splits(self) -> Splits:
        return self.task.splits


def train(experiment: Experiment, *, overwrite: bool = False, resume: bool = False) -> Path:
    """Runs an experiment and returns its run folder.

    With `resume` an unfinished run goes on from its last checkpoint, where it has one, and a finished one is left as it
    is.

    Raises:
        UserError: if data, weights or settings don't allow it, the run exists or is another one, or the loss is no
            longer finite.
    """
    if resume:
        checkpoint.refuse_other_config(experiment.run_dir, experiment)
        if run_folder.is_finished(experiment.run_dir):
            return experiment.run_dir
    run_folder.refuse_finished(experiment, overwrite=overwrite)
    prepared = prepare(experiment)
    if resume:
        _find_checkpoint(prepared, experiment.run_dir)
    for line in announcement(prepared):
        console.say(line)
    with run_folder.create(experiment, overwrite=overwrite, resume=resume) as folder:
        resumed = _find_checkpoint(prepared, folder) if resume else None
        _begin(prepared, folder, resumed)
        reached = training.fit(prepared.task, folder, resumed)
        _finish(prepared, folder, reached)
    return folder


def _find_checkpoint(prepared: Prepared, folder: Path) -> Checkpoint | None:
    if not run_folder.checkpoint_path(folder).exists():
        return None
    return checkpoint.load(folder, training.origin(prepared.task))


def _begin(prepared: Prepared, folder: Path, resumed: Checkpoint | None) -> None:
    """Writes what a run holds before its first step, or says where it goes on."""
    if resumed is None:
        files.write_json(folder / "environment.json", environment(prepared))
        recipe = training.recipe(prepared.experiment, prepared.splits)
        _save(preview.first_batch(prepared.splits, recipe), folder / "batch.png")
        return
    epoch, step = divmod(resumed.step, prepared.task.steps)
    line = f"going on after epoch {epoch}" + (f" and {step} steps" if step else "")
    console.say(line)
    run_folder.log(folder, f"{line}; {platform.platform()}, {environment(prepared)['versions']}")


def prepare(experiment: Experiment) -> Prepared:
    """Data decoded and split, weights loaded, device and precision chosen."""
    found = device.find()
    precision = device.resolve_precision(experiment.train.precision, found)
    splits = load_splits(experiment)
    steps = pipeline.steps_per_epoch(splits.train, experiment.train.batch_size)
    parallel.check_batch(experiment.train.devices, experiment.train.batch_size)
    network = build_network(experiment, precision, len(splits.class_names))
    task = training.Task(experiment, network, splits, steps, uses_xla(found, experiment.train.devices))
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
    phases = ", ".join(f"{len(phase.epochs)} {phase.name}" for phase in training.phases(settings))
    lines = [
        f"data: {settings.data.source}, {len(splits.class_names)} classes, train {len(splits.train):,}, "
        f"val {len(splits.val):,}, test {len(splits.test):,}",
        f"steps: {settings.train.epochs} epochs ({phases}) x {steps} steps of {settings.train.batch_size}",
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


def _finish(prepared: Prepared, folder: Path, reached: Progress) -> None:
    """Scores the best weights on val and, once, on test; the result comes last."""
    model.load_weights(prepared.task.network, folder / "best.weights.h5")
    scores = {name: _score(prepared, folder, name, part) for name, part in _held_out(prepared.splits)}
    _save(_curves(prepared, folder, reached), folder / "curves.png")
    files.write_json(
        folder / "result.json",
        {
            "epochs": prepared.experiment.train.epochs,
            "best_epoch": reached.best_epoch,
            "validation": "test" if prepared.experiment.data.validation == "test" else "train",
            **scores,
            "seconds": round(reached.seconds, 3),
            "images_per_second": round(float(np.median(reached.rates)), 1),
        },
    )


def _held_out(splits: Splits) -> tuple[tuple[str, Part], ...]:
    return ("val", splits.val), ("test", splits.test)


def _score(prepared: Prepared, folder: Path, name: str, part: Part) -> dict[str, float | int]:
    probability = scoring.predict(prepared.task.network.model, training.eval_batches(prepared.task, part))
    predictions.write(folder / f"predictions-{name}.npz", part.ids, part.labels, probability)
    return metrics(probability, part.labels)


def _save(figure: Figure, path: Path) -> None:
    with files.replacing(path) as temporary:
        figure.savefig(temporary)


def _curves(prepared: Prepared, folder: Path, reached: Progress) -> Figure:
    settings = prepared.experiment
    return draw_history.curves(
        read.history(folder),
        best_epoch=reached.best_epoch,
        title=f"{settings.run_dir.name} on {settings.data.source}{_val_is_test(settings)}",
        head_epochs=settings.train.head_epochs if settings.model.freeze == "none" else 0,
        plain_epochs=settings.train.plain_epochs,
    )


def _val_is_test(settings: Experiment) -> str:
    return " (val = the test set)" if settings.data.validation == "test" else ""


def dry_run(experiment: Experiment) -> list[str]:
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


def preview_of(experiment: Experiment, examples: int) -> Figure:
    """The picture of `augexp preview`; no network is built."""
    device.leave_gpus_alone()
    splits = load_splits(experiment)
    # Refuses a batch larger than train, as training would.
    pipeline.steps_per_epoch(splits.train, experiment.train.batch_size)
    return preview.picture(splits, training.recipe(experiment, splits), examples)


def gallery_of(experiment: Experiment | None) -> Figure:
    """Every op on the first images of an experiment's train split; on two photographs if None."""
    device.leave_gpus_alone()
    if experiment is None:
        return gallery.picture(gallery.photographs())
    splits = load_splits(experiment)
    return gallery.picture(gallery.first_images(splits, training.recipe(experiment, splits)), experiment.seed)


def summary(folder: Path) -> str:
    """The last line of a training: accuracies, best epoch, place."""
    result = read.load(folder).result
    on = "val = test" if result["validation"] == "test" else "val"
    return (
        f"{folder}: {on} accuracy {result['val']['accuracy']:.4f} (best of {result['epochs']} epochs: "
        f"{result['best_epoch']}), test accuracy {result['test']['accuracy']:.4f}, "
        f"{result['images_per_second']:,.0f} images/s, {result['seconds']:.0f} s"
    )
