"""The list of formats, and what each needs."""

from dataclasses import replace

import pytest

from augexp.errors import UserError
from augexp.export.formats import FORMATS
from tests.export.conftest import format_of


def test_options_and_endings_tell_formats_apart() -> None:
    assert len({one.name for one in FORMATS}) == len({one.ending for one in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("missing", [("no_such_package",), ("no_such_package", "nor_this")])
def test_a_missing_package_is_named_with_what_to_install(missing: tuple[str, ...]) -> None:
    chosen = replace(format_of("onnx"), needs=("numpy", *missing))
    plural = "is" if len(missing) == 1 else "are"
    with pytest.raises(UserError) as caught:
        chosen.refuse_missing()
    assert str(caught.value) == (f"--onnx: {', '.join(missing)} {plural} not installed; pip install 'augexp[onnx]'")
    format_of("keras").refuse_missing()
