"""Ops that change colours."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from augexp.config.ops.spec import Factor, FactorSpec, Float, Probability, Spec, numbers_within


class Brightness(Spec):
    """Adds delta * 255, delta ~ U(-max_delta, max_delta), and clips to [0, 255]."""

    name: Literal["brightness"] = "brightness"
    max_delta: Annotated[Float, Field(ge=0, le=1)] = 0.2
    prob: Probability = 1.0


class Contrast(FactorSpec):
    """Scales the distance from each channel's mean by U(lower, upper)."""

    name: Literal["contrast"] = "contrast"


class Saturation(FactorSpec):
    """Scales the saturation (of HSV) by U(lower, upper)."""

    name: Literal["saturation"] = "saturation"


class Hue(Spec):
    """Turns the hue by U(-max_delta, max_delta) of the full circle."""

    name: Literal["hue"] = "hue"
    max_delta: Annotated[Float, Field(ge=0, le=0.5)] = 0.05
    prob: Probability = 1.0


class ColorJitter(Spec):
    """Brightness, contrast, saturation and hue, in an order drawn for each image."""

    paper: ClassVar[str] = "Chen et al., 2020 (SimCLR)"

    name: Literal["color_jitter"] = "color_jitter"
    brightness: Probability = 0.4
    contrast: Probability = 0.4
    saturation: Probability = 0.4
    hue: Annotated[Float, Field(ge=0, le=0.5)] = 0.1
    prob: Probability = 0.8


class ChannelShuffle(Spec):
    """Puts red, green and blue into a random order."""

    name: Literal["channel_shuffle"] = "channel_shuffle"
    prob: Probability = 0.5


class Gamma(FactorSpec):
    """Raises values, as shares of 255, to a power of U(lower, upper): below 1 brightens."""

    name: Literal["gamma"] = "gamma"


class Grayscale(Spec):
    """Takes away all colour with chance `prob`."""

    name: Literal["grayscale"] = "grayscale"
    prob: Probability = 0.1


class JpegQuality(Spec):
    """Encodes and decodes as JPEG of a random quality."""

    name: Literal["jpeg_quality"] = "jpeg_quality"
    min_jpeg_quality: Annotated[int, Field(strict=True, ge=1, le=100)] = 50
    max_jpeg_quality: Annotated[int, Field(strict=True, ge=1, le=100, validate_default=True)] = 100
    prob: Probability = 1.0

    @field_validator("max_jpeg_quality")
    @classmethod
    def _in_order(cls, value: int, others: ValidationInfo) -> int:
        lowest = others.data.get("min_jpeg_quality")
        if lowest is not None and value < lowest:
            message = "max_jpeg_quality of at least min_jpeg_quality ({lowest}) is needed"
            raise PydanticCustomError("expected", message, {"lowest": lowest})
        return value


class Blur(Spec):
    """Gaussian blur with a standard deviation of U(sigma) pixels."""

    paper: ClassVar[str] = "Chen et al., 2020 (SimCLR)"

    name: Literal["blur"] = "blur"
    sigma: Annotated[tuple[float, float], numbers_within(0, 20)] = (0.1, 2.0)
    prob: Probability = 0.5


class GaussianNoise(Spec):
    """Adds noise to each value, of a standard deviation of U(std) * 255, and clips."""

    name: Literal["gaussian_noise"] = "gaussian_noise"
    std: Annotated[tuple[float, float], numbers_within(0, 1)] = (0.0, 0.1)
    prob: Probability = 1.0


class Sharpness(FactorSpec):
    """Blends with a smoothed image by U(lower, upper): 0 is smoothed, 2 sharpened."""

    name: Literal["sharpness"] = "sharpness"
    lower: Factor = 0.1
    upper: Annotated[Factor, Field(validate_default=True)] = 1.9


class Posterize(Spec):
    """Keeps the highest bits of each value, a random number of them."""

    name: Literal["posterize"] = "posterize"
    bits: Annotated[tuple[float, float], numbers_within(1, 8, "whole ")] = (4, 8)
    prob: Probability = 1.0


class Solarize(Spec):
    """Inverts the values at and above a random threshold."""

    name: Literal["solarize"] = "solarize"
    threshold: Annotated[tuple[float, float], numbers_within(0, 256)] = (128, 256)
    prob: Probability = 1.0


class Equalize(Spec):
    """Spreads the grey levels of each channel evenly, with chance `prob`."""

    name: Literal["equalize"] = "equalize"
    prob: Probability = 0.5


class AutoContrast(Spec):
    """Stretches each channel to the full range, with chance `prob`."""

    name: Literal["autocontrast"] = "autocontrast"
    prob: Probability = 0.5


class Invert(Spec):
    """Makes a negative, with chance `prob`."""

    name: Literal["invert"] = "invert"
    prob: Probability = 0.5
