"""A registered study, look by look: who trains on, who comes back, when it ends; asking again changes nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augexp.compare import choice
from augexp.compare.contrasts import Scores
from augexp.compare.race import Race, bounds, replay
from augexp.config.decide import Decide, Registered
from augexp.report.wording import outcome, race_sentence

LOOKS = (3, 5, 8)
NOISE = np.random.default_rng(1).normal(0, 0.004, (4, 8))


def study(margin: float = 0.5, names: Sequence[str] = ("none", "basic", "cutmix", "mixup")) -> Registered:
    decide = Decide(baseline="none", looks=LOOKS, margin=margin)
    return Registered(decide=decide, strategies=tuple(names), seeds=tuple(range(8)), hash="x")


def scores(means: Sequence[float], seeds: Sequence[int] = (8, 8, 8, 8)) -> dict[str, Scores]:
    return {
        name: Scores({s: mean + NOISE[i, s] for s in range(count)}, {}, 10**6)
        for i, (name, mean, count) in enumerate(zip(study().strategies, means, seeds, strict=True))
        if count
    }


def test_before_the_first_look_every_strategy_needs_its_seeds() -> None:
    found = replay(study(), {})
    assert found.looks == ()
    assert found.needed == tuple((name, seed) for seed in range(3) for name in study().strategies)
    assert race_sentence(found) == "before the first look at 3 seeds of each strategy: 12 runs to do"
    assert replay(study(), scores((0.8, 0.8, 0.8, 0.8), (3, 3, 3, 2))).needed == (("mixup", 2),)


def test_a_clear_winner_ends_the_study_at_the_first_look() -> None:
    found = replay(study(), scores((0.70, 0.60, 0.80, 0.65)))
    (look,) = found.looks
    assert found.ended
    assert look.settled
    assert (look.leader, look.race) == ("cutmix", ())
    low, high = bounds(look.contrasts, "cutmix", "none")
    assert outcome(found) == (
        "Use cutmix. With 95 % confidence every other strategy is "
        f"{-100 * max(look.above.values()):.2f} points or more below it, and it is {100 * low:.2f} to "
        f"{100 * high:.2f} points above none."
    )


def test_who_may_still_win_trains_on_with_the_baseline() -> None:
    found = replay(study(), scores((0.70, 0.60, 0.80, 0.80), (3, 3, 3, 3)))
    assert not found.ended
    assert {name for name, _ in found.needed} == {"none", "cutmix", "mixup"}
    assert {seed for _, seed in found.needed} == {3, 4}
    told = race_sentence(found)
    assert told.startswith("look 1 of 3, 3 seeds: ")
    assert "basic is out (" in told
    assert told.endswith("none, cutmix, mixup train on")


def test_one_comes_back_and_is_trained_up() -> None:
    """Out against the leader of the first look, which then falls behind one against whom it is not."""
    given = scores((0.70, 0.785, 0.80, 0.797), (8, 3, 8, 8))
    fallen = {s: value if s < 3 else value - 0.03 for s, value in given["cutmix"].accuracy.items()}
    given["cutmix"] = Scores(fallen, {}, 10**6)
    found = replay(study(), given)
    first, second = found.looks
    assert (first.leader, second.leader) == ("cutmix", "mixup")
    assert "basic" not in first.race
    assert "basic" in second.race
    assert found.needed == tuple(("basic", seed) for seed in (3, 4, 5, 6, 7))
    earlier, kept = (look.contrasts["cutmix", "basic"] for look in found.looks)
    assert kept == earlier
    whole = replay(study(), given | {"basic": scores((0.70, 0.785, 0.80, 0.797))["basic"]})
    assert whole.looks[:2] == found.looks


def test_equal_strategies_end_with_the_baseline_or_undecided() -> None:
    even = replay(study(margin=20), scores((0.8, 0.8, 0.8, 0.8)))
    assert even.looks[-1].settled
    assert "no other strategy is" in outcome(even)
    torn = replay(study(margin=0.01), scores((0.8, 0.8, 0.8, 0.8)))
    assert (len(torn.looks), torn.ended, torn.looks[-1].settled) == (3, True, False)
    assert outcome(torn).startswith(f"Undecided: {torn.looks[-1].leader} leads, and can't be told from ")
    assert "a new study needs new seeds" in race_sentence(torn)


def test_a_failed_run_makes_its_strategy_incomplete_and_no_sentence_calls_for_a_use() -> None:
    found = replay(study(), scores((0.70, 0.60, 0.80, 0.65), (3, 3, 3, 2)), failed=[("mixup", 2)])
    assert found.incomplete == ("mixup",)
    assert "mixup" not in found.looks[-1].above
    told = choice.of_race(found)
    assert told is not None
    assert not told.settled


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.6, 0.9), min_size=4, max_size=4), st.integers(3, 8))
def test_asking_again_with_more_runs_changes_no_earlier_look(means: list[float], count: int) -> None:
    whole, part = replay(study(), scores(means)), replay(study(), scores(means, [count] * 4))
    for early, late in zip(part.looks, whole.looks, strict=False):
        assert early == late


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.6, 0.9), min_size=4, max_size=4))
def test_what_is_needed_leads_to_the_end(means: list[float]) -> None:
    every, held = scores(means), {}  # type: tuple[dict[str, Scores], dict[str, Scores]]
    found: Race = replay(study(), held)
    while found.needed:
        for name, seed in found.needed:
            had = held[name].accuracy if name in held else {}
            held[name] = Scores({**had, seed: every[name].accuracy[seed]}, {}, 10**6)
        found = replay(study(), held)
    assert found.looks[-1].ended
    assert sum(len(one.accuracy) for one in held.values()) <= 32
    assert bounds(found.looks[-1].contrasts, "none", "basic") == pytest.approx(
        tuple(-end for end in reversed(bounds(found.looks[-1].contrasts, "basic", "none")))
    )
