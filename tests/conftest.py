"""Settings that must stand before NumPy and TensorFlow are imported, and the data that many tests share.

What needs TensorFlow is imported where it is used: xdist's own process reads this file too, and runs no test.
"""

import gc
import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

# NumPy reads them when it is imported. Matrices here are small: threads that wait for each other are most of the work.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

import pytest
from hypothesis import HealthCheck, settings

from augexp.config import load
from augexp.network import device
from tests.cli.program import Augexp
from tests.once import made_once

if TYPE_CHECKING:
    from augexp.data.splits import Splits

# A shell that starts the tests in the background lets them, and all they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # and `nohup` lets them ignore a closed terminal
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

device.configure()


# A busy machine is slow; that is no failure.
settings.register_profile("augexp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("augexp")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """A test that asks for a trained run is slow: the first one of a process waits until it is trained."""
    for item in items:
        if "trained_once" in item.fixturenames:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is imported and collected is never garbage: each new network looks for some, all over the memory."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def session_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes of a test session."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def cache_dir(session_dir: Path) -> Path:
    """A decoded cache that the whole test session shares."""
    folder = session_dir / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def trained_once(session_dir: Path, cache_dir: Path) -> Callable[..., Path]:
    """A run of the digits with some overrides: trained by the first test that asks for it; nobody changes it."""

    def find(*overrides: str) -> Path:
        from augexp.train.run import train

        settings = load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"])
        runs_dir = session_dir / hashlib.sha256(repr(settings).encode()).hexdigest()
        settings = settings.model_copy(update={"runs_dir": str(runs_dir)})
        made_once(runs_dir, lambda _: train(settings))
        return settings.run_dir

    return find


@pytest.fixture(scope="session")
def digits(cache_dir: Path) -> "Splits":
    """The embedded digits at 16 px, split as configs/digits.yaml does."""
    from augexp.data.splits import load_splits

    return load_splits(load.experiment("digits.yaml", [f"data.cache_dir={cache_dir}"]))


@pytest.fixture(scope="session")
def prepared_dogs(session_dir: Path) -> Path:
    """A data_dir in which TFDS's own builder has prepared a small Stanford Dogs of drawn images."""
    from tests import stanford_dogs

    return made_once(session_dir / "tfds", stanford_dogs.prepare)


@pytest.fixture(scope="session")
def resnet50_weights(session_dir: Path) -> Path:
    """Random weights of ResNet50 in the layout of the published no-top file."""
    name = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"

    def make(folder: Path) -> None:
        import keras

        from tests.factories import write_published_layout

        write_published_layout(keras.applications.ResNet50(include_top=False, weights=None), folder / name)

    return made_once(session_dir / "weights", make) / name


@pytest.fixture
def forked_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of a sweep in this process are forked from one that has imported TensorFlow for other tests before."""
    from augexp.study import processes
    from tests import forked

    monkeypatch.setattr(processes, "ForkServer", forked.Server)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Augexp:
    """The program as a user types it."""
    # Rich looks the width up when a table is printed.
    monkeypatch.setenv("COLUMNS", "80")
    return Augexp(monkeypatch, capsys)
