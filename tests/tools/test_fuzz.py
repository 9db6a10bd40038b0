"""Hostile words are understood or refused; and a case that ends otherwise is found."""

import time
from pathlib import Path

import pytest

from augexp.errors import UserError
from tests.tools.fuzz import words
from tests.tools.fuzz.__main__ import HERE
from tests.tools.fuzz.cases import Case, WrongError, ending, tally, unclear


def refuse(message: str) -> None:
    raise UserError(message)


def wrong() -> None:
    raise WrongError("2 is no 3")


@pytest.mark.parametrize("kind", HERE)
def test_hostile_words_are_understood_or_refused(tmp_path: Path, kind: str) -> None:
    found = tally(kind, HERE[kind], tmp_path, range(60), seed=7)
    assert found.defects == []
    assert found.ends.total() == 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", HERE)
def test_thousands_of_hostile_words_are_understood_or_refused(tmp_path: Path, kind: str) -> None:
    assert tally(kind, HERE[kind], tmp_path, range(1500), seed=8).defects == []


@pytest.mark.slow
def test_hostile_words_on_the_command_line_are_understood_or_refused(tmp_path: Path) -> None:
    assert tally("command line", words.command, tmp_path, range(24), seed=9).defects == []


def test_what_a_case_ends_in_is_seen() -> None:
    assert ending(Case("", lambda: None)) == ("worked", "")
    assert ending(Case("", lambda: refuse("c.yaml: no"), ("c.yaml",))) == ("refused", "")
    assert ending(Case("", lambda: refuse("no"), ("c.yaml",))) == ("wrong", "it names none of c.yaml: no")
    assert ending(Case("", wrong)) == ("wrong", "2 is no 3")
    assert ending(Case("", lambda: time.sleep(5), seconds=0.05))[0] == "hang"
    assert ending(Case("", lambda: int("x")))[0] == "traceback"


def test_a_message_is_lines_that_are_short_and_name_what_they_are_about() -> None:
    assert unclear("override 'x=1': no\nand 3 more mistakes", ("override",)) == ""
    assert unclear("a" * 501, ()).startswith("a line of 501 characters")
    assert unclear("a\n\nb", ()) == "an empty line in the message"
    assert unclear("", ()) == "an empty line in the message"
