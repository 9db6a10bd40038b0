"""What a grid of experiments will cost before it starts: hours of training, and disk."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from augexp.config import partners, targets
from augexp.config.schema import Experiment
from augexp.config.settings import deciding
from augexp.data import cache, sources
from augexp.data.splits import expected_splits
from augexp.network import device, estimate, inputs, parallel
from augexp.network.build import build_network
from augexp.runs import read
from augexp.runs.records import BrokenRun
from augexp.study import watch

GB = 1e9


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    seconds: float | None  # None: the size of the data isn't known yet
    disk: float  # bytes


def lines(experiments: Sequence[Experiment], costs: dict[str, Cost] | None = None) -> list[str]:
    """Hours and disk of all these runs, and disk of the decoded images that aren't there yet.

    Args:
        experiments: the runs.
        costs: what was measured before, which is taken as it is; what is measured now is added.

    Raises:
        UserError: if nothing could be learnt in one of them.
    """
    costs = {} if costs is None else costs
    for settings in experiments:
        partners.refuse_alone(settings)
        targets.refuse_unfit(settings)
        if _kind(settings) not in costs:
            costs[_kind(settings)] = cost(settings)
    runs_cost = [costs[_kind(settings)] for settings in experiments]
    seconds = [each.seconds for each in runs_cost if each.seconds is not None]
    known = len(seconds) == len(runs_cost)
    time = f"about {watch.duration(sum(seconds))}" if known else "not known before the data is downloaded,"
    return [
        f"training: {time} one after the other on {device.find().name}",
        f"disk: about {sum(each.disk for each in runs_cost) / GB:,.2f} GB of run folders, "
        f"{_cache_bytes(experiments) / GB:,.2f} GB of decoded images that aren't there yet",
    ]


def _kind(settings: Experiment) -> str:
    """What decides time and size: all but seed, name, strategy, which weights are scored, and what has no effect."""
    told = deciding(settings.model_dump(mode="json"))
    return json.dumps(
        {key: told[key] for key in told.keys() - {"seed", "name", "strategy", "train.score"}}, sort_keys=True
    )


def cost(settings: Experiment) -> Cost:
    """Time and disk of a run: from a finished one that differs in strategy and seed only, else estimated.

    Raises:
        UserError: if the network would see next to nothing, or can't be built.
    """
    inputs.refuse_unfit(settings.model, settings.data.image_size)
    found = device.find()
    precision = device.resolve_precision(settings.train.precision, found)
    splits = expected_splits(settings)
    classes = sources.count_classes(settings.data)
    network = build_network(settings, precision, classes, pretrained=False)
    seconds = measured_seconds(settings)
    if seconds is None and splits is not None:
        xla = parallel.uses_xla(found, settings.train.devices)
        seconds = estimate.seconds(network, settings, len(splits.train), len(splits.val), jit_compile=xla)
    return Cost(seconds, _folder_bytes(network.model, settings))


def measured_seconds(settings: Experiment) -> float | None:
    """Training time of a finished run beside this one that differs from it in strategy and seed only."""
    for folder in sorted(settings.run_dir.parent.glob("*-seed*")):
        try:
            run = read.load(folder)
            if _kind(Experiment.model_validate(run.config)) == _kind(settings):
                return run.result.seconds
        except (BrokenRun, ValueError):
            continue
    return None


def _folder_bytes(network: keras.Model, settings: Experiment) -> float:
    """Best and last weights, and a checkpoint of weights, moments and averages; all else is small."""
    kept = estimate.optimizer_copies(settings.train)
    parameters: int = network.count_params()
    return 4.0 * parameters * (3 + kept)


def _cache_bytes(experiments: Sequence[Experiment]) -> float:
    """Decoded images that aren't in the cache, each set once; 0 for sets that aren't downloaded yet."""
    missing: dict[str, float] = {}
    for settings in experiments:
        if not sources.is_prepared(settings.data):
            continue
        source = sources.open_source(settings.data)
        images = sum(examples.count for examples in source.splits.values())
        for data in (settings.data, settings.data.as_evaluated):
            if cache.find(source, data) is None:
                missing[str(cache.entry_folder(source, data))] = images * data.decoded_size**2 * 3.0
    return sum(missing.values())
