"""Networks for small photos, from 8 px: features of an 8th (SmallCNN) or a 4th of the image's side.

They see RGB as -1..1 (`model.preprocessing`), and have batch norm behind or in front of every convolution.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from augexp.network import droppath

Shape = tuple[int | None, int | None, int]  # (S, S, 3); None: any


def small_cnn(shape: Shape) -> keras.Model:
    """Three blocks of convolution, batch norm, ReLU and pooling: enough for the embedded digits."""
    images = features = keras.Input(shape)
    for count in (32, 64, 128):
        features = keras.layers.Conv2D(count, 3, padding="same", use_bias=False)(features)
        features = _norm_relu(features)
        features = keras.layers.MaxPooling2D(2)(features)
    return keras.Model(images, features, name="small_cnn")


def resnet20(shape: Shape, drop_path: float = 0.0) -> keras.Model:
    """Three stages of three blocks of 16, 32 and 64 channels (He et al., Deep Residual Learning, 2016, section 4.2).

    Its shortcuts have no weights (option A): 0.27 million parameters, the head of ten classes among them.

    Args:
        shape: of an image.
        drop_path: chance that the last block is left out; it rises linearly with depth.
    """
    dropped = _dropped(drop_path, 9)
    images = keras.Input(shape)
    features = _norm_relu(_convolution(images, 16))
    for stage, count in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            changed = _norm_relu(_convolution(features, count, stride))
            changed = keras.layers.BatchNormalization()(_convolution(changed, count))
            changed = next(dropped)(changed)
            features = keras.layers.ReLU()(changed + _subsampled(features, count, stride))
    return keras.Model(images, features, name="resnet20")


def wide_resnet16_2(shape: Shape, drop_path: float = 0.0) -> keras.Model:
    """WRN-16-2: three stages of two blocks of 32, 64 and 128 channels (Zagoruyko and Komodakis, Wide ResNets, 2016).

    0.7 million parameters, the head of ten classes among them; without the paper's dropout inside of blocks.

    Args:
        shape: of an image.
        drop_path: chance that the last block is left out; it rises linearly with depth.
    """
    dropped = _dropped(drop_path, 6)
    images = keras.Input(shape)
    features = _convolution(images, 16)
    for stage, count in enumerate((32, 64, 128)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            before = _norm_relu(features)
            shortcut = features if block else _convolution(before, count, stride, size=1)
            changed = _norm_relu(_convolution(before, count, stride))
            features = next(dropped)(_convolution(changed, count)) + shortcut
    return keras.Model(images, _norm_relu(features), name="wide_resnet16_2")


MAKERS: Mapping[str, Callable[..., keras.Model]] = {
    "SmallCNN": small_cnn,
    "ResNet20": resnet20,
    "WideResNet16-2": wide_resnet16_2,
}


def _dropped(drop_path: float, blocks: int) -> Iterator[Callable[[Any], Any]]:
    """What comes at the end of each block's branch; nothing without drop path."""
    for block in range(1, blocks + 1):
        yield droppath.dropped(drop_path * block / blocks) if drop_path else lambda branch: branch


def _convolution(features: Any, count: int, stride: int = 1, *, size: int = 3) -> Any:
    if stride > 1 and size > 1:
        # `same` would put nothing in front of an even side, and the convolution half a stride beside its shortcut.
        features = keras.layers.ZeroPadding2D(size // 2)(features)
    padding = "same" if stride == 1 else "valid"
    convolve = keras.layers.Conv2D(count, size, stride, padding=padding, use_bias=False, kernel_initializer="he_normal")
    return convolve(features)


def _norm_relu(features: Any) -> Any:
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(features))


def _subsampled(features: Any, count: int, stride: int) -> Any:
    """Every `stride`-th place, with channels of zeros up to `count`."""
    lacking = count - features.shape[-1]
    if not lacking:
        return features
    kept = keras.layers.MaxPooling2D(1, stride)(features)
    return keras.ops.pad(kept, [[0, 0], [0, 0], [0, 0], [lacking // 2, lacking // 2]])
