import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from augexp import console

MARKUP = "[bold] [/red] :smile: {x}"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 200 columns would get on stderr."""
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, force_terminal=True, width=200, color_system=None))
    return screen


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: its one number is what `monotonic` gives."""
    now = [1000.0]
    monkeypatch.setattr("augexp.console.time.monotonic", lambda: now[0])
    return now


def test_say_prints_the_very_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    line = f"{MARKUP} {'long ' * 100}end"
    console.say(line)
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_name_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("\x1b[2Jgone")
    console.answer(f"{MARKUP} \x1b[2Jgone")
    assert capsys.readouterr() == (f"{MARKUP} \\x1b[2Jgone\n", "\\x1b[2Jgone\n")


def test_results_go_to_stdout_unwrapped(capsys: pytest.CaptureFixture[str]) -> None:
    console.out.print("x" * 500)
    assert capsys.readouterr() == ("x" * 500 + "\n", "")


def test_without_a_terminal_progress_is_a_plain_line_now_and_then(
    capsys: pytest.CaptureFixture[str], seconds: list[float]
) -> None:
    with console.progress(f"decoding {MARKUP}", total=50) as advance:
        for _ in range(10):
            seconds[0] += console.PLAIN_LINE_SECONDS / 5
            advance(5, MARKUP)
    lines = [f"decoding {MARKUP} {done}/50 {MARKUP}" for done in (25,)]  # at 50 the work is done and no line is due
    assert capsys.readouterr() == ("", "\n".join(lines) + "\n")


def test_without_a_terminal_fast_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress("decoding", total=1000) as advance:
        for _ in range(1000):
            advance()
    assert capsys.readouterr() == ("", "")


def test_a_line_without_a_note_ends_with_the_count(capsys: pytest.CaptureFixture[str], seconds: list[float]) -> None:
    with console.progress("decoding", total=2) as advance:
        seconds[0] += console.PLAIN_LINE_SECONDS
        advance()
    assert capsys.readouterr().err == "decoding 1/2\n"


def test_on_a_terminal_the_bar_shows_text_as_it_is_and_is_gone_afterwards(terminal: io.StringIO) -> None:
    with console.progress(f"decoding {MARKUP}", total=3) as advance:
        advance(2, MARKUP)
        console.err.print("between", markup=False)
    shown = ESCAPE.sub("", terminal.getvalue())
    assert f"decoding {MARKUP}" in shown
    assert f"━ {MARKUP}" in re.sub(r"━ +", "━ ", shown)
    assert "between\n" in shown
    assert terminal.getvalue().endswith("\x1b[2K")  # the line of the bar is erased


@pytest.mark.parametrize("on_terminal", [False, True])
def test_an_error_inside_passes_through(on_terminal: bool, request: pytest.FixtureRequest) -> None:
    if on_terminal:
        request.getfixturevalue("terminal")

    def fail() -> None:
        with console.progress("decoding", total=3) as advance:
            advance()
            raise ValueError("broken image")

    with pytest.raises(ValueError, match=r"^broken image$"):
        fail()


def test_more_than_the_total_is_no_error(terminal: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress("decoding", total=0) as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_in_a_pipe_rows_of_a_table_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("run")
    table.add_row("runs/" + 300 * "a")
    console.tabulate(table)
    assert "runs/" + 300 * "a" in capsys.readouterr().out
