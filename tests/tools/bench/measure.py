"""Timing: every call of a case once a round, in turn, so that a drifting machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

ROUNDS, SLOW_ROUNDS, SLOW = 7, 3, 1.0  # a call of a second and more is repeated less often


def seconds(calls: Mapping[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Seconds of each call, round by round, after two calls that trace, compile and fill caches."""
    first = {}
    for name, call in calls.items():
        call()
        first[name] = _once(call)
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(ROUNDS):
        for name, call in calls.items():
            if number < (SLOW_ROUNDS if first[name] > SLOW else ROUNDS):
                found[name].append(_once(call))
    return found


def _once(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def rate(count: int, times: list[float]) -> float:
    """Images a second, by the median."""
    return count / statistics.median(times)
