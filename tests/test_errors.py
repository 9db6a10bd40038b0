"""Words that errors share: suggestions, short values, text that can't command a terminal."""

import errno
import os
import pickle
import re
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.errors import (
    UserError,
    all_of,
    as_typed,
    brief,
    closest,
    counted,
    did_you_mean,
    first_line,
    of_the_system,
    printable,
    remedy,
)
from tests.places import ROOT


def test_the_closest_word_is_suggested_whatever_its_case() -> None:
    assert closest("CUTMX", ["mixup", "cutmix"]) == "cutmix"
    assert did_you_mean("resnet5", ["ResNet50", "VGG16"]) == "; did you mean ResNet50?"
    assert did_you_mean("zebra", ["ResNet50"]) == ""


def test_a_long_value_is_cut() -> None:
    assert brief("x" * 100) == "'" + "x" * 56 + "..."
    assert (brief(None), brief(True), brief([1])) == ("null", "true", "[1]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\rb\tc\x07", "a\\rb\\tc\\x07"),
        ("abc\u202edef", "abc\\u202edef"),
        ("two\nlines, \u2028three", "two\\nlines, \\u2028three"),
        ("\udcff", "\\udcff"),
        ("Käfer 犬と猫 مرحبا नमस्ते 👩‍👧", "Käfer 犬と猫 مرحبا नमस्ते 👩‍👧"),
    ],
)
def test_commands_are_shown_and_every_script_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_printable_commands_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


def test_a_name_breaks_no_line_of_a_message() -> None:
    error = UserError("photos/a\nb.png: no image", "c\u2028d: gone")
    assert str(error).splitlines() == error.lines == ["photos/a\\nb.png: no image", "c\\u2028d: gone"]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(UserError(str(error.lines[0]))) == error.lines[0]


def test_a_shell_takes_a_word_for_what_it_is() -> None:
    words = ["runs/none", "a b", "it's", "a\nb\\n'c\x1b1", "\udcff犬\u202e", "$(x)`y`", ""]
    line = " ".join(map(as_typed, words))
    assert printable(line) == line
    told = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout
    assert [os.fsdecode(word) for word in told.split(b"\0")[:-1]] == words


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (ValueError("\n two\nlines"), "two"),
        (ValueError(), "ValueError"),
        (OSError(" \n"), "OSError"),
        ("", ""),
        ("\n a\nb", "a"),
    ],
)
def test_the_first_line_of_anything_is_had_without_a_fall(said: BaseException | str, line: str) -> None:
    assert first_line(said) == line


def test_nobody_takes_first_lines_by_hand() -> None:
    by_hand = [
        path.name
        for path in (ROOT / "augexp").rglob("*.py")
        if path.name != "errors.py" and re.search(r"splitlines\(\)(\[0\]| or \[|\), \"\"\))", path.read_text("utf-8"))
    ]
    assert by_hand == []


@pytest.mark.parametrize(
    ("number", "thing", "told"),
    [
        (1, "run", "1 run"),
        (0, "run", "0 runs"),
        (1234, "image", "1,234 images"),
        (2, "class", "2 classes"),
        (2, "strategy", "2 strategies"),
        (2, "day", "2 days"),
        (1, "class", "1 class"),
        (3, "batch", "3 batches"),
        (3, "class folder", "3 class folders"),
        (12, "epoch", "12 epochs"),
    ],
)
def test_things_are_counted_in_words(number: int, thing: str, told: str) -> None:
    assert counted(number, thing) == told


def test_of_very_many_mistakes_the_first_are_told() -> None:
    assert all_of(["a", "b", "a"]) == ["a", "b"]
    told = all_of(str(number) for number in range(120))
    assert (len(told), told[0], told[-1]) == (51, "0", "and 70 more mistakes")


def test_a_file_in_the_place_of_a_folder_is_no_lack_of_space() -> None:
    assert remedy(FileExistsError(errno.EEXIST, "File exists")) == "move away what stands there and is no folder"
    assert remedy(OSError(errno.ENOSPC, "No space left on device")) == "free space"


def test_a_name_that_is_too_long_is_not_repeated_in_full() -> None:
    told = of_the_system(OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000))
    assert told.endswith("...: the name is too long for a file system; choose a shorter one")
    assert len(told) < 200
    assert of_the_system(OSError(errno.ENOSPC, "No space", "x")) == "[Errno 28] No space: 'x'"
