"""Simultaneous intervals: their parts by hand, and what holds of every one."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augexp.compare import critical
from augexp.compare.contrasts import Scores
from augexp.compare.simultaneous import Plan, of_all, ratio_of

RANDOM = np.random.default_rng(3)
NAMES = ("a", "b", "c", "d")


def drawn(seeds: int, examples: int = 400, random: np.random.Generator = RANDOM) -> dict[str, Scores]:
    """Four strategies that are right on the same images, but for chance."""
    hard = random.random(examples)
    return {name: _scores(random.random((seeds, examples)) * 0.3 + hard < 0.9) for name in NAMES}


def _scores(rows: np.ndarray, first: int = 0) -> Scores:
    correct = {seed: row.astype(np.float32) for seed, row in enumerate(rows, first)}
    return Scores({seed: float(row.mean()) for seed, row in correct.items()}, correct, rows.shape[1])


def test_every_part_by_hand() -> None:
    scores, seeds, n = drawn(5), 5, 400
    found = of_all(scores, Plan(4))
    own = {}
    for one, other in combinations(NAMES, 2):
        difference = [scores[other].accuracy[s] - scores[one].accuracy[s] for s in range(seeds)]
        own[other, one] = np.var(difference, ddof=1) + 2 / (12 * n**2)
    pool = np.mean(list(own.values()))
    for (later, earlier), contrast in found.items():
        assert contrast is not None
        gains = np.stack([scores[later].correct[s] - scores[earlier].correct[s] for s in range(seeds)])
        covariances = np.cov(gains)
        g = max(0.0, np.mean([covariances[s, t] for s in range(seeds) for t in range(seeds) if s != t])) / n
        v = (4 * pool + (seeds - 1) * own[later, earlier]) / (4 + seeds - 1) / seeds
        half = critical.constants(4, (seeds,))[0] * np.sqrt(v)
        both = np.sqrt(half**2 + critical.of_range(4) ** 2 * g)
        d = np.mean(gains)
        assert contrast.difference == pytest.approx(d, abs=1e-6)
        assert contrast.seed_interval == pytest.approx((d - half, d + half), abs=1e-5)
        assert contrast.interval == pytest.approx((d - both, d + both), abs=1e-5)


def test_balanced_the_pool_is_twice_the_error_of_a_two_way_layout() -> None:
    values = RANDOM.normal(0.8, 0.01, (4, 6))
    residual = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    error = (residual**2).sum() / (3 * 5)
    pool = np.mean([np.var(values[i] - values[j], ddof=1) for i, j in combinations(range(4), 2)])
    assert pool == pytest.approx(2 * error)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_images_never_make_an_interval_narrower(seeds: int, start: int) -> None:
    for contrast in of_all(drawn(seeds, 50, np.random.default_rng(start)), Plan(4)).values():
        assert contrast is not None
        assert contrast.seed_interval is not None
        assert contrast.interval[0] <= contrast.seed_interval[0] <= contrast.difference
        assert contrast.difference <= contrast.seed_interval[1] <= contrast.interval[1]


def test_unlike_seeds_are_held_to_what_they_share() -> None:
    scores = drawn(5)
    scores["d"] = Scores({s: scores["d"].accuracy[s] for s in (1, 2, 4)}, {}, 400)
    found = of_all(scores, Plan(4))
    contrast = found["d", "a"]
    assert contrast is not None
    assert contrast.seeds == (3, 3)
    assert not contrast.counts_examples
    assert contrast.interval == contrast.seed_interval
    assert contrast.difference == pytest.approx(
        np.mean([scores["d"].accuracy[s] - scores["a"].accuracy[s] for s in (1, 2, 4)])
    )


def test_without_a_common_seed_welchs_error_has_the_smaller_number_less_one() -> None:
    scores = {"a": drawn(4)["a"], "b": _scores(RANDOM.random((3, 400)) < 0.8, first=10)}
    contrast = of_all(scores, Plan(2))["b", "a"]
    assert contrast is not None
    assert contrast.method == "welch"
    assert contrast.seed_estimate is not None
    assert contrast.seed_interval is not None
    half = 4.302653 * np.sqrt(contrast.seed_estimate.variance)  # Student's t with 2 degrees of freedom
    assert contrast.seed_interval[1] - contrast.difference == pytest.approx(half, rel=1e-4)


def test_a_registered_pair_stands_at_its_last_common_look() -> None:
    scores = drawn(12)
    plan = Plan(4, (3, 5, 8, 12), tuple(range(12)))
    scores["d"] = Scores({s: scores["d"].accuracy[s] for s in range(7)}, {}, 400)
    found = of_all(scores, plan)
    ours, theirs = found["d", "a"], found["b", "a"]
    assert ours is not None
    assert theirs is not None
    assert (ours.seeds, theirs.seeds) == ((5, 5), (12, 12))
    assert of_all({name: Scores({0: 0.5, 1: 0.6}, {}, 400) for name in NAMES}, plan)["b", "a"] is None


def test_one_seed_each_keeps_the_interval_of_two_models() -> None:
    contrast = of_all(drawn(1), Plan(4))["b", "a"]
    assert contrast is not None
    assert contrast.method == "mcnemar"
    assert contrast.seed_interval is None


def test_very_unlike_deviations_take_the_larger_constants() -> None:
    assert ratio_of([(1.0, 5), (2.9, 5), (2.0, 5)]) == critical.RATIO
    assert ratio_of([(1.0, 5), (8.0, 5), (2.0, 5)]) == critical.ANY_RATIO
    assert ratio_of([(0.0, 3), (1.0, 3)]) == critical.ANY_RATIO
    assert ratio_of([(0.0, 1), (1.0, 3)]) == ratio_of([]) == critical.RATIO
