"""What a configuration says about each op: its name, parameters, defaults and ranges. No TensorFlow here.

A strategy is a tuple of these specs, applied in order. `augment.strategy` turns each into the op it stands for.
"""

from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


def refuse_bool(value: object) -> object:
    """Pydantic would read `true` as 1; in a number's place it is a mistake."""
    if isinstance(value, bool):
        raise PydanticCustomError("whole", "a number is needed, not true or false")
    return value


Float = Annotated[float, BeforeValidator(refuse_bool), Field(allow_inf_nan=False)]
Probability = Annotated[Float, Field(ge=0, le=1)]
Per = Literal["example", "batch"]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlipLeftRight(_Spec):
    """Mirrors each image with chance `prob`."""

    name: Literal["flip_left_right"] = "flip_left_right"
    prob: Probability = 0.5


class Brightness(_Spec):
    """Adds delta * 255 to every value, delta ~ U(-max_delta, max_delta) for each image, and clips to [0, 255]."""

    name: Literal["brightness"] = "brightness"
    max_delta: Annotated[Float, Field(ge=0, le=1)] = 0.2


class CutMix(_Spec):
    """Pastes a box of a partner image; the label's weight is the share of pixels kept (Yun et al., 2019).

    `correct_lam: false` keeps lam as drawn for the label although the box is clipped at the border.
    """

    name: Literal["cutmix"] = "cutmix"
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    prob: Probability = 1.0
    correct_lam: Annotated[bool, Field(strict=True)] = True
    per: Per = "example"


class MixUp(_Spec):
    """Blends image and label with those of a partner (Zhang et al., 2018)."""

    name: Literal["mixup"] = "mixup"
    alpha: Annotated[Float, Field(gt=0)] = 0.2
    prob: Probability = 1.0
    per: Per = "example"


OpSpec = Annotated[FlipLeftRight | Brightness | CutMix | MixUp, Field(discriminator="name")]
OP_NAMES = ("flip_left_right", "brightness", "cutmix", "mixup")

NamedStrategy = Literal["none", "basic", "cutmix", "mixup"]
STRATEGY_NAMES: tuple[NamedStrategy, ...] = ("none", "basic", "cutmix", "mixup")


def named_strategy(name: NamedStrategy) -> tuple[OpSpec, ...]:
    """The ops of one of the four named strategies; `basic` is the tutorial's pair."""
    match name:
        case "none":
            return ()
        case "basic":
            return (FlipLeftRight(), Brightness())
        case "cutmix":
            return (CutMix(),)
        case "mixup":
            return (MixUp(),)
        case _:
            assert_never(name)
