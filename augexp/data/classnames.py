"""Names of classes as they were found -> classes: one for each name, however its characters are put into bytes."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from augexp.errors import UserError


def classes(source: str, places: Mapping[str, str]) -> dict[str, str]:
    """The class of each name that was found.

    A name that is written in two Unicode forms is one class, in the composed form; any other is as it was found, and
    what isn't UTF-8 is shown with its bytes as escapes.

    Args:
        source: `data.source`.
        places: each name, with a word for the place where it stands.

    Raises:
        UserError: if two classes differ in nothing but case or blanks.
    """
    composed = {name: unicodedata.normalize("NFC", name) for name in places}
    forms = Counter(composed.values())
    named = {name: readable(name if forms[one] == 1 else one) for name, one in composed.items()}
    for alike in (_key, lambda name: named[name]):
        together: dict[str, list[str]] = {}
        for name in sorted(places):
            together.setdefault(alike(name), []).append(name)
        for names in together.values():
            if len({composed[name] for name in names}) > 1:
                raise UserError(
                    f"{source}: {_listed(names, places)} differ only in case or blanks, or look the same; "
                    "give each class one name"
                )
    return named


def _key(name: str) -> str:
    """What is left of a name without case, blanks and characters of no width; 1.0 is 1, as data frames write it."""
    seen = "".join(character for character in name if unicodedata.category(character) != "Cf")
    words = " ".join(unicodedata.normalize("NFC", seen).casefold().split())
    return words.removesuffix(".0") if words.removesuffix(".0").isdecimal() else words


def readable(name: str) -> str:
    r"""A name that text files can hold: what isn't UTF-8 becomes an escape, `M\xfcller`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _listed(names: Iterable[str], places: Mapping[str, str]) -> str:
    return " and ".join(f"{readable(name)!r} ({readable(places[name])})" for name in names)
