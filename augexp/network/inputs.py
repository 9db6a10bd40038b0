"""What enters the first layer with weights, measured: a network must see the values that its weights are made for."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from augexp.config import ownnet
from augexp.config.schema import RANGE_ARGS, Model
from augexp.config.settings import show
from augexp.errors import UserError
from augexp.network import model

CORNERS = np.array(list(itertools.product((0, 255), repeat=3)), np.float32)  # (8, 3), of the RGB cube
ANY_SIZE = 75  # pixels, of the images for a network that takes those of any size: the least that every class takes
LIKE = 8.0  # spans that differ by less are alike; those of two settings that both scale, or neither, by 25 and more


@dataclass(frozen=True)
class Entering:
    """What RGB 0 ... 255 has become in front of the first layer with weights."""

    low: float
    high: float
    span: float  # from black to white, in the channel where it is widest

    def __str__(self) -> str:
        return f"{self.low:.4g}..{self.high:.4g}"

    def is_like(self, span: float) -> bool:
        """Whether the span is about as wide."""
        return span / LIKE < self.span < span * LIKE


def measured(backbone: keras.Model, settings: Model) -> Entering | None:
    """`entering`, or None where the first layer with weights lies within another, or there is none."""
    first = next(_weighed(backbone), None)
    return None if first is None or isinstance(first, keras.Model) else entering(backbone, settings)


def _weighed(backbone: keras.Model) -> Iterator[keras.layers.Layer]:
    return (layer for layer in backbone.layers if any(len(weight.shape) > 1 for weight in layer.weights))


def entering(backbone: keras.Model, settings: Model) -> Entering:
    """Measured with images of one colour each."""
    first = next(_weighed(backbone))
    size = backbone.input_shape[1] or ANY_SIZE
    images = np.broadcast_to(CORNERS[:, None, None], (len(CORNERS), size, size, 3))
    before = keras.Model(backbone.inputs, first.input)
    values = before(model.preprocessing(settings)(keras.ops.convert_to_tensor(images)))
    # In the middle: some networks pad with zeros first.
    pixels = keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))[:, size // 2, size // 2]
    return Entering(float(pixels.min()), float(pixels.max()), float(np.ptp(pixels, axis=0).max()))


def refuse_unfit(settings: Model, image_size: int) -> None:
    """Refuses settings that let a network see next to nothing, or far too much; for trainings, before data is read.

    Right is what the backbone sees by default. With `unit`, 0 to 1 will do for random weights, and for others where
    batch norm adapts to it.

    Raises:
        UserError: if the network would see something else, or can't be built.
    """
    usual_settings = settings.with_usual_input
    if usual_settings == settings:
        return
    backbone = model.bare_backbone(settings, image_size)
    found = measured(backbone, settings)
    usual = measured(model.bare_backbone(usual_settings, image_size), usual_settings)
    if found is None or usual is None or fits(backbone, settings, found, usual):
        return
    seen = f"RGB 0..255 would enter the first convolution of {settings.backbone} as {found} in place of {usual}"
    if settings.preprocessing == "imagenet":
        raise UserError(f"model.backbone_args {show(settings.backbone_args)}: {seen}; {_instead(settings)}")
    why = "as it scales by itself" if not found.is_like(1.0) else "and no batch norm in training adapts to it"
    raise UserError(f"model.preprocessing unit: {seen}, {why}; set model.preprocessing=imagenet")


def fits(backbone: keras.Model, settings: Model, found: Entering, usual: Entering) -> bool:
    """Whether a backbone can work with what it sees, where `usual` is what it sees by default."""
    if settings.preprocessing == "unit" and found.is_like(1.0):
        return settings.weights is None or found.is_like(usual.span) or model.adapts(backbone, settings)
    return found.is_like(usual.span)


def _instead(settings: Model) -> str:
    named = ", ".join(name for name in RANGE_ARGS if name in settings.backbone_args)
    instead = f"take {named} out of it"
    return f"{instead}, or set model.preprocessing=unit for 0..1" if settings.weights is None else instead


def line(network: model.Network, settings: Model) -> str:
    """What enters the first convolution, in words."""
    if (found := measured(network.backbone, settings)) is None:
        return f"input: RGB {'0..1' if settings.preprocessing == 'unit' else '0..255'} enters {settings.backbone}"
    return f"input: RGB 0..255 enters the first convolution as {found}"


def unscaled(network: model.Network, settings: Model) -> list[str]:
    """A line where an own network takes grey levels as they are, which few learn from."""
    found = measured(network.backbone, settings) if ownnet.is_own(settings.backbone) else None
    if found is None or not np.allclose((found.low, found.high), (0, 255)):
        return []
    return [
        f"{settings.backbone} scales nothing: RGB 0..255 enters its first convolution as {found}; put "
        "keras.layers.Rescaling(1 / 127.5, offset=-1) in front of it, or set model.preprocessing=unit"
    ]


def unlike(network: model.Network, settings: Model) -> list[str]:
    """A line where weights that were trained get other values than the backbone's ImageNet weights are made for."""
    usual_settings = settings.with_usual_input
    if settings.weights is None or settings == usual_settings:
        return []
    found = measured(network.backbone, settings)
    usual = measured(model.bare_backbone(usual_settings, network.backbone.input_shape[1]), usual_settings)
    if found is None or usual is None:
        return []
    if np.allclose((found.low, found.high), (usual.low, usual.high), atol=0.05 * usual.span):
        return []
    return [
        f"the ImageNet weights of {settings.backbone} are made for {usual} in its first convolution, and get {found} "
        f"({_told(settings)})"
    ]


def _told(settings: Model) -> str:
    given = {name: value for name, value in settings.backbone_args.items() if name in RANGE_ARGS}
    unit = {"model.preprocessing": "unit"} if settings.preprocessing == "unit" else {}
    return ", ".join(f"{name}: {show(value)}" for name, value in (unit | given).items())
