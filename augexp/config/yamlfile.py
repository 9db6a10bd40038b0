"""A mapping from a YAML file, `key=value` overrides and settings, with the place where each value was given.

PyYAML follows YAML 1.1, which has 1e-5 and 0o17 for text. What a user writes is read with the numbers of YAML 1.2 too;
all else, such as the booleans yes and no, dates and 1_000, is as YAML 1.1 has it. What augexp writes means the same to
both.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from augexp.errors import UserError, brief, did_you_mean

Place = tuple[str | int, ...]
Places = dict[Place, str]  # who says what stands there: `cutmix.yaml:3` or `override 'seed=1'`


class _Loader(yaml.SafeLoader):
    """Reads what a user writes."""


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or `_Loader` would take for a number."""


_DECIMAL = r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?"
_WITHOUT_POINT = r"[-+]?[0-9]+[eE][-+]?[0-9]+"
for _schema in (_Loader, _Dumper):
    # An implicit resolver stands with YAML 1.1's own: the tag, the whole scalar, and the letters it may start with.
    _schema.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(rf"(?:{_DECIMAL}|{_WITHOUT_POINT})\Z"), list("-+.0123456789")
    )
    _schema.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"0o[0-7]+\Z"), ["0"])
# The C parser reads 40 run folders in a tenth of the time of the Python one.
_FastLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Unquoted, PyYAML writes these line breaks as they are, and reads a space.
    style = '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def parse(text: str) -> Any:
    """The plain value of a YAML text that a user wrote.

    Raises:
        yaml.YAMLError: if it is none.
    """
    return _parse(text)[0]


def parse_1_1(text: str) -> Any:
    """The plain value of a YAML text as YAML 1.1 has it, where 1e-5 and 0o17 are text.

    So run folders are read: earlier versions left such text without quotes, and their runs were trained with text.

    Raises:
        yaml.YAMLError: if it is none; PyYAML lets other exceptions out too, as for `2001-99-99`.
    """
    return yaml.load(text, Loader=_FastLoader)  # noqa: S506 - a safe loader


def dump(value: object) -> str:
    """The YAML text of a plain value; `parse` and `parse_1_1` give the value back."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def read(path: Path) -> tuple[dict[str, Any], Places, list[str]]:
    """The mapping in a file, the line of every key in it, and the mistakes that YAML itself lets pass."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None
    try:
        raw, lines = _parse(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}{_yaml_problem(error)}") from None
    if not isinstance(raw, dict):
        came = "nothing" if raw is None else brief(raw)
        raise UserError(f"{path}: a mapping such as `strategy: cutmix` is needed, and the file holds {came}")
    first: dict[Place, int] = {}
    mistakes = []
    for place, line in lines:
        if place in first and isinstance(place[-1], str):
            twice = f"given twice (first in line {first[place]}); keep one"
            mistakes.append(f"{path.name}:{line}: {dotted(place)}: {twice}")
        first.setdefault(place, line)
    return raw, {place: f"{path.name}:{line}" for place, line in lines}, mistakes


def _parse(text: str) -> tuple[Any, list[tuple[Place, int]]]:
    """The plain value of a YAML text, and the line of every key and item in it.

    Raises:
        yaml.YAMLError: also where PyYAML lets another exception out, as for `2001-99-99`, `!!int x` and `&a [*a]`.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        return yaml.load(text, Loader=_Loader), list(_lines(node)) if node else []  # noqa: S506 - a safe loader
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
    except (ValueError, KeyError, AttributeError) as error:
        raise yaml.YAMLError(f"a value can't be read: {error}") from None


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, ReaderError):
        return f": not valid YAML: character U+{error.character:04X} at position {error.position} is not allowed"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f": not valid YAML: {error}"
    problem = str(error.problem)
    if tag := re.search(r"constructor for the tag '([^']*)'", problem):
        problem = f"the tag {tag[1]} is refused; a configuration holds plain values only"
    else:
        problem = f"not valid YAML: {problem}"
    return f":{error.problem_mark.line + 1}: {problem}"


def _lines(node: yaml.Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, key.value)
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index))


def apply_overrides(
    raw: dict[str, Any], places: Places, overrides: Sequence[str]
) -> tuple[dict[str, Any], Places, list[str]]:
    """`raw` and its places with each `key=value` set, and a line for each override that makes no sense."""
    mistakes = []
    for text in overrides:
        key, equals, value = text.partition("=")
        keys = key.strip().split(".")
        if not equals or not all(keys):
            mistakes.append(f"override {text!r}: key=value is needed, such as train.epochs=5")
            continue
        if re.search("[\ud800-\udfff]", value):
            why = "a name that isn't UTF-8 can't be written into a configuration; rename it, or go there and write `.`"
            mistakes.append(f"override {text!r}: {why}")
            continue
        try:
            parsed = parse(value)
        except yaml.YAMLError:
            mistakes.append(f"override {text!r}: the value is not valid YAML; quote it, such as '{key}=[a, b]'")
            continue
        place, mistake = _located(raw, keys)
        if mistake:
            mistakes.append(f"override {text!r}: {mistake}")
            continue
        raw, places = _replace(raw, places, place, parsed, f"override {text!r}")
    return raw, places, mistakes


def apply_settings(
    raw: dict[str, Any], places: Places, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], Places, list[str]]:
    """`apply_overrides` for values that are no text any more, by their dotted keys."""
    mistakes = []
    for key, value in settings.items():
        text = f"{key}={json.dumps(value, ensure_ascii=False, default=str)}"
        keys = key.strip().split(".")
        if not all(keys):
            mistakes.append(f"override {text!r}: key=value is needed, such as train.epochs=5")
            continue
        place, mistake = _located(raw, keys)
        if mistake:
            mistakes.append(f"override {text!r}: {mistake}")
            continue
        raw, places = _replace(raw, places, place, value, f"override {text!r}")
    return raw, places, mistakes


def _replace(
    raw: dict[str, Any], places: Places, place: Place, value: object, who: str
) -> tuple[dict[str, Any], Places]:
    # What stood inside is gone, and its line with it.
    kept = {other: where for other, where in places.items() if other[: len(place)] != place}
    return _with(raw, place, value), kept | {place: who}


def _located(raw: Mapping[str, Any], keys: Sequence[str]) -> tuple[Place, str]:
    """The place that keys stand for, and why there is none: `strategy.cutmix.prob` is in the first item of that name.

    Items of a list are found by their `names_of`.
    """
    place: Place = ()
    inner: Any = raw
    for part in keys[:-1]:
        names = names_of(inner) if isinstance(inner, list) else None
        if names is not None and part not in names:
            return place, f"{dotted(place)} has no {part}{did_you_mean(part, names) or _there(names)}"
        place = (*place, part if names is None else names.index(part))
        inner = inner.get(part) if names is None else inner[names.index(part)]
        if inner is None:
            return (*place, *keys[len(place) :]), ""
        if not isinstance(inner, Mapping | list) and not (names and isinstance(inner, str)):
            return place, _no_keys(place)
        inner = {} if isinstance(inner, str) else inner
    return ((*place, keys[-1]), "") if not isinstance(inner, list) else (place, _no_keys(place))


def names_of(items: Sequence[Any]) -> list[str]:
    """The names of items, which are names themselves or hold one; a second one of a name is `cutmix[2]`."""
    names = [str(item.get("name") if isinstance(item, Mapping) else item) for item in items]
    repeats = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [f"{name}[{repeat}]" if repeat > 1 else name for name, repeat in zip(names, repeats, strict=True)]


def _there(names: Sequence[str]) -> str:
    return f"; it has {', '.join(names)}" if names else "; it is empty"


def _no_keys(place: Place) -> str:
    return f"{dotted(place)} holds no keys, so nothing can be set in it; write {dotted(place)}=..."


def _with(raw: Any, place: Place, value: object) -> Any:
    """`raw` with the value at `place` replaced; sections that are missing are made, an item's name becomes an item."""
    head, rest = place[0], place[1:]
    if isinstance(raw, list):
        return [_with(item, rest, value) if index == head else item for index, item in enumerate(raw)]
    raw = {"name": raw} if isinstance(raw, str) else raw or {}
    return {**raw, head: _with(raw.get(head), rest, value) if rest else value}


def dotted(place: Place) -> str:
    """`train.epochs`, `strategy[0].alpha`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
