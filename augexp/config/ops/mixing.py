"""Ops that mix images and labels."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from augexp.config.ops.spec import LATER, Float, MixingSpec, Per, Probability, numbers_within


class CutMix(MixingSpec):
    """Pastes a box of a partner image; the label's weight is the share of pixels kept.

    `correct_lam: false` keeps lam as drawn for the label although the box is clipped at the border.
    """

    paper: ClassVar[str] = "Yun et al., 2019"

    name: Literal["cutmix"] = "cutmix"
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    prob: Probability = 1.0
    correct_lam: Annotated[bool, Field(strict=True)] = True
    per: Per = "example"


class MixUp(MixingSpec):
    """Blends image and label with those of a partner."""

    paper: ClassVar[str] = "Zhang et al., 2018"

    name: Literal["mixup"] = "mixup"
    alpha: Annotated[Float, Field(gt=0)] = 0.2
    prob: Probability = 1.0
    per: Per = "example"


class Ricap(MixingSpec):
    """Four images, each a random crop, meet at a random point; labels weigh by the areas."""

    paper: ClassVar[str] = "Takahashi et al., 2018"

    name: Literal["ricap"] = "ricap"
    alpha: Annotated[Float, Field(gt=0)] = 0.3
    prob: Probability = 1.0
    per: Annotated[Per, LATER] = "example"


class ResizeMix(MixingSpec):
    """Pastes the whole partner, shrunk by U(scale); the label's weight is the share of pixels kept."""

    paper: ClassVar[str] = "Qin et al., 2020"

    name: Literal["resizemix"] = "resizemix"
    scale: Annotated[tuple[float, float], numbers_within(0.01, 1)] = (0.1, 0.8)
    prob: Probability = 1.0
    per: Annotated[Per, LATER] = "example"


class GridMix(MixingSpec):
    """Takes each cell of a grid from the partner with chance 1 - lam; labels weigh by the pixels."""

    paper: ClassVar[str] = "Baek et al., 2021"

    name: Literal["gridmix"] = "gridmix"
    cells: Annotated[int, Field(strict=True, ge=1, le=31)] = 4
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    prob: Probability = 1.0
    per: Annotated[Per, LATER] = "example"


class FMix(MixingSpec):
    """Takes the partner where smooth noise is lowest; the label's weight is the share of pixels kept."""

    paper: ClassVar[str] = "Harris et al., 2020"

    name: Literal["fmix"] = "fmix"
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    decay: Annotated[Float, Field(ge=2, le=10)] = 3.0
    prob: Probability = 1.0
    per: Annotated[Per, LATER] = "example"


class SaliencyMix(MixingSpec):
    """Pastes a box around the point at which the partner stands out most; labels weigh by the pixels."""

    paper: ClassVar[str] = "Uddin et al., 2021"

    name: Literal["saliencymix"] = "saliencymix"
    alpha: Annotated[Float, Field(gt=0)] = 1.0
    prob: Probability = 1.0
    per: Annotated[Per, LATER] = "example"


class SmoothMix(MixingSpec):
    """Blends the partner in around a random point, by a Gaussian; labels weigh by its mean."""

    paper: ClassVar[str] = "Lee et al., 2020"

    name: Literal["smoothmix"] = "smoothmix"
    sigma: Annotated[tuple[float, float], numbers_within(0.01, 10)] = (0.25, 0.5)
    prob: Probability = 1.0
    per: Annotated[Per, LATER] = "example"
