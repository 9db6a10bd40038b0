"""`augexp check`: what it says of a machine with a fault, and that it never ends in a traceback."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from augexp.config.schema import Data
from augexp.data import cache
from augexp.network import device
from augexp.train import machine
from augexp.train.machine import Finding


def nvidia_smi(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    def run(*_arguments: object, **_options: object) -> SimpleNamespace:
        return SimpleNamespace(stdout=answer)

    monkeypatch.setattr(subprocess, "run", run)


CARD = "GPU 0: NVIDIA H200 (UUID: GPU-1234)\n"


@pytest.fixture
def with_card(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine whose card TensorFlow doesn't use."""
    nvidia_smi(monkeypatch, CARD)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device, "find", lambda: device.Device("cpu", "CPU, 2 cores", has_bfloat16=False))
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/nvidia-smi")
    return monkeypatch


def test_versions_name_the_backend() -> None:
    found = machine._versions()
    assert found.state == "ok"
    assert f"TensorFlow {tf.__version__}, Keras {keras.__version__} on tensorflow" in found.text


def test_without_a_card_the_cpu_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_cards", list)
    monkeypatch.setattr(device, "find", lambda: device.Device("cpu", "CPU, 2 cores", has_bfloat16=False))
    found = machine._gpus()
    assert found.state == "ok"
    assert found.text.startswith("none; training runs on the CPU")


def test_a_usable_card_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(monkeypatch, CARD)
    monkeypatch.setattr(device, "find", lambda: device.Device("gpu", "NVIDIA H200", has_bfloat16=True))
    assert machine._gpus() == Finding("GPU", "ok", "NVIDIA H200; 1 usable, a run trains on one")


def test_hidden_cards_are_told(with_card: pytest.MonkeyPatch) -> None:
    with_card.setenv("CUDA_VISIBLE_DEVICES", "-1")
    found = machine._gpus()
    assert found.state == "note"
    assert found.text == "GPU 0: NVIDIA H200: there, but unused; CUDA_VISIBLE_DEVICES=-1 hides cards; unset it"


def test_a_cpu_build_is_told(with_card: pytest.MonkeyPatch) -> None:
    with_card.setattr(tf.test, "is_built_with_cuda", lambda: False)
    assert "built for CPUs only; on Linux, pip install 'augexp[gpu]'" in machine._gpus().text


def test_a_missing_driver_is_told(with_card: pytest.MonkeyPatch) -> None:
    with_card.setattr(tf.test, "is_built_with_cuda", lambda: True)
    with_card.setattr(shutil, "which", lambda _name: None)
    assert "no NVIDIA driver" in machine._gpus().text


def test_missing_libraries_are_told(with_card: pytest.MonkeyPatch) -> None:
    with_card.setattr(tf.test, "is_built_with_cuda", lambda: True)
    with_card.setattr(machine, "find_spec", lambda _name: None)
    with_card.setattr(tf.sysconfig, "get_build_info", lambda: {"cuda_version": "12.5", "cudnn_version": "9"})
    assert "libraries are missing (CUDA 12.5 and cuDNN 9); pip install 'augexp[gpu]'" in machine._gpus().text


@pytest.mark.parametrize(
    "failure", [FileNotFoundError("nvidia-smi"), subprocess.TimeoutExpired("nvidia-smi", 20)], ids=["none", "hangs"]
)
def test_nvidia_smi_may_be_missing_or_hang(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def run(*_arguments: object, **_options: object) -> None:
        raise failure

    monkeypatch.setattr(subprocess, "run", run)
    assert machine._cards() == sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        (device.Device("gpu", "A100", has_bfloat16=True), "mixed_bfloat16"),
        (device.Device("gpu", "V100", has_bfloat16=False), "float32"),
        (device.Device("cpu", "CPU", has_bfloat16=False), "float32"),
    ],
)
def test_precision_is_that_of_a_run(monkeypatch: pytest.MonkeyPatch, found: device.Device, chosen: str) -> None:
    monkeypatch.setattr(device, "find", lambda: found)
    assert f"train.precision auto is {chosen} (" in machine._precision().text


def test_a_folder_that_is_not_there_yet_is_judged_by_its_nearest_parent(tmp_path: Path) -> None:
    found = machine._folder("cache folder", tmp_path / "a" / "b", 0.0, "set data.cache_dir=")
    assert found.state == "ok"
    assert found.text.startswith(f"{tmp_path / 'a' / 'b'}, ")
    assert not (tmp_path / "a").exists()


def test_a_file_in_the_folders_place_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = machine._folder("cache folder", tmp_path / "file" / "augexp", 0.0, "set data.cache_dir= to another folder")
    assert found.state == "FAILS"
    assert found.text.endswith("allows no writing); set data.cache_dir= to another folder")


def test_too_little_space_is_noted(tmp_path: Path) -> None:
    found = machine._folder("data folder", tmp_path, 1e9, "set data.data_dir= to another folder")
    assert found.state == "note"
    assert "stanford_dogs at 224 px takes 1000000000.0: free space, or set data.data_dir=" in found.text


def test_the_folders_are_those_that_a_run_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    assert machine._cache_folder().text.startswith(str(tmp_path / "augexp"))
    assert machine._data_folder().text.startswith(str(tmp_path / "tfds"))
    assert cache.cache_folder(Data()) == tmp_path / "augexp"


def test_weights_are_downloaded_there_or_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = tmp_path / "models" / machine.WEIGHTS
    assert machine._weights().state == "ok"
    assert f"downloaded on first use, 95 MB to {path}" in machine._weights().text
    path.parent.mkdir()
    path.write_bytes(b"half a download")
    assert machine._weights() == Finding("weights", "note", f"{path} (0 MB) is damaged or another file; delete it")


def test_a_broken_look_is_a_finding_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError("no such symbol\nmore")

    monkeypatch.setattr(machine, "LOOKS", {"GPU": broken, "versions": machine._versions})
    first, second = machine.check()
    assert first == Finding("GPU", "FAILS", "RuntimeError: no such symbol")
    assert second.state == "ok"


@pytest.mark.slow
def test_the_small_network_learns() -> None:
    found = machine._training()
    assert found.state == "ok"
    assert "val accuracy 0.9" in found.text


@pytest.mark.slow
def test_a_network_that_does_not_learn_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEARNED", 1.01)
    monkeypatch.setattr(machine, "EPOCHS", 1)
    assert machine._training().state == "FAILS"
