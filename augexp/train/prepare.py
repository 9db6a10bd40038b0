"""Everything before a run folder is touched: data decoded and split, weights loaded, device and precision chosen."""

from augexp.augment import own
from augexp.config import partners, targets, trackers
from augexp.config.ops import check_classes
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.data.splits import load_splits
from augexp.network import device, inputs, parallel, trial
from augexp.network.build import build_network
from augexp.train.task import Task


def prepare(experiment: Experiment) -> Task:
    """A run ready to be trained.

    Raises:
        UserError: if data, weights or settings don't allow it.
    """
    refuse_in_vain(experiment)
    found = device.find()
    precision = device.resolve_precision(experiment.train.precision, found)
    splits = load_splits(experiment)
    check_classes(experiment.strategy, splits.class_names)
    steps = pipeline.steps_per_epoch(splits.train, experiment.train.batch_size)
    parallel.check_batch(experiment.train.devices, experiment.train.batch_size)
    parallel.check_clipping(experiment.train.devices, experiment.train.clip_norm)
    network = build_network(experiment, precision, len(splits.class_names))
    return Task(experiment, network, splits, steps, found, parallel.uses_xla(found, experiment.train.devices))


def refuse_in_vain(experiment: Experiment) -> None:
    """Refuses settings that nothing can be learnt with; runs that were trained with them can still be opened.

    Raises:
        UserError: if mixing has no partners, the loss doesn't fit the targets, a tracker isn't installed, an own op
            returns no images or an own network no features, or next to nothing of the images enters the network, or far
            too much.
    """
    partners.refuse_alone(experiment)
    targets.refuse_unfit(experiment)
    trackers.refuse_missing(experiment)
    own.prove_all(experiment.strategy, experiment.data.image_size)
    trial.refuse_fault(experiment, device.resolve_precision(experiment.train.precision, device.find()))
    inputs.refuse_unfit(experiment.model, experiment.data.image_size)
