"""One run on every device of the machine: the batch is shared, the numbers are those of one device but for rounding."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import keras
import tensorflow as tf

from augexp.errors import UserError
from augexp.network import device

Devices = Literal["one", "all"]


def names(devices: Devices) -> list[str]:
    """The devices that share a batch: the GPUs that the backend sees, else its CPUs; one name for `one`."""
    if keras.backend.backend() == "jax":
        found = keras.distribution.list_devices()  # those of its best platform
    else:
        found = keras.distribution.list_devices("gpu") or keras.distribution.list_devices("cpu")
    return [str(name) for name in found] if devices == "all" else [str(found[0])]


def check_batch(devices: Devices, batch_size: int) -> None:
    """Raises UserError if the devices would get unequal shares of a batch."""
    count = len(names(devices))
    if batch_size % count:
        raise UserError(
            f"train.batch_size {batch_size} can't be shared evenly among {count} devices (train.devices: all); "
            f"choose a multiple of {count}, such as {batch_size // count * count or count}"
        )


def check_clipping(devices: Devices, clip_norm: float | None) -> None:
    """Raises UserError if each device would shorten the gradient of its own share of a batch."""
    if clip_norm is not None and keras.backend.backend() == "tensorflow" and len(names(devices)) > 1:
        raise UserError(
            "train.clip_norm: on several devices (train.devices: all) TensorFlow clips before gradients are added up; "
            "use one device, or KERAS_BACKEND=jax"
        )


@contextmanager
def shared(devices: Devices) -> Iterator[None]:
    """Inside, networks and optimizers are made for all the devices."""
    if keras.backend.backend() == "jax":
        keras.distribution.set_distribution(_data_parallel(devices) if len(names(devices)) > 1 else None)
        yield
    elif len(names(devices)) > 1:
        with _mirrored(tuple(names(devices))).scope():
            yield
    else:
        yield


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    # One strategy a process: what was made under another can't be trained together.
    return tf.distribute.MirroredStrategy(list(devices))


def _data_parallel(devices: Devices) -> keras.distribution.DataParallel:
    class DataParallel(keras.distribution.DataParallel):  # type: ignore[misc]
        """Gives every device the whole of a batch that can't be shared evenly."""

        def get_data_layout(self, data_shape: Any) -> Any:
            if data_shape[0] % self.device_mesh.devices.size == 0:
                return super().get_data_layout(data_shape)
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    return DataParallel(devices=names(devices), auto_shard_dataset=False)


def eval_batch_size(devices: Devices, batch_size: int) -> int:
    """The size of batches that are only looked at, the last of which may be short."""
    # JAX can't share a batch of 31 between 2 devices, and Keras lays all batches of a set out as the first: where that
    # can't be shared either, each device gets the whole.
    alone = keras.backend.backend() == "jax" and len(names(devices)) > 1
    return batch_size + 1 if alone else batch_size


def synchronize(network: keras.Model, devices: Devices) -> None:
    """Lets batch norm see the whole batch, not a device's share, as it does on one device."""
    if keras.backend.backend() == "tensorflow" and len(names(devices)) > 1:
        for layer in network._flatten_layers():  # noqa: SLF001
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True


def uses_xla(found: device.Device, devices: Devices) -> bool:
    """Whether training is compiled by XLA."""
    # XLA's convolutions on a CPU are several times slower than TensorFlow's own; JAX can't do without it.
    shared = len(names(devices)) > 1  # gradients can't cross devices inside XLA
    return keras.backend.backend() == "jax" or (found.kind == "gpu" and not shared)
