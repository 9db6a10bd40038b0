"""One class for each name, in whatever bytes it is written."""

import unicodedata

import pytest

from augexp.data.classnames import classes, readable
from augexp.errors import UserError

NFC = "M\u00fcller"
NFD = unicodedata.normalize("NFD", NFC)


def places(*names: str) -> dict[str, str]:
    return {name: f"train/{name}" for name in names}


def test_a_name_is_as_it_was_found() -> None:
    assert classes("folder:x", places("cat", NFD, "\u4f60\u597d")) == {
        name: name for name in ("cat", NFD, "\u4f60\u597d")
    }


def test_two_unicode_forms_are_one_class_in_the_composed_one() -> None:
    assert classes("folder:x", places(NFC, NFD, "cat")) == {NFC: NFC, NFD: NFC, "cat": "cat"}


def test_bytes_that_are_no_utf8_are_escapes() -> None:
    assert classes("folder:x", places("M\udcfcller")) == {"M\udcfcller": "M\\xfcller"}
    assert readable(NFC) == NFC


@pytest.mark.parametrize(
    "names",
    [
        ("Cat", "cat"),
        ("cat", "cat "),
        (NFC, NFD.upper()),
        ("a  b", "a b"),
        ("cat", "cat\u200b"),
        ("1", "1.0"),
        ("M\\xfc", "M\udcfc"),
    ],
)
def test_names_that_look_the_same_are_named(names: tuple[str, str]) -> None:
    with pytest.raises(
        UserError, match=r"^folder:x: '.*' \(train/.*\) and '.*' \(train/.*\) differ only in case or blank"
    ):
        classes("folder:x", places("dog", *names))
