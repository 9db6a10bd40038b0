"""The parameters of a function, as the fields of a spec: names, types, ranges and defaults."""

import inspect
import types
from collections.abc import Callable, Collection
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from augexp.config.ops.spec import Float, Spec
from augexp.errors import UserError, brief

OURS = ("name", "prob", "only", "digest")  # what every own op has beside its parameters
Fields = dict[str, tuple[Any, Any]]  # name -> (type, default)


def fields_of(function: Callable[..., Any], given: Collection[str]) -> Fields:
    """The parameters of a function but those that augexp gives it, as pydantic has them.

    A parameter without an annotation is of its default's type. Two numbers are a range, the lower first; true is no
    number.

    Raises:
        UserError: if one can't stand in a configuration.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:  # annotations are code of the user's
        raise UserError(f"its annotations can't be read ({type(error).__name__}: {error})") from None
    found: Fields = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in given:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UserError(f"it takes *{name}; parameters need names of their own")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise UserError(f"it takes {name} by its place alone; parameters are given by name: take out the /")
        if _is_taken(name):
            raise UserError(
                f"its parameter {name} can't be set: every op has something of that name; call it otherwise"
            )
        empty = parameter.default is parameter.empty
        default = ... if empty else _plain(name, parameter.default)
        hint = hints.get(name, Any if empty else _type_of(default))
        found[name] = _strict(hint), default
    return found


def _is_taken(name: str) -> bool:
    """Whether an op has something of a name, which the value of a parameter would hide: `mixes` from whoever asks."""
    return name in (*OURS, "source", "parameters") or name in vars(Spec) or name.startswith(("_", "model_"))


def _plain(name: str, value: Any) -> Any:
    """A default that a configuration can hold; lists become tuples, which nothing changes."""
    if isinstance(value, list | tuple):
        return tuple(_plain(name, item) for item in value)
    if isinstance(value, float):
        return float(value)  # NumPy's float64 is one, and no type of a configuration
    if value is None or isinstance(value, bool | int | str):
        return value
    raise UserError(f"the default of {name} is {brief(value)}; a number, text, flag, null or a list of them is needed")


def _type_of(default: Any) -> Any:
    if isinstance(default, tuple):
        kinds = [_type_of(item) for item in default]
        # A range of whole numbers stays one.
        return tuple.__class_getitem__(tuple(kinds)) if kinds else tuple[Any, ...]
    return Any if default is None else type(default)


def _strict(hint: Any) -> Any:
    """A type that takes true for no number and 1.5 for no whole one."""
    if hint is float:
        return Float
    if hint in (int, bool):
        return Annotated[hint, Field(strict=True)]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_strict(inner[0]), *inner[1:])]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(_strict, inner))]  # noqa: UP007 - of types that are known here only
    if origin in (list, tuple):
        items = [item if item is ... else _strict(item) for item in inner]
        whole: Any = tuple.__class_getitem__(tuple(items) if origin is tuple else (items[0], ...))
        return Annotated[whole, AfterValidator(_in_order)] if _is_range(origin, inner) else whole
    return hint


def _is_range(origin: Any, inner: tuple[Any, ...]) -> bool:
    bare = [get_args(item)[0] if get_origin(item) is Annotated else item for item in inner]
    return origin is tuple and len(bare) == 2 and all(item in (int, float) for item in bare)


def _in_order(value: tuple[float, float]) -> tuple[float, float]:
    if value[1] < value[0]:
        raise PydanticCustomError("expected", "two numbers, the lower first, are needed")
    return value
