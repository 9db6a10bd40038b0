"""The table and the lines that stand for many runs."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from augexp import console
from augexp.runs.limit import Limit
from augexp.runs.status import Standing
from augexp.study import watch

RUNS = (
    Standing(Path("runs/[a]-seed0"), "finished", epoch=10, epochs=10, val_accuracy=0.875, images_per_second=1234.0,
             epoch_seconds=60.0),
    Standing(Path("runs/b-seed0"), "running", epoch=4, epochs=10, val_accuracy=0.5, images_per_second=999.6,
             epoch_seconds=60.0),
    Standing(Path("runs/c-seed0"), "failed", "loss is nan", epochs=10),
    Standing(Path("runs/d-seed0"), "waiting", epochs=10),
)  # fmt: skip


def test_the_table_shows_every_run_as_it_is() -> None:
    screen = io.StringIO()
    Console(file=screen, width=100, color_system=None).print(watch.table(RUNS))
    lines = [line.split() for line in screen.getvalue().splitlines()]
    assert ["runs/[a]-seed0", "finished", "10/10", "87.50", "1,234"] in lines
    assert ["runs/b-seed0", "running", "4/10", "50.00", "1,000", "6", "min"] in lines
    assert ["runs/c-seed0", "failed", "0/10"] in lines
    left = "about 16 min of training left"
    assert watch.summary(RUNS) == f"4 runs: 1 finished, 1 running, 1 waiting, 1 failed; {left}"


def test_the_limit_of_runs_that_know_it_has_columns_of_its_own_within_80() -> None:
    name = Path("runs/digits/cutmix-seed0")
    known = Standing(name, "finished", "", 12, 12, val_accuracy=0.9895, images_per_second=320.0)
    runs = [replace(known, limit=Limit(9100.4, 321.0, 0.01)), replace(known, limit=Limit(350, 1900, 0.8)), known]
    screen = io.StringIO()
    Console(file=screen, width=80, color_system=None).print(watch.table(runs))
    lines = [line.split() for line in screen.getvalue().splitlines()]
    assert lines[1] == ["run", "state", "epoch", "acc.", "%", "/s", "/s", "limit", "left"]
    assert [line[4:] for line in lines[3:]] == [["320", "9,100", "network"], ["320", "350", "input"], ["320"]]
    assert {line[0] for line in lines[3:]} == {str(name)}


def test_a_reason_has_a_line_of_its_own_so_that_folders_stay_whole_at_80_columns() -> None:
    assert watch.reasons(RUNS) == ["runs/c-seed0: failed: loss is nan"]
    name = "/tmp/studies/runs/none-seed0"[:27]
    interrupted = Standing(Path(name), "interrupted", "SIGTERM", 12, 40, val_accuracy=0.9895, images_per_second=2830.0)
    screen = io.StringIO()
    Console(file=screen, width=80, color_system=None).print(watch.table([interrupted]))
    assert [line.split()[0] for line in screen.getvalue().splitlines()[3:]] == [name]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h"), (4e6, "1,111.1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert watch.duration(seconds) == text


def test_without_a_terminal_changes_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    run = Path("runs/a-seed0")
    with watch.live(at_once=1) as show:
        show([Standing(run, "waiting", epochs=3)])
        show([Standing(run, "running", epochs=3)])
        show([Standing(run, "running", epoch=1, epochs=3, val_accuracy=0.5)])
        show([Standing(run, "finished", epoch=3, epochs=3, val_accuracy=0.75, images_per_second=10.0)])
    assert capsys.readouterr().err.splitlines() == [
        "runs/a-seed0: running, 0/3",
        "runs/a-seed0: finished, 3/3, 75.00, 10",
    ]


def test_without_a_terminal_a_summary_comes_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("augexp.study.watch.time.monotonic", lambda: now[0])
    with watch.live(at_once=1) as show:
        show(RUNS[3:])
        now[0] += watch.PLAIN_SECONDS
        show(RUNS[3:])
    assert capsys.readouterr().err == "1 run: 1 waiting\n"


def test_on_a_terminal_the_table_is_live_and_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, force_terminal=True, width=100, color_system=None))
    with watch.live(at_once=1) as show:
        show(RUNS)
    assert "runs/b-seed0" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")  # erased


def test_of_more_runs_than_fit_on_a_screen_those_that_run_are_shown() -> None:
    done = [Standing(Path(f"run{i}"), "finished", epoch=1, epochs=1) for i in range(50)]
    shown = watch._most_telling([*done, RUNS[1]])
    assert len(shown) == watch.MOST_ROWS
    assert shown[-1] == RUNS[1]
