"""How sure the exported file may be: a temperature for its logits, and calibration errors before and after."""

from dataclasses import dataclass

import numpy as np

from augexp import console
from augexp.data import pipeline
from augexp.data.splits import Part
from augexp.errors import UserError, counted
from augexp.metrics import calibration
from augexp.metrics.scores import Floats, Labels, probabilities
from augexp.network import scoring
from augexp.network.trained import Trained

EDGE = 1.01  # a temperature as near as this to the ends of what is looked through is none


@dataclass(frozen=True)
class Fitted:
    """A temperature, and what it does to the images that it was fitted on.

    Attributes:
        temperature: to divide logits by.
        images: of val, which is the test set where `on_test`.
        before: calibration error, a share.
        after: likewise.
        on_test: whether nothing is left to measure it on.
    """

    temperature: float
    images: int
    before: float
    after: float
    on_test: bool


def fit(run: Trained, val: Part, *, on_test: bool) -> Fitted:
    """The temperature of a run, as `augexp evaluate` finds it: on val.

    Raises:
        UserError: if no temperature is best, as where the network is right on every image.
    """
    view = pipeline.centre(run.experiment.data.as_evaluated.image_size)
    with console.progress("fitting the temperature", len(val)) as advance:
        logits = np.concatenate(list(scoring.of_part(run.network.model, val, view, advance, "val")))
    found = calibration.temperature(logits, val.labels)
    if not EDGE / calibration.HOTTEST < found < calibration.HOTTEST / EDGE:
        raise UserError(
            f"--temperature: none is best for {counted(len(val), 'validation image')}, of which the network is right "
            f"on {int((logits.argmax(axis=1) == val.labels).sum()):,}; export it without"
        )
    before, after = error(probabilities(logits), val.labels), error(probabilities(logits, found), val.labels)
    return Fitted(found, len(val), before, after, on_test)


def error(shares: Floats, labels: Labels) -> float:
    """Expected calibration error, a share."""
    return calibration.calibration_error(calibration.reliability(shares, labels))
