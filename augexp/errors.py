"""The one error a user can cause, and the words that such errors share."""

import errno
import json
import os
import re
import shlex
import signal
from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches


class UserError(Exception):
    """A mistake or a lack outside augexp, told in a line or more. The command line prints it and exits with 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """What is said; a line feed that a name holds breaks none of it."""
        return [printable(line) for line in self.args]


NO_HOME = "Could not determine home directory."  # what pathlib says of ~
HOMELESS = (
    "a path begins with ~, or is augexp's own beneath it, and no home folder is known: HOME is not set and the system "
    "knows no such user; set HOME"
)
MOST_MISTAKES = 50


def all_of(mistakes: Iterable[str]) -> list[str]:
    """Every mistake once, a line each, and how many more there are after the first fifty."""
    lines = list(dict.fromkeys(mistakes))
    more = len(lines) - MOST_MISTAKES
    return lines[:MOST_MISTAKES] + ([f"and {counted(more, 'more mistake')}"] if more > 0 else [])


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


# C0 and C1 controls, what else ends a line, and what turns the direction of the text around it.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""A line: `text` with what would end it, or command a terminal rather than be shown, as its escape: `\x1b`."""
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def as_typed(word: str) -> str:
    r"""A word as a shell takes it: quoted where it must be; bytes that a terminal would obey stand as `$'\x1b'`."""
    if printable(word) == word:
        return shlex.quote(word)
    inside = word.replace("\\", r"\\").replace("'", r"\'")
    return "$'" + UNSEEN.sub(lambda found: "".join(f"\\x{byte:02x}" for byte in os.fsencode(found[0])), inside) + "'"


def of_the_system(error: OSError) -> str:
    """What an error of the system says; of a name that is too long for it, the beginning."""
    if error.errno == errno.ENAMETOOLONG:
        return f"{cut(str(error.filename))}: the name is too long for a file system; choose a shorter one"
    return str(error)


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
