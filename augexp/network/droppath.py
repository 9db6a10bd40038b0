"""Drop path, or stochastic depth: in training, blocks are left out for some images (Huang et al., 2016)."""

import keras

from augexp.errors import UserError

OF_KERAS = 0.2  # the rate at the end of every EfficientNet, as Keras builds it
EACH_IMAGE = (None, 1, 1, 1)  # one draw an image, for all places and channels


def dropped(rate: float) -> keras.layers.Dropout:
    """The layer at the end of a block's branch: all of it is dropped with the chance `rate`, else made up for."""
    return keras.layers.Dropout(rate, noise_shape=EACH_IMAGE)


def set_rate(backbone: keras.Model, rate: float, name: str) -> None:
    """Sets the rate towards which those of the blocks of a network of Keras's rise, linearly with depth.

    Raises:
        UserError: if the network has no such layers.
    """
    layers = [
        layer
        for layer in backbone.layers
        if isinstance(layer, keras.layers.Dropout) and tuple(layer.noise_shape or ()) == EACH_IMAGE
    ]
    if not layers:
        raise UserError(
            f"model.drop_path: {name} has none; leave it out (EfficientNets, ResNet20 and WideResNet16-2 have it)"
        )
    for layer in layers:
        layer.rate *= rate / OF_KERAS
