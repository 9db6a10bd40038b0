"""Whom examples are mixed with: others of their batch, of which a tiny batch has few, and a batch of one none."""

import math
from collections.abc import Sequence

from augexp.config.ops import MixingSpec, Partner, Spec
from augexp.config.schema import Experiment
from augexp.errors import UserError

FEW = 8  # below it, at least one example in seven is its own partner
RARE = 1e-3  # of the batches; what is rarer isn't said


def refuse_alone(experiment: Experiment) -> None:
    """Refuses a strategy that mixes where each example is alone in its batch; for trainings.

    Raises:
        UserError: if it is.
    """
    names = named(mixing(experiment))
    if names and experiment.train.batch_size == 1:
        raise UserError(
            f"train.batch_size 1: {names} would mix each image with itself, for partners come from the batch; set "
            f"train.batch_size={FEW} or more, or take {names} out of the strategy"
        )


def few(experiment: Experiment) -> list[str]:
    """A line where many examples are their own partners: of a random permutation of B, 1 in B stays in its place."""
    names, size = named(_partnered(experiment, "permutation")), experiment.train.batch_size
    if not names or size >= FEW:
        return []
    return [
        f"batches of {size}: partners for {names} come from the batch, so {1 / size:.0%} of the images are mixed with "
        f"themselves, which changes nothing; train.batch_size={FEW} or more makes it {1 / FEW:.1%} or less"
    ]


def alike(experiment: Experiment, counts: Sequence[int]) -> list[str]:
    """A line where many batches are of one class, and `partner: other_class` finds none.

    Args:
        experiment: whose strategy and batches count.
        counts: examples of each class in train.
    """
    names, size = named(_partnered(experiment, "other_class")), experiment.train.batch_size
    if not names:
        return []
    if experiment.train.balance == "sampler":
        there = sum(count > 0 for count in counts)
        counts = [sum(counts) // there] * there
    share = sum(math.comb(count, size) for count in counts) / math.comb(max(sum(counts), size), size)
    if share < RARE:
        return []
    return [
        f"batches of {size}: {share:.1%} of them are of one class, and in these {names} can't find partners of another "
        "class: they are mixed as with partner: permutation; a larger train.batch_size has fewer of them"
    ]


def smoothed(experiment: Experiment) -> list[str]:
    """A line where labels are smoothed, and mixed after that."""
    names, smoothing = named(mixing(experiment)), experiment.train.label_smoothing
    if not names or not smoothing:
        return []
    return [
        f"train.label_smoothing {smoothing:g} beside {names}: labels are smoothed first and then mixed, so that "
        "targets are softened twice"
    ]


def mixing(experiment: Experiment) -> list[Spec]:
    """The ops of the strategy that mix; one that is never applied mixes nothing."""
    ops = [one for op in experiment.strategy if _is_applied(op) for one in op.alternatives()]
    return [op for op in ops if op.mixes and _is_applied(op)]


def named(ops: Sequence[Spec]) -> str:
    """Such as `cutmix and mixup`."""
    return " and ".join(dict.fromkeys(op.name for op in ops))


def _partnered(experiment: Experiment, rule: Partner) -> list[Spec]:
    return [op for op in mixing(experiment) if (op.partner if isinstance(op, MixingSpec) else "permutation") == rule]


def _is_applied(op: object) -> bool:
    return getattr(op, "prob", 1.0) > 0
