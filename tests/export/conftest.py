"""A run of the digits, trained once, and what it takes to export it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from augexp.export.formats import FORMATS, Format
from augexp.export.request import Request, finished


@pytest.fixture(scope="package")
def trained_run(tmp_path_factory: pytest.TempPathFactory, trained_once: Callable[..., Path]) -> Path:
    # Not what runs are by default.
    scored = ["train.epochs=2", "train.score=best", "train.ema=0.9", "train.loss=binary", "train.warmup_epochs=0"]
    run = trained_once(*scored, "data.train_per_class=40", "strategy=cutmix", "name=taken home")
    return Path(shutil.copytree(run, tmp_path_factory.mktemp("runs") / run.name))


def format_of(name: str) -> Format:
    return next(one for one in FORMATS if one.name == name)


def ask(run: Path, name: str, folder: Path, *, temperature: bool = False, overwrite: bool = False) -> Request:
    """A request to export a run into a folder."""
    chosen = format_of(name)
    return Request(finished(run), chosen, folder / f"digits{chosen.ending}", temperature, overwrite)
