"""`augexp compare` as it is typed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.program import Augexp
from tests.factories import classify, make_run
from tests.studies import full_study


def test_compare_prints_the_table_and_draws_the_curves(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", out, "--csv", out / "table.csv",
                   "--json", out / "table.json")  # fmt: skip
    assert answer.status == 0
    assert max(map(len, answer.out.split("wrote")[0].splitlines())) <= 80
    assert "cutmix" in answer.out
    assert f"wrote {out / 'comparison.png'}\n" in answer.out
    with Image.open(out / "comparison.png") as picture:
        assert picture.width > 600
    assert (out / "table.csv").read_text().count("\n") == 3
    assert json.loads((out / "table.json").read_text())


@pytest.mark.slow
def test_compare_writes_every_form_of_its_answer(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", out, "--csv", out / "table.csv",
                   "--markdown", out / "table.md", "--report", out / "report.html", "--margin", 5)  # fmt: skip
    assert answer.status == 0
    sentence = "utmix and none are not told apart: +3.00 points ("
    assert sentence in " ".join(answer.out.split())
    assert sentence in (out / "table.md").read_text()
    assert sentence in (out / "report.html").read_text()
    assert (out / "table-contrasts.csv").read_text().count("\n") == 2


@pytest.mark.slow
def test_compare_says_what_evaluated_runs_gained_and_lost(typed: Augexp, tmp_path: Path) -> None:
    paths, out = full_study(tmp_path / "runs"), tmp_path / "report"
    answer = typed("compare", *paths, "--out", out, "--csv", out / "table.csv", "--json", out / "table.json",
                   "--markdown", out / "table.md", "--report", out / "report.html")  # fmt: skip
    assert answer.status == 0
    assert max(map(len, answer.out.split("wrote")[0].splitlines())) <= 80
    (line,) = json.loads((out / "table.json").read_text())["profiles"]["summaries"]
    for text in (answer.out, (out / "table.md").read_text(), (out / "report.html").read_text()):
        assert line.partition(" (")[0] in " ".join(text.split())
    assert (out / "table-profiles.csv").read_text().startswith("axis,measure,")
    with Image.open(out / "profiles.png") as picture:
        assert picture.width > 600


def test_compare_of_runs_without_evaluations_writes_no_profiles(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", tmp_path / "out", "--csv", tmp_path / "out" / "t.csv")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["comparison.png", "t-contrasts.csv", "t.csv"]


@pytest.mark.slow
def test_compare_refuses_a_verdict_with_3(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        make_run(tmp_path / f"late-seed{seed}", strategy="mixup", seed=seed, overrides=["train.learning_rate=0.5"])
    paths = sorted(tmp_path.glob("*-seed*"))
    answer = typed("compare", *paths, "--out", tmp_path)
    assert answer.status == 3
    assert "mixup     " in answer.out
    assert "confounded" in answer.out
    assert "cutmix and none are not told apart" in answer.out
    assert f"wrote {tmp_path / 'comparison.png'}" in answer.out
    assert typed("compare", *paths, "--out", tmp_path, "--allow", "train.learning_rate").status == 0


@pytest.mark.slow
def test_compare_holds_against_what_it_is_told_to(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    paths = sorted(runs_dir.glob("*-seed*"))
    assert "against cutmix" in typed("compare", *paths, "--out", tmp_path, "--baseline", "cutmix").out
    assert "cutmix - none" in typed("compare", *paths, "--out", tmp_path, "--all-pairs").out
    answer = typed("compare", *paths, "--baseline", "cutmx")
    assert (answer.status, answer.err) == (
        2, "error: --baseline cutmx: no group has this name; did you mean cutmix?\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--margin", "0"), "--margin 0: points above 0 are needed, such as 0.5"),
        (("--margin", "nan"), "--margin nan: points above 0 are needed, such as 0.5"),
        (("--allow", "train.epoch"), "--allow train.epoch: no run has such a key; did you mean train.epochs?"),
    ],
)
def test_options_of_compare_that_make_no_sense_are_refused(
    typed: Augexp, runs_dir: Path, options: tuple[str, str], message: str
) -> None:
    answer = typed("compare", *runs_dir.glob("*-seed*"), *options)
    assert (answer.status, answer.err) == (2, f"error: {message}\n")


@pytest.mark.slow
def test_curves_against_examples_need_them_recorded(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    paths = sorted(runs_dir.glob("*-seed*"))
    answer = typed("compare", *paths, "--x", "examples", "--out", tmp_path)
    assert answer.status == 2
    assert "doesn't record how many examples it trained on" in answer.err
    assert typed("compare", *paths, "--x", "seconds", "--out", tmp_path, "--report", tmp_path / "r.html").status == 0
    assert "seconds of training, mean over seeds" in (tmp_path / "r.html").read_text()


def test_a_name_with_escapes_reaches_no_terminal(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    config = runs_dir / "cutmix-seed0" / "config.yaml"
    config.write_text(config.read_text().replace("name: cutmix", 'name: "\\e[31mred"', 1))
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", tmp_path)
    assert "\x1b" not in answer.out
    assert "\\x1b[31mred" in answer.out


def test_compare_skips_what_is_no_run_and_says_so(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    (runs_dir / "notes").mkdir()
    answer = typed("compare", *sorted(runs_dir.iterdir()), "--out", tmp_path)
    assert answer.status == 0
    assert "notes" in answer.out
    assert "not a run folder (no config.yaml)" in answer.out


def test_compare_with_nothing_left_exits_with_2(typed: Augexp, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = typed("compare", tmp_path / "empty", tmp_path / "gone")
    assert answer.status == 2
    assert "not a run folder (no config.yaml)" in answer.err
    assert "no such folder" in answer.err


def test_compare_given_the_parent_folder_says_what_to_give(typed: Augexp, runs_dir: Path) -> None:
    answer = typed("compare", runs_dir)
    assert answer.status == 2
    assert f"not a run folder; it holds some: give {runs_dir}/*" in answer.err


def test_limits_the_wrong_way_round_are_refused(typed: Augexp, runs_dir: Path) -> None:
    for low, high in (("90", "80"), ("nan", "5"), ("1", "inf")):
        answer = typed("compare", *runs_dir.glob("*-seed*"), "--ylim", low, high)
        assert (answer.status, answer.err) == (
            2, f"error: --ylim {low} {high}: two percentages are needed, the lower first, such as 80 95\n",
        )  # fmt: skip


def test_an_output_that_cannot_be_written_is_named(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = typed("compare", *runs_dir.glob("*-seed*"), "--out", tmp_path / "file" / "folder")
    assert answer.status == 2
    assert answer.err.startswith(f"error: {tmp_path / 'file' / 'folder' / 'comparison.png'}: can't be written (")


@pytest.mark.slow
def test_only_the_page_loads_templates(runs_dir: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from augexp.cli.main import main\n"
        "try: main()\n"
        "finally: print([m for m in ('tensorflow', 'jinja2') if m in sys.modules])"
    )
    arguments = ["compare", *sorted(runs_dir.glob("*-seed*")), "--out", tmp_path / "out"]
    for page, loaded in ([], "[]"), (["--report", tmp_path / "report.html"], "['jinja2']"):
        command = [sys.executable, "-c", code, *map(str, [*arguments, *page])]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert answer.stdout.splitlines()[-1] == loaded


def test_compare_says_what_unequal_classes_reach(typed: Augexp, tmp_path: Path) -> None:
    paths = [
        classify(make_run(tmp_path / f"{strategy}{seed}", strategy=strategy, seed=seed), (90, 10), (90 - i, 3 + seed))
        for i, strategy in enumerate(("none", "cutmix"))
        for seed in range(3)
    ]
    answer = typed("compare", *paths, "--out", tmp_path / "out")
    assert answer.status == 0
    assert max(map(len, answer.out.split("wrote")[0].splitlines())) <= 80
    assert "cutmix    93.00 ± 1.00  69.44 ± 5.00  40.00 ± 10.00  class 1" in answer.out
    assert "of classes of 10 to 90 images" in " ".join(answer.out.split())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("worst_class_recall", "chance decides which class is lowest; choose macro_recall"),
        ("recal", "'accuracy' or 'macro_recall'"),
    ],
)
def test_compare_refuses_what_has_no_interval(typed: Augexp, runs_dir: Path, name: str, said: str) -> None:
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--metric", name)
    assert answer.status == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_compare_judges_by_macro_recall(typed: Augexp, tmp_path: Path) -> None:
    paths = [
        classify(make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed), (90, 10), (90 - seed, 3 + seed))
        for name in ("none", "cutmix")
        for seed in range(3)
    ]
    answer = typed("compare", *paths, "--metric", "macro_recall", "--out", tmp_path / "out")
    assert answer.status == 0
    assert max(map(len, answer.out.split("wrote")[0].splitlines())) <= 80
    assert "points of macro recall" in " ".join(answer.out.split())
