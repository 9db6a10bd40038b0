"""Timing: every call of a case once a round, in turn, so that a drifting machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

ROUNDS, SLOW_ROUNDS, SLOW = 7, 3, 1.0  # a call of a second and more is repeated less often


class Took(NamedTuple):
    """Seconds of one call: on the clock, and of all cores together, which other programs don't lengthen."""

    wall: float
    cpu: float


def seconds(calls: Mapping[str, Callable[[], Any]]) -> dict[str, list[Took]]:
    """What each call took, round by round, after two calls that trace, compile and fill caches."""
    first = {}
    for name, call in calls.items():
        call()
        first[name] = _once(call)
    found: dict[str, list[Took]] = {name: [] for name in calls}
    for number in range(ROUNDS):
        for name, call in calls.items():
            if number < (SLOW_ROUNDS if first[name].wall > SLOW else ROUNDS):
                found[name].append(_once(call))
    return found


def _once(call: Callable[[], Any]) -> Took:
    start, busy = time.perf_counter(), time.process_time()
    call()
    return Took(time.perf_counter() - start, time.process_time() - busy)


def rate(count: int, times: list[Took]) -> float:
    """Images a second, by the median."""
    return count / statistics.median(took.wall for took in times)


def rate_of_a_core(count: int, times: list[Took]) -> float:
    """Images a second of CPU time, by the median."""
    return count / statistics.median(took.cpu for took in times)
