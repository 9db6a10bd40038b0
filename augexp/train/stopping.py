"""Early stopping: when the val accuracy of a run has stopped rising. Nothing is kept but its history."""

from pathlib import Path

from augexp.config.schema import EarlyStopping, Experiment
from augexp.errors import counted
from augexp.runs import read
from augexp.runs.records import BrokenRun


def is_over(experiment: Experiment, folder: Path) -> bool:
    """Whether a run is to end with the last epoch in its `history.csv`; always False without `train.early_stopping`."""
    rule = experiment.train.early_stopping
    if rule is None:
        return False
    try:
        accuracies = read.history(folder)["val_accuracy"].tolist()
    except BrokenRun:  # no epoch yet
        return False
    # While the backbone is frozen, little is to be expected.
    head = experiment.train.head_epochs if experiment.model.freeze == "none" else 0
    return _waited(accuracies[head:], rule.min_delta) >= rule.patience


def _waited(accuracies: list[float], min_delta: float) -> int:
    """How many epochs have gone by since val accuracy last rose by more than `min_delta` above where it rose before."""
    best, waited = -1.0, 0
    for accuracy in accuracies:
        better = accuracy > best + min_delta
        best, waited = (accuracy, 0) if better else (best, waited + 1)
    return waited


def in_words(rule: EarlyStopping, epoch: int) -> str:
    """What is said when a run ends early."""
    more = f" by more than {rule.min_delta:g}" if rule.min_delta else ""
    return f"stopped early after epoch {epoch}: val accuracy has not risen{more} in {counted(rule.patience, 'epoch')}"
