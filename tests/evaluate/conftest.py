"""A run of the digits, trained once, and what an evaluation of it holds."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augexp.evaluate.run import Request, evaluate
from augexp.evaluate.tta import read_tta


@pytest.fixture(scope="package")
def trained_run(tmp_path_factory: pytest.TempPathFactory, trained_once: Callable[..., Path]) -> Path:
    run = trained_once("train.epochs=3", "data.train_per_class=60")
    return Path(shutil.copytree(run, tmp_path_factory.mktemp("runs") / run.name))


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil, not evaluated yet."""
    without = shutil.ignore_patterns("evaluation*")
    return Path(shutil.copytree(trained_run, tmp_path / trained_run.name, ignore=without))


@pytest.fixture
def evaluated(trained_run: Path, content: dict[str, Any], tmp_path: Path) -> Path:
    """A copy that a test may spoil, evaluated as `content` tells."""
    return Path(shutil.copytree(trained_run, tmp_path / trained_run.name))


@pytest.fixture(scope="package")
def content(trained_run: Path) -> dict[str, Any]:
    return evaluate(trained_run, Request(tta=(read_tta("flip", 1), read_tta("rotate", 2))))
