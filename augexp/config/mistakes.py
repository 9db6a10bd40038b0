"""Validation errors in the words of a user: place, key, what was expected, what came, a suggestion."""

import re
from collections.abc import Sequence
from datetime import date
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from augexp.config.ops import OPS, STRATEGY_NAMES, Spec, own
from augexp.config.yamlfile import Place, Places, dotted
from augexp.errors import brief, closest, did_you_mean


def in_words(error: ValidationError, root: type[BaseModel], source: str, places: Places) -> list[str]:
    """A line for each mistake.

    Args:
        error: what validating `root` raised.
        root: the model of the whole configuration; its fields that are models are its sections.
        source: named where no place is known.
        places: who gave which value.
    """
    around = _around(places)
    return [_describe(detail, root, source, around) for detail in error.errors()]


def _around(places: Places) -> Places:
    """With the sections that an override such as `trian.epochs=3` makes, which are refused as a whole."""
    made: Places = {}
    for place, where in places.items():
        for end in range(1, len(place)):
            made.setdefault(place[:end], where)
    return made | places


def _describe(detail: ErrorDetails, root: type[BaseModel], source: str, places: Places) -> str:
    """One line: place, key, what was expected, what came, a suggestion."""
    place = _in_file(detail["loc"])
    key = f"{dotted(place)}: " if place else ""
    where = _where(place, source, places)
    return f"{where}: {key}{_expected(detail, root)}{_how_to_quote(detail, where)}"


def _how_to_quote(detail: ErrorDetails, where: str) -> str:
    """For a number in a text's place; the shell takes away the quotes that it sees."""
    value = detail["input"]
    if detail["type"] != "string_type" or not isinstance(value, int | float | date):
        return ""
    if where.startswith("override "):
        return f'; write "{value}", and all of it in single quotes'
    return "; put it in quotes"


def _in_file(loc: Place) -> Place:
    """Pydantic's location without the names of ops and union members, which no file holds."""
    if loc[:1] == ("strategy",):
        # The name of an op follows its number: ("strategy", 0, "one_of", "ops", 1, "cutmix", "alpha").
        return tuple(part for before, part in zip((None, *loc), loc, strict=False) if not isinstance(before, int))
    return tuple(part for part in loc if part != "[key]")


def _where(place: Place, source: str, places: Places) -> str:
    for end in range(len(place), 0, -1):
        if place[:end] in places:
            return places[place[:end]]
    return source


def _expected(detail: ErrorDetails, root: type[BaseModel]) -> str:
    came = f", not {brief(detail['input'])}"
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden" | "invalid_key":
            return f"unknown key{_suggest_key(detail['loc'], root)}"
        case "union_tag_invalid":
            return _unknown_op(str(context["tag"]))
        case "union_tag_not_found":
            return "an op needs a name, such as {name: cutmix, alpha: 1.0}"
        case "literal_error":
            known = str(context["expected"]).replace("'", "")
            hint = did_you_mean(str(detail["input"]), re.split(r", | or ", known))
            return f"{known} is needed{came}{hint}"
        case "choice":
            message, _, hint = detail["msg"].partition("; did you mean")
            return f"{message}{came}{'; did you mean' + hint if hint else ''}"
        case "expected":
            return f"{detail['msg']}{came}"
        case "whole":
            return detail["msg"]
        case "missing":
            return "a value is needed; it has no default"
        case "string_type":
            return f"text is needed{came}"
        case "float_type" | "float_parsing":
            return f"a number is needed{came}"
        case "invalid-json-value":
            return f"text, a number, true, false, null, a list or a mapping is needed{came}"
        case "bool_type":
            return f"true or false is needed{came}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"a mapping of keys is needed{came}"
        case _:
            expected = detail["msg"].removeprefix("Input should be ").replace("a valid integer", "a whole number")
            return f"{expected} is needed{came}"


def _unknown_op(name: str) -> str:
    if name in STRATEGY_NAMES:
        return f"{name} is a strategy and no op; strategies are joined with +, such as basic+cutmix"
    return f"unknown op {brief(name)}{did_you_mean(name, list(OPS)) or '; `augexp ops` lists them'}"


def _suggest_key(loc: Place, root: type[BaseModel]) -> str:
    *parents, last = loc
    # What all ops have comes after what this one has.
    word, here = str(last), sorted(_model_at(parents, root).model_fields, key=Spec.model_fields.__contains__)
    elsewhere = {field: f"{field} (at the top level)" for field in root.model_fields}
    for section, model in _sections(root).items():
        elsewhere |= {field: f"{section}.{field}" for field in model.model_fields}
    # A key spelt right in the wrong section comes before one that merely looks like it.
    close = word if word in elsewhere else None
    if not close and (hint := did_you_mean(word, here)):
        return hint
    close = close or closest(word, list(elsewhere))
    return f"; did you mean {elsewhere[close]}?" if close else f"; known here: {', '.join(here)}"


def _sections(root: type[BaseModel]) -> dict[str, type[BaseModel]]:
    return {
        name: kind
        for name, field in root.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))  # a section, or one that may be left out
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    }


def _model_at(parents: Sequence[str | int], root: type[BaseModel]) -> type[BaseModel]:
    match parents:
        case ["strategy", *_, int(), str(op)]:
            return own.known(op) or OPS[op]
        case [str(section), *inner]:
            return _model_at(inner, _sections(root).get(section, root))
        case _:
            return root
