"""The tables of the page: a cell a heading, every number as it is read elsewhere, what is small or bold, and why."""

from pathlib import Path

import pytest

from augexp.compare import classes
from augexp.compare.judge import Judgement
from augexp.compare.summary import summarize
from augexp.report import page_tables, terminal
from augexp.report import profiles as profile_report
from augexp.report.page_tables import Cell, Table
from tests.factories import make_run
from tests.studies import full_study, judged


def texts(table: Table) -> list[list[str]]:
    assert all(len(row) == len(table.headings) for row in table.rows)
    return [[cell.text for cell in row] for row in table.rows]


def test_a_spread_stands_small_beneath_its_mean(tmp_path: Path) -> None:
    judgement, _ = judged(full_study(tmp_path))
    table = page_tables.strategies(judgement)
    assert [row[:2] for row in texts(table)] == [["none", "3"], ["cutmix", "3"]]
    test = summarize(judgement.comparison.groups[1]).test
    assert test.sd is not None
    assert test.interval is not None
    low, high = test.interval
    assert table.rows[1][3] == Cell(
        f"{100 * test.mean:.2f} ± {100 * test.sd:.2f}",
        (f"{100 * low:.2f} to {100 * high:.2f}", f"{100 * test.lowest:.2f}, {100 * test.highest:.2f}"),
    )


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path, seeds=1))
    assert page_tables.strategies(judgement).rows[0][3] == Cell("78.00", ("one seed",))
    (calibration,) = (profile for profile in measured.families if profile.family == "calibration")
    assert page_tables.family(measured, calibration).rows[0][2] == Cell("5.00", ("one seed",))


def test_what_no_run_records_is_a_dash(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    for path in paths:
        result = (path / "result.json").read_text("utf-8")
        (path / "result.json").write_text(result.replace("top5_accuracy", "unknown"), "utf-8")
    judgement, _ = judged(paths)
    assert {row[4] for row in page_tables.strategies(judgement).rows} == {Cell("-")}


def test_a_contrast_is_a_row_as_on_the_terminal(tmp_path: Path) -> None:
    judgement, _ = judged(full_study(tmp_path, ("none", "cutmix", "faster")), all_pairs=True, allow=("train",))
    rows = texts(page_tables.contrasts(judgement))
    assert [row[0] for row in rows] == ["cutmix - none", "faster - none", "faster - cutmix"]
    for row, verdict in zip(rows, judgement.verdicts, strict=True):
        assert row[1:6] == [*terminal.contrast_cells(verdict), verdict.status]


def test_a_metric_is_named_in_its_first_row_alone(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    for profile in measured.families:
        rows = texts(page_tables.family(measured, profile))
        assert [row[1] for row in rows] == ["none", "cutmix"] * len(profile.metrics)
        assert [bool(row[0]) for row in rows] == [True, False] * len(profile.metrics)
        assert all(row[0].startswith(one.title) for row, one in zip(rows[::2], profile.metrics, strict=True))
        found = [row for metric in profile.metrics for row in profile_report.rows(measured, profile, metric)]
        metrics = [metric for metric in profile.metrics for _ in range(2)]
        told = [profile_report.cells(*one) for one in zip(metrics, found, strict=True)]
        assert [tuple(row[2:]) for row in rows] == told


def of_unlike(folder: Path, **options: str) -> Judgement:
    """Two strategies of which the second is right far more often."""
    accuracies = {"none": 0.5, "cutmix": 0.9}
    paths = [
        make_run(folder / f"{strategy}-{seed}", strategy=strategy, seed=seed, test_accuracy=accuracy + seed / 100)
        for strategy, accuracy in accuracies.items()
        for seed in range(3)
    ]
    return judged(paths, **options)[0]


def test_classes_that_differ_are_bold_and_counted(tmp_path: Path) -> None:
    judgement = of_unlike(tmp_path)
    (one,), (verdict,) = page_tables.by_class(judgement), judgement.verdicts
    gains = classes.gains(verdict.group, verdict.baseline, judgement.evidence)
    assert one.every is None
    assert [row[0] for row in texts(one.shown)] == [gain.name for gain in gains]
    bold = [row[-1].bold for row in one.shown.rows]
    assert bold == [gain.q_value <= 0.05 for gain in gains]
    assert (one.count, one.differing) == (4, sum(bold))
    assert any(bold)


def test_of_many_classes_the_ends_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_tables, "MOST_CLASSES", 1)
    (one,) = page_tables.by_class(of_unlike(tmp_path))
    assert one.every is not None
    assert len(one.every.rows) == one.count == 4
    assert one.shown.rows == (one.every.rows[0], one.every.rows[-1])


@pytest.mark.parametrize(("baseline", "direction", "sign"), [("none", "repaired", "-"), ("cutmix", "broken", "+")])
def test_mistakes_are_told_by_their_direction(tmp_path: Path, baseline: str, direction: str, sign: str) -> None:
    (one,) = page_tables.by_class(of_unlike(tmp_path, baseline=baseline))
    rows = texts(one.mistakes[direction])
    assert "class 0 taken for class 1" in [row[0] for row in rows]
    assert all(row[3].startswith(sign) for row in rows)
    assert [word for word, table in one.mistakes.items() if table.rows] == [direction]
