"""Devices, precision, and a quiet start of TensorFlow."""

import subprocess
import sys

import pytest

from augexp import device
from augexp.device import Device
from augexp.errors import UserError

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
    import os

    assert os.environ["TF_CPU_ALLOCATOR_USE_BFC"] == "false"


def test_tensorflow_starts_without_noise_and_later_errors_still_show() -> None:
    code = "import sys; from augexp import device; device.load_tensorflow(); print('mine', file=sys.stderr)"
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


def test_the_device_of_this_machine_is_found() -> None:
    found = device.find()
    assert found.kind in ("cpu", "gpu")
    assert found.name
