"""What a configuration says about each op: its name, parameters, defaults and ranges. No TensorFlow here.

A strategy is a tuple of these specs, applied in order. `augment.strategy` turns each into the op it stands for.
A spec with a `name` is registered by its definition, here or anywhere else: from then on configurations know it.
The first line of a spec's docstring is what `augexp ops` prints, beside the defaults and `paper`.
"""

import json
import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, assert_never, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from pydantic_core import PydanticCustomError

from augexp.errors import UserError, brief, did_you_mean


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
Interpolation = Literal["bilinear", "nearest"]
FillMode = Literal["constant", "reflect", "nearest"]


def _range(lowest: float, highest: float, whole: str = "") -> BeforeValidator:
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


class Spec(BaseModel):
    """What every op has in common. An op is a subclass with a field such as `name: Literal["fog"] = "fog"`.

    Attributes:
        only: classes whose examples it changes, by the class of the original example; None: all.
        paper: author and year, where there is one.
        mixes: it changes labels, by the pixels that it takes from other examples.
        erases_with: the field of the grey level that it fills a box with, where it erases one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: ClassVar[str] = ""
    mixes: ClassVar[bool] = False
    erases_with: ClassVar[str] = ""

    if TYPE_CHECKING:
        # A field of each op, not of this class: a configuration is written in the order of the fields.
        name: str = ""

    only: Annotated[tuple[str, ...] | None, BeforeValidator(_read_classes)] = None

    @model_serializer(mode="wrap")
    def _only_where_set(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `only: null`, which configurations of earlier versions lack; it stands last."""
        told: dict[str, Any] = dump(self)
        only = told.pop("only", None)
        return told if only is None else told | {"only": only}

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: Any) -> None:
        """Registers an op.

        Raises:
            TypeError: if its name is no literal, or is another op's.
        """
        field = cls.model_fields.get("name")
        if field is None:
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


def _read_op(value: object) -> Spec:
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


# --- what specs share ----------------------------------------------------------------------------------------------


class _Factor(Spec):
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


class _Warp(Spec):
    """What ops that move pixels have in common: how to read between pixels, and beyond the border."""

    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "constant"
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


# --- geometric -----------------------------------------------------------------------------------------------------


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
    scale: Annotated[tuple[float, float], _range(0.001, 1)] = (0.08, 1.0)
    ratio: Annotated[tuple[float, float], _range(0.01, 100)] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "bilinear"
    prob: Probability = 1.0


class CentralCrop(Spec):
    """Cuts the central fraction, drawn anew for each image, and resizes it to the image's size."""

    name: Literal["central_crop"] = "central_crop"
    fraction: Annotated[tuple[float, float], _range(0.01, 1)] = (0.5, 1.0)
    interpolation: Interpolation = "bilinear"
    prob: Probability = 1.0


class Rotate(_Warp):
    """Rotates about the centre by U(-degrees, degrees); positive turns counter-clockwise."""

    name: Literal["rotate"] = "rotate"
    degrees: Annotated[Float, Field(ge=0, le=180)] = 15.0


class Translate(_Warp):
    """Shifts by U(-factor, factor) of the width and of the height."""

    name: Literal["translate"] = "translate"
    width_factor: Annotated[Float, Field(ge=0, le=1)] = 0.1
    height_factor: Annotated[Float, Field(ge=0, le=1)] = 0.1


class Shear(_Warp):
    """Shears about the centre by U(-factor, factor) along x and along y."""

    name: Literal["shear"] = "shear"
    x_factor: Annotated[Float, Field(ge=0, le=1)] = 0.2
    y_factor: Annotated[Float, Field(ge=0, le=1)] = 0.2


class Zoom(_Warp):
    """Magnifies about the centre by U(factor); below 1 shrinks."""

    name: Literal["zoom"] = "zoom"
    factor: Annotated[tuple[float, float], _range(0.1, 10)] = (0.8, 1.2)


class Perspective(_Warp):
    """Looks from aside: each corner moves inwards by up to `distortion_scale` of half a side."""

    name: Literal["perspective"] = "perspective"
    distortion_scale: Annotated[Float, Field(ge=0, le=1)] = 0.5
    prob: Probability = 0.5


class Elastic(_Warp):
    """Shifts pixels by smoothed noise: `alpha` its strength, `sigma` its smoothness, at 29 px."""

    paper: ClassVar[str] = "Simard et al., 2003"

    name: Literal["elastic"] = "elastic"
    alpha: Annotated[Float, Field(ge=0, le=1000)] = 34.0
    sigma: Annotated[Float, Field(ge=0, le=20)] = 4.0


# --- photometric ---------------------------------------------------------------------------------------------------


class Brightness(Spec):
    """Adds delta * 255, delta ~ U(-max_delta, max_delta), and clips to [0, 255]."""

    name: Literal["brightness"] = "brightness"
    max_delta: Annotated[Float, Field(ge=0, le=1)] = 0.2
    prob: Probability = 1.0


class Contrast(_Factor):
    """Scales the distance from each channel's mean by U(lower, upper)."""

    name: Literal["contrast"] = "contrast"


class Saturation(_Factor):
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


class Gamma(_Factor):
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
    sigma: Annotated[tuple[float, float], _range(0, 20)] = (0.1, 2.0)
    prob: Probability = 0.5


class GaussianNoise(Spec):
    """Adds noise to each value, of a standard deviation of U(std) * 255, and clips."""

    name: Literal["gaussian_noise"] = "gaussian_noise"
    std: Annotated[tuple[float, float], _range(0, 1)] = (0.0, 0.1)
    prob: Probability = 1.0


class Sharpness(_Factor):
    """Blends with a smoothed image by U(lower, upper): 0 is smoothed, 2 sharpened."""

    name: Literal["sharpness"] = "sharpness"
    lower: Factor = 0.1
    upper: Annotated[Factor, Field(validate_default=True)] = 1.9


class Posterize(Spec):
    """Keeps the highest bits of each value, a random number of them."""

    name: Literal["posterize"] = "posterize"
    bits: Annotated[tuple[float, float], _range(1, 8, "whole ")] = (4, 8)
    prob: Probability = 1.0


class Solarize(Spec):
    """Inverts the values at and above a random threshold."""

    name: Literal["solarize"] = "solarize"
    threshold: Annotated[tuple[float, float], _range(0, 256)] = (128, 256)
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


# --- policies ------------------------------------------------------------------------------------------------------


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
    sigma: Annotated[tuple[float, float], _range(0, 20)] = (0.1, 2.0)
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


# --- mixing and erasing --------------------------------------------------------------------------------------------


class CutMix(Spec):
    """Pastes a box of a partner image; the label's weight is the share of pixels kept.

    `correct_lam: false` keeps lam as drawn for the label although the box is clipped at the border.
    """

    paper: ClassVar[str] = "Yun et al., 2019"
    mixes: ClassVar[bool] = True

    name: Literal["cutmix"] = "cutmix"
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    prob: Probability = 1.0
    correct_lam: Annotated[bool, Field(strict=True)] = True
    per: Per = "example"


class MixUp(Spec):
    """Blends image and label with those of a partner."""

    paper: ClassVar[str] = "Zhang et al., 2018"
    mixes: ClassVar[bool] = True

    name: Literal["mixup"] = "mixup"
    alpha: Annotated[Float, Field(gt=0)] = 0.2
    prob: Probability = 1.0
    per: Per = "example"


class Ricap(Spec):
    """Four images, each a random crop, meet at a random point; labels weigh by the areas."""

    paper: ClassVar[str] = "Takahashi et al., 2018"
    mixes: ClassVar[bool] = True

    name: Literal["ricap"] = "ricap"
    alpha: Annotated[Float, Field(gt=0)] = 0.3
    prob: Probability = 1.0


class ResizeMix(Spec):
    """Pastes the whole partner, shrunk by U(scale); the label's weight is the share of pixels kept."""

    paper: ClassVar[str] = "Qin et al., 2020"
    mixes: ClassVar[bool] = True

    name: Literal["resizemix"] = "resizemix"
    scale: Annotated[tuple[float, float], _range(0.01, 1)] = (0.1, 0.8)
    prob: Probability = 1.0


class GridMix(Spec):
    """Takes each cell of a grid from the partner with chance 1 - lam; labels weigh by the pixels."""

    paper: ClassVar[str] = "Baek et al., 2021"
    mixes: ClassVar[bool] = True

    name: Literal["gridmix"] = "gridmix"
    cells: Annotated[int, Field(strict=True, ge=1, le=31)] = 4
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    prob: Probability = 1.0


class FMix(Spec):
    """Takes the partner where smooth noise is lowest; the label's weight is the share of pixels kept."""

    paper: ClassVar[str] = "Harris et al., 2020"
    mixes: ClassVar[bool] = True

    name: Literal["fmix"] = "fmix"
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    decay: Annotated[Float, Field(ge=2, le=10)] = 3.0
    prob: Probability = 1.0


class SmoothMix(Spec):
    """Blends the partner in around a random point, by a Gaussian; labels weigh by its mean."""

    paper: ClassVar[str] = "Lee et al., 2020"
    mixes: ClassVar[bool] = True

    name: Literal["smoothmix"] = "smoothmix"
    sigma: Annotated[tuple[float, float], _range(0.01, 10)] = (0.25, 0.5)
    prob: Probability = 1.0


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
    scale: Annotated[tuple[float, float], _range(0, 1)] = (0.02, 0.4)
    ratio: Annotated[tuple[float, float], _range(0.01, 100)] = (0.3, 1 / 0.3)
    value: Annotated[float | Literal["random"], BeforeValidator(_check_filling)] = "random"
    prob: Probability = 0.5


class CoarseDropout(Spec):
    """Blanks a random number of boxes, each of U(length) of height and width; the label stays."""

    name: Literal["coarse_dropout"] = "coarse_dropout"
    holes: Annotated[tuple[float, float], _range(1, 31, "whole ")] = (1, 8)
    length: Annotated[tuple[float, float], _range(0, 1)] = (0.05, 0.2)
    fill_value: GreyLevel = 0.0
    prob: Probability = 1.0


class GridMask(Spec):
    """Blanks a grid of squares, `ratio` of each unit kept between them; the label stays."""

    paper: ClassVar[str] = "Chen et al., 2020"

    name: Literal["grid_mask"] = "grid_mask"
    unit: Annotated[tuple[float, float], _range(0.01, 1)] = (96 / 224, 1.0)
    ratio: Annotated[Float, Field(ge=0, le=1)] = 0.6
    fill_value: GreyLevel = 0.0
    prob: Probability = 0.8


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


# --- classes -------------------------------------------------------------------------------------------------------


def check_classes(specs: Sequence[Spec], class_names: Sequence[str]) -> None:
    """Refuses an `only` that names a class which the data has not.

    Raises:
        UserError: naming the op, the class, and what it may have meant.
    """
    for spec in specs:
        for name in spec.only or ():
            if name not in class_names:
                hint = did_you_mean(name, list(class_names)) or f"; there are {_few(class_names)}"
                raise UserError(f"strategy: {spec.name}: only: the data has no class {brief(name)}{hint}")
        if isinstance(spec, OneOf):
            check_classes(spec.ops, class_names)


def _few(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


# --- named strategies ----------------------------------------------------------------------------------------------

NamedStrategy = Literal["none", "basic", "cutmix", "mixup"]
STRATEGY_NAMES: tuple[NamedStrategy, ...] = ("none", "basic", "cutmix", "mixup")


def named_strategy(name: NamedStrategy) -> tuple[Spec, ...]:
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
