"""The one error a user can cause, and the words that such errors share."""

import errno
import json
import re
import signal
from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches


class UserError(Exception):
    """A mistake or a lack outside augexp. The command line prints it and exits with 2."""


NO_HOME = "Could not determine home directory."  # what pathlib says of ~
HOMELESS = (
    "a path begins with ~, or is augexp's own beneath it, and no home folder is known: HOME is not set and the system "
    "knows no such user; set HOME"
)
MOST_MISTAKES = 50


def all_of(mistakes: Iterable[str]) -> str:
    """Every mistake once, a line each, and how many more there are after the first fifty."""
    lines = list(dict.fromkeys(mistakes))
    more = len(lines) - MOST_MISTAKES
    return "\n".join(lines[:MOST_MISTAKES]) + (f"\nand {counted(more, 'more mistake')}" if more > 0 else "")


def counted(number: int, thing: str) -> str:
    """`1 run`, `1,234 runs`, `2 classes`, `3 strategies`."""
    plural = re.sub("(ss|x|tch)$", r"\1e", re.sub("([^aeou])y$", r"\1ie", thing)) + "s"
    return f"{number:,} {thing if number == 1 else plural}"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean X?` for the closest known word, or nothing."""
    close = closest(word, known)
    return f"; did you mean {close}?" if close else ""


def closest(word: str, known: Sequence[str]) -> str | None:
    """The known word most like `word`, whatever the case; None where none is near."""
    lowered = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def first_line(said: BaseException | str) -> str:
    """The first line of a text, or of an error's: its type where it has none."""
    line = next(iter(str(said).strip().splitlines()), "").strip()
    return line or ("" if isinstance(said, str) else type(said).__name__)


def brief(value: object, most: int = 60) -> str:
    """A value as its YAML would show it, in at most so many characters."""
    match value:
        case None | bool():
            text = json.dumps(value)
        case date():
            text = str(value)
        case _:
            text = repr(value)
    return cut(text, most)


def cut(text: str, most: int = 60) -> str:
    """At most so many characters of a text, in one line."""
    line = " ".join(text.splitlines())
    return line if len(line) <= most else line[: most - 3] + "..."


# C0 and C1 controls but for the line feed, and what turns the direction of the text around it.
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""`text` with every character that would command a terminal, rather than be shown, as its escape: `\x1b`."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def remedy(error: OSError) -> str:
    """What to do about a file or folder that could not be written."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
        return "it was moved or deleted meanwhile; type the command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "make it writable"
    if error.errno == errno.EEXIST:
        return "move away what stands there and is no folder"
    return "free space"


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM, or by SIGHUP as its terminal was closed; the text says which."""


def stop_on_sigterm() -> None:
    """Lets SIGTERM and SIGHUP end this process as Ctrl-C does, so that its run says how it ended.

    A SIGHUP that `nohup` lets the process ignore stays ignored.
    """

    def stop(number: int, _: object) -> None:
        for asked in ending:  # a second one must not cut short what the first one set off
            signal.signal(asked, signal.SIG_IGN)
        raise Terminated(signal.Signals(number).name)

    named = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ending = [one for one in named if one == signal.SIGTERM or signal.getsignal(one) != signal.SIG_IGN]
    for one in ending:
        signal.signal(one, stop)
