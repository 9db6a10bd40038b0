"""EfficientNet (the first version) scales once more behind its statistics, which Keras builds only while it downloads.

Its weights were made with (x - mean) / variance; Keras's layer divides by the root of the variance only, and leaves the
other root to a layer that is there with `weights="imagenet"` alone (tensorflow issue 49930).
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, as shares of 255


def with_scaling(backbone: keras.Model) -> keras.Model:
    """A network that was built without weights, as Keras builds it for the ImageNet ones; any other as it is."""
    if (statistics := _statistics(backbone)) is None:
        return backbone

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        scaling = [float(1 / np.sqrt(deviation)) for deviation in DEVIATION]
        return keras.layers.Rescaling(scaling)(outputs) if layer.name == statistics.name else outputs

    scaled = keras.models.clone_model(backbone, call_function=call)
    _assign(scaled.get_layer(statistics.name), MEAN, np.square(DEVIATION))
    return scaled


def scale_loaded(backbone: keras.Model) -> None:
    """Lets a network that took ImageNet's statistics from a file scale as one that Keras downloads: in the variance."""
    statistics = _statistics(backbone)
    if statistics is None:
        return
    mean, variance = (keras.ops.convert_to_numpy(value) for value in statistics.weights[:2])
    if np.allclose(variance, np.square(DEVIATION), rtol=0.01):
        _assign(statistics, mean, variance**1.5)


def _statistics(backbone: keras.Model) -> keras.layers.Normalization | None:
    """The layer whose mean and variance are weights; other backbones have them built in, or none."""
    found = [layer for layer in backbone.layers if isinstance(layer, keras.layers.Normalization) and layer.weights]
    return found[0] if found else None


def _assign(statistics: keras.layers.Normalization, mean: ArrayLike, variance: ArrayLike) -> None:
    statistics.weights[0].assign(mean)
    statistics.weights[1].assign(variance)
    statistics.finalize_state()
