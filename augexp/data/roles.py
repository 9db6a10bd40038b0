"""Train, val and test by the names that people give them, and what each is used for."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from augexp import console
from augexp.config.schema import Data
from augexp.data.examples import SplitName

Role = Literal["train", "val", "test"]

_WORDS: Mapping[Role, str] = {
    "train": "train|training|trn",
    "val": "val|valid|validation|validate|dev|development",
    "test": "test|testing|tst|eval|evaluation|holdout|heldout",
}
_ANY = "|".join(_WORDS.values())
_FILLER = r"(?:data|images?|imgs?|pics|pictures?|photos?|samples?|files|folder|dir|split|seg)?(?:sets?)?"
_YEAR = r"(?:(?:19|20)\d\d)?"
_NAMES = {role: re.compile(f"{_FILLER}{_YEAR}(?:{words}){_YEAR}{_FILLER}{_YEAR}") for role, words in _WORDS.items()}
_ABOUT, _ABOUT_HELD_OUT = (
    re.compile(rf"(?:^|[\W_\d])(?:{words})(?:set|data)?(?=$|[\W_\d])")
    for words in (_ANY, f"{_WORDS['val']}|{_WORDS['test']}")
)
_NEGATIONS = ("in", "non", "not", "no", "un")


def role(name: str) -> Role | None:
    """The split that a name stands for, in any case and form: `Training`, `seg_train`, `validation-set`, `val2017`."""
    letters = _letters(name)
    return next((role for role, pattern in _NAMES.items() if pattern.fullmatch(letters)), None)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def roles(names: Iterable[str]) -> dict[str, Role]:
    """Those of some names that stand for a split; `valid` beside `invalid` stands for none."""
    found = {name: role(name) for name in names}
    letters = set(map(_letters, found))
    return {
        name: split
        for name, split in found.items()
        if split and not any(no + _letters(name) in letters for no in _NEGATIONS)
    }


def is_about_a_split(name: str) -> bool:
    """Whether a name speaks of a split, though it may be more than that: `cats_train`, `test1`, `PublicTest`."""
    return role(name) is not None or _ABOUT.search(_in_words(name)) is not None


def is_about_what_is_held_out(name: str) -> bool:
    """Whether a name speaks of a split to validate or test on, as `is_about_a_split`."""
    return role(name) in ("val", "test") or _ABOUT_HELD_OUT.search(_in_words(name)) is not None


def _in_words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()


def is_a_part(name: str) -> bool:
    """Whether a name counts the parts that a set was divided into: `fold_1`, `cv3`, `batch2`, `part-b`."""
    parts = r"(?:k?folds?|cv|splits?|parts?|batch(?:es)?|subsets?|chunks?|shards?)(?:\d+|[a-h])"
    return re.fullmatch(parts, _letters(name)) is not None


def is_filler(name: str) -> bool:
    """Whether a name says no more than that there are images: `images`, `dataset`, `JPEGImages`."""
    return re.fullmatch(f"(?:jpe?g|png|rgb)?{_FILLER}", _letters(name)) is not None and bool(_letters(name))


def assigned(data: Data, found: Mapping[Role, str]) -> dict[SplitName, str]:
    """Which split is used as what: what can't be taken for granted is said.

    Args:
        data: its `validation` decides whether a split for validation is used.
        found: what each split is called where it was found; train is among them.
    """
    train, val, test = found["train"], found.get("val"), found.get("test")
    if test is None and val is None:
        return {"all": train}
    if test is None or val is None:
        if val is not None:
            console.say_once(f"{data.source}: {val} is the test set, as there is none beside it")
        return {"train": train, "test": test or val or ""}
    if data.validation is not None:
        why = f"as data.validation={data.validation} says"
        console.say_once(f"{data.source}: {val} not used, {why}; {train} and {test} are")
        return {"train": train, "test": test}
    console.say_once(f"{data.source}: {train}, {val} and {test} are train, val and test")
    return {"train": train, "val": val, "test": test}
