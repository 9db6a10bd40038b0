"""`python -m tests.tools.fuzz`: what was tried, what survived, and the defects; exit status 1 where there are any."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from tests.tools import moments
from tests.tools.fuzz import caches, folders, images, words
from tests.tools.fuzz.cases import HEADER, Make, Tally, tally

# In this process, by the thousand; and in processes of their own, by the hundred.
HERE: dict[str, Make] = {
    "configuration": words.configuration,
    "override": words.override,
    "meaning": words.meaning,
    "grid": words.axes,
    "study": words.study,
}
TYPED: dict[str, Make] = {"command line": words.command}
KILLS = 100
LATE = 900.0  # seconds that a kind may take beyond its time, for its last case


@dataclass(frozen=True)
class Wanted:
    """Which cases of a kind.

    Attributes:
        first: number of the first case.
        count: of cases.
        seed: of all of them.
        until: by `time.monotonic`, when no other case begins.
    """

    first: int
    count: int
    seed: int
    until: float


Run = Callable[[str, Wanted, Path], Tally]


def _of_words(make: Make, batch: int) -> Run:
    def run(kind: str, wanted: Wanted, root: Path) -> Tally:
        found, end = Tally(kind), wanted.first + wanted.count
        for first in range(wanted.first, end, batch):
            if time.monotonic() > wanted.until:
                break
            some = tally(kind, make, root, range(first, min(first + batch, end)), wanted.seed)
            found.ends += some.ends
            found.defects += some.defects
        return found

    return run


def _of_files(fuzz: folders.Fuzz, cases: Callable[[int, int], Iterable[folders.Case]]) -> Run:
    def run(kind: str, wanted: Wanted, root: Path) -> Tally:
        found = Tally(kind)
        chosen = islice(cases(wanted.first + wanted.count, wanted.seed), wanted.first, None)
        for case, wrong in fuzz(chosen, wanted.seed, root):
            found.ends["wrong" if wrong else "worked"] += 1
            if wrong:
                again = f"{kind} --seed {wanted.seed} --first {case.number}"
                found.defects.append("\n    ".join([f"{again}: {case}", *wrong]))
            if time.monotonic() > wanted.until:
                break
        return found

    return run


def _of_moments(job: moments.Job) -> Run:
    def run(kind: str, wanted: Wanted, root: Path) -> Tally:
        row = job(root, random.Random(wanted.seed), wanted.until)
        found = Tally(kind, defects=row.faults)
        found.ends.update({"worked": row.tried - len(row.faults), "wrong": len(row.faults)})
        return found

    return run


@dataclass(frozen=True)
class Kind:
    """What is tried, how often at most, and its share of the time in that all kinds are tried."""

    run: Run
    most: int
    share: float


KINDS: dict[str, Kind] = {
    **{name: Kind(_of_words(make, 50), 20_000, 4) for name, make in HERE.items()},
    **{name: Kind(_of_words(make, 1), 300, 12) for name, make in TYPED.items()},
    "run folder": Kind(_of_files(folders.fuzz, folders.cases), 741, 6),
    "run folder, networks": Kind(_of_files(folders.fuzz_networks, folders.network_cases), 700, 10),
    "cache": Kind(_of_files(caches.fuzz, caches.cases), 400, 3),
    "cache, train and sweep": Kind(_of_files(caches.fuzz_trainings, caches.training_cases), 200, 8),
    "image": Kind(_of_files(images.fuzz, images.cases), 900, 4),
    "image, data and predict": Kind(_of_files(images.fuzz_typed, images.typed_cases), 900, 6),
    **{name: Kind(_of_moments(job), KILLS, 2) for name, job in moments.jobs(KILLS).items()},
}


def one(kind: str, wanted: Wanted) -> Tally:
    """The cases of a kind, or as many as the time allows."""
    with tempfile.TemporaryDirectory() as folder:
        return KINDS[kind].run(kind, wanted, Path(os.path.realpath(folder)))


def every(minutes: float, seed: int, at_once: int) -> int:
    """Tries all kinds, each in a process of its own, in about so many minutes; returns how many had defects."""
    whole = sum(kind.share for kind in KINDS.values())
    told, bad = list[str](), 0
    with ThreadPoolExecutor(at_once) as pool:
        ordered = sorted(KINDS, key=lambda name: -KINDS[name].share)
        seconds = {name: 60 * minutes * at_once * KINDS[name].share / whole for name in ordered}
        started = [pool.submit(partial(_apart, name, seconds[name], seed)) for name in ordered]
        for ended in as_completed(started):
            row, *defects = ended.result().splitlines()
            print(row, flush=True)
            told += defects
            bad += bool(defects)
    print(*told, sep="\n")
    return bad


def _apart(kind: str, seconds: float, seed: int) -> str:
    """The row of a kind, and its defects."""
    words = ["--kind", kind, "--cases", str(KINDS[kind].most), "--seconds", f"{seconds:.0f}", "--seed", str(seed)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.tools.fuzz", *words, "--bare"],
            capture_output=True, text=True, check=False, timeout=seconds + LATE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{Tally(kind).row()}\n{kind}: still running {LATE:g} s after its time"
    return done.stdout if done.returncode in (0, 1) and done.stdout else f"{Tally(kind).row()}\n{kind}: {done.stderr}"


def main() -> int:
    """Returns 1 where there is a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="for all kinds together")
    parser.add_argument("--at-once", type=int, default=2, help="kinds, each in a process")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, help="this one only")
    parser.add_argument("--cases", type=int, default=100, help="of this kind")
    parser.add_argument("--seconds", type=float, default=3600, help="for this kind at most")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if not told.bare:
        print(f"seed {told.seed}\n{HEADER}", flush=True)
    if told.kind is None:
        return min(1, every(told.minutes, told.seed, told.at_once))
    found = one(told.kind, Wanted(told.first, told.cases, told.seed, time.monotonic() + told.seconds))
    print(found.row(), *found.defects, sep="\n")
    return 1 if found.defects else 0


if __name__ == "__main__":
    sys.exit(main())
