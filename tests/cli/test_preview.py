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


def test_photos_are_not_drawn_at_the_size_of_digits(typed: Augexp, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("circle", "square"):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            for number in range(40):
                level = (number, 100 + number, 40 if split == "test" else 80)
                Image.new("RGB", (240, 240), level).save(tmp_path / "photos" / split / name / f"{number}.png")
    source = (f"data.source=folder:{tmp_path / 'photos'}", f"data.cache_dir={tmp_path / 'cache'}")
    answer = typed("preview", "--strategy", "mixup", "--out", tmp_path / "preview.png", "-n", 1, *source)
    assert answer.status == 0
    assert [path.name.startswith("photos-224-") for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [True]
