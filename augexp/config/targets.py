"""Whether a loss can be trained with the targets that a strategy makes."""

from augexp.config import partners
from augexp.config.ops import targets_of
from augexp.config.schema import Experiment
from augexp.errors import UserError


def refuse_unfit(experiment: Experiment) -> None:
    """Refuses binary targets with a loss for probabilities that sum to 1; for trainings.

    Raises:
        UserError: if a strategy has them.
    """
    names = partners.named([op for op in partners.mixing(experiment) if targets_of(op) == "binary"])
    if names and experiment.train.loss != "binary":
        raise UserError(
            f"train.loss {experiment.train.loss}: {names} with labels: binary makes a target of 1 for each class in an "
            "image, and such rows don't sum to 1; set train.loss=binary, or labels: soft in the strategy"
        )
