"""YAML in and out: the plain values of a text, and the place where each was given.

What a user writes is read by the core schema of YAML 1.2: `no` is text, 010 is ten, 1e-3 is a number, 1:30 and
2001-01-01 are text. PyYAML reads YAML 1.1, where they are false, 8, text, 90 and a date. What augexp writes means the
same to both.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import Reader, ReaderError
from yaml.scanner import ScannerError

from augexp.errors import UserError, brief, cut

Place = tuple[str | int, ...]
Places = dict[Place, str]  # who says what stands there: `cutmix.yaml:3` or `override 'seed=1'`

MOST_TEXT = 100_000  # bytes; a long study has 2,000
MOST_VALUES = 20_000  # an alias counts as all that it stands for: nine lines can stand for a billion values
DEEPEST = 50  # values within values
LONGEST_NUMBER = 100  # characters

_BLANK = " \t\n"  # YAML has no other
_TAG = "tag:yaml.org,2002:"


class TooMuch(yaml.MarkedYAMLError):
    """Valid YAML, and no configuration."""


def _number(text: str) -> float:
    return float(re.sub(r"\.(inf|nan)", r"\1", text.lower()))


def _whole(text: str) -> int:
    return int(text[2:], {"0o": 8, "0x": 16}[text[:2]]) if text[:2] in ("0o", "0x") else int(text)


# The core schema: what a text without quotes is, the first letters that it may have, and its value.
_SCALARS: Mapping[str, tuple[re.Pattern[str], Sequence[str], Callable[[str], Any]]] = {
    "null": (re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""], lambda _: None),
    "bool": (
        re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"), lambda text: text.lower() == "true"
    ),
    "int": (re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), list("-+0123456789"), _whole),
    "float": (
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
        list("-+.0123456789"),
        _number,
    ),
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Reads what a user writes. It knows text, numbers, true, false, null, lists and mappings, and no other tag."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML declares it so
    yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: yaml.Mark) -> list[str]:
        """The text between quotes; PyYAML's own lets ValueError and OverflowError out."""
        try:
            return super().scan_flow_scalar_non_spaces(double, start_mark)
        except (ValueError, OverflowError):
            raise ScannerError(None, None, "an escape names no character", start_mark) from None

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803 - as PyYAML calls it
        """An opening bracket; two thousand of them would be looked at for seconds."""
        if self.flow_level >= DEEPEST:
            raise TooMuch(None, None, _TOO_DEEP, self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def construct_core(self, node: yaml.ScalarNode) -> Any:
        """A value that the core schema knows, with its tag or by its looks."""
        text = self.construct_scalar(node)
        kind = node.tag.removeprefix(_TAG)
        pattern, _, value_of = _SCALARS[kind]
        if not pattern.match(text):
            raise ConstructorError(None, None, f"{brief(text)} is no {kind}", node.start_mark)
        return value_of(_of_sane_length(text, node.start_mark))

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Text that can be a name and a path."""
        text: str = self.construct_scalar(node)
        if unfit := re.search("[\0\ud800-\udfff]", text):
            raise TooMuch(None, None, f"text can't hold U+{ord(unfit[0]):04X}", node.start_mark)
        return text


class _Dumper(yaml.SafeDumper):
    """Quotes text that either version would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - what it is called with
        return True


_Loader.add_constructor(f"{_TAG}str", _Loader.construct_text)
_Loader.add_constructor(f"{_TAG}seq", yaml.SafeLoader.construct_yaml_seq)  # type: ignore[type-var]
_Loader.add_constructor(f"{_TAG}map", yaml.SafeLoader.construct_yaml_map)  # type: ignore[type-var]
_Loader.add_constructor(None, _Loader.construct_undefined)  # type: ignore[type-var]
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"<<\Z"), ["<"])
for _kind, (_pattern, _letters, _) in _SCALARS.items():
    _Loader.add_constructor(f"{_TAG}{_kind}", _Loader.construct_core)
    for _schema in (_Loader, _Dumper):
        _schema.add_implicit_resolver(f"{_TAG}{_kind}", _pattern, _letters)
# The C parser reads 40 run folders in a tenth of the time of the Python one.
_FastLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Unquoted, PyYAML writes these line breaks as they are, and reads a space.
    style = '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def parse(text: str) -> Any:
    """The plain value of a YAML text that a user wrote.

    Raises:
        yaml.YAMLError: if it is none, or more than a configuration can hold; `problem` says why.
    """
    return _parse(text)[0]


def parse_1_1(text: str) -> Any:
    """The plain value of a YAML text as YAML 1.1 has it, where 1e-5 and 0o17 are text.

    So run folders are read: earlier versions left such text without quotes, and their runs were trained with text.

    Raises:
        yaml.YAMLError: if it is none, or more than a configuration can hold.
    """
    return _parse(text, as_1_1=True)[0]


def typed(text: str) -> Any:
    """The value of a text that was typed after `=`.

    A list, a mapping or text in quotes is YAML; all else is null, true, false, a number or the text as it stands,
    whatever colons and # it holds.

    Raises:
        yaml.YAMLError: as `parse` does.
    """
    told = text.strip(_BLANK)
    if told.startswith(("[", "{", "'", '"')):
        value, _, end = _parse(told)
        if end != len(told):
            raise yaml.YAMLError(f"{brief(told[end:].strip(_BLANK))} follows its end")
        return value
    _refuse_unseen(text)
    for pattern, _, value_of in _SCALARS.values():
        if pattern.match(told):
            return value_of(_of_sane_length(told))
    return text


def typed_text(text: str) -> str:
    """The text that was typed after `=`; in quotes of its own, what stands between them.

    Raises:
        yaml.YAMLError: if a configuration can't hold it.
    """
    if text.strip(_BLANK).startswith(("'", '"')):
        try:
            value = typed(text)
        except yaml.YAMLError:
            value = None
        if isinstance(value, str):
            return value
    _refuse_unseen(text)
    return text


def is_null(text: str) -> bool:
    """Whether a text that was typed stands for nothing."""
    return _SCALARS["null"][0].match(text.strip(_BLANK)) is not None


def dump(value: object) -> str:
    """The YAML text of a plain value; `parse` and `parse_1_1` give the value back."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def read(path: Path, *, of_run: bool = False) -> tuple[dict[str, Any], Places, list[str]]:
    """The mapping in a file, the line of every key in it, and the mistakes that YAML itself lets pass.

    Args:
        path: the file.
        of_run: augexp itself wrote it, as YAML 1.1.

    Raises:
        UserError: if it can't be read, is too large, or holds anything else.
    """
    text = _text_of(path)
    try:
        raw, lines, _ = _parse_once(text, as_1_1=of_run)
    except yaml.YAMLError as error:
        line = _line(error, text)
        raise UserError(f"{path.name}{'' if line is None else f':{line}'}: {problem(error)}") from None
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


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_TEXT + 1)
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None
    if len(content) > MOST_TEXT:
        raise UserError(f"{path}: it is larger than {MOST_TEXT:,} bytes, so it is no configuration")
    try:
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None


def _parse(text: str, *, as_1_1: bool = False) -> tuple[Any, list[tuple[Place, int]], int]:
    """The plain value of a YAML text, the line of every key and item in it, and where the value ends.

    Raises:
        yaml.YAMLError: also where PyYAML lets another exception out, as for `%YAML 9.99...`.
    """
    if len(text) > MOST_TEXT:
        raise yaml.YAMLError(f"it is longer than {MOST_TEXT:,} characters")
    try:
        loader = (_FastLoader if as_1_1 else _Loader)(text)
        node = loader.get_single_node()
        if node is None:
            return None, [], 0
        _measure(node, {})
        lines = list(_lines(node))
        return loader.construct_document(node), lines, node.end_mark.index
    except RecursionError:
        raise yaml.YAMLError(_TOO_DEEP) from None
    except (ValueError, OverflowError, KeyError, AttributeError) as error:
        raise yaml.YAMLError(f"a value can't be read: {error}") from None


# A sweep reads its configuration for each of its runs; nothing changes what was read.
_parse_once = lru_cache(maxsize=4)(_parse)
_TOO_DEEP = f"nested more than {DEEPEST} deep"


def _measure(node: yaml.Node, known: dict[int, tuple[int, int]], depth: int = 1) -> tuple[int, int]:
    """How many values a node holds, and how many within each other; an alias holds what it stands for.

    Raises:
        TooMuch: if they are too many or too deep, or a key is no text.
    """
    if id(node) not in known and depth <= DEEPEST:
        known[id(node)] = 0, 0  # while it is being measured
        inner = [_measure(child, known, depth + 1) for child in _children(node)]
        known[id(node)] = 1 + sum(size for size, _ in inner), 1 + max((height for _, height in inner), default=0)
    size, height = known.get(id(node), (1, 1))
    if not size:
        raise TooMuch(None, None, "an alias stands inside of what it stands for", node.start_mark)
    if depth + height - 1 > DEEPEST:
        raise TooMuch(None, None, _TOO_DEEP, node.start_mark)
    if size > MOST_VALUES:
        raise TooMuch(None, None, f"more than {MOST_VALUES:,} values, those of aliases counted", node.start_mark)
    return size, height


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                told = cut(key.value) if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
                raise TooMuch(None, None, f"a key must be text, not {told}; put it in quotes", key.start_mark)
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _of_sane_length(text: str, mark: yaml.Mark | None = None) -> str:
    if len(text) > LONGEST_NUMBER:
        raise TooMuch(None, None, f"a number has at most {LONGEST_NUMBER} characters", mark)
    return text


def _refuse_unseen(text: str) -> None:
    """Refuses what a YAML text can't hold, in a text that isn't YAML."""
    if unseen := Reader.NON_PRINTABLE.search(text):
        raise yaml.YAMLError(f"the character U+{ord(unseen[0]):04X} is not allowed")
    if len(text) > MOST_TEXT:
        raise yaml.YAMLError(f"it is longer than {MOST_TEXT:,} characters")


def problem(error: yaml.YAMLError) -> str:
    """What is wrong with a YAML text, without its place."""
    if isinstance(error, TooMuch):
        return str(error.problem)
    if isinstance(error, ReaderError):
        return f"not valid YAML: the character U+{error.character:04X} is not allowed"
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"not valid YAML: {error}"
    if tag := re.search(r"constructor for the tag '([^']*)'", str(error.problem)):
        return f"the tag {tag[1]} is refused; a configuration holds plain values only"
    return f"not valid YAML: {error.problem}"


def _line(error: yaml.YAMLError, text: str) -> int | None:
    if isinstance(error, ReaderError):
        return text.count("\n", 0, error.position) + 1
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return None if mark is None else mark.line + 1


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


def names_of(items: Sequence[Any]) -> list[str]:
    """The names of items, which are names themselves or hold one; a second one of a name is `cutmix[2]`."""
    names = [str(item.get("name") if isinstance(item, Mapping) else item) for item in items]
    repeats = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [f"{name}[{repeat}]" if repeat > 1 else name for name, repeat in zip(names, repeats, strict=True)]


def dotted(place: Place) -> str:
    """`train.epochs`, `strategy[0].alpha`, for a message."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{cut(part)}" for part in place).lstrip(".")
