"""Settings that must stand before TensorFlow is imported, and the data that many tests share."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from augexp.config import load
from augexp.data.splits import Splits
from augexp.network import device
from tests import stanford_dogs
from tests.cli.program import Augexp
from tests.factories import write_published_layout

# A shell that starts the tests in the background lets them, and all they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # and `nohup` lets them ignore a closed terminal
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

device.configure()

# A busy machine is slow; that is no failure.
settings.register_profile("augexp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("augexp")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoded cache that the whole test session shares."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def digits(cache_dir: Path) -> Splits:
    """The embedded digits at 16 px, split as configs/digits.yaml does."""
    from augexp.data.splits import load_splits

    return load_splits(load.experiment("digits.yaml", [f"data.cache_dir={cache_dir}"]))


@pytest.fixture(scope="session")
def prepared_dogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir in which TFDS's own builder has prepared a small Stanford Dogs of drawn images."""
    data_dir = tmp_path_factory.mktemp("tfds")
    stanford_dogs.prepare(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def resnet50_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of ResNet50 in the layout of the published no-top file."""
    import keras

    folder = tmp_path_factory.mktemp("weights")
    path = folder / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    write_published_layout(keras.applications.ResNet50(include_top=False, weights=None), path)
    return path


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Augexp:
    """The program as a user types it."""
    # Rich looks the width up when a table is printed.
    monkeypatch.setenv("COLUMNS", "80")
    return Augexp(monkeypatch, capsys)
