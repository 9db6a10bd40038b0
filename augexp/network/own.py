"""Networks of the user's, built by a function of theirs: whatever it returns is looked at."""

from typing import Any

import keras

from augexp.config import ownnet
from augexp.config.ops.ownfile import told
from augexp.config.schema import Model
from augexp.errors import UserError

BESIDE = ("images", "pool", "dropout", "head")  # names of augexp's layers beside the backbone


def build(settings: Model, shape: tuple[int | None, int | None, int]) -> keras.Model:
    """The network that the function gives for an input shape: images -> features (B, h, w, C) or (B, C).

    Args:
        settings: the `model` section; `backbone_args` are given to the function.
        shape: (S, S, 3), or (None, None, 3) for images of any size.

    Raises:
        UserError: if it fails, with the user's lines, or returns anything else.
    """
    says = f"model.backbone {settings.backbone}: "
    source = ownnet.source(settings.backbone, settings.backbone_digest)
    try:
        found = source.call(shape, **settings.backbone_args)
    except Exception as error:  # it is the user's code
        any_size = " (data.eval_size asks for a network for images of any size)" if None in shape else ""
        raise UserError(f"{says}{told(error, source.path)}{any_size}") from None
    if not isinstance(found, keras.Model):
        raise UserError(f"{says}it returned {type(found).__name__}, and a keras.Model is needed")
    if found.name in BESIDE:
        raise UserError(f"{says}its network is called {found.name}, as a layer of augexp's is; give it another name=")
    images = keras.Input(shape, dtype="float32")
    try:
        features = found(images)
    except Exception as error:  # likewise
        raise UserError(f"{says}it doesn't take images of shape {shape} ({told(error, source.path)})") from None
    if fault := _fault(features):
        raise UserError(f"{says}{fault}")
    return found if _is_graph(found) else keras.Model(images, features, name=f"own_{found.name}")


def _fault(features: Any) -> str:
    """What is wrong with the outputs of a network; nothing if they are a map or a vector."""
    needed = "a map (B, h, w, C) or a vector (B, C) for the head is needed"
    if not isinstance(features, keras.KerasTensor):
        return f"it has several outputs, and {needed}"
    shape = tuple(features.shape)
    if len(shape) not in (2, 4) or shape[0] is not None or shape[-1] is None:
        return f"its outputs are of shape {shape}, and {needed}"
    if not keras.backend.is_float_dtype(features.dtype):
        return f"its outputs are {features.dtype}, and floating-point numbers are needed"
    return ""


def _is_graph(network: keras.Model) -> bool:
    """Whether its layers are known, as those of a subclass are not."""
    try:
        return bool(network.inputs) and all(layer.output is not None for layer in network.layers)
    except (AttributeError, ValueError):
        return False
