"""The list of ops says what the specs say."""

import pytest
from rich.console import Console

from augexp.config.ops import OPS
from augexp.report.ops import Listing


def printed(width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(Listing())
    return captured.get()


def test_every_op_is_listed_once_in_order() -> None:
    lines = printed().splitlines()
    names = [line.split()[0] for line in lines if line[:1].strip()]
    assert names == list(OPS)


@pytest.mark.parametrize("name", OPS)
def test_a_row_names_every_parameter_and_the_paper(name: str) -> None:
    words = " ".join(printed(width=400).split(f"\n{name} " if name != next(iter(OPS)) else f"{name} ")[1].split())
    assert all(f"{key}: " in words for key in OPS[name].model_fields if key not in ("name", "only"))
    assert OPS[name].paper in words


def test_defaults_are_written_as_yaml_would_have_them() -> None:
    text = printed(width=400)
    assert "alpha: 1, prob: 1, correct_lam: true, per: example" in text
    assert "scale: [0.08, 1], ratio: [0.75, 1.333], interpolation: bilinear, prob: 1" in text
    assert "ops: [cutmix, mixup], weights: null, per: batch" in text
    assert "degrees: 15, interpolation: bilinear, fill_mode: constant, fill_value: 0, prob: 1" in text


def test_it_fits_into_80_columns() -> None:
    assert max(map(len, printed().splitlines())) <= 80
