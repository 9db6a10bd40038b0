"""What is said of a run before it starts, and in place of it: sizes, steps, memory, hours."""

import keras
import numpy as np

from augexp.augment import own
from augexp.config import ownnet, partners
from augexp.config.ops import check_classes
from augexp.config.schema import Experiment
from augexp.data import doubtful, pipeline, sources
from augexp.data.splits import Splits, division, expected_splits
from augexp.errors import brief, counted
from augexp.network import device, estimate, inputs, model, parallel
from augexp.network.build import build_network
from augexp.train.prepare import refuse_in_vain
from augexp.train.task import Task, phases

HOUR = 3600.0
GIB = 2.0**30


def announcement(task: Task) -> list[str]:
    """What is about to be trained, on what, and a warning where it will take hours."""
    settings = task.experiment
    lines = [
        f"{settings.run_dir}: {settings.model.backbone} at {_size(settings)}, "
        f"{task.network.precision} on {devices(task)}",
        *_sizes(settings, task.splits, task.steps),
        *_doubtful(settings),
        *inputs.unlike(task.network, settings.model),
        *inputs.unscaled(task.network, settings.model),
    ]
    return lines + (_slow(task) if task.device.kind == "cpu" else [])


def _size(settings: Experiment) -> str:
    data = settings.data
    return f"{data.image_size} px" + (f" ({data.eval_size} px for val and test)" if data.eval_size else "")


def devices(task: Task) -> str:
    """The device that trains, or how many of its kind."""
    count = len(parallel.names(task.experiment.train.devices))
    return task.device.name if count == 1 else f"{count} x {task.device.name}"


def _sizes(settings: Experiment, splits: Splits, steps: int) -> list[str]:
    named = ", ".join(f"{len(phase.epochs)} {phase.name}" for phase in phases(settings))
    lines = [
        f"data: {settings.data.source}, {len(splits.class_names)} classes, train {len(splits.train):,}, "
        f"val {len(splits.val):,}, test {len(splits.test):,}",
        f"steps: {counted(settings.train.epochs, 'epoch')} ({named}) x {counted(steps, 'step')} of "
        f"{settings.train.batch_size}",
    ]
    if settings.data.divides_by_seed:
        lines.append(_division(settings))
    lines += partners.alike(settings, np.bincount(splits.train.labels).tolist())
    lines += doubtful.lines(splits, settings.data)
    if splits.left_out:
        lines.append(
            f"left out: {counted(len(splits.left_out), 'image')} that can't be decoded: {brief(list(splits.left_out))}"
        )
    return lines + ([TEST_AS_VALIDATION] if settings.data.validation == "test" else [])


def _division(settings: Experiment) -> str:
    into = division(settings.data, settings.seed)
    fold = "" if into.folds is None else f"fold {into.fold} of 0 to {into.folds - 1} in "
    return f"split: {fold}division {into.number}, by seed {settings.seed}"


def _doubtful(settings: Experiment) -> list[str]:
    """What is doubtful in the settings alone, whatever the data and the network are, a line each."""
    return [
        *own.idle(settings.strategy, settings.data.image_size),
        *_random(settings),
        *partners.few(settings),
        *partners.smoothed(settings),
    ]


def _random(settings: Experiment) -> list[str]:
    """A line where a backbone of random weights is trained as one that has learnt something."""
    model, train = settings.model, settings.train
    if model.weights is not None or ownnet.is_own(model.backbone):
        return []
    slowed = {
        f"train.head_epochs={train.head_epochs}": train.head_epochs > 0,
        f"model.backbone_lr={model.backbone_lr:g}": model.backbone_lr < 1,
    }
    spared = ["model.freeze=backbone"] if model.freeze == "backbone" else [key for key, does in slowed.items() if does]
    if not spared:
        return []
    return [
        f"random weights (model.weights: null) are spared by {' and '.join(spared)}: that is made for weights that "
        "have learnt something; model.freeze=none train.head_epochs=0 model.backbone_lr=1 trains all of the network"
    ]


def _memory(network: model.Network, settings: Experiment) -> str:
    needed = estimate.memory(network, settings)
    return (
        f"memory: about {needed.total / GIB:.1f} GiB ({needed.weights / GIB:.2f} weights and optimizer, "
        f"{needed.activations / GIB:.2f} activations), beside what the framework itself takes"
    )


TEST_AS_VALIDATION = (
    "validation = test set (data.validation: test): what is chosen by val, such as the best epoch, is chosen on test, "
    "and makes it optimistic"
)


def _slow(task: Task) -> list[str]:
    splits = task.splits
    seconds = estimate.seconds(
        task.network, task.experiment, len(splits.train), len(splits.val), jit_compile=task.jit_compile
    )
    if seconds <= HOUR:
        return []
    return [
        f"no GPU: this run will take about {seconds / HOUR:.1f} hours on this CPU; a smaller data.image_size, "
        "data.train_per_class or model.freeze=backbone makes it shorter"
    ]


def plan(experiment: Experiment) -> list[str]:
    """What `train` would do, without training: device, split sizes and steps, what the network sees, memory.

    Raises:
        UserError: as training would, as far as that is known without the data.
    """
    found = device.find()
    device.leave_gpus_alone()
    precision = device.resolve_precision(experiment.train.precision, found)
    refuse_in_vain(experiment)
    classes = sources.count_classes(experiment.data)
    network = build_network(experiment, precision, classes, pretrained=False)
    return [
        f"device: {found.name}, {precision}, Keras on {keras.backend.backend()}",
        *_expected_sizes(experiment),
        *_doubtful(experiment),
        inputs.line(network, experiment.model),
        *inputs.unlike(network, experiment.model),
        *inputs.unscaled(network, experiment.model),
        _memory(network, experiment),
    ]


def _expected_sizes(experiment: Experiment) -> list[str]:
    splits = expected_splits(experiment)
    if splits is None:
        source = experiment.data.source
        return [f"data: {source} is not downloaded yet; the first run does it, then split sizes are known"]
    check_classes(experiment.strategy, splits.class_names)
    return _sizes(experiment, splits, pipeline.steps_per_epoch(splits.train, experiment.train.batch_size))
