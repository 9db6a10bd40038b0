"""One run on two devices, both of them logical CPUs of a process of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from augexp.errors import UserError
from augexp.network import parallel
from augexp.runs import read
from tests.forked import Forked

# Logical devices must be there before TensorFlow looks at them.
CODE = """
import os
from augexp.config import load
from augexp.network import device
device.load_tensorflow()
import tensorflow as tf
if os.environ["KERAS_BACKEND"] == "tensorflow":
    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from augexp.train.run import train
for devices in ("one", "all"):
    train(load.experiment("digits.yaml", [*overrides, f"train.devices={devices}", f"name={devices}"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_give_the_losses_of_one(
    backend: str, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(backend)
    overrides = (
        *("strategy=mixup", "train.epochs=2", "train.head_epochs=1", "data.train_per_class=30", "train.batch_size=32"),
        "train.ema=0.9",
        *(f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}"),
    )
    monkeypatch.setenv("KERAS_BACKEND", backend)
    if backend == "tensorflow":
        process = Forked(exec, CODE, {"overrides": overrides})
        _, said = process.communicate(600)
        assert process.returncode == 0, said
    else:  # Keras chooses its backend when it is imported, and JAX has as many devices as it is told then
        monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
        line = [sys.executable, "-c", f"overrides = {overrides}\n{CODE}"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    one, both = (read.load(tmp_path / f"{name}-seed0") for name in ("one", "all"))
    assert both.environment.device == f"2 x {one.environment.device}"
    for column in ("loss", "val_loss"):
        np.testing.assert_allclose(both.history[column], one.history[column], rtol=1e-3)
    assert both.result.val.examples == one.result.val.examples == 287  # no multiple of two


def test_a_batch_that_can_not_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras.distribution.list_devices", lambda kind: ["gpu:0", "gpu:1", "gpu:2"])
    parallel.check_batch("one", 64)
    parallel.check_batch("all", 63)
    with pytest.raises(UserError) as error:
        parallel.check_batch("all", 64)
    assert str(error.value) == (
        "train.batch_size 64 can't be shared evenly among 3 devices (train.devices: all); "
        "choose a multiple of 3, such as 63"
    )


def test_clipping_on_several_devices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras.distribution.list_devices", lambda kind: ["gpu:0", "gpu:1"])
    parallel.check_clipping("one", 1.0)
    parallel.check_clipping("all", None)
    with pytest.raises(UserError, match=r"train.clip_norm: on several devices \(train.devices: all\) TensorFlow clips"):
        parallel.check_clipping("all", 1.0)
