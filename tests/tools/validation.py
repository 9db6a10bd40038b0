"""Can the verdicts be trusted? Studies with known truth, counted: `make validate` prints docs/validation.md's table.

Whatever is counted here is said by the product's own code, from scores as run folders would give them.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from augexp.compare import race, simultaneous
from augexp.compare.contrasts import Scores
from augexp.compare.race import Race
from augexp.compare.simultaneous import Plan
from augexp.config.decide import Decide, Registered
from tests.tools import folds, simulation, unequal
from tests.tools.folds import Folded
from tests.tools.simulation import Truth
from tests.tools.unequal import TAIL, Unequal

LOOKS = (3, 5, 8, 12)
RECALL_LOOKS = (3, 5, 8)
STUDIES, RACES, RECALL_STUDIES = 2000, 10_000, 1000
BLOCK = 250  # studies at a time, so that cells share the processors
DEVIATION = 0.5  # points, of races; what matters is counted in it
NAMES = tuple("abcdefghij")


@dataclass(frozen=True)
class Cell:
    """A kind of study, and what at most may go wrong in it, in percent of studies."""

    name: str
    count: Callable[["Cell", int, int], dict[str, float]]  # (cell, first study, studies) -> sums over studies
    limits: dict[str, tuple[float, float]]  # what is counted -> lowest and highest that pass
    studies: int
    truth: Truth | Unequal | None = None
    folded: Folded | None = None
    settings: dict[str, float] = field(default_factory=dict)


def registered(strategies: int, margin: float, looks: tuple[int, ...] = LOOKS) -> Registered:
    """A study of so many strategies; the first is the baseline."""
    decide = Decide(baseline=NAMES[0], looks=looks, margin=margin)
    return Registered(decide=decide, strategies=NAMES[:strategies], seeds=tuple(range(looks[-1])), hash="")


# --- intervals -----------------------------------------------------------------------------------------------------


def wrong_intervals(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """Studies in which any interval of any pair is wrong at any look: of images like these, and on this test set."""
    assert isinstance(cell.truth, Truth)
    strategies = len(cell.truth.gains) + 1
    plan = race.plan_of(registered(strategies, 1.0))
    everywhere = here = 0
    for number in range(first, first + studies):
        drawn = simulation.study(cell.truth, np.random.default_rng([number, cell.truth.examples]))
        scores = dict(zip(NAMES, drawn.scores, strict=False))
        wrong = [_wrong(seen, drawn.everywhere, drawn.here) for seen in _looks(scores, plan)]
        everywhere += any(first for first, _ in wrong)
        here += any(second for _, second in wrong)
    return {"wrong for other images": everywhere, "wrong on this test set": here}


def wrong_recalls(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """The same of macro recalls, where classes are of unlike size."""
    assert isinstance(cell.truth, Unequal)
    plan = race.plan_of(registered(cell.truth.strategies, 1.0, RECALL_LOOKS))
    everywhere = here = 0
    for number in range(first, first + studies):
        drawn = unequal.study(cell.truth, np.random.default_rng([number, len(cell.truth.sizes)]))
        scores = dict(zip(NAMES, drawn.scores, strict=False))
        wrong = [_wrong(seen, drawn.everywhere, drawn.here) for seen in _looks(scores, plan)]
        everywhere += any(first for first, _ in wrong)
        here += any(second for _, second in wrong)
    return {"wrong for other images": everywhere, "wrong on this test set": here}


def _looks(scores: dict[str, Scores], plan: Plan) -> Iterator[dict[tuple[str, str], object]]:
    for look in plan.looks:
        known = {name: simultaneous.only(one, plan.seeds[:look]) for name, one in scores.items()}
        yield dict(simultaneous.of_all(known, plan))


def _wrong(
    seen: dict[tuple[str, str], object], everywhere: NDArray[np.float64], here: NDArray[np.float64]
) -> tuple[bool, bool]:
    wrong = [False, False]
    for (later, earlier), contrast in seen.items():
        ends = getattr(contrast, "interval", None), getattr(contrast, "seed_interval", None)
        for place, (interval, truth) in enumerate(zip(ends, (everywhere, here), strict=True)):
            gain = truth[NAMES.index(later)] - truth[NAMES.index(earlier)]
            wrong[place] |= interval is not None and not interval[0] <= gain <= interval[1]
    return wrong[0], wrong[1]


# --- races ---------------------------------------------------------------------------------------------------------


def _accuracies(strategies: int, seeds: int, effect: float, random: np.random.Generator) -> dict[str, Scores]:
    """Of normal seeds; the second strategy is better by `effect` standard deviations."""
    values = 0.8 + DEVIATION / 100 * random.standard_normal((strategies, seeds))
    values[1] += effect * DEVIATION / 100
    return {name: Scores(dict(enumerate(row.tolist())), {}, 10**7) for name, row in zip(NAMES, values, strict=False)}


def races(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """Races: a false word at any look, a wrong pick, the right one, the runs that they took."""
    strategies, effect, margin = (int(cell.settings["k"]), cell.settings["effect"], cell.settings["margin"])
    study = registered(strategies, margin * DEVIATION)
    sums = dict.fromkeys(("false word", "wrong pick", "found", "runs"), 0.0)
    for number in range(first, first + studies):
        random = np.random.default_rng([number, strategies, round(10 * effect)])
        found = race.replay(study, _accuracies(strategies, LOOKS[-1], effect, random))
        truth = dict.fromkeys(study.strategies, 0.0) | {NAMES[1]: effect * DEVIATION / 100}
        last = found.looks[-1]
        sums["false word"] += any(_is_false(look.contrasts, truth) for look in found.looks)
        below = max(truth.values()) - truth[last.leader]
        sums["wrong pick"] += last.settled and below >= margin * DEVIATION / 100
        sums["found"] += last.leader == NAMES[1] and race.bounds(last.contrasts, NAMES[1], NAMES[0])[0] > 0
        sums["runs"] += runs_of(found)
    return sums


def _is_false(contrasts: object, truth: dict[str, float]) -> bool:
    """Whether a word that is read off an interval is wrong."""
    told = dict(contrasts)  # type: ignore[call-overload]
    return any(
        one is not None and not one.interval[0] <= truth[later] - truth[earlier] <= one.interval[1]
        for (later, earlier), one in told.items()
    )


def runs_of(found: Race) -> int:
    """How many runs a race took: who trains on is trained up to the seeds of the look."""
    reached = dict.fromkeys(found.study.strategies, 0)
    running = found.study.strategies
    for look in found.looks:
        reached |= dict.fromkeys(running, look.seeds)
        running = tuple({look.leader, *look.race, found.study.decide.baseline})
    return sum(reached.values())


def own_rule(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """Nothing differs; stops at the first look that shows anything, with the baseline that shows it best."""
    study = registered(4, 1.0)
    claims = 0
    for number in range(first, first + studies):
        scores = _accuracies(4, LOOKS[-1], 0.0, np.random.default_rng([number, 99]))
        claims += any(_is_false(seen, dict.fromkeys(scores, 0.0)) for seen in _looks(scores, race.plan_of(study)))
    return {"false word": claims}


def single_look(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """One look without a registered study: the second strategy is found, any interval is wrong."""
    effect = cell.settings["effect"]
    seeds = [int(digit) for digit in str(int(cell.settings["seeds"]))]
    sums = {"found": 0.0, "false word": 0.0}
    for number in range(first, first + studies):
        random = np.random.default_rng([number, *seeds])
        drawn = _accuracies(len(seeds), max(seeds), effect, random)
        scores = {
            name: simultaneous.only(one, range(count)) for (name, one), count in zip(drawn.items(), seeds, strict=True)
        }
        contrasts = simultaneous.of_all(scores, Plan(len(seeds)))
        truth = dict.fromkeys(scores, 0.0) | {NAMES[1]: effect * DEVIATION / 100}
        sums["found"] += race.bounds(contrasts, NAMES[1], NAMES[0])[0] > 0
        sums["false word"] += _is_false(contrasts, truth)
    return sums


def over_folds(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """Studies over folds in which nothing differs: any interval is wrong at any look, and so it is uncorrected."""
    assert cell.folded is not None
    runs = cell.folded.folds * cell.folded.rounds
    plan = Plan(
        cell.folded.strategies, (cell.folded.folds, runs) if cell.folded.rounds > 1 else (runs,), (*range(runs),)
    )
    sums = {"false word": 0.0, "false without the overlap": 0.0}
    for number in range(first, first + studies):
        drawn = folds.scores(cell.folded, np.random.default_rng([number, cell.folded.images]))
        for name, overlap in zip(sums, (drawn[0].overlap, 0.0), strict=True):
            told = {letter: replace(one, overlap=overlap) for letter, one in zip(NAMES, drawn, strict=False)}
            sums[name] += any(_is_false(seen, dict.fromkeys(told, 0.0)) for seen in _looks(told, plan))
    return sums


# --- the matrix ----------------------------------------------------------------------------------------------------

BOTH = ("wrong for other images", "wrong on this test set")


def cells() -> list[Cell]:
    """The acceptance matrix; where nothing differs, a wrong interval is the false claim of any stopping rule, too."""
    within = dict.fromkeys(BOTH, (0.0, 6.5))
    even = [
        Cell(f"A/A, {n:,} images, sd {sd}, taste {taste}", wrong_intervals, within, STUDIES, Truth(12, sd, taste, n))
        for n in (100, 359, 8580)
        for sd in (0.2, 0.5, 1.0)
        for taste in (0.0, 0.3)
    ]
    odd = {
        "sd 1:3, a strategy": Truth(12, 0.5, 0.0, 359, ratios=(1, 3)),
        "sd 1:3, the baseline": Truth(12, 0.5, 0.0, 359, ratios=(3,)),
        "sd 1:3, two of four": Truth(12, 0.5, 0.0, 359, ratios=(3, 3)),
        "variances 1:3, skewed": Truth(12, 0.5, 0.0, 359, ratios=(1, 3**0.5), shape="skewed"),
        "ceiling 99.5 %": Truth(12, 0.2, 0.0, 359, accuracy=0.995),
        "collapses in all": Truth(12, 0.3, 0.0, 359, shape="collapses"),
    }
    limits = {
        "sd 1:10": (Truth(12, 0.3, 0.0, 359, ratios=(1, 10)), 9.5),
        "sd 1:3, skewed": (Truth(12, 0.5, 0.0, 359, ratios=(1, 3), shape="skewed"), 12.0),
    }
    return [
        *even,
        *(Cell(name, wrong_intervals, within, STUDIES, truth) for name, truth in odd.items()),
        *(
            Cell(f"{name} (a known limit)", wrong_intervals, dict.fromkeys(BOTH, (0.0, most)), STUDIES, truth)
            for name, (truth, most) in limits.items()
        ),
        *(_race(k, effect, 2.0) for k in (2, 4, 8) for effect in (0.0, 2.0, 4.0)),
        Cell("own stopping rule, worst baseline", own_rule, {"false word": (0, 5.7)}, RACES),
        Cell("one look, 3 seeds, better by 4 sd", single_look, {"found": (69, 100), "false word": (0, 5.7)}, RACES,
             settings={"seeds": 3333, "effect": 4.0}),
        *(
            Cell(f"one look, seeds {' '.join(str(seeds))}", single_look, {"false word": (0, 6.5)}, RACES,
                 settings={"seeds": seeds, "effect": 0.0})
            for seeds in (5554, 8553)
        ),
        *(
            Cell(f"{kind.rounds} x {kind.folds} folds, {kind.images} x {kind.features}, seed {kind.seed_noise}",
                 over_folds, {"false word": (0, 5.7)}, STUDIES, folded=kind)
            for kind in (
                Folded(100), Folded(300, seed_noise=0.5), Folded(300, features=60), Folded(100, folds=10),
                Folded(100, rounds=2), Folded(300, features=60, rounds=2, seed_noise=0.5),
            )
        ),
        *recall_cells(),
    ]  # fmt: skip


def recall_cells() -> list[Cell]:
    """Macro recalls: two classes of 97:3, and ten with a long tail; nothing differs, or the rare classes gain."""
    within = dict.fromkeys(BOTH, (0.0, 6.5))
    fading = tuple(np.linspace(0.9, 0.5, len(TAIL)).tolist())
    classes = {
        "98:2 of 100": ((98, 2), (0.95, 0.6)),
        "97:3 of 100": ((97, 3), (0.95, 0.6)),
        "97:3 of 359": ((348, 11), (0.95, 0.6)),
        "97:3 of 3,000": ((2910, 90), (0.98, 0.6)),
        f"tail of {sum(TAIL)}": (TAIL, fading),
        f"tail of {5 * sum(TAIL):,}": (tuple(5 * size for size in TAIL), fading),
        "one rare class of ten": ((*[100] * 9, 3), (*[0.8] * 9, 0.5)),
    }
    return [
        Cell(
            f"recall, {name}, k {k}, taste {taste}, gain {gain}", wrong_recalls, within, RECALL_STUDIES,
            Unequal(k, sizes, recalls, RECALL_LOOKS[-1], taste=taste, gain=gain),
        )
        for name, (sizes, recalls) in classes.items()
        for k in (2, 4)
        for taste, gain in ((0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (0.3, 0.5))
    ]  # fmt: skip


RUNS = {0.0: 37.0, 2.0: 29.5, 4.0: 18.0}  # at most, by the effect


def _race(k: int, effect: float, margin: float) -> Cell:
    limits = {"false word": (0.0, 5.7), "wrong pick": (0.0, 5.7)}
    if k == 4:
        limits |= {"runs": (0.0, RUNS[effect])} | ({"found": (93.0, 100.0)} if effect else {})
    settings = {"k": float(k), "effect": effect, "margin": margin}
    return Cell(f"race of {k}, one better by {effect:g} sd", races, limits, RACES, settings=settings)


def measured(cell: Cell, first: int, studies: int) -> dict[str, float]:
    """The sums of a cell over some studies."""
    return cell.count(cell, first, studies)


def shares(cell: Cell, sums: dict[str, float], studies: int) -> dict[str, float]:
    """In percent of studies; runs as their mean."""
    return {name: value / studies * (1 if name == "runs" else 100) for name, value in sums.items()}


def is_kept(cell: Cell, found: dict[str, float]) -> bool:
    """Whether a cell is within its limits."""
    return all(low <= found[name] <= high for name, (low, high) in cell.limits.items())


def _row(cell: Cell, found: dict[str, float]) -> str:
    told = [f"{name} {value:.1f}" + _limit(cell, name) for name, value in found.items()]
    return f"{cell.name:38} {'ok   ' if is_kept(cell, found) else 'FAILS'} {'; '.join(told)}"


def _limit(cell: Cell, name: str) -> str:
    if name not in cell.limits:
        return ""
    low, high = cell.limits[name]
    return f" (<= {high:g})" if not low else f" (>= {low:g})" if high == 100 else f" ({low:g}-{high:g})"


def main() -> None:
    """Prints a line a cell, in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the studies of each cell")
    parser.add_argument("--cells", default="", help="what their names begin with; all unless given")
    told = parser.parse_args()
    share = told.share
    started = time.perf_counter()
    print(f"looks at {', '.join(map(str, LOOKS))} seeds; percent of studies, and the limit of each", flush=True)
    kept = True
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for cell in [one for one in cells() if one.name.startswith(told.cells)]:
            studies = max(BLOCK, round(share * cell.studies) // BLOCK * BLOCK)
            jobs[cell.name] = cell, studies, [
                pool.submit(measured, cell, first, BLOCK) for first in range(0, studies, BLOCK)
            ]  # fmt: skip
        for cell, studies, parts in jobs.values():
            sums: dict[str, float] = {}
            for part in parts:
                sums = {name: sums.get(name, 0.0) + value for name, value in part.result().items()}
            found = shares(cell, sums, studies)
            kept &= is_kept(cell, found)
            print(_row(cell, found), flush=True)
    print(f"{'all kept' if kept else 'NOT all kept'}, {(time.perf_counter() - started) / 60:.0f} min")


if __name__ == "__main__":
    main()
