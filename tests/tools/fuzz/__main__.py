"""`python -m tests.tools.fuzz`: a table of what cases ended in, and the defects; exit status 1 where there are any."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.tools.fuzz import words
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
BATCH = 50


def run(kind: str, make: Make, cases: range, seed: int, seconds: float) -> Tally:
    """The cases of a kind, or as many as the time allows."""
    found, ends = Tally(kind), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        for first in range(cases.start, cases.stop, BATCH):
            if time.monotonic() > ends:
                break
            some = tally(kind, make, Path(folder), range(first, min(first + BATCH, cases.stop)), seed)
            print(*some.defects, sep="\n", end="\n" if some.defects else "", flush=True)
            found.ends += some.ends
            found.defects += some.defects
    return found


def main() -> int:
    """Returns 1 where there is a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="of each kind in this process")
    parser.add_argument("--typed", type=int, default=30, help="in processes of their own")
    parser.add_argument("--seconds", type=float, default=3600, help="for each kind at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=(*HERE, *TYPED), help="this one only")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    told = parser.parse_args()
    defects: list[str] = []
    print(f"seed {told.seed}\n{HEADER}")
    for kind, make in (HERE | TYPED).items():
        if told.kind in (None, kind):
            count = told.cases if kind in HERE else told.typed
            found = run(kind, make, range(told.first, told.first + count), told.seed, told.seconds)
            print(found.row(), flush=True)
            defects += found.defects
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
