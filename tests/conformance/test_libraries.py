"""What each library is asked for, and what it doesn't have."""

import pytest

from augexp.conformance import libraries
from augexp.conformance.libraries import Setting


def test_the_ops_that_are_checked_are_those_that_mix_or_erase() -> None:
    assert libraries.checked_ops() == (
        "cutmix", "mixup", "ricap", "resizemix", "gridmix", "fmix", "saliencymix", "smoothmix", "cutout",
        "random_erasing",
    )  # fmt: skip


@pytest.mark.parametrize("op", ["cutout", "random_erasing"])
@pytest.mark.parametrize("setting", [Setting(per="batch"), Setting(alpha=0.5)])
def test_a_setting_that_an_op_has_not_is_no_question(op: str, setting: Setting) -> None:
    ours = libraries.implementation("augexp", op)
    assert ours.start(setting, 0) is None
    assert ours.start(Setting(), 0) is not None


def test_keras_has_no_other_mixing_op_than_those_it_is_known_for() -> None:
    assert libraries.implementation("keras", "mixup").start(Setting(), 0) is not None
    assert libraries.implementation("keras", "halves").start(Setting(), 0) is None
