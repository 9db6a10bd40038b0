"""Ops that draw other ops."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from augexp.config.ops.spec import Float, GreyLevel, Probability, Spec, numbers_within


class RandAugment(Spec):
    """`num_ops` random ops, one after the other, all of one magnitude (0 to 30)."""

    paper: ClassVar[str] = "Cubuk et al., 2020"

    name: Literal["rand_augment"] = "rand_augment"
    num_ops: Annotated[int, Field(strict=True, ge=1, le=20)] = 2
    magnitude: Annotated[int, Field(strict=True, ge=0, le=30)] = 9
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class TrivialAugment(Spec):
    """One random op of a random magnitude, from the wide space."""

    paper: ClassVar[str] = "Müller and Hutter, 2021"

    name: Literal["trivial_augment"] = "trivial_augment"
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class AutoAugment(Spec):
    """One of the 25 pairs of ops that were found for `policy`: imagenet, cifar10 or svhn."""

    paper: ClassVar[str] = "Cubuk et al., 2019"

    name: Literal["auto_augment"] = "auto_augment"
    policy: Literal["imagenet", "cifar10", "svhn"] = "imagenet"
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class ThreeAugment(Spec):
    """Grayscale, solarize or blur, one of the three; then color jitter, and a mirror with chance 1/2."""

    paper: ClassVar[str] = "Touvron et al., 2022 (DeiT III)"

    name: Literal["three_augment"] = "three_augment"
    color_jitter: Probability = 0.3
    threshold: Annotated[Float, Field(ge=0, le=256)] = 128.0
    sigma: Annotated[tuple[float, float], numbers_within(0, 20)] = (0.1, 2.0)
    prob: Probability = 1.0


class AugMix(Spec):
    """Blends the image with a mixture of chains of random ops."""

    paper: ClassVar[str] = "Hendrycks et al., 2020"

    name: Literal["aug_mix"] = "aug_mix"
    severity: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    mixture_width: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    chain_depth: Annotated[int, Field(strict=True)] = -1
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0

    @field_validator("chain_depth")
    @classmethod
    def _depth(cls, value: int) -> int:
        if value != -1 and not 1 <= value <= 10:
            raise PydanticCustomError("expected", "-1 (1 to 3, at random) or a depth from 1 to 10 is needed")
        return value
