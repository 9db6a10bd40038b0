"""Intervals, tests and power, against SciPy, textbook formulas written out, and simulation."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from augexp.compare import inference
from augexp.compare.inference import Estimate

MANY = 10**9  # examples: no rounding
SCORES = [0.81, 0.83, 0.78, 0.80, 0.84]
BASELINE = [0.80, 0.79, 0.77, 0.80, 0.81]
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


# --- means and differences -----------------------------------------------------------------------------------------


def test_the_interval_of_a_mean_is_students() -> None:
    expected = scipy.stats.t.interval(0.95, 4, np.mean(SCORES), scipy.stats.sem(SCORES))
    assert inference.mean_interval(SCORES) == pytest.approx(expected)
    assert inference.mean_interval([0.8]) is None


def test_paired_is_scipys_t_test_of_pairs() -> None:
    expected = scipy.stats.ttest_rel(SCORES, BASELINE)
    estimate = inference.paired(SCORES, BASELINE, MANY)
    assert estimate.p_value == pytest.approx(expected.pvalue)
    assert estimate.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert estimate.difference == pytest.approx(np.mean(SCORES) - np.mean(BASELINE))


@pytest.mark.parametrize("baseline", [BASELINE, BASELINE[:2], [0.5, 0.9, 0.7]])
def test_welchs_error_is_scipys_with_fewer_degrees_of_freedom(baseline: list[float]) -> None:
    expected = scipy.stats.ttest_ind(SCORES, baseline, equal_var=False)
    estimate = inference.welch(SCORES, baseline, MANY)
    assert estimate.difference / estimate.error == pytest.approx(expected.statistic)
    assert estimate.df == min(len(SCORES), len(baseline)) - 1 <= expected.df


def test_no_variance_is_no_proof_where_accuracies_are_counts() -> None:
    """Two seeds that differ by exactly one of 100 examples each."""
    estimate = inference.paired([0.81, 0.84], [0.80, 0.83], 100)
    assert estimate.variance == pytest.approx(2 * (0.01**2 / 12) / 2)
    assert estimate.p_value > 0.1


def test_rounding_to_counts_raises_no_false_positives() -> None:
    """Few examples and two seeds: without the variance of rounding 11 % of equal strategies would differ."""
    random = np.random.default_rng(0)
    right = np.rint(random.normal(280, 1, (4000, 2, 2))) / 359
    with_rounding = [inference.paired(pair[0], pair[1], 359).p_value <= 0.05 for pair in right]
    without = [inference.paired(pair[0], pair[1], MANY).p_value <= 0.05 for pair in right]
    assert np.mean(with_rounding) <= 0.05 + 0.01
    assert np.mean(without) > 0.1


def layout(
    seeds: int, examples: int, random: np.random.Generator, *, of_example: float, of_seed: float
) -> NDArray[np.float32]:
    values = random.normal(0, of_example, examples) + random.normal(0, of_seed, (seeds, 1))
    return np.asarray(values + random.normal(0, 0.3, (seeds, examples)), np.float32)


def test_example_variance_is_the_component_of_a_two_way_layout() -> None:
    """Against mean squares written out as sums (Searle, Casella and McCulloch, 1992, section 4.3)."""
    random = np.random.default_rng(1)
    ours, theirs = (layout(4, 50, random, of_example=0.4, of_seed=0.1) for _ in range(2))
    gain = (ours - theirs).astype(np.float64)
    rows, columns = gain.mean(axis=1), gain.mean(axis=0)
    ms_examples = 4 * sum((columns - gain.mean()) ** 2) / 49
    ms_noise = sum(
        (gain[k, i] - rows[k] - columns[i] + gain.mean()) ** 2 for k in range(4) for i in range(50)
    ) / (3 * 49)  # fmt: skip
    expected = (ms_examples - ms_noise) / 4 / 50
    assert inference.example_variance(ours, theirs, by_seed=True) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("by_seed", [True, False])
def test_example_variance_is_unbiased(by_seed: bool) -> None:
    """0.4 of each group's examples' own: 2 x 0.16 / N in the mean over many studies, whatever the seeds do."""
    random = np.random.default_rng(2)
    found = [
        inference.example_variance(
            layout(3, 200, random, of_example=0.4, of_seed=0.2),
            layout(3, 200, random, of_example=0.4, of_seed=0.2),
            by_seed=by_seed,
        )
        for _ in range(400)
    ]
    error = float(np.std(found)) / math.sqrt(len(found))
    assert np.mean(found) == pytest.approx(2 * 0.16 / 200, abs=4 * error)


def test_examples_that_all_agree_add_nothing() -> None:
    random = np.random.default_rng(3)
    ours = (random.random((3, 500)) < 0.8).astype(np.float32)
    assert inference.example_variance(ours, ours, by_seed=True) == 0


def test_adding_examples_follows_hillis() -> None:
    full = inference.with_examples(Estimate(0.01, 4e-6, 4), 2e-6)
    assert full.variance == pytest.approx(6e-6)
    assert full.df == pytest.approx((6e-6) ** 2 / ((4e-6) ** 2 / 4))
    assert inference.with_examples(Estimate(0.01, 4e-6, 4), 0.0) == Estimate(0.01, 4e-6, 4)


@given(st.floats(-0.1, 0.1), st.floats(1e-8, 1e-3), st.floats(0, 1e-3), st.integers(1, 30))
def test_examples_never_make_a_claim_surer(difference: float, of_seeds: float, of_examples: float, df: int) -> None:
    seeds = Estimate(difference, of_seeds, df)
    full = inference.with_examples(seeds, of_examples)
    low, high = inference.interval_of_both(seeds, full)
    assert low <= seeds.interval()[0]
    assert high >= seeds.interval()[1]
    p = inference.p_of_both(seeds, full)
    assert p >= max(seeds.p_value, full.p_value)
    if abs(p - 0.05) > 1e-9:
        assert (p > 0.05) == (low <= 0 <= high)


# --- two models ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(gained: int, lost: int) -> None:
    expected = scipy.stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert inference.mcnemar(gained, lost) == pytest.approx(expected)


def test_the_interval_of_two_models_covers() -> None:
    random = np.random.default_rng(4)
    counts = random.multinomial(500, [0.06, 0.03, 0.91], 4000)
    covered = [low <= 0.03 <= high for low, high in (inference.models_interval(a, b, 500) for a, b, _ in counts)]
    assert 0.93 <= np.mean(covered) <= 0.97


# --- many tests at once --------------------------------------------------------------------------------------------


def holm_by_the_book(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Reject from the smallest on, each at alpha / (number left), until one fails."""
    rejected = [False] * len(p_values)
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[index] > alpha / (len(p_values) - step):
            break
        rejected[index] = True
    return rejected


@given(p_lists, st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_the_procedure_does(p_values: list[float], alpha: float) -> None:
    adjusted = inference.holm(p_values)
    for p, rejected in zip(adjusted, holm_by_the_book(p_values, alpha), strict=True):
        assert (p <= alpha) == rejected or p == pytest.approx(alpha)


@given(p_lists)
def test_false_discovery_rates_are_scipys(p_values: list[float]) -> None:
    np.testing.assert_allclose(inference.benjamini_hochberg(p_values), scipy.stats.false_discovery_control(p_values))


def test_certainty_without_variance() -> None:
    sure = Estimate(0.01, 0.0, 3)
    assert (sure.p_value, Estimate(0.0, 0.0, 3).p_value) == (0, 1)


# --- classes of unlike size ----------------------------------------------------------------------------------------


def test_class_variance_is_that_within_classes_each_weighing_alike() -> None:
    """By its definition, from the covariances of two seeds over the examples of a class."""
    random = np.random.default_rng(3)
    labels = np.repeat([0, 1], [300, 60]).astype(np.int32)
    ours, theirs = (random.integers(0, 2, (4, 360)).astype(np.float32) for _ in range(2))
    ours[:, ::3], theirs[:, ::4] = 1, 0
    own = []
    for part in [(ours - theirs)[:, labels == one] for one in (0, 1)]:
        covariance = np.cov(part.astype(np.float64))
        own.append((covariance.sum() - np.trace(covariance)) / (4 * 3))
    expected = (own[0] / 300 + own[1] / 60 + 1 / 60**2) / 4
    assert inference.class_variance(ours, theirs, labels, by_seed=True) == pytest.approx(expected, rel=1e-5)


def test_a_small_class_whose_examples_agree_still_varies() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1], np.int32)
    ours, theirs = np.ones((3, 9), np.float32), np.zeros((3, 9), np.float32)
    assert inference.class_variance(ours, theirs, labels, by_seed=True) == pytest.approx(1 / 6**2)
