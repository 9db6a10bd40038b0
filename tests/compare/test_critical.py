"""The constants of simultaneous intervals: against a table, in exact cases, and kept where they are simulated."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from augexp.compare import critical
from augexp.compare.critical import ANY_RATIO, constants, of_range, simulated

# Made by another implementation: k, then one look at n seeds.
ONE_LOOK = {
    2: {3: 4.35, 4: 3.19, 5: 2.79, 6: 2.57, 8: 2.37, 10: 2.27, 12: 2.20, 20: 2.11},
    3: {2: 6.99, 3: 4.15, 4: 3.44, 5: 3.12, 6: 2.92, 8: 2.75, 10: 2.68, 12: 2.63, 20: 2.52},
    4: {2: 6.09, 3: 4.24, 4: 3.65, 5: 3.35, 6: 3.16, 8: 3.00, 10: 2.96, 12: 2.91, 20: 2.79},
    5: {2: 5.83, 3: 4.35, 4: 3.81, 5: 3.56, 6: 3.34, 8: 3.20, 10: 3.14, 12: 3.10, 20: 2.97},
    6: {2: 5.65, 3: 4.43, 4: 3.94, 5: 3.64, 6: 3.50, 8: 3.37, 10: 3.29, 12: 3.26, 20: 3.13},
    8: {2: 5.62, 3: 4.60, 4: 4.18, 5: 3.94, 6: 3.76, 8: 3.61, 10: 3.53, 12: 3.49},
}
SEVERAL = {
    2: ((5.65, 3.44), (7.23, 4.07, 2.85), (8.78, 4.59, 3.17, 2.62)),
    3: ((5.01, 3.72), (5.86, 4.23, 3.18), (6.69, 4.71, 3.53, 2.93)),
    4: ((5.00, 3.93), (5.68, 4.49, 3.41), (6.28, 4.99, 3.72, 3.13)),
    5: ((5.02, 4.17), (5.59, 4.67, 3.57), (6.27, 5.02, 3.89, 3.31)),
    6: ((5.06, 4.24), (5.70, 4.69, 3.71), (6.08, 5.16, 4.02, 3.50)),
}


@pytest.mark.parametrize("strategies", ONE_LOOK)
def test_one_look_is_the_published_table(strategies: int) -> None:
    for seeds, constant in ONE_LOOK[strategies].items():
        assert constants(strategies, (seeds,))[0] == pytest.approx(constant, rel=0.03), seeds


@pytest.mark.parametrize("strategies", SEVERAL)
def test_several_looks_are_the_published_table(strategies: int) -> None:
    for looks, expected in zip(((3, 5), (3, 5, 8), (3, 5, 8, 12)), SEVERAL[strategies], strict=True):
        found = constants(strategies, looks)
        assert found[0] == pytest.approx(expected[0], rel=0.05)
        assert found[1:] == pytest.approx(expected[1:], rel=0.03)


def test_any_ratio_of_deviations_takes_more() -> None:
    assert constants(4, (3,), ratio=ANY_RATIO)[0] == pytest.approx(5.39, rel=0.03)
    assert constants(4, (3, 5, 8, 12), ratio=ANY_RATIO) == pytest.approx((11.1, 5.45, 3.58, 3.03), rel=0.05)


@pytest.mark.parametrize("seeds", [2, 3, 5, 12])
def test_two_strategies_at_one_look_are_students_t(seeds: int) -> None:
    """Then the pool is the pair's own variance."""
    assert constants(2, (seeds,))[0] == pytest.approx(scipy.stats.t.ppf(0.975, seeds - 1), rel=0.02)


def test_the_same_constants_come_again_and_fewer_studies_give_nearly_the_same() -> None:
    assert simulated(3, (3, 5), studies=4000) == simulated(3, (3, 5), studies=4000)
    assert simulated(3, (3, 5), studies=20_000) == pytest.approx(constants(3, (3, 5)), rel=0.05)


def test_what_is_not_in_the_table_is_simulated_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(critical, "STUDIES", 1000)
    constants.cache_clear()
    found = constants(3, (4, 7))
    kept = tmp_path / "augexp" / "critical.json"
    assert json.loads(kept.read_text()) == {"3: 4 7; 3": list(found)}
    monkeypatch.setattr(critical, "simulated", pytest.fail)
    constants.cache_clear()
    assert constants(3, (4, 7)) == found
    for damage in ("[", "[1]", '{"3: 4 7; 3": "x"}', '{"3: 4 7; 3": null}'):
        kept.write_text(damage)
        assert critical._kept() == {}
    constants.cache_clear()


@pytest.mark.parametrize("strategies", [2, 4, 10, 30])
def test_the_range_is_scipys(strategies: int) -> None:
    for df in (np.inf, 5):
        expected = scipy.stats.studentized_range.ppf(0.95, strategies, df) / np.sqrt(2)
        assert of_range(strategies, df) == pytest.approx(expected)
