"""Recall by class beside the accuracy: shown where classes are of unlike size, in CSV and JSON always."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.report import export, page, page_tables, recalls
from augexp.report.notes import notes
from augexp.runs import predictions
from tests.factories import classify, make_run

SIZES = (90, 10, 0)
NAMES = {"class_names": ["sound", "cracked", "burnt"]}


def study(folder: Path, name: str = "") -> Judgement:
    runs = [
        classify(
            make_run(
                folder / f"{strategy}{seed}", strategy=strategy, seed=seed, environment=NAMES,
                overrides=[f"name={strategy}{name}"],
            ),
            SIZES, (90 - i, 2 + i + seed, 0),
        )
        for i, strategy in enumerate(("none", "cutmix"))
        for seed in range(3)
    ]  # fmt: skip
    return judge(load_groups(runs))


def rendered(judgement: Judgement) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=80, highlight=False, soft_wrap=True).print(recalls.table(judgement))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_the_table_names_the_worst_class(tmp_path: Path) -> None:
    assert rendered(study(tmp_path)) == [
        "                  test         macro          worst",
        "strategy        acc. %      recall %        class %  worst class",
        "─" * 64,
        "none      93.00 ± 1.00  65.00 ± 5.00  30.00 ± 10.00  cracked",
        "cutmix    93.00 ± 1.00  69.44 ± 5.00  40.00 ± 10.00  cracked",
    ]


def test_it_fits_into_80_columns_whatever_the_names(tmp_path: Path) -> None:
    lines = rendered(study(tmp_path, "-with-a-name-that-is-as-long-as-a-name-may-be-0123"))
    assert max(map(len, lines)) <= 80


def test_equal_classes_need_no_table(tmp_path: Path) -> None:
    judgement = judge(load_groups([make_run(tmp_path / "a")]))
    assert recalls.table(judgement) is None
    assert "macro recall %" not in page_tables.strategies(judgement).headings
    assert "macro" not in export.markdown(judgement)
    (row,) = csv.DictReader(io.StringIO(export.csv_text(judgement)))
    assert float(row["test_macro_recall_mean"]) == pytest.approx(0.78)


def test_csv_json_markdown_and_page_hold_the_same(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    (none, _) = csv.DictReader(io.StringIO(export.csv_text(judgement)))
    assert float(none["test_macro_recall_mean"]) == pytest.approx(0.65)
    assert float(none["test_worst_class_recall_sd"]) == pytest.approx(0.1)
    assert none["test_worst_class"] == "cracked"
    group = json.loads(export.json_text(judgement))["groups"][0]
    assert group["val_macro_recall_mean"] == pytest.approx(0.8)
    assert [run["test_worst_class_recall"] for run in group["runs"]] == pytest.approx([0.2, 0.3, 0.4])
    assert group["runs"][0]["test_worst_class"] == "cracked"
    assert "| 93.00 ± 1.00 | 65.00 ± 5.00 | 30.00 ± 10.00 |" in export.markdown(judgement)
    text = page.html(judgement)
    assert "<th>macro recall %</th>" in text
    assert "<small>cracked</small>" in text


def test_classes_without_test_images_are_named(tmp_path: Path) -> None:
    assert "no test images, so in no mean over classes: burnt" in notes(study(tmp_path))


def test_a_group_without_predictions_has_dashes_and_is_named(tmp_path: Path) -> None:
    study(tmp_path)
    predictions.path_of(tmp_path / "none1", "test").unlink()
    judgement = judge(load_groups(sorted(tmp_path.glob("*"))))
    assert rendered(judgement)[3].split()[-3:] == ["-", "-", "-"]
    assert "recall by class needs the test predictions of every run (none)" in notes(judgement)
