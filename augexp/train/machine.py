"""Is this machine fit to train: `augexp check`. Each finding says ok, or what to do."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import tensorflow as tf

from augexp.config import load
from augexp.config.schema import Data
from augexp.data import cache
from augexp.errors import counted, first_line
from augexp.network import device
from augexp.runs import read
from augexp.train.run import train

GIB = 2.0**30
# Stanford Dogs, which the shipped configurations train on: the archives and what TFDS makes of them; 20,580 images at
# 224 px in the cache.
DATA_GIB = 2.5
CACHE_GIB = 20_580 * 224 * 224 * 3 / GIB
WEIGHTS = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
WEIGHTS_MB = 95
EPOCHS = 4
LEARNED = 0.8  # val accuracy on ten digits; chance is 0.1, and the study's own runs reach 0.95


class Finding(NamedTuple):
    """One line: `note` doesn't stand in the way of training, `FAILS` does."""

    what: str
    state: Literal["ok", "note", "FAILS"]
    text: str


def check() -> Iterator[Finding]:
    """Looks at the machine, a finding at a time; none of them raises."""
    for what, look in LOOKS.items():
        try:
            yield look()
        except Exception as error:  # an odd machine is what is looked for
            yield Finding(what, "FAILS", f"{type(error).__name__}: {first_line(error)}")


# --- software and devices ------------------------------------------------------------------------------------------


def _versions() -> Finding:
    backend = keras.backend.backend()
    versions = (
        f"TensorFlow {tf.__version__}, Keras {keras.__version__} on {backend}, Python {platform.python_version()}"
    )
    return Finding("versions", "ok", versions)


def _gpus() -> Finding:
    cards, found = _cards(), device.find()
    if found.kind == "gpu":
        usable = len(tf.config.list_physical_devices("GPU")) or 1
        if usable < len(cards):
            return Finding("GPU", "note", f"{usable} of {len(cards)} cards usable ({found.name}); {_why_unused()}")
        return Finding("GPU", "ok", f"{found.name}; {usable} usable, a run trains on one")
    if not cards:
        return Finding("GPU", "ok", f"none; training runs on the CPU ({counted(os.cpu_count() or 1, 'core')})")
    return Finding("GPU", "note", f"{', '.join(cards)}: there, but unused; {_why_unused()}")


def _cards() -> list[str]:
    """Cards by nvidia-smi, else by their device files."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False).stdout  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        listed = ""
    names = [line.split(" (UUID")[0] for line in listed.splitlines() if line.startswith("GPU ")]
    return names or sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))


def _why_unused() -> str:
    """Why TensorFlow, or JAX, leaves a card alone, and what to do."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES={visible} hides cards; unset it"
    if keras.backend.backend() == "jax":
        return "JAX has no CUDA plugin; pip install 'jax[cuda12]'"
    if not tf.test.is_built_with_cuda():
        return "this TensorFlow is built for CPUs only; on Linux, pip install 'augexp[gpu]'"
    if shutil.which("nvidia-smi") is None:
        return "there is no NVIDIA driver (no nvidia-smi); install one"
    if find_spec("nvidia") is None:
        built = tf.sysconfig.get_build_info()
        needed = f"CUDA {built.get('cuda_version', '?')} and cuDNN {built.get('cudnn_version', '?')}"
        return f"its libraries are missing ({needed}); pip install 'augexp[gpu]'"
    return "a library or the driver doesn't fit; `TF_CPP_MIN_LOG_LEVEL=0 augexp check` prints TensorFlow's reason"


def _precision() -> Finding:
    found = device.find()
    chosen = device.resolve_precision("auto", found)
    why = "bfloat16 is as accurate and faster there" if chosen != "float32" else f"{found.kind} without fast bfloat16"
    return Finding("precision", "ok", f"train.precision auto is {chosen} ({why})")


# --- folders and files ---------------------------------------------------------------------------------------------


def _data_folder() -> Finding:
    folder = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    return _folder("data folder", folder, DATA_GIB, "set data.data_dir= to another folder")


def _cache_folder() -> Finding:
    return _folder("cache folder", cache.cache_folder(Data()), CACHE_GIB, "set data.cache_dir= to another folder")


def _folder(what: str, folder: Path, needed_gib: float, remedy: str) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        return Finding(what, "FAILS", f"{folder} can't be written ({there} allows no writing); {remedy}")
    free = shutil.disk_usage(there).free / GIB
    text = f"{folder}, {free:.1f} GiB free"
    if free < needed_gib:
        return Finding(what, "note", f"{text}; stanford_dogs at 224 px takes {needed_gib:.1f}: free space, or {remedy}")
    return Finding(what, "ok", text)


def _weights() -> Finding:
    path = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models" / WEIGHTS
    if not path.exists():
        return Finding(
            "weights", "ok", f"ImageNet weights of ResNet50 are downloaded on first use, {WEIGHTS_MB} MB to {path}"
        )
    # Keras compares the same hash before it uses the file, and downloads it anew where they differ.
    published = sys.modules[keras.applications.ResNet50.__module__].WEIGHTS_HASHES["resnet50"][1]
    size = path.stat().st_size / 1e6
    if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != published:
        return Finding("weights", "note", f"{path} ({size:.0f} MB) is damaged or another file; delete it")
    return Finding("weights", "ok", f"{path}, {size:.0f} MB")


# --- training ------------------------------------------------------------------------------------------------------


def _training() -> Finding:
    with tempfile.TemporaryDirectory(prefix="augexp-check-") as folder:
        overrides = [f"runs_dir={folder}/runs", f"data.cache_dir={folder}/cache", f"train.epochs={EPOCHS}"]
        settings = load.experiment(load.shipped_configs() / "digits.yaml", overrides)
        start = time.monotonic()
        result = read.load(train(settings)).result
        seconds = time.monotonic() - start
    accuracy = result.val.accuracy
    text = f"SmallCNN on digits, {EPOCHS} epochs in {seconds:.0f} s: val accuracy {accuracy:.3f} ({LEARNED} is due)"
    if accuracy < LEARNED:
        return Finding("training", "FAILS", f"{text}; it must learn, so the numbers of this machine can't be trusted")
    return Finding("training", "ok", text)


LOOKS: dict[str, Callable[[], Finding]] = {
    "versions": _versions,
    "GPU": _gpus,
    "precision": _precision,
    "data folder": _data_folder,
    "cache folder": _cache_folder,
    "weights": _weights,
    "training": _training,
}
