"""AutoAugment's tables: some rows copied from the paper by hand, and what holds for all."""

import numpy as np
import pytest

from augexp.augment.pairs import PAIRS, Policy
from augexp.augment.policies import NAMES

# Without magnitudes of ops that have none.
ROWS: list[tuple[Policy, int, str]] = [
    ("imagenet", 0, "posterize 0.4 8, rotate 0.6 9"),
    ("imagenet", 12, "equalize 0.0, equalize 0.8"),
    ("imagenet", 17, "sharpness 0.4 7, invert 0.6"),
    ("imagenet", 24, "equalize 0.8, equalize 0.6"),
    ("cifar10", 0, "invert 0.1, contrast 0.2 6"),
    ("cifar10", 3, "shear_y 0.5 8, translate_y 0.7 9"),
    ("cifar10", 13, "brightness 0.9 6, color 0.2 8"),
    ("cifar10", 24, "translate_y 0.7 9, autocontrast 0.9"),
    ("svhn", 0, "shear_x 0.9 4, invert 0.2"),
    ("svhn", 14, "contrast 0.3 3, rotate 0.8 4"),
    ("svhn", 24, "shear_x 0.7 2, invert 0.1"),
]
WITHOUT = ("autocontrast", "equalize", "invert")


@pytest.mark.parametrize(("policy", "row", "written"), ROWS)
def test_rows_are_the_papers(policy: Policy, row: int, written: str) -> None:
    told = [f"{one.op} {one.prob}" + ("" if one.op in WITHOUT else f" {one.magnitude}") for one in PAIRS[policy][row]]
    assert ", ".join(told) == written


@pytest.mark.parametrize("policy", PAIRS)
def test_a_policy_has_25_pairs_of_known_ops_in_their_ranges(policy: Policy) -> None:
    assert len(PAIRS[policy]) == 25
    for one in (one for pair in PAIRS[policy] for one in pair):
        assert one.op in NAMES[1:]
        assert 0 <= one.prob <= 1
        assert one.magnitude in range(10)
        assert one.op not in WITHOUT or one.magnitude == 0


def test_the_policies_differ() -> None:
    assert len({str(pairs) for pairs in PAIRS.values()}) == 3
    ops = {policy: {one.op for pair in pairs for one in pair} for policy, pairs in PAIRS.items()}
    assert "translate_x" not in ops["imagenet"]
    assert np.isin(["translate_x", "brightness"], list(ops["cifar10"])).all()
    assert "posterize" not in ops["svhn"]
