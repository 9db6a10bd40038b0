"""The phases of a run."""

from augexp.config import load
from augexp.train.task import phases


def phases_of(*overrides: str) -> list[tuple[str, bool, bool, list[int]]]:
    found = phases(load.experiment(None, overrides))
    return [(phase.name, phase.backbone, phase.augmented, list(phase.epochs)) for phase in found]


def test_the_head_comes_first_and_the_plain_epochs_last() -> None:
    assert phases_of("train.epochs=6", "train.head_epochs=2", "train.plain_epochs=1") == [
        ("head", False, True, [0, 1]),
        ("full", True, True, [2, 3, 4]),
        ("plain", True, False, [5]),
    ]


def test_a_frozen_backbone_has_no_full_phase() -> None:
    assert phases_of("train.epochs=3", "model.freeze=backbone") == [("head", False, True, [0, 1, 2])]


def test_phases_may_overlap() -> None:
    assert phases_of("train.epochs=2", "train.head_epochs=2", "train.plain_epochs=1") == [
        ("head", False, True, [0]),
        ("plain", False, False, [1]),
    ]
