"""Whether what is to follow a run from outside is installed."""

from importlib.util import find_spec

from augexp.config.schema import Experiment
from augexp.errors import UserError


def wanted(experiment: Experiment) -> tuple[str, ...]:
    """The trackers of a run, once each."""
    train = experiment.train
    return tuple(dict.fromkeys((*(("tensorboard",) if train.tensorboard else ()), *train.trackers)))


def refuse_missing(experiment: Experiment) -> None:
    """Refuses trackers whose package is not installed; for trainings.

    Raises:
        UserError: if one isn't.
    """
    missing = [name for name in wanted(experiment) if name != "tensorboard" and find_spec(name) is None]
    if missing:
        raise UserError(
            f"train.trackers {missing[0]}: {missing[0]} is not installed; pip install 'augexp[{missing[0]}]', or leave "
            "it out"
        )
