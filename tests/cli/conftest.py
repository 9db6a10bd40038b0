"""The program as a user types it, and runs to type it at."""

from pathlib import Path

import pytest

from tests.factories import make_run


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    for strategy, accuracy in (("none", 0.80), ("cutmix", 0.83)):
        for seed in (0, 1):
            make_run(tmp_path / f"{strategy}-seed{seed}", strategy=strategy, seed=seed, accuracy=accuracy + 0.01 * seed)
    return tmp_path


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    from augexp.config import load
    from augexp.train.run import train

    overrides = ["train.epochs=1", "data.train_per_class=30", f"runs_dir={tmp_path_factory.mktemp('runs')}"]
    return train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))
