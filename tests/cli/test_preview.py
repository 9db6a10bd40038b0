"""`augexp preview` as it is typed."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.program import Augexp


@pytest.mark.parametrize("strategy", ["none", "basic", "cutmix", "basic+mixup", "[{name: cutmix, per: batch}]"])
def test_preview_draws_every_strategy(typed: Augexp, tmp_path: Path, cache_dir: Path, strategy: str) -> None:
    out = tmp_path / "preview.png"
    answer = typed("preview", "--strategy", strategy, "--out", out, "-n", 2, f"data.cache_dir={cache_dir}")
    assert (answer.status, answer.out) == (0, f"wrote {out}\n")
    with Image.open(out) as picture:
        assert picture.width > 400
