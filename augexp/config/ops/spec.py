"""What every op says about itself in a configuration: its name, parameters, defaults and ranges.

A spec with a `name` is registered by its definition, here or anywhere else: from then on configurations know it.
The first line of a spec's docstring is what `augexp ops` prints, beside the defaults and `paper`.
"""

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from pydantic_core import PydanticCustomError


def refuse_bool(value: object) -> object:
    """Pydantic would read `true` as 1; in a number's place it is a mistake."""
    if isinstance(value, bool):
        raise PydanticCustomError("whole", "a number is needed, not true or false")
    return value


Float = Annotated[float, BeforeValidator(refuse_bool), Field(allow_inf_nan=False)]
Probability = Annotated[Float, Field(ge=0, le=1)]
Factor = Annotated[Float, Field(ge=0, le=100)]
Share = Annotated[Float, Field(gt=0, le=1)]
GreyLevel = Annotated[Float, Field(ge=0, le=255)]
Per = Literal["example", "batch"]
Partner = Literal["permutation", "other_class"]
Targets = Literal["soft", "binary"]
Interpolation = Literal["bilinear", "nearest"]
FillMode = Literal["constant", "reflect", "nearest"]


def numbers_within(lowest: float, highest: float, whole: str = "") -> BeforeValidator:
    """Two numbers within bounds, the lower first."""
    message = f"two {whole}numbers from {lowest:g} to {highest:g}, the lower first, are needed"

    def check(value: object) -> tuple[float, float]:
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        try:
            # Text too: YAML reads 1e-1 as a string.
            low, high = (float("nan") if isinstance(number, bool) else float(number) for number in numbers)
        except (TypeError, ValueError, OverflowError):
            low = high = math.nan
        if not lowest <= low <= high <= highest or (whole and not (low.is_integer() and high.is_integer())):
            raise PydanticCustomError("expected", "{message}", {"message": message})
        return low, high

    return BeforeValidator(check)


def _read_classes(value: object) -> object:
    """Names of classes; one alone is a list of one, and what YAML takes for a number is a name."""
    names = [value] if isinstance(value, str | int | float) else value
    if names is None:
        return None
    if not isinstance(names, Sequence) or not names or not all(isinstance(one, str | int | float) for one in names):
        raise PydanticCustomError("expected", "null, or a list of classes such as [dingo, beagle], is needed")
    return tuple(dict.fromkeys(one if isinstance(one, str) else json.dumps(one) for one in names))


# --- the registry --------------------------------------------------------------------------------------------------


class _Later:
    """Marks a parameter that an op got later; its default, which is what the op did before, isn't written."""


LATER = _Later()


class Spec(BaseModel):
    """What every op has in common. An op is a subclass with a field such as `name: Literal["fog"] = "fog"`.

    Attributes:
        only: classes whose examples it changes, by the class of the original example; None: all.
        paper: author and year, where there is one.
        mixes: it changes labels, by the pixels that it takes from other examples.
        erases_with: the field of the grey level that it fills a box with, where it erases one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    paper: ClassVar[str] = ""
    mixes: ClassVar[bool] = False
    erases_with: ClassVar[str] = ""

    if TYPE_CHECKING:
        # A field of each op, not of this class: a configuration is written in the order of the fields.
        name: str = ""

    only: Annotated[tuple[str, ...] | None, BeforeValidator(_read_classes), LATER] = None

    @model_serializer(mode="wrap")
    def _as_ever(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the defaults of parameters that configurations of earlier versions lack; these stand last."""
        told: dict[str, Any] = dump(self)
        fields = type(self).model_fields
        later = {name: told.pop(name) for name, field in fields.items() if LATER in field.metadata and name in told}
        return told | {name: value for name, value in later.items() if getattr(self, name) != fields[name].default}

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: Any) -> None:
        """Registers an op.

        Raises:
            TypeError: if its name is no literal, or is another op's.
        """
        field = cls.model_fields.get("name")
        if field is None or field.is_required():  # of no one op
            return
        if get_args(field.annotation) != (field.default,):
            raise TypeError(f'{cls.__name__}: a name such as `name: Literal["fog"] = "fog"` is needed')
        if field.default in OPS:
            raise TypeError(f"{cls.__name__}: there is an op {field.default!r} already, {OPS[field.default].__name__}")
        OPS[field.default] = cls

    def alternatives(self) -> "tuple[Spec, ...]":
        """The ops of which one is applied: the op itself, or those that it chooses from."""
        return (self,)


OPS: dict[str, type[Spec]] = {}  # by name, in the order of definition


# --- what specs share ----------------------------------------------------------------------------------------------


class FactorSpec(Spec):
    """A factor between `lower` and `upper`; 1 leaves the image as it is."""

    lower: Factor = 0.8
    upper: Annotated[Factor, Field(validate_default=True)] = 1.2
    prob: Probability = 1.0

    @field_validator("upper")
    @classmethod
    def _in_order(cls, value: float, others: ValidationInfo) -> float:
        lower = others.data.get("lower")
        if lower is not None and value < lower:
            raise PydanticCustomError("expected", "upper of at least lower ({lower}) is needed", {"lower": lower})
        return value


class WarpSpec(Spec):
    """What ops that move pixels have in common: how to read between pixels, and beyond the border."""

    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "constant"
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class MixingSpec(Spec):
    """What ops that mix have in common: whom an example is mixed with, and what becomes of the labels."""

    mixes: ClassVar[bool] = True

    partner: Annotated[Partner, LATER] = "permutation"
    labels: Annotated[Targets, LATER] = "soft"


def targets_of(spec: Spec) -> Targets:
    """What an op that mixes makes of labels; of one that has no choice they are soft."""
    return spec.labels if isinstance(spec, MixingSpec) else "soft"
