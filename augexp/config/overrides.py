"""`key=value` as it is typed, and settings that are no text any more: where each belongs, and what it replaces."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from augexp.config import yamlfile
from augexp.config.ops import OPS, own
from augexp.config.schema import Experiment, Section
from augexp.config.settings import show
from augexp.config.yamlfile import Place, Places, dotted, names_of
from augexp.errors import brief, cut, did_you_mean

SHOWN = 120  # characters of an override in a message

Raw = dict[str, Any]


class SettingError(Exception):
    """A setting that makes no sense; the message says why, and not which."""


def apply_overrides(raw: Raw, places: Places, overrides: Sequence[str]) -> tuple[Raw, Places, list[str]]:
    """`raw` and its places with each `key=value` set, and a line for each override that makes no sense."""
    mistakes = []
    for text in overrides:
        who = f"override {brief(text, SHOWN)}"
        key, equals, told = text.partition("=")
        try:
            raw, places = _set(raw, places, _keys(key, equals), value_of(key, told), who)
        except SettingError as error:
            mistakes.append(f"{who}: {error}")
    return raw, places, mistakes


def apply_settings(raw: Raw, places: Places, settings: Mapping[str, Any]) -> tuple[Raw, Places, list[str]]:
    """`apply_overrides` for values that are no text any more, by their dotted keys."""
    mistakes = []
    for key, value in settings.items():
        who = f"setting {brief(f'{key}={show(value)}', SHOWN)}"
        try:
            raw, places = _set(raw, places, _keys(key), value, who)
        except SettingError as error:
            mistakes.append(f"{who}: {error}")
    return raw, places, mistakes


def _keys(key: str, equals: str = "=") -> list[str]:
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise SettingError("key=value is needed, such as train.epochs=5")
    return keys


# --- what the schema says of a key ---------------------------------------------------------------------------------


def value_of(key: str, text: str, root: type[BaseModel] = Experiment) -> Any:
    """The value that a text stands for in the place of a dotted key: where text is needed, the text as it is.

    Raises:
        SettingError: if it stands for none.
    """
    kinds = kinds_of(key, root)
    if re.search("[\ud800-\udfff]", text):
        raise SettingError(
            "a name that isn't UTF-8 can't be written into a configuration; rename it, or go there and write `.`"
        )
    try:
        if not kinds or kinds - {str, NoneType}:
            return yamlfile.typed(text)
        return None if NoneType in kinds and yamlfile.is_null(text) else yamlfile.typed_text(text)
    except yaml.YAMLError as error:
        # A shell cuts `key=[a, b]` in two.
        is_cut = text.strip()[:1] in ("[", "{") and not isinstance(error, yamlfile.TooMuch)
        hint = f"; for a shell, put all of it in quotes: '{cut(key.strip())}=[a, b]'" if is_cut else ""
        raise SettingError(f"{yamlfile.problem(error)}{hint}") from None


def kinds_of(key: str, root: type[BaseModel] = Experiment) -> frozenset[type]:
    """The types of which a setting may be, such as {int} and {str, NoneType}; none where any plain value may stand."""
    model: Any = root
    keys = key.strip().split(".")
    if root is Experiment and keys[0] == "strategy" and len(keys) > 2:
        model, keys = OPS.get(re.sub(r"\[\d+\]\Z", "", keys[-2])), keys[-1:]
    for part in keys[:-1]:
        model = model.model_fields[part].annotation if _has(model, part) else None
    return frozenset(_kinds(model.model_fields[keys[-1]].annotation)) if _has(model, keys[-1]) else frozenset()


def _has(model: Any, field: str) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel) and field in model.model_fields


def _kinds(annotation: Any) -> Iterator[type]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _kinds(inner[0])
    elif origin is Literal:
        yield from map(type, inner)
    elif origin in (Union, UnionType):
        for one in inner:
            yield from _kinds(one)
    else:
        yield origin or annotation


def spread(keys: Sequence[str], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What a value sets, key by key: a section is merged with what stands there, all else replaces it."""
    kinds = kinds_of(".".join(keys))
    # Where there may be no section, an empty one is one.
    merged = isinstance(value, Mapping) and (value or NoneType not in kinds)
    if merged and any(issubclass(kind, Section) for kind in kinds):
        for name, inner in value.items():
            yield from spread((*keys, str(name)), inner)
    else:
        yield tuple(keys), value


# --- where it belongs ----------------------------------------------------------------------------------------------


def _set(raw: Raw, places: Places, keys: Sequence[str], value: Any, who: str) -> tuple[Raw, Places]:
    """Raises SettingError where there is no such place."""
    if len(keys) > yamlfile.DEEPEST:
        raise SettingError(f"{len(keys):,} keys within each other; at most {yamlfile.DEEPEST} are")
    section = raw.get(keys[0])
    new: Places = {}
    replaced = False
    for inner, one in spread(keys, value) if section is None or isinstance(section, Mapping) else [(keys, value)]:
        place = _located(raw, inner)
        replaced = replaced or _holds(raw, place)
        raw, new[place] = _with(raw, place, one), who
    if not replaced:  # of thousands of keys, each would look at all that were set before it
        return raw, places | new
    # What stood inside is gone, and its line with it.
    kept = {place: other for place, other in places.items() if not _is_within(place, new)}
    return raw, kept | new


def _holds(raw: Any, place: Place) -> bool:
    """Whether something stands at a place."""
    try:
        for key in place:
            raw = raw[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _is_within(place: Place, others: Container[Place]) -> bool:
    return any(place[:end] in others for end in range(len(place) + 1))


def _located(raw: Mapping[str, Any], keys: Sequence[str]) -> Place:
    """The place that keys stand for: `strategy.cutmix.prob` is in the first item of that name.

    Items of a list are found by their `names_of`.

    Raises:
        SettingError: if there is none.
    """
    place: Place = ()
    inner: Any = raw
    rest = list(keys)
    while len(rest) > 1:
        names = names_of(inner) if isinstance(inner, list) else None
        part = rest[0] if names is None else named(names, rest[:-1])
        if names is not None and part not in names:
            raise SettingError(f"{dotted(place)} has no {cut(part)}{did_you_mean(part, names) or _there(names)}")
        place = (*place, part if names is None else names.index(part))
        rest = rest[1 if names is None else part.count(".") + 1 :]
        inner = inner.get(part) if names is None else inner[names.index(part)]
        if inner is None:
            return (*place, *rest)
        if not isinstance(inner, Mapping | list) and not (names and isinstance(inner, str)):
            raise SettingError(_no_keys(place))
        inner = {} if isinstance(inner, str) else inner
    if isinstance(inner, list):
        raise SettingError(_no_keys(place))
    return (*place, *rest)


def named(names: Sequence[str], keys: Sequence[str]) -> str:
    """The item's name with which keys begin, or what was meant for one; dots may stand in `my.ops:fog`."""
    starts = [".".join(keys[:end]) for end in range(1, len(keys) + 1)]
    there = [start for start in starts if start in names]
    return there[-1] if there else next((start for start in starts if own.is_own(start)), keys[0])


def _there(names: Sequence[str]) -> str:
    return f"; it has {cut(', '.join(dict.fromkeys(names)), 200)}" if names else "; it is empty"


def _no_keys(place: Place) -> str:
    return f"{dotted(place)} holds no keys, so nothing can be set in it; write {dotted(place)}=..."


def _with(raw: Any, place: Place, value: object) -> Any:
    """`raw` with the value at `place` replaced; sections that are missing are made, an item's name becomes an item."""
    head, rest = place[0], place[1:]
    if isinstance(raw, list):
        return [_with(item, rest, value) if index == head else item for index, item in enumerate(raw)]
    raw = {"name": raw} if isinstance(raw, str) else raw or {}
    return {**raw, head: _with(raw.get(head), rest, value) if rest else value}
