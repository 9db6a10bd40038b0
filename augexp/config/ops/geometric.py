"""Ops that move pixels."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from augexp.config.ops.spec import (
    FillMode,
    Float,
    GreyLevel,
    Interpolation,
    Probability,
    Spec,
    WarpSpec,
    numbers_within,
)


class FlipLeftRight(Spec):
    """Mirrors each image with chance `prob`."""

    name: Literal["flip_left_right"] = "flip_left_right"
    prob: Probability = 0.5


class FlipUpDown(Spec):
    """Turns each image upside down with chance `prob`."""

    name: Literal["flip_up_down"] = "flip_up_down"
    prob: Probability = 0.5


class Rotate90(Spec):
    """Turns by one, two or three quarters with chance `prob`; images that aren't square by two."""

    name: Literal["rotate90"] = "rotate90"
    prob: Probability = 0.75


class D4(Spec):
    """One of the eight symmetries of the square, all alike; of the four of a rectangle."""

    name: Literal["d4"] = "d4"
    prob: Probability = 1.0


class RandomCrop(Spec):
    """Pads by a share of the side, then cuts the image's own size at a random place."""

    paper: ClassVar[str] = "He et al., 2016"

    name: Literal["random_crop"] = "random_crop"
    padding: Annotated[Float, Field(ge=0, le=1)] = 0.125
    fill_mode: FillMode = "constant"
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class RandomResizedCrop(Spec):
    """Cuts a window of random area and aspect, and resizes it to the image's size."""

    paper: ClassVar[str] = "Szegedy et al., 2015"

    name: Literal["random_resized_crop"] = "random_resized_crop"
    scale: Annotated[tuple[float, float], numbers_within(0.001, 1)] = (0.08, 1.0)
    ratio: Annotated[tuple[float, float], numbers_within(0.01, 100)] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "bilinear"
    prob: Probability = 1.0


class CentralCrop(Spec):
    """Cuts the central fraction, drawn anew for each image, and resizes it to the image's size."""

    name: Literal["central_crop"] = "central_crop"
    fraction: Annotated[tuple[float, float], numbers_within(0.01, 1)] = (0.5, 1.0)
    interpolation: Interpolation = "bilinear"
    prob: Probability = 1.0


class Rotate(WarpSpec):
    """Rotates about the centre by U(-degrees, degrees); positive turns counter-clockwise."""

    name: Literal["rotate"] = "rotate"
    degrees: Annotated[Float, Field(ge=0, le=180)] = 15.0


class Translate(WarpSpec):
    """Shifts by U(-factor, factor) of the width and of the height."""

    name: Literal["translate"] = "translate"
    width_factor: Annotated[Float, Field(ge=0, le=1)] = 0.1
    height_factor: Annotated[Float, Field(ge=0, le=1)] = 0.1


class Shear(WarpSpec):
    """Shears about the centre by U(-factor, factor) along x and along y."""

    name: Literal["shear"] = "shear"
    x_factor: Annotated[Float, Field(ge=0, le=1)] = 0.2
    y_factor: Annotated[Float, Field(ge=0, le=1)] = 0.2


class Zoom(WarpSpec):
    """Magnifies about the centre by U(factor); below 1 shrinks."""

    name: Literal["zoom"] = "zoom"
    factor: Annotated[tuple[float, float], numbers_within(0.1, 10)] = (0.8, 1.2)


class Perspective(WarpSpec):
    """Looks from aside: each corner moves inwards by up to `distortion_scale` of half a side."""

    name: Literal["perspective"] = "perspective"
    distortion_scale: Annotated[Float, Field(ge=0, le=1)] = 0.5
    prob: Probability = 0.5


class Elastic(WarpSpec):
    """Shifts pixels by smoothed noise: `alpha` its strength, `sigma` its smoothness, at 29 px."""

    paper: ClassVar[str] = "Simard et al., 2003"

    name: Literal["elastic"] = "elastic"
    alpha: Annotated[Float, Field(ge=0, le=1000)] = 34.0
    sigma: Annotated[Float, Field(ge=0, le=20)] = 4.0
