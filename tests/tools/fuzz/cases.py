"""One case at a time: what it may end in, within a time limit, and how many ended so."""

import random
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from augexp.errors import UserError

SECONDS = 400.0  # for a case in this process, where it waits for something, or the machine is busy
OF_PROCESSOR = 10.0  # seconds; the longest take one
LONGEST = 500  # characters of a line of a message; one that names all keys of a section has 400
WIDTH = 26  # of the table's first column

Make = Callable[[random.Random, Path], "Case"]


class WrongError(Exception):
    """A case that ended, and not as it should have."""


@dataclass(frozen=True)
class Case:
    """What is tried, how it is shown, and what the message of a refusal must name."""

    shown: str
    work: Callable[[], object]
    names: tuple[str, ...] = ()
    seconds: float = SECONDS


@dataclass
class Tally:
    """How many cases of a kind ended in what, and the defects."""

    kind: str
    ends: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)

    def row(self) -> str:
        """A line of the table."""
        survived = self.ends["worked"] + self.ends["refused"]
        return f"{self.kind:<{WIDTH}}{self.ends.total():>8,}{survived:>10,}"


HEADER = f"{'kind':<{WIDTH}}{'tried':>8}{'survived':>10}"


def tally(kind: str, make: Make, folder: Path, numbers: range, seed: int) -> Tally:
    """Tries the cases of some numbers; each depends on its seed, kind and number alone."""
    found = Tally(kind)
    for number in numbers:
        case = make(random.Random(f"{seed} {kind} {number}"), folder)
        end, why = ending(case)
        found.ends[end] += 1
        if why:
            found.defects.append(f"{kind} --seed {seed} --first {number}: {end}: {why}\n    {case.shown[:300]}")
    return found


def ending(case: Case) -> tuple[str, str]:
    """What a case ends in, and, where that is a defect, why."""
    try:
        with _limit(case.seconds):
            case.work()
    except UserError as error:
        why = unclear(str(error), case.names)
        return ("wrong", why) if why else ("refused", "")
    except WrongError as error:
        return "wrong", str(error)
    except TimeoutError as error:
        return "hang", _last_frame(error)
    except Exception as error:
        return "traceback", f"{type(error).__name__}: {str(error)[:100]} {_last_frame(error)}"
    return "worked", ""


def unclear(message: str, names: tuple[str, ...]) -> str:
    """What is wrong with a message: every line must be short, and name one of some words."""
    lines = message.splitlines()
    if not lines or not all(map(str.strip, lines)):
        return "an empty line in the message"
    for line in lines:
        if len(line) > LONGEST:
            return f"a line of {len(line)} characters: {line[:80]}..."
        if names and not line.startswith("and ") and not any(name in line for name in names):
            return f"it names none of {', '.join(names)}: {line}"
    return ""


def _last_frame(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "augexp" in frame.filename]
    return f"({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    timers = ((signal.SIGALRM, signal.ITIMER_REAL, seconds), (signal.SIGPROF, signal.ITIMER_PROF, OF_PROCESSOR))
    before = [signal.signal(number, stop) for number, _, _ in timers]
    for _, timer, most in timers:
        signal.setitimer(timer, most)
    try:
        yield
    finally:
        for (number, timer, _), earlier in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, earlier)
