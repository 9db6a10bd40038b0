"""Ops that blank a part of an image; the label stays."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from augexp.config.ops.spec import Float, GreyLevel, Probability, Share, Spec, numbers_within


class Cutout(Spec):
    """Blanks a square of `length` (share of the shorter side) around a random pixel; the label stays."""

    paper: ClassVar[str] = "DeVries and Taylor, 2017"
    erases_with: ClassVar[str] = "fill_value"

    name: Literal["cutout"] = "cutout"
    length: Share = 0.5
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


def _check_filling(value: object) -> object:
    if value == "random":
        return value
    try:
        level = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        level = math.nan
    if not 0 <= level <= 255:
        raise PydanticCustomError("expected", "random, or a grey level from 0 to 255, is needed")
    return level


class RandomErasing(Spec):
    """Replaces a box of random area and aspect by noise (`value: random`) or a grey level; the label stays."""

    paper: ClassVar[str] = "Zhong et al., 2020"
    erases_with: ClassVar[str] = "value"

    name: Literal["random_erasing"] = "random_erasing"
    scale: Annotated[tuple[float, float], numbers_within(0, 1)] = (0.02, 0.4)
    ratio: Annotated[tuple[float, float], numbers_within(0.01, 100)] = (0.3, 1 / 0.3)
    value: Annotated[float | Literal["random"], BeforeValidator(_check_filling)] = "random"
    prob: Probability = 0.5


class CoarseDropout(Spec):
    """Blanks a random number of boxes, each of U(length) of height and width; the label stays."""

    name: Literal["coarse_dropout"] = "coarse_dropout"
    holes: Annotated[tuple[float, float], numbers_within(1, 31, "whole ")] = (1, 8)
    length: Annotated[tuple[float, float], numbers_within(0, 1)] = (0.05, 0.2)
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class GridMask(Spec):
    """Blanks a grid of squares, `ratio` of each unit kept between them; the label stays."""

    paper: ClassVar[str] = "Chen et al., 2020"

    name: Literal["grid_mask"] = "grid_mask"
    unit: Annotated[tuple[float, float], numbers_within(0.01, 1)] = (96 / 224, 1.0)
    ratio: Annotated[Float, Field(ge=0, le=1)] = 0.6
    fill_value: GreyLevel = 0.0
    prob: Probability = 0.8
