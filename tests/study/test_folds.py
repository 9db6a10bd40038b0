"""The axis `fold`: which seeds it stands for, and what is refused."""

from typing import Any

import pytest

from augexp.config.decide import Decide
from augexp.errors import UserError
from augexp.study import plan
from augexp.study.folds import as_seeds
from augexp.study.grid import Axes, Study, experiments


def study(**axes: Any) -> Study:
    return Study("digits.yaml", {"strategy": ["none", "cutmix"], "data.folds": [5], **axes})


def test_folds_are_seeds_that_test_on_them() -> None:
    assert as_seeds(study(fold=[0, 1, 2, 3, 4])).axes["seed"] == [0, 1, 2, 3, 4]
    twice = as_seeds(study(fold=[0, 3], seed=[0, 2]))
    assert twice.axes == {"strategy": ["none", "cutmix"], "data.folds": [5], "seed": [0, 3, 10, 13]}
    found = experiments(twice)
    assert [one.run_dir.name for one in found[:4]] == ["none-seed0", "none-seed3", "none-seed10", "none-seed13"]
    assert all(one.data.folds == 5 for one in found)


def test_a_study_without_the_axis_is_left_alone() -> None:
    assert as_seeds(study()) == study()


def test_a_study_over_folds_is_registered_with_their_seeds() -> None:
    told = as_seeds(Study("digits.yaml", study(fold=[0, 1, 2]).axes, Decide(looks=(3,))))
    assert plan.plan(told).study.seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"fold": [0, 5]}, "fold: 5: with data.folds=5 the folds are 0 to 4"),
        ({"fold": ["a"]}, "fold: a: with data.folds=5 the folds are 0 to 4"),
        ({"fold": [True]}, "fold: True: with data.folds=5 the folds are 0 to 4"),
        ({"fold": [0], "seed": ["x"]}, r"seed"),
        ({"fold": [0], "data.folds": [None]}, "fold: one number of folds is needed beside it, such as data.folds=5"),
        ({"fold": [0], "data.folds": [3, 5]}, "fold: one number of folds is needed beside it, such as data.folds=5"),
        ({"fold": [0], "data.folds": [1]}, "data.folds"),
        ({"fold": [0], "data.split_seed": ["seed"]}, "data.folds: null is needed beside data.split_seed: seed"),
    ],
)
def test_what_is_refused(axes: Axes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        as_seeds(study(**axes))


def test_folds_are_no_candidates() -> None:
    told = Study("digits.yaml", {"fold": [0]}, None, {"a": {"data.folds": 3}, "b": {"data.folds": 5}})
    with pytest.raises(UserError, match="candidates are compared on the same folds"):
        as_seeds(told)
