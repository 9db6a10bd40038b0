"""Any op by its name: of augexp, of the user, or of another library."""

from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter

from augexp.config.ops import own
from augexp.config.ops.spec import OPS, Spec


def _read_op(value: object) -> Spec:
    if isinstance(value, own.OwnOp):
        return value
    if isinstance(value, Mapping) and own.is_own(value.get("name")):
        return own.read(value)
    return _any_of(tuple(OPS.values())).validate_python(value)


@lru_cache(maxsize=1)
def _any_of(kinds: tuple[type[Spec], ...]) -> TypeAdapter[Spec]:
    """Reads any of these ops by its name; built anew where one was defined since."""
    any_kind: Any = Annotated[reduce(or_, kinds), Field(discriminator="name")]
    return TypeAdapter(any_kind)


# Any op that is registered when a value is read, and not only those that were when this module was imported.
OpSpec = Annotated[SerializeAsAny[Spec], BeforeValidator(_read_op)]


def default_op(name: str) -> Spec:
    """The op of a name with its defaults."""
    return _read_op({"name": name})
