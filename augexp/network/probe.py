"""What frozen features tell: logistic regression on what a backbone knew before any training here."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from augexp.config.schema import Experiment
from augexp.network.build import build_network

STRENGTHS = (0.01, 0.1, 1.0)  # of the probe's regularisation, C
STEPS = 300  # of its fit, at most


def features(experiment: Experiment, precision: str, num_classes: int) -> keras.Model:
    """(B, S, S, 3) -> (B, C): pooled features under the initial weights of an experiment.

    Raises:
        UserError: if they can't be had.
    """
    initial = build_network(experiment, precision, num_classes).model
    return keras.Model(initial.inputs, initial.get_layer("pool").output)


def probe(strength: float) -> Any:
    """Standardised features -> classes, to be fitted: a scikit-learn pipeline."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=STEPS))


@contextmanager
def patient() -> Iterator[None]:
    """Inside, a fit that ends after `STEPS` warns nobody."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        yield
