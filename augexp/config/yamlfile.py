"""A mapping from a YAML file and `key=value` overrides, with the place where each value was given."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from augexp.errors import UserError, brief

Place = tuple[str | int, ...]
Places = dict[Place, str]  # who says what stands there: `cutmix.yaml:3` or `override 'seed=1'`


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
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return yaml.safe_load(text), list(_lines(node)) if node else []
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
        place = tuple(key.strip().split("."))
        if not equals or not all(place):
            mistakes.append(f"override {text!r}: key=value is needed, such as train.epochs=5")
            continue
        try:
            parsed, _ = _parse(value)
        except yaml.YAMLError:
            mistakes.append(f"override {text!r}: the value is not valid YAML; quote it, such as '{key}=[a, b]'")
            continue
        if full := _no_section(raw, place):
            mistakes.append(f"override {text!r}: {full} holds no keys, so nothing can be set in it; write {full}=...")
            continue
        raw = _with(raw, place, parsed)
        # What stood inside is gone, and its line with it.
        places = {other: where for other, where in places.items() if other[: len(place)] != place}
        places[place] = f"override {text!r}"
    return raw, places, mistakes


def _no_section(raw: Mapping[str, Any], place: Sequence[str]) -> str:
    """The part of `place` that already holds a value other than a mapping, or nothing."""
    inner: Any = raw
    for end, part in enumerate(place[:-1], start=1):
        inner = inner.get(part)
        if inner is None:
            break
        if not isinstance(inner, Mapping):
            return ".".join(place[:end])
    return ""


def _with(raw: Mapping[str, Any], place: Sequence[str], value: object) -> dict[str, Any]:
    """`raw` with the value at `place` replaced; sections that are missing are made."""
    head, *rest = place
    return {**raw, head: _with(raw.get(head) or {}, rest, value) if rest else value}


def dotted(place: Place) -> str:
    """`train.epochs`, `strategy[0].alpha`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
