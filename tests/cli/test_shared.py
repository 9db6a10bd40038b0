"""What several commands have in common."""

from pathlib import Path

from augexp.cli.shared import complete_config, complete_strategy
from tests.cli.program import Augexp


def test_a_picture_of_no_known_kind_is_refused_before_any_work(typed: Augexp, tmp_path: Path) -> None:
    answer = typed("preview", "--out", tmp_path / "preview.xyz")
    assert (answer.status, answer.err) == (
        2, f"error: --out {tmp_path / 'preview.xyz'}: a name that ends in .png, .jpg, .pdf or .svg is needed\n",
    )  # fmt: skip


def test_completion_offers_configs_and_strategies() -> None:
    assert complete_config("t") == ["tutorial.yaml"]
    assert complete_strategy("cut") == ["cutmix", "cutout"]
