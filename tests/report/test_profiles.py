"""Profiles on the terminal and in files: 80 columns, the numbers of the findings, names as text."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from augexp import tables
from augexp.compare import profiles
from augexp.metrics import catalogue
from augexp.report import export
from augexp.report import profiles as profile_report
from tests.studies import EVIL, EVIL_SHOWN, finding, full_study, judged


def rendered(measured: profiles.Profiles) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, width=80, highlight=False, soft_wrap=True)
    for grid in profile_report.grids(measured):
        console.print(grid)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_the_axes_fit_into_80_columns_and_hold_the_numbers(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    lines = rendered(measured)
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if ": " in line and not line.startswith(" ")] == [
        f"{profile.family}: {catalogue.FAMILIES[profile.family]}" for profile in measured.families
    ]
    at = lines.index("calibration error (%, lower is better; seeds alone)")
    contrast = finding(measured, "ece").contrast
    assert contrast is not None
    low, high = (f"{100 * end:+.2f}" for end in contrast.interval)
    assert lines[at + 1].split() == ["none", "5.40", "±", "0.40"]
    assert lines[at + 2].split()[:7] == ["cutmix", "13.33", "±", "0.31", f"{100 * contrast.difference:+.2f}", low, high]
    assert lines[at + 2].endswith("lost")
    assert lines[lines.index("Brier score (lower is better)") + 1].split()[1] == "0.4040"
    assert lines[lines.index("cross-entropy (lower is better)") + 1].split()[1] == "1.104"
    assert "none         50.00  60.00" in lines  # single corruptions: means, and nothing judged


def test_pairs_stand_beneath_the_means(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path, ("none", "cutmix", "faster")), all_pairs=True, allow=("train",))
    lines = rendered(measured)
    assert max(map(len, lines)) <= 80
    at = lines.index("calibration error (%, lower is better; seeds alone)")
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == ["none", "cutmix", "faster"]
    assert any(line.startswith(" cutmix - none") for line in lines[at + 4 :])


def test_a_line_a_strategy_says_what_it_gained_and_lost(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    (line,) = profile_report.summaries(measured)
    differences = [found.contrast.difference for found in measured.by_pair()[0] if found.status in ("gained", "lost")
                   if found.contrast]  # fmt: skip
    assert len(differences) == 2
    ece, centre = differences
    assert line == (
        f"cutmix against none: gained centre occlusion ({100 * centre:+.2f} points); "
        f"lost calibration error ({100 * ece:+.2f} points); no evidence for the rest."
    )


def test_the_json_is_strict_and_holds_every_number(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path))
    found = json.loads(export.json_text(judgement), parse_constant=pytest.fail)["profiles"]
    assert [axis["axis"] for axis in found["axes"]] == [profile.family for profile in measured.families]
    for axis, profile in zip(found["axes"], measured.families, strict=True):
        told = {(one["measure"], group["group"]): group for one in axis["measures"] for group in one["groups"]}
        assert {key: tuple(group["values"]) for key, group in told.items()} == {
            key: spread.values for key, spread in profile.spreads.items()
        }
        assert [
            (contrast["difference"], contrast["p_holm"], contrast["status"])
            for one in axis["measures"]
            for contrast in one["contrasts"]
        ] == [(one.contrast and one.contrast.difference, one.p_holm, one.status) for one in profile.findings]
    assert found["floors"] == {"linear_probe": 0.7}
    assert found["summaries"] == profile_report.summaries(measured)
    assert found["responses"][0]["groups"]["none"]["x"] == [0, 10, 60]


def test_the_csv_is_a_row_a_measure_and_group(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    read = csv.DictReader(io.StringIO(profile_report.csv_text(measured)))
    rows = {(row["measure"], row["group"]): row for row in read}
    assert set(rows) == {key for profile in measured.families for key in profile.spreads}
    found = finding(measured, "ece")
    assert found.contrast is not None
    row = rows["ece", "cutmix"]
    assert (row["axis"], row["better"], row["status"], row["baseline"]) == ("calibration", "lower", "lost", "none")
    assert (float(row["difference"]), float(row["p_holm"])) == (found.contrast.difference, found.p_holm)
    assert (rows["ece", "none"]["status"], rows["train_accuracy", "cutmix"]["status"]) == ("", "")


def test_markdown_gets_a_second_table(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path))
    text = export.markdown(judgement)
    assert text.startswith(export.markdown(judgement).rstrip("\n"))
    lines = text.splitlines()
    first = lines.index("| axis | measure | strategy | mean ± sd | difference (95 % interval) | p (Holm) | status |")
    table = [line for line in lines[first:] if line.startswith("|")]
    assert {line.count("|") for line in table} == {8}
    assert any(" | cutmix | 13.33 ± 0.31 | +7.93 (" in line and line.endswith("| lost |") for line in table)
    assert lines[-1] == f"- {tables.escaped(profile_report.summaries(measured)[0])}"


def test_without_evaluations_every_file_is_as_before(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    for path in paths:
        (path / "evaluation.json").unlink()
    judgement, measured = judged(paths)
    assert measured.families == ()
    assert "profiles" not in json.loads(export.json_text(judgement))


def test_names_are_text_on_the_terminal_and_in_markdown(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path, ("none", EVIL)))
    lines = rendered(measured)
    everything = "\n".join([*lines, export.markdown(judgement)])
    assert "\x1b" not in everything
    assert max(map(len, lines)) <= 80
    assert "\n".join(lines).count(f" {EVIL_SHOWN} ") >= len(measured.families)
    assert r"\<b\>\[x\]" in export.markdown(judgement)
