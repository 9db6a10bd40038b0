"""Runs that collapsed are named, and nothing else is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from augexp.compare import scores, stability
from augexp.compare.groups import load_groups
from tests.factories import make_run
from tests.runs.test_predictions import FILE, rewrite


def collapsed(folder: Path, accuracies: Sequence[Sequence[float]]) -> dict[str, list[int]]:
    paths = [
        make_run(folder / f"{strategy}{seed}", strategy=strategy, seed=seed, test_accuracy=one)
        for strategy, row in zip(("none", "cutmix", "mixup"), accuracies, strict=False)
        for seed, one in enumerate(row)
    ]
    groups = load_groups(paths).groups
    found = stability.collapsed(groups, scores.gather(groups))
    return {label: [run.seed for run in runs] for label, runs in found.items()}


def test_a_run_far_below_the_others_of_its_strategy_is_named(tmp_path: Path) -> None:
    found = collapsed(tmp_path, [(0.80, 0.81, 0.79, 0.80, 0.81), (0.82, 0.80, 0.81, 0.60, 0.83)])
    assert found == {"cutmix": [3]}


@pytest.mark.parametrize("seed", range(5))
def test_noise_names_nobody(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert collapsed(tmp_path, rng.normal(0.8, 0.02, (3, 5)).tolist()) == {}


def test_a_strategy_that_is_worse_as_a_whole_has_not_collapsed(tmp_path: Path) -> None:
    assert collapsed(tmp_path, [(0.80, 0.81, 0.79), (0.40, 0.41, 0.39)]) == {}


def test_equal_accuracies_leave_one_example_as_the_scale(tmp_path: Path) -> None:
    assert collapsed(tmp_path, [(0.8, 0.8, 0.8, 0.76), (0.8, 0.8, 0.8, 0.7)]) == {"cutmix": [3]}


def test_a_network_that_names_one_class_has_collapsed_with_any_number_of_seeds(tmp_path: Path) -> None:
    path = make_run(tmp_path / "one", test_accuracy=0.25)
    with np.load(path / FILE) as stored:
        probability = np.tile(np.array([0.7, 0.1, 0.1, 0.1], np.float16), (len(stored["id"]), 1))
    rewrite(path, probability=probability)
    groups = load_groups([path, make_run(tmp_path / "none", strategy="none")]).groups
    assert [*stability.collapsed(groups, scores.gather(groups))] == ["cutmix"]


def test_what_so_many_runs_without_a_collapse_leave_open() -> None:
    assert stability.highest_rate(12) == pytest.approx(0.2209, abs=1e-4)
    assert (1 - stability.highest_rate(5)) ** 5 == pytest.approx(0.05)
