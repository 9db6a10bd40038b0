"""The four named strategies."""

from typing import Literal, assert_never

from augexp.config.ops.geometric import FlipLeftRight
from augexp.config.ops.mixing import CutMix, MixUp
from augexp.config.ops.photometric import Brightness
from augexp.config.ops.spec import Spec

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
