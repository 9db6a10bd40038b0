"""What two rates say of a run, and where they are not to be had."""

import math

import numpy as np
import pytest

from augexp.runs import limit
from augexp.runs.limit import Limit


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (Limit(9100, 320, 0.0), "network"),
        (Limit(320, 9100, 0.9), "input"),
        (Limit(320, 320, 0.0), "network"),
        # Where waiting can't be told, training at nearly the rate of its input has nothing else to wait for.
        (Limit(1000, 790), "network"),
        (Limit(1000, 810), "input"),
    ],
)
def test_the_slower_half_is_the_limit(found: Limit, name: str) -> None:
    assert found.name == name
    assert limit.of_row(found.row) == found


def test_both_rates_are_said() -> None:
    assert limit.sentence(Limit(9100, 320, 0.01)) == (
        "input path 9,100 images/s, network 320: the network is the limit"
    )


@pytest.mark.parametrize("number", [None, math.nan, math.inf, -1.0, 1e300])
def test_what_is_no_rate_says_nothing(number: float | None) -> None:
    row = Limit(9100, 320, 0.1).row
    for name in limit.COLUMNS[:2]:
        assert limit.of_row(row | {name: number}) is None
    assert limit.of_row(row | {"waiting": number}) == Limit(9100, 320)
    assert limit.of_row({}) is None


def test_epochs_are_told_by_their_median_as_far_as_they_say_something() -> None:
    history = {
        "input_images_per_second": np.array([math.nan, 10.0, 30.0, 20.0]),
        "network_images_per_second": np.array([math.nan, 1.0, 3.0, 2.0]),
        "waiting": np.array([math.nan] * 4),
    }
    assert limit.of_epochs(history) == Limit(20, 2)
    assert limit.of_epochs({"loss": np.zeros(4)}) is None
