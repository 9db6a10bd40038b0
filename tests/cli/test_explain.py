"""`augexp explain` as it is typed."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.program import Augexp


@pytest.mark.slow
def test_explain_draws(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    answer = typed("explain", trained_run, "--examples", 2, "--out", tmp_path / "where.png")
    assert (answer.status, answer.out) == (0, f"wrote {tmp_path / 'where.png'}\n")
    with Image.open(tmp_path / "where.png") as picture:
        assert picture.width > 300
