"""Whom examples are mixed with: others of their batch, of which a tiny batch has few, and a batch of one none."""

from augexp.config.schema import Experiment
from augexp.errors import UserError

FEW = 8  # below it, at least one example in seven is its own partner


def refuse_alone(experiment: Experiment) -> None:
    """Refuses a strategy that mixes where each example is alone in its batch; for trainings.

    Raises:
        UserError: if it is.
    """
    names = _mixing(experiment)
    if names and experiment.train.batch_size == 1:
        raise UserError(
            f"train.batch_size 1: {names} would mix each image with itself, for partners come from the batch; set "
            f"train.batch_size={FEW} or more, or take {names} out of the strategy"
        )


def few(experiment: Experiment) -> list[str]:
    """A line where many examples are their own partners: of a random permutation of B, 1 in B stays in its place."""
    names, size = _mixing(experiment), experiment.train.batch_size
    if not names or size >= FEW:
        return []
    return [
        f"batches of {size}: partners for {names} come from the batch, so {1 / size:.0%} of the images are mixed with "
        f"themselves, which changes nothing; train.batch_size={FEW} or more makes it {1 / FEW:.1%} or less"
    ]


def _mixing(experiment: Experiment) -> str:
    """The ops of the strategy that mix, such as `cutmix and mixup`; one that is never applied mixes nothing."""
    ops = [one for op in experiment.strategy if _is_applied(op) for one in op.alternatives()]
    return " and ".join(dict.fromkeys(op.name for op in ops if op.mixes and _is_applied(op)))


def _is_applied(op: object) -> bool:
    return getattr(op, "prob", 1.0) > 0
