"""What several commands have in common."""

import os
from pathlib import Path

import pytest

from augexp.cli.shared import complete_config, complete_strategy, write_text
from augexp.errors import UserError
from tests.cli.program import Augexp


def test_a_picture_of_no_known_kind_is_refused_before_any_work(typed: Augexp, tmp_path: Path) -> None:
    answer = typed("preview", "--out", tmp_path / "preview.xyz")
    assert (answer.status, answer.err) == (
        2, f"error: --out {tmp_path / 'preview.xyz'}: a name that ends in .png, .jpg, .pdf or .svg is needed\n",
    )  # fmt: skip


def test_completion_offers_configs_and_strategies() -> None:
    assert complete_config("t") == ["tutorial.yaml"]
    assert complete_strategy("cut") == ["cutmix", "cutout"]


def test_an_output_replaces_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(UserError, match="it is no file"):
            write_text(place, "new")
    assert (tmp_path / "pipe").is_fifo()
    assert Path("/dev/null").is_char_device()
