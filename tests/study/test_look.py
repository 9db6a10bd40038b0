"""The data of a sweep: looked at once, before its first run."""

from pathlib import Path

import pytest

from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.study.look import look
from tests.folders import leaking, shapes


def runs(source: Path, cache: Path, *overrides: str) -> list[Experiment]:
    told = (f"data.source=folder:{source}", "data.image_size=24", f"data.cache_dir={cache}", *overrides)
    return [load.experiment("digits.yaml", [*told, f"seed={seed}"]) for seed in range(3)]


def test_what_is_doubtful_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look(runs(leaking(tmp_path / "leak"), tmp_path / "cache"))
    said = capsys.readouterr().err
    assert said.count("copies: ") == 1
    look(runs(shapes(tmp_path / "sound"), tmp_path / "cache"))
    assert "copies: " not in capsys.readouterr().err


def test_several_sets_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leak, sound = leaking(tmp_path / "leak"), shapes(tmp_path / "sound")
    look(runs(leak, tmp_path / "cache") + runs(sound, tmp_path / "cache"))
    assert f"folder:{leak}: copies: " in capsys.readouterr().err


def test_what_is_bad_is_refused(tmp_path: Path) -> None:
    leak = leaking(tmp_path / "leak")
    with pytest.raises(UserError, match="is refuse, and"):
        look(runs(leak, tmp_path / "cache", "data.duplicates=refuse"))
