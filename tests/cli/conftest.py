"""The program as a user types it, and runs to type it at."""

import shutil
from collections.abc import Callable
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
def trained_run(tmp_path_factory: pytest.TempPathFactory, trained_once: Callable[..., Path]) -> Path:
    run = trained_once("train.epochs=1", "data.train_per_class=30")
    return Path(shutil.copytree(run, tmp_path_factory.mktemp("runs") / run.name))
