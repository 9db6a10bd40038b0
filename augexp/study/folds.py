"""The axis `fold` of a study: the seeds that test on those folds."""

from dataclasses import replace
from typing import Any

from augexp.config import load
from augexp.config.schema import VALIDATION_SHARE, Data
from augexp.errors import UserError
from augexp.study.grid import Axes, Study

FOLD, FOLDS, SEED = "fold", "data.folds", "seed"


def as_seeds(study: Study) -> Study:
    """A study with its axis `fold` written as seeds: fold f of K in seed s becomes the seed s K + f.

    The run of that seed tests on fold f of division s, and draws like no other run.

    Raises:
        UserError: if there are no folds in its configuration, or the axis names one that there isn't.
    """
    if FOLD not in study.axes:
        return study
    if any(key in (FOLDS, FOLD) for settings in study.candidates.values() for key in settings):
        raise UserError(f"{FOLD}: candidates are compared on the same folds; set {FOLDS} for all of them")
    given = {key: values[0] for key, values in study.axes.items() if key != FOLD and values}
    told = load.experiment(study.config, settings=given)
    folds = told.data.folds
    if folds is None or len(study.axes.get(FOLDS, [folds])) > 1:
        raise UserError(f"{FOLD}: one number of folds is needed beside it, such as {FOLDS}=5")
    for fold in study.axes[FOLD]:
        if isinstance(fold, bool) or not isinstance(fold, int) or not 0 <= fold < folds:
            raise UserError(f"{FOLD}: {fold}: with {FOLDS}={folds} the folds are 0 to {folds - 1}")
    seeds = [seed * folds + fold for seed in _seeds(study, told.seed) for fold in study.axes[FOLD]]
    axes: Axes = {key: values for key, values in study.axes.items() if key not in (FOLD, SEED)}
    return replace(study, axes=axes | {SEED: seeds})


def overlap(data: Data) -> float:
    """Test images for each train image that folds give; 0 without folds."""
    if data.folds is None:
        return 0.0
    share = data.validation if isinstance(data.validation, float) else 0.0 if data.validation else VALIDATION_SHARE
    return 1 / (data.folds - 1) / (1 - share)


def _seeds(study: Study, default: int) -> list[Any]:
    seeds = study.axes.get(SEED, [default])
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise UserError(f"{SEED}: {seed}: a whole number from 0 on is needed")
    return seeds
