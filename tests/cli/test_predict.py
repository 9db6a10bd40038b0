"""`augexp predict` as it is typed."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.program import Augexp
from tests.tools.fuzz import images


@pytest.mark.slow
def test_predict_answers_in_csv_and_names_what_it_cannot_read(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 30), "white").save(tmp_path / "white.png")
    (tmp_path / "bad.png").write_text("no image")
    answer = typed("predict", trained_run, tmp_path)
    assert answer.status == 1
    assert answer.out.splitlines()[0] == "file,class,probability"
    assert answer.out.splitlines()[1] == f"{tmp_path / 'bad.png'},,"
    assert answer.out.splitlines()[2].startswith(f"{tmp_path / 'white.png'},")
    assert f"{tmp_path / 'bad.png'}: can't be read (not an image)" in answer.err
    written = typed(
        "predict", trained_run, tmp_path / "white.png", "--json", "--top", 3, "--out", tmp_path / "said.json"
    )
    assert written.status == 0
    assert len(json.loads((tmp_path / "said.json").read_text())[0]["classes"]) == 3


@pytest.mark.slow
def test_damaged_images_are_answered_or_named(trained_run: Path, tmp_path: Path) -> None:
    assert images.predicted(trained_run, tmp_path, 60, seed=3) == []
