"""Which device trains, and in which precision."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from augexp.config.ops import ownfile
from augexp.errors import UserError, counted, first_line

Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class Device:
    """The device that Keras computes on."""

    kind: Literal["cpu", "gpu"]
    name: str
    has_bfloat16: bool


def configure() -> None:
    """Settings that TensorFlow reads when it is first imported; what the user has set stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Without it every batch of images is fresh memory from the system, and page faults cost most of the time:
    # on a 2-core virtual machine mixup ran 7 times and training twice as fast with it.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    # Keras loads pandas where it is installed, and so Arrow, whose allocator has a thread: no run could be forked.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    # Else another project's keras.json would choose.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def load_tensorflow(*, deterministic: bool = False) -> None:
    """Imports TensorFlow and Keras without the lines that TensorFlow prints on every machine without a GPU.

    Args:
        deterministic: only kernels that give the same numbers again, on a GPU too.
    """
    if deterministic:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()  # read once, at the import
    preload()
    with quiet():
        import tensorflow as tf

        # Each network is traced once, and TensorFlow takes many networks for one that is traced many times.
        tf.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())
        tf.config.list_physical_devices("GPU")
        if deterministic:
            tf.config.experimental.enable_op_determinism()


def preload() -> None:
    """Imports TensorFlow and Keras and uses neither: without threads and devices, the process can still be forked."""
    configure()
    _check_backend()
    with quiet(), _without_collecting():
        _import_keras()
        import tensorflow as tf  # noqa: F401


# The file of an own op may be the first to import it.
ownfile.before_tensorflow(lambda deterministic: load_tensorflow(deterministic=deterministic))


def load_for_cpu() -> None:
    """Imports TensorFlow and Keras for the CPU alone, in a process that starts trainings: they need the GPUs."""
    name = "JAX_PLATFORMS"
    before = os.environ.get(name)
    os.environ[name] = "cpu"  # read once, at the import
    try:
        load_tensorflow()
    finally:
        del os.environ[name]
        os.environ |= {} if before is None else {name: before}
    leave_gpus_alone()


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Nothing of what is imported is garbage: to look through it again and again takes an eighth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _import_keras() -> None:
    """Keras as it is without a `keras.json`: another project may have chosen half precision there, or a layout."""
    try:
        import keras
    except (AssertionError, ValueError, TypeError) as error:
        home = os.environ.get("KERAS_HOME", "~/.keras")
        why = f"Keras can't start with it ({first_line(error)})"
        raise UserError(f"{home}/keras.json: {why}; mend or remove it") from None
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


def _check_backend() -> None:
    for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        if name in os.environ:
            raise UserError(f"{name}={os.environ[name]}: Keras would end every training early; unset it")
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend not in ("tensorflow", "jax"):
        raise UserError(f"KERAS_BACKEND={backend}: augexp trains on tensorflow or jax; set one of them, or unset it")
    if backend == "jax" and find_spec("jax") is None:
        raise UserError("KERAS_BACKEND=jax: JAX is not installed; pip install 'augexp[jax]'")


NOISE = ("oneDNN custom operations are on", "oneDNN supports DT_", "Created TensorFlow Lite XNNPACK delegate")
# Where there is a card, these lines say why it isn't used, and are shown.
NO_CARD = ("absl::InitializeLog()", "cudart_stub.cc", "cuda_platform.cc", "failed call to cuInit")


def quiet() -> AbstractContextManager[None]:
    """Inside, what TensorFlow's C++ prints on every machine is held back; what else is printed comes at the end."""
    has_card = any(Path("/dev").glob("nvidia[0-9]*"))
    return _stderr_without(NOISE if has_card else (*NOISE, *NO_CARD))


@contextmanager
def _stderr_without(noise: tuple[str, ...]) -> Iterator[None]:
    # TensorFlow's C++ writes to file descriptor 2 before it reads its own log level, so sys.stderr can't filter it.
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.write("".join(line for line in lines if not any(words in line for words in noise)))


def find() -> Device:
    """The first GPU that Keras's backend can use, else the CPU."""
    import keras

    return _jax_device() if keras.backend.backend() == "jax" else _tensorflow_device()


def leave_gpus_alone() -> None:
    """Keeps TensorFlow off the GPUs, for work that needs none: a training beside it may need all their memory."""
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")


def _tensorflow_device() -> Device:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return Device("cpu", _cpu_name(), has_bfloat16=False)
    details = tf.config.experimental.get_device_details(gpus[0])
    ampere = details.get("compute_capability", (0, 0)) >= (8, 0)
    return Device("gpu", str(details.get("device_name", "GPU")), has_bfloat16=ampere)


def _jax_device() -> Device:
    import jax

    leave_gpus_alone()
    device = jax.devices()[0]
    if device.platform != "gpu":
        return Device("cpu", _cpu_name(), has_bfloat16=False)
    ampere = float(getattr(device, "compute_capability", 0)) >= 8
    return Device("gpu", device.device_kind, has_bfloat16=ampere)


def _cpu_name() -> str:
    return f"CPU, {counted(os.cpu_count() or 1, 'core')}"


def resolve_precision(setting: Precision, device: Device) -> str:
    """`auto` is bfloat16 on a GPU that has it, float32 elsewhere."""
    if setting != "auto":
        return setting
    return "mixed_bfloat16" if device.kind == "gpu" and device.has_bfloat16 else "float32"
