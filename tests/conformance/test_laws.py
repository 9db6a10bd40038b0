"""P values of right draws are uniform, and those of wrong ones tiny."""

import numpy as np
import pytest

from augexp.conformance import laws


def test_uniform_permutations_pass_and_too_even_ones_do_not() -> None:
    random = np.random.default_rng(0)
    draws = np.array([random.permutation(6) for _ in range(600)])
    assert laws.partner_p(draws) > 1e-3
    even = np.array([np.roll(np.arange(6), step) for step in range(600)])
    assert laws.partner_p(even) < 1e-9


@pytest.mark.slow
def test_p_values_of_right_draws_are_uniform() -> None:
    from scipy import stats

    random = np.random.default_rng(0)
    found = [laws.beta_p(random.beta(0.4, 0.4, 500), 0.4) for _ in range(400)]
    # Twice the smaller of two p values is a little too large at most.
    assert np.mean(np.array(found) < 0.1) < 0.15
    moments = [laws.moments_p(random.beta(0.4, 0.4, 2000), 0.4, own=0.0) for _ in range(400)]
    assert stats.binomtest(int((np.array(moments) < 0.1).sum()), 400, 0.1).pvalue > 1e-4
