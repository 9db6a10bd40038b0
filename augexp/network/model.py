"""A backbone with a linear head; preprocessing is inside, so that all else speaks raw RGB."""

import errno
import os
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from augexp.config import hub, ownnet
from augexp.config.schema import Model
from augexp.errors import UserError, first_line
from augexp.network import droppath, efficientnet, own, small
from augexp.network import hub as network_hub

SET_BY_AUGEXP = ("include_top", "weights", "input_shape", "input_tensor", "pooling", "classes")


@dataclass(frozen=True)
class Network:
    """The whole model, and the part of it that may be frozen or slowed."""

    model: keras.Model  # (B, S, S, 3) RGB in [0, 255] -> logits (B, K) float32
    backbone: keras.Model
    precision: str  # Keras's policy, that it was built under


def build(settings: Model, image_size: int | None, num_classes: int, *, pretrained: bool = True) -> Network:
    """Builds the network under Keras's current precision policy.

    Args:
        settings: the `model` section.
        image_size: side in pixels; None: any, and the network is refused where it can't have that.
        num_classes: K, width of the head.
        pretrained: False leaves the weights random, for estimates.

    Raises:
        UserError: if the backbone can't have this size or these arguments, or its weights can't be had or don't fit.
    """
    comes_with = pretrained and settings.has_own_weights
    backbone = _backbone(settings, image_size, settings.weights) if comes_with else bare_backbone(settings, image_size)
    if pretrained and not comes_with and settings.weights is not None:
        _load_weights(backbone, settings)
    _set_batch_norm(backbone, settings)
    # A mixed policy casts the inputs of layers to half precision, too coarse for grey levels: preprocess in float32.
    images = keras.Input((image_size, image_size, 3), dtype="float32", name="images")
    features = backbone(preprocessing(settings)(images))
    is_map = len(features.shape) == 4
    pool = keras.layers.GlobalAveragePooling2D(name="pool") if is_map else keras.layers.Identity(name="pool")
    dropped = keras.layers.Dropout(settings.dropout, name="dropout")(pool(features))
    logits = keras.layers.Dense(num_classes, dtype="float32", name="head")(dropped)
    return Network(keras.Model(images, logits, name="network"), backbone, keras.config.dtype_policy().name)


def set_trainable(network: Network, settings: Model, *, backbone: bool) -> None:
    """Frees or freezes the backbone; the model must be compiled afterwards."""
    network.backbone.trainable = backbone
    if settings.batch_norm == "frozen":
        # Calling the backbone with training=False is ignored by fit in Keras 3; only this freezes moving averages.
        for layer in _batch_norms(network.backbone):
            layer.trainable = False


def save_weights(network: Network, path: Path) -> None:
    """Writes the network's weights, head included, as `*.weights.h5`."""
    try:
        _uncompiled(network).save_weights(path)
    except (OSError, RuntimeError) as error:  # h5py raises RuntimeError on a full disk
        raise OSError(errno.EIO, "the weights can't be written: is the disk full?", str(path)) from error


def load_weights(network: Network, path: Path) -> None:
    """Reads what `save_weights` wrote."""
    _uncompiled(network).load_weights(path)


def _uncompiled(network: Network) -> keras.Model:
    # The same layers without the optimizer: Keras would store its state too, which fits one phase of a run only.
    # A name of its own: the file holds it, and Keras would count up one.
    return keras.Model(network.model.inputs, network.model.outputs, name="weights")


def bare_backbone(settings: Model, image_size: int | None) -> keras.Model:
    """The backbone with random weights, and the layers that it has with those of the settings.

    Raises:
        UserError: if it can't have this size or these arguments.
    """
    backbone = _backbone(settings, image_size, weights=None)
    return efficientnet.with_scaling(backbone) if settings.weights == "imagenet" else backbone


def _backbone(settings: Model, image_size: int | None, weights: str | None) -> keras.Model:
    shape = (image_size, image_size, 3)
    if settings.backbone in small.MAKERS:
        depth = {} if settings.drop_path is None else {"drop_path": settings.drop_path}
        return small.MAKERS[settings.backbone](shape, **depth)
    if ownnet.is_own(settings.backbone):
        return own.build(settings, shape)
    if hub.is_hub(settings.backbone):
        return network_hub.build(settings, image_size, pretrained=weights is not None)
    if taken := [name for name in settings.backbone_args if name in SET_BY_AUGEXP]:
        raise UserError(f"model.backbone_args: {', '.join(taken)} can't be given here; augexp sets it")
    create = getattr(keras.applications, settings.backbone)
    try:
        backbone = create(include_top=False, weights=weights, input_shape=shape, **settings.backbone_args)
    except Exception as error:  # get_file raises a bare Exception when a download fails.
        raise _cannot_build(settings, image_size, error) from error
    if settings.drop_path is not None:
        droppath.set_rate(backbone, settings.drop_path, settings.backbone)
    return backbone


def preprocessing(settings: Model) -> Callable[[Any], Any]:
    """What turns RGB in [0, 255] into what the backbone's weights expect, or into [0, 1] where `unit` asks for it.

    An own network gets RGB in [0, 255] unless `unit` asks for [0, 1].
    """
    if settings.preprocessing == "unit":
        return lambda images: images / 255.0
    if ownnet.is_own(settings.backbone):
        return lambda images: images
    if hub.is_hub(settings.backbone):
        return network_hub.scaling(settings)
    if settings.backbone in small.MAKERS:
        return lambda images: images / 127.5 - 1.0
    # Each backbone's own `preprocess_input` stands beside it.
    create = getattr(keras.applications, settings.backbone)
    preprocess: Callable[[Any], Any] = sys.modules[create.__module__].preprocess_input
    return preprocess


def _batch_norms(backbone: keras.Model) -> list[keras.layers.BatchNormalization]:
    return [layer for layer in backbone._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]  # noqa: SLF001


def adapts(backbone: keras.Model, settings: Model) -> bool:
    """Whether there is batch norm in training, which evens out a wrong scale of what came before."""
    return settings.freeze == "none" and settings.batch_norm == "trainable" and bool(_batch_norms(backbone))


def _set_batch_norm(backbone: keras.Model, settings: Model) -> None:
    if settings.batch_norm_momentum is not None:
        for layer in _batch_norms(backbone):
            layer.momentum = settings.batch_norm_momentum


def _load_weights(backbone: keras.Model, settings: Model) -> None:
    path = Path(str(settings.weights)).expanduser()
    if not path.is_file():
        raise UserError(f"model.weights {path}: no such file; give a file, imagenet or null")
    try:
        # Keras also warns of what it then raises.
        with warnings.catch_warnings(action="ignore"):
            backbone.load_weights(path)
            if settings.is_of_keras:
                efficientnet.scale_loaded(backbone)
    except Exception as error:  # Keras and h5py raise many kinds for another network's file, or for no HDF5 at all.
        args = f" {settings.backbone_args}" if settings.backbone_args else ""
        raise UserError(
            f"model.weights {path}: these weights don't fit {settings.backbone}{args} without its top "
            f"({first_line(error)[:200]}); give the file of this very backbone, imagenet or null"
        ) from error


def _cannot_build(settings: Model, image_size: int | None, error: Exception) -> UserError:
    if url := re.search(r"URL fetch failure on (\S+):", str(error)):
        folder = f"{os.environ.get('KERAS_HOME', '~/.keras')}/models"
        name = url[1].rsplit("/", 1)[-1]
        return UserError(
            f"the ImageNet weights of {settings.backbone} can't be downloaded from {url[1]}; fetch that file elsewhere "
            f"and put it into {folder}/{name}, or give its place as model.weights=FILE, or train from random weights "
            "with model.weights=null"
        )
    at = "for images of any size, as data.eval_size needs it" if image_size is None else f"at {image_size} px"
    return UserError(f"model.backbone {settings.backbone} can't be built {at}: {first_line(error)}")
