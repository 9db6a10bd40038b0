"""Contrasts of scores: which test, which numbers; and that they hold what they promise, by simulation."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from augexp.compare import contrasts, inference
from augexp.compare.contrasts import Contrast, Scores
from augexp.metrics.recall import macro_recall
from tests.tools import simulation
from tests.tools.simulation import Truth

RANDOM = np.random.default_rng(0)


def scores(*accuracies: float, first_seed: int = 0, examples: int = 1000) -> Scores:
    """Seeds that are right on that share of the examples, on which ones by chance."""
    rows: dict[int, Any] = {}
    for seed, accuracy in enumerate(accuracies, start=first_seed):
        row = np.zeros(examples, np.float32)
        row[RANDOM.permutation(examples)[: round(accuracy * examples)]] = 1
        rows[seed] = row
    return Scores({seed: float(row.mean()) for seed, row in rows.items()}, rows, examples)


def contrast(ours: Scores, theirs: Scores) -> Contrast:
    found = contrasts.contrast(ours, theirs)
    assert found is not None
    return found


def test_equal_seeds_are_paired_and_others_are_not() -> None:
    ours, theirs = (0.81, 0.83, 0.80), (0.80, 0.79, 0.78)
    same = contrast(scores(*ours), scores(*theirs))
    other = contrast(scores(*ours), scores(*theirs, first_seed=3))
    assert (same.method, other.method) == ("paired", "welch")
    assert same.difference == pytest.approx(other.difference) == pytest.approx(0.07 / 3)
    assert same.seed_estimate is not None
    assert same.seed_estimate.p_value == pytest.approx(scipy.stats.ttest_rel(ours, theirs).pvalue, rel=0.01)
    assert other.seed_estimate is not None
    error = np.sqrt((np.var(ours, ddof=1) + np.var(theirs, ddof=1)) / 3)
    expected = 2 * scipy.stats.t.sf(other.difference / error, 2)
    assert other.seed_estimate.p_value == pytest.approx(expected, rel=0.01)


def test_half_shared_seeds_are_paired_over_what_they_share() -> None:
    found = contrast(scores(0.81, 0.83, 0.80), scores(0.70, 0.79, 0.78, first_seed=1))
    assert (found.method, found.seeds) == ("paired", (2, 2))
    assert found.difference == pytest.approx((0.83 - 0.70 + 0.80 - 0.79) / 2)
    assert contrasts.contrast(scores(0.81, 0.83), scores(0.70, 0.79, first_seed=1)) is None


def test_the_finite_test_set_widens_the_interval() -> None:
    """Strategies that are right on different examples, the same ones with every seed."""
    ours = Scores(
        {0: 0.8, 1: 0.81, 2: 0.79}, {s: np.repeat([1, 0], [80, 20]).astype(np.float32) for s in range(3)}, 100
    )
    theirs = Scores(
        {0: 0.7, 1: 0.71, 2: 0.69}, {s: np.repeat([0, 1], [30, 70]).astype(np.float32) for s in range(3)}, 100
    )
    found = contrast(ours, theirs)
    assert found.counts_examples
    assert found.seed_interval is not None
    assert found.interval[0] < 0 < found.seed_interval[0]
    gains = np.subtract(ours.correct[0], theirs.correct[0])
    assert found.example_variance == pytest.approx(gains.var(ddof=1) / 100)


def test_without_predictions_the_seeds_alone_decide_and_it_says_so() -> None:
    ours, theirs = ((Scores(one.accuracy, {}, 1000)) for one in (scores(0.81, 0.83), scores(0.80, 0.79)))
    found = contrast(ours, theirs)
    assert not found.counts_examples
    assert found.interval == found.seed_interval


def test_a_seed_without_predictions_still_counts() -> None:
    ours, theirs = scores(0.81, 0.83, 0.80), scores(0.80, 0.79, 0.78)
    fewer = Scores(ours.accuracy, {seed: ours.correct[seed] for seed in (0, 2)}, 1000)
    found = contrast(fewer, theirs)
    assert found.counts_examples
    assert found.seeds == (3, 3)


def test_one_seed_is_two_models() -> None:
    ours, theirs = scores(0.81, first_seed=3), scores(0.80, 0.79, 0.78, 0.77)
    found = contrast(ours, theirs)
    gained = int(((ours.correct[3] == 1) & (theirs.correct[3] == 0)).sum())
    lost = int(((ours.correct[3] == 0) & (theirs.correct[3] == 1)).sum())
    assert (found.method, found.gained, found.lost, found.seeds) == ("mcnemar", gained, lost, (1, 1))
    assert found.p_value == pytest.approx(scipy.stats.binomtest(gained, gained + lost).pvalue)
    assert found.difference == (gained - lost) / 1000


def test_one_seed_without_predictions_is_nothing() -> None:
    assert contrasts.contrast(Scores({0: 0.8}, {}, 100), scores(0.8, examples=100)) is None


def test_corrections_run_over_those_that_have_a_p() -> None:
    found = [contrast(scores(0.81, 0.83), scores(0.80, 0.79)), None, contrast(scores(0.7, 0.72), scores(0.80, 0.79))]
    p_values = [one.p_value for one in found if one is not None]
    first, second = inference.holm(p_values)
    assert contrasts.adjusted(found) == [first, None, second]


@pytest.mark.slow
def test_hillis_alone_would_claim_too_much_with_two_seeds() -> None:
    """Seeds that happen to agree: their variance comes out near 0, and the degrees of freedom far too many."""
    random = np.random.default_rng(0)
    alone, both = [], []
    for _ in range(300):
        drawn = simulation.study(Truth(2, 0.5, taste=0.3), random)
        found = [contrast(one, drawn.scores[0]) for one in drawn.scores[1:]]
        alone.append(min(inference.holm([one.estimate.p_value for one in found if one.estimate])) <= 0.05)
        both.append(min(p for p in contrasts.adjusted(found) if p is not None) <= 0.05)
    assert np.mean(alone) > 0.15
    assert np.mean(both) <= 0.05 + 0.038


# --- macro recall --------------------------------------------------------------------------------------------------


def recalls(sizes: tuple[int, ...], *rows: list[float]) -> Scores:
    """Seeds with such shares of each class right."""
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    place = np.concatenate([np.arange(size) / size for size in sizes])
    correct = {seed: (place < np.array(row)[labels] - 1e-9).astype(np.float32) for seed, row in enumerate(rows)}
    return Scores({seed: macro_recall(row, labels) for seed, row in correct.items()}, correct, len(labels), labels)


def test_macro_recalls_come_in_steps_of_the_smallest_class() -> None:
    assert recalls((97, 3), [1, 1]).steps == 6
    assert recalls((25, 25, 25, 25), [1, 1, 1, 1]).steps == 100


def test_a_difference_of_macro_recalls_weighs_classes_alike() -> None:
    found = contrast(recalls((90, 10), [1, 0.5], [1, 0.6]), recalls((90, 10), [1, 0.2], [1, 0.1]))
    assert found.difference == pytest.approx((0.3 + 0.5) / 2 / 2)
    assert found.seed_estimate is not None
    rounding = 2 / 12 / 20**2
    assert found.seed_estimate.variance == pytest.approx((np.var([0.15, 0.25], ddof=1) + rounding) / 2)
    assert found.example_variance > 1 / 20**2


def test_of_equal_classes_the_seeds_say_what_they_say_of_accuracy() -> None:
    ours, theirs = recalls((50, 50), [0.9, 0.8], [0.8, 0.8]), recalls((50, 50), [0.7, 0.7], [0.9, 0.6])
    plain = [Scores(one.accuracy, one.correct, one.examples) for one in (ours, theirs)]
    assert contrast(ours, theirs).seed_estimate == contrast(*plain).seed_estimate


def test_no_interval_for_macro_recalls_of_one_seed_or_of_tiny_classes() -> None:
    assert contrasts.contrast(recalls((9, 3), [1, 1]), recalls((9, 3), [0, 1])) is None
    rows = ([1.0, 1.0], [0.5, 1.0], [0.9, 0.0])
    assert contrasts.contrast(recalls((90, 1), *rows), recalls((90, 1), *rows)) is None
    assert contrasts.contrast(recalls((90, 2), *rows), recalls((90, 2), *rows)) is not None
