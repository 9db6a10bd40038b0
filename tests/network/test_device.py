"""Devices, precision, and a quiet start of TensorFlow."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from augexp.config import load
from augexp.errors import UserError
from augexp.network import device
from augexp.network.device import Device
from augexp.study import processes

AMPERE = Device("gpu", "A100", has_bfloat16=True)
PASCAL = Device("gpu", "GTX 1080", has_bfloat16=False)
CPU = Device("cpu", "CPU", has_bfloat16=False)


@pytest.mark.parametrize(
    ("setting", "found", "precision"),
    [
        ("auto", AMPERE, "mixed_bfloat16"),
        ("auto", PASCAL, "float32"),
        ("auto", CPU, "float32"),
        ("mixed_float16", PASCAL, "mixed_float16"),
        ("float32", AMPERE, "float32"),
    ],
)
def test_precision(setting: device.Precision, found: Device, precision: str) -> None:
    assert device.resolve_precision(setting, found) == precision


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPU_ALLOCATOR_USE_BFC", "false")
    device.configure()
    assert os.environ["TF_CPU_ALLOCATOR_USE_BFC"] == "false"


@pytest.mark.slow
def test_tensorflow_starts_without_noise_and_later_errors_still_show() -> None:
    code = "import sys; from augexp.network import device; device.load_tensorflow(); print('mine', file=sys.stderr)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr == "mine\n"


@pytest.mark.parametrize("backend", ["torch", "nonsense"])
def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(UserError) as error:
        device.load_tensorflow()
    assert str(error.value) == (
        f"KERAS_BACKEND={backend}: augexp trains on tensorflow or jax; set one of them, or unset it"
    )


@pytest.mark.parametrize("is_on", [True, False])
def test_the_import_leaves_the_collection_of_garbage_as_it_was(is_on: bool) -> None:
    gc.enable() if is_on else gc.disable()
    try:
        device.preload()
        assert gc.isenabled() == is_on
    finally:
        gc.enable()


def test_the_device_of_this_machine_is_found() -> None:
    found = device.find()
    assert found.kind in ("cpu", "gpu")
    assert found.name


# What a command does up to the import of TensorFlow, in a process of its own; then what has taken effect.
LOADED = """
import os, sys
from augexp.cli import main
from augexp.network import device
from augexp.study import worker

load = device.load_tensorflow

def load_and_say(**options):
    load(**options)
    import tensorflow as tf
    try:
        tf.random.uniform(())
        print("any op")
    except RuntimeError:  # without a seed, a random op gives other numbers every time
        print("deterministic ops only")
    print(float(tf.function(lambda x: x + 1, jit_compile=True)(1.0)))  # XLA dies of a flag that it doesn't know
    print(os.environ.get("XLA_FLAGS"))
    sys.exit()

device.load_tensorflow = load_and_say
sys.argv = ["augexp", *sys.argv[1:]]
worker._end_with_stdin = lambda: None  # which is at its end at once
main.main() if sys.argv[1:] else worker.main()
"""


def loaded(tmp_path: Path, *overrides: str, worker: bool, flags: str | None = None) -> list[str]:
    """What `augexp train`, or the worker of a sweep, says after it has loaded TensorFlow."""
    experiment = load.experiment("digits.yaml", [f"runs_dir={tmp_path}", *overrides])
    arguments = [] if worker else ["train", "--config", "digits.yaml", f"runs_dir={tmp_path}", *overrides]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    answer = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        input=processes.job(experiment, ["augexp", "sweep"]),
        capture_output=True, text=True, check=False, env=environment | ({"XLA_FLAGS": flags} if flags else {}),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("worker", [False, True], ids=["train", "worker"])
def test_only_deterministic_kernels_when_told(tmp_path: Path, worker: bool) -> None:
    own = "--xla_cpu_enable_fast_math=false"
    assert loaded(tmp_path, "train.deterministic=true", worker=worker, flags=own) == [
        "deterministic ops only", "2.0", f"{own} --xla_gpu_deterministic_ops=true",
    ]  # fmt: skip


@pytest.mark.slow
def test_any_kernel_otherwise(tmp_path: Path) -> None:
    assert loaded(tmp_path, worker=True) == ["any op", "2.0", "None"]


FOREIGN = {"floatx": "float16", "epsilon": 0.5, "backend": "torch", "image_data_format": "channels_first"}


@pytest.mark.slow
@pytest.mark.parametrize(("content", "said"), [
    (json.dumps(FOREIGN), "float32 channels_last tensorflow 1e-07 float32\n"),
    ("{", "float32 channels_last tensorflow 1e-07 float32\n"),
    (json.dumps(FOREIGN | {"floatx": "float8"}), "keras.json: Keras can't start with it"),
])  # fmt: skip
def test_the_keras_json_of_another_project_changes_nothing(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "keras.json").write_text(content)
    code = (
        "from augexp.network import device; device.load_tensorflow(); import keras; from keras import config as c; "
        "print(c.floatx(), c.image_data_format(), c.backend(), c.epsilon(), c.dtype_policy().name)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=environment | {"KERAS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert said in answer.stdout + answer.stderr


@pytest.mark.parametrize("name", ["KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"])
def test_what_ends_every_training_early_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(UserError, match=f"{name}=1: .* unset it"):
        device.load_tensorflow()
