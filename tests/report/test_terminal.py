"""What the terminal, the CSV and the JSON say: the same numbers, whole lines."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from augexp import files
from augexp.compare import classes
from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.summary import accuracies, summarize
from augexp.report import export, terminal
from augexp.report.notes import notes
from augexp.report.wording import sentence
from tests.factories import make_run

STRATEGIES = ("none", "basic", "cutmix", "mixup")


def judged(paths: Sequence[Path]) -> Judgement:
    return judge(load_groups(paths))


def rendered(judgement: Judgement, width: int = 80) -> list[str]:
    text = io.StringIO()
    # The settings of augexp.console.out in a pipe.
    Console(file=text, width=width, highlight=False, soft_wrap=True).print(terminal.table(judgement))
    return [line.rstrip() for line in text.getvalue().splitlines()]


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


# --- terminal ------------------------------------------------------------------------------------------------------


def test_the_four_strategies_fit_into_80_columns(study: Judgement) -> None:
    assert rendered(study) == [
        "                          val          test   best  images       s to",
        "strategy  seeds        acc. %        acc. %  epoch      /s  min  base",
        "─" * 69,
        "none          3  81.00 ± 1.00  79.00 ± 1.00      4   1,000  1.5   2/3",
        "basic         3  83.00 ± 1.00  81.00 ± 1.00      4   1,000  1.5    72",
        "cutmix        3  85.00 ± 1.00  83.00 ± 1.00      4   1,000  1.5    54",
        "mixup         3  87.00 ± 1.00  85.00 ± 1.00      4   1,000  1.5    54",
    ]


def test_one_seed_is_said_and_never_plus_minus_zero(tmp_path: Path) -> None:
    comparison = judged([make_run(tmp_path / "a", strategy="basic+cutmix", best_epoch=3)])
    assert rendered(comparison)[-1] == "basic+cutmix      1  80.00 one seed  78.00 one seed      3   1,000  1.5"
    assert terminal.caption(comparison) == (
        "accuracy of the best epoch's weights: mean over seeds\n"
        "best epoch: median; min: minutes of training a run (CPU)"
    )


def test_what_is_not_comparable_reaches_nothing(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / f"none-{seed}", strategy="none", seed=seed) for seed in (0, 1)]
    others = [make_run(tmp_path / f"mixup-{seed}", strategy="mixup", seed=seed, accuracy=0.9) for seed in (0, 1)]
    assert rendered(judged([*paths, *others]))[-1].split()[-1] != "-"
    for folder in others:
        result = json.loads((folder / "result.json").read_text())
        result["test"]["examples"] = 50
        files.write_json(folder / "result.json", result)
        (folder / "predictions-test.npz").unlink()
    assert rendered(judged([*paths, *others]))[-1].split()[-1] == "-"


def test_long_names_stay_whole_in_80_columns(tmp_path: Path) -> None:
    names = ["cutmix", "cutmix", "[bold]x-" + "long" * 13]
    rates = [0.001, 0.002, 0.003]
    comparison = judged(
        [
            make_run(tmp_path / f"{i}{seed}", seed=seed, overrides=[f"name='{name}'", f"train.learning_rate={rate}"])
            for i, (name, rate) in enumerate(zip(names, rates, strict=True))
            for seed in range(2)
        ]
    )
    lines = rendered(comparison)
    assert max(map(len, lines)) <= 80
    whole = "".join(line[:31].strip() for line in lines)
    assert all(name in whole for name in ("cutmixtrain.learning_rate=0.001", names[2]))
    assert any("± 0.00" in line for line in lines)


def test_best_epoch_is_median_and_range(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / str(i), seed=i, epochs=30, best_epoch=best) for i, best in enumerate((14, 9, 30, 15))]
    assert " 14.5 (9-30) " in rendered(judged(paths))[-1]


def test_the_contrasts_fit_into_80_columns_and_hold_the_numbers(study: Judgement) -> None:
    grid = terminal.contrast_table(study)
    assert grid is not None
    text = io.StringIO()
    Console(file=text, width=80, highlight=False).print(grid)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["against", "none", "points", "seeds,", "images", "seeds", "alone", "(Holm)", "verdict"]
    for line, verdict in zip(lines[3:], study.verdicts, strict=True):
        assert verdict.contrast is not None
        low, high = (f"{100 * end:+.2f}" for end in verdict.contrast.interval)
        assert line.split()[:4] == [verdict.group.label, f"{100 * verdict.contrast.difference:+.2f}", low, high]
        assert line.endswith(verdict.status)


def test_sentences_are_those_of_the_verdicts_in_80_columns(study: Judgement) -> None:
    told = terminal.sentences(study)
    assert [" ".join(one.split()) for one in told] == [sentence(verdict) for verdict in study.verdicts]
    assert max(len(line) for one in told for line in one.splitlines()) <= 80


def test_names_that_command_the_terminal_are_shown_as_text(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("name: cutmix", 'name: "\\e[31mred"', 1))
    judgement = judged([folder, make_run(tmp_path / "b", strategy="none")])
    everything = "\n".join([*rendered(judgement), *terminal.sentences(judgement)])
    assert "\x1b" not in everything
    assert "\\x1b[31mred" in everything


# --- notes ---------------------------------------------------------------------------------------------------------


def test_an_even_study_needs_no_note(study: Judgement) -> None:
    assert notes(study) == []


def test_every_reservation_is_a_line(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", strategy="none", seed=0, overrides=["data.validation=test"]),
        make_run(tmp_path / "b", seed=0, overrides=["train.learning_rate=0.02"], best_epoch=5),
        make_run(tmp_path / "c", seed=1, overrides=["train.learning_rate=0.02", "name=other"]),
        make_run(tmp_path / "d", seed=1, overrides=["train.learning_rate=0.02"]),
        make_run(tmp_path / "e", seed=4, overrides=["train.learning_rate=0.02"], environment={"device": "H200"}),
    ]
    comparison = judged([*paths, paths[1], tmp_path / "gone"])
    assert notes(comparison) == [
        "differs besides the strategy: data.validation is test (none), 0.1 (cutmix)",
        "differs besides the strategy: train.learning_rate is 0.01 (none), 0.02 (cutmix)",
        "differs besides the strategy: device is CPU (none), CPU / H200 (cutmix)",
        "validation = test set (none): the best epoch was chosen on it, so its accuracy flatters",
        "seeds differ: 0 (none), 0-1 4 (cutmix)",
        f"cutmix: seed 1 stands in 2 folders, their mean counts: {paths[2]}, {paths[3]}",
        "cutmix: runs named other have the same configuration and count with it",
        "best epoch is the last one (cutmix 1 of 4 runs): more epochs may raise the accuracy",
        f"given twice, counted once: {paths[1]}",
        f"skipped {tmp_path / 'gone'}: no such folder",
    ]


def test_a_note_on_many_groups_stays_short(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / str(i), overrides=[f"train.batch_size={20 + i}", f"name=x{i}"]) for i in range(7)]
    assert notes(judged(paths)) == [
        "differs besides the strategy: train.batch_size is 20 (x0), 21 (x1), 22 (x2), 23 (x3) and 3 more",
        "no runs of the strategy none: the baseline is x0; --baseline NAME chooses another",
    ]


# --- files ---------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("given", [["none"], ["none", "none-again"]])
def test_one_group_has_no_verdict_and_says_why(tmp_path: Path, given: list[str]) -> None:
    paths = [make_run(tmp_path / name, strategy="none", seed=seed) for seed, name in enumerate(given)]
    judgement = judged(paths)
    assert terminal.contrast_table(judgement) is None
    assert export.contrasts_csv_text(judgement) == "\n"
    assert "one group: nothing to compare it with; give runs of another strategy too" in notes(judgement)
