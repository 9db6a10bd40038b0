"""One of several ops."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from augexp.config.ops.mixing import CutMix, MixUp
from augexp.config.ops.reading import OpSpec
from augexp.config.ops.spec import Float, Per, Spec


def _read_ops(value: object) -> object:
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [{"name": item} if isinstance(item, str) else item for item in value]
    raise PydanticCustomError("expected", "a list of ops is needed")


class OneOf(Spec):
    """Applies one of its `ops`, drawn by `weights` for each batch or example."""

    name: Literal["one_of"] = "one_of"
    ops: Annotated[tuple[OpSpec, ...], BeforeValidator(_read_ops)] = (CutMix(), MixUp())
    weights: tuple[Annotated[Float, Field(ge=0)], ...] | None = None
    per: Per = "batch"

    @field_validator("weights")
    @classmethod
    def _one_each(cls, value: tuple[float, ...] | None, others: ValidationInfo) -> tuple[float, ...] | None:
        ops = others.data.get("ops")
        if value is not None and ops is not None and (len(value) != len(ops) or not 0 < sum(value) < math.inf):
            message = "null, or a weight for each of the {count} ops, not all 0, is needed"
            raise PydanticCustomError("expected", message, {"count": len(ops)})
        return value

    def alternatives(self) -> tuple[Spec, ...]:
        return tuple(spec for op in self.ops for spec in op.alternatives())
