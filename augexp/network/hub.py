"""Networks of KerasHub: built from a preset, for images scaled as the preset says."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from augexp.config import hub
from augexp.config.schema import Model
from augexp.errors import UserError, did_you_mean, first_line

SET_BY_AUGEXP = ("dtype", "load_weights", "preset")
TOKENS = ("ViTBackbone", "DeiTBackbone")  # whose outputs are tokens (B, N, C), that of the class first


def build(settings: Model, image_size: int | None, *, pretrained: bool) -> keras.Model:
    """The backbone of a preset under Keras's current policy: images -> features (B, h, w, C), or (B, C) of tokens.

    Args:
        settings: the `model` section; `backbone_args` replace what the preset says of the network.
        image_size: side in pixels; None: any.
        pretrained: with the preset's weights.

    Raises:
        UserError: if KerasHub isn't installed, the preset can't be had or takes images of another size, or gives what
            no head fits.
    """
    if taken := [name for name in settings.backbone_args if name in SET_BY_AUGEXP]:
        raise UserError(f"model.backbone_args: {', '.join(taken)} can't be given here; augexp sets it")
    backbone = _loaded(settings, pretrained=pretrained)
    _refuse_unknown(settings, backbone)
    size = backbone.input_shape[1] if isinstance(backbone.input_shape, tuple) else None
    if size is not None and size != image_size:
        way = f"set data.image_size={size}" if image_size else "leave data.eval_size out"
        raise UserError(f"model.backbone {settings.backbone}: it takes images of {size} px only; {way}")
    return _with_features(backbone, settings.backbone)


def _refuse_unknown(settings: Model, backbone: keras.Model) -> None:
    """Raises UserError for arguments that the backbone doesn't have: KerasHub drops them without a word."""
    known = [name for name in inspect.signature(type(backbone).__init__).parameters if name not in ("self", "kwargs")]
    for name in settings.backbone_args:
        if name not in known:
            has = did_you_mean(name, known) or f"; it has {', '.join(known)}"
            raise UserError(f"model.backbone_args.{name}: a {type(backbone).__name__} has no such argument{has}")


def scaling(settings: Model) -> Callable[[Any], Any]:
    """What turns RGB in [0, 255] into what a preset's weights are made for; its resizing is left to `data`."""
    module, preset = _keras_hub(), _preset(settings)
    try:
        converter = module.layers.ImageConverter.from_preset(preset)
    except FileNotFoundError:
        raise UserError(
            f"model.backbone {settings.backbone}: the preset has no {hub.CONVERTER}, which says how images are scaled; "
            "write it with the `save_to_preset` of an ImageConverter, or set model.preprocessing=unit for 0..1"
        ) from None
    except Exception as error:  # whatever its loaders meet
        raise _cannot_load(settings, error) from error
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return lambda images: images * _channels(scale) + _channels(offset)


def _channels(value: Any) -> Any:
    """A number, or one a channel."""
    return keras.ops.convert_to_tensor(value, "float32")


def _loaded(settings: Model, *, pretrained: bool) -> keras.Model:
    module = _keras_hub()
    try:
        return module.models.Backbone.from_preset(
            _preset(settings), load_weights=pretrained, dtype=keras.config.dtype_policy(), **settings.backbone_args
        )
    except Exception as error:  # whatever its loaders meet
        raise _cannot_load(settings, error) from error


def _preset(settings: Model) -> str:
    folder = hub.folder(settings.backbone)
    return settings.backbone.removeprefix(hub.PREFIX) if folder is None else str(folder)


def _keras_hub() -> Any:
    try:
        import keras_hub
    except ModuleNotFoundError:
        raise UserError("model.backbone keras_hub:...: KerasHub is not installed; pip install 'augexp[hub]'") from None
    return keras_hub


def _cannot_load(settings: Model, error: Exception) -> UserError:
    args = f" with {settings.backbone_args}" if settings.backbone_args else ""
    return UserError(
        f"model.backbone {settings.backbone}: KerasHub can't load it{args} ({type(error).__name__}: "
        f"{first_line(error)[:200]}); where there is no network, name a folder that `save_to_preset` wrote: "
        "keras_hub:./FOLDER"
    )


def _with_features(backbone: keras.Model, name: str) -> keras.Model:
    features = backbone.output
    if type(backbone).__name__ in TOKENS and getattr(backbone, "use_class_token", True):
        return keras.Model(backbone.input, features[:, 0], name="class_token")
    if not isinstance(features, keras.KerasTensor) or len(features.shape) != 4:
        raise UserError(
            f"model.backbone {name}: a {type(backbone).__name__} gives neither a map of features nor a class token; "
            "choose a backbone for classification, such as ResNetBackbone or ViTBackbone"
        )
    return backbone
