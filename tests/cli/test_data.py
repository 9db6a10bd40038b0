"""`augexp data` as it is typed."""

import json
from pathlib import Path

import pytest

from tests.cli.program import Augexp
from tests.folders import leaking


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leaking(tmp_path_factory.mktemp("leak") / "shapes")


def settings(leak: Path, tmp_path: Path) -> tuple[str, ...]:
    return (f"data.source=folder:{leak}", "data.image_size=24", f"data.cache_dir={tmp_path}", "train.batch_size=8")


@pytest.mark.slow
def test_a_text_of_80_columns_a_page_and_json(typed: Augexp, leak: Path, tmp_path: Path) -> None:
    page, numbers = tmp_path / "page.html", tmp_path / "data.json"
    answer = typed("data", "--config", "digits.yaml", *settings(leak, tmp_path), "--out", page, "--json", numbers)
    assert answer.status == 0
    first, *others = answer.out.splitlines()
    assert first.startswith(f"folder:{leak}: 2 classes, ")
    assert max(map(len, others[:-2])) <= 80
    assert "doubtful:" in others
    assert others[-2:] == [f"wrote {numbers}", f"wrote {page}"]
    assert len(json.loads(numbers.read_text())["copies"]) == 4
    assert "Equal images" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "page.png"), "--out page.png: a name that ends in .html is needed"),
        (("data.duplicates=drp",), "data.duplicates: refuse, drop or keep is needed, not 'drp'; did you mean drop?"),
        (("data.source=folder:nowhere",), "folder:nowhere: no such folder"),
    ],
)
def test_mistakes(typed: Augexp, options: tuple[str, ...], message: str) -> None:
    answer = typed("data", "--config", "digits.yaml", *options)
    assert answer.status == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
