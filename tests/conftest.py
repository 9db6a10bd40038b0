"""Settings that must stand before TensorFlow is imported, and the data that many tests share."""

from pathlib import Path

import pytest

from augexp import config, device
from augexp.data.splits import Splits

device.configure()


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoded cache that the whole test session shares."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def digits(cache_dir: Path) -> Splits:
    """The embedded digits at 16 px, split as configs/digits.yaml does."""
    from augexp.experiment import load_splits

    return load_splits(config.load("digits.yaml", [f"data.cache_dir={cache_dir}"]))
