"""CSV, JSON and Markdown hold the same numbers in full precision."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from augexp.compare import classes
from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.summary import accuracies, summarize
from augexp.report import export
from augexp.report.notes import notes
from tests.factories import make_run

STRATEGIES = ("none", "basic", "cutmix", "mixup")


def judged(paths: Sequence[Path]) -> Judgement:
    return judge(load_groups(paths))


@pytest.fixture
def study(tmp_path: Path) -> Judgement:
    return judged(
        [
            make_run(
                tmp_path / f"{strategy}{seed}", strategy=strategy, seed=seed, accuracy=0.8 + 0.01 * seed + 0.02 * i
            )
            for i, strategy in enumerate(STRATEGIES)
            for seed in range(3)
        ]
    )


def test_csv_and_json_hold_the_numbers_of_the_summaries(study: Judgement) -> None:
    rows = list(csv.DictReader(io.StringIO(export.csv_text(study))))
    groups = json.loads(export.json_text(study))["groups"]
    for group, row, entry in zip(study.comparison.groups, rows, groups, strict=True):
        summary = summarize(group)
        assert row["label"] == entry["label"] == group.label
        for split, spread in (("val", summary.val), ("test", summary.test)):
            assert float(row[f"{split}_accuracy_mean"]) == entry[f"{split}_accuracy_mean"] == spread.mean
            assert float(row[f"{split}_accuracy_sd"]) == entry[f"{split}_accuracy_sd"] == spread.sd
        assert (row["seeds"], entry["seeds"]) == ("0-2", [0, 1, 2])
        assert float(row["minutes"]) == entry["minutes"] == 1.5
        assert [run["val_accuracy"] for run in entry["runs"]] == list(accuracies(group, "val"))


def test_one_seed_is_empty_in_csv_and_null_in_json(tmp_path: Path) -> None:
    comparison = judged([make_run(tmp_path / "a", overrides=['name=a, "b"'])])
    (row,) = csv.DictReader(io.StringIO(export.csv_text(comparison)))
    assert (row["label"], row["val_accuracy_sd"], row["runs"]) == ('a, "b"', "", "1")
    assert json.loads(export.json_text(comparison))["groups"][0]["val_accuracy_sd"] is None


def test_json_says_what_the_notes_say(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / "a", strategy="none"), make_run(tmp_path / "b", epochs=9), tmp_path / "gone"]
    comparison = judged([*paths, paths[0]])
    value = json.loads(export.json_text(comparison))
    assert value["differences"] == {"train.epochs": {"none": 5, "cutmix": 9}}
    assert [(one["group"], one["baseline"], one["verdict"]) for one in value["contrasts"]] == [
        ("cutmix", "none", "confounded")
    ]
    assert value["contrasts"][0]["confounders"] == "train.epochs"
    assert value["skipped"] == [{"folder": str(paths[2]), "reason": "no such folder"}]
    assert value["repeated"] == [str(paths[0])]
    assert value["notes"] == notes(comparison)


def test_json_holds_every_class(study: Judgement) -> None:
    for entry, verdict in zip(export.as_dict(study)["contrasts"], study.verdicts, strict=True):
        gains = classes.gains(verdict.group, verdict.baseline, study.evidence)
        assert [(one["name"], one["difference"], one["q"]) for one in entry["classes"]] == [
            (gain.name, gain.contrast.difference, gain.q_value) for gain in gains
        ]
        assert sum(one["before"] - one["after"] for one in entry["confusions"]) == pytest.approx(
            100 * entry["difference"]
        )


def test_the_contrasts_csv_holds_the_numbers_of_the_verdicts(study: Judgement) -> None:
    rows = list(csv.DictReader(io.StringIO(export.contrasts_csv_text(study))))
    for row, verdict, entry in zip(rows, study.verdicts, export.as_dict(study)["contrasts"], strict=True):
        assert verdict.contrast is not None
        assert (row["group"], row["baseline"], row["verdict"]) == (verdict.group.label, "none", verdict.status)
        assert float(row["difference"]) == entry["difference"] == verdict.contrast.difference
        assert (float(row["low"]), float(row["high"])) == (entry["low"], entry["high"]) == verdict.contrast.interval
        assert float(row["p_holm"]) == entry["p_holm"] == verdict.p_holm


def test_markdown_is_one_table_whatever_the_names(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", strategy="none", seed=0),
        make_run(tmp_path / "b", overrides=["name='a | <b> *x*'"]),
    ]
    lines = export.markdown(judged(paths)).splitlines()
    assert lines[2].startswith("| none | 1 | 80.00 one seed |")
    assert lines[3].startswith(r"| a \| \<b\> \*x\* | 1 |")
    assert len({line.replace(r"\|", "").count("|") for line in lines[:4]}) == 1
    assert lines[5].startswith("- one seed: these two models of")
