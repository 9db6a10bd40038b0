"""Names that would break a line, or command the terminal, in everything that every command says and writes."""

import json
import shutil
from pathlib import Path

import pytest

from augexp.errors import printable
from tests.cli.program import Answer, Augexp
from tests.factories import make_evaluation, make_run
from tests.folders import draw

ODD = "we\nird\x1b[31m\u2028\u202e"
SHOWN = printable(ODD)
PLAIN = "x" * len(SHOWN)  # as wide


def written(folder: Path) -> dict[str, list[str]]:
    """The lines of the texts in a folder, by name."""
    endings = (".json", ".csv", ".md", ".html")
    return {path.name: path.read_text("utf-8").split("\n") for path in folder.iterdir() if path.name.endswith(endings)}


def finished_runs(folder: Path) -> list[Path]:
    for strategy, accuracy in (("none", 0.80), ("cutmix", 0.83)):
        for seed in (0, 1):
            run = make_run(folder / f"{strategy}-seed{seed}", strategy=strategy, seed=seed, accuracy=accuracy)
            make_evaluation(run, {"ece": 0.1})
            (run / "checkpoint").mkdir()
    (folder / "none-seed1" / "result.json").unlink()
    return sorted(folder.iterdir())


def of_runs(typed: Augexp, folder: Path) -> list[Answer]:
    """What is said of runs, and of files and folders that are none."""
    runs, out, no = finished_runs(folder), folder / "out", folder / "nothing"
    texts = ["--json", out / "numbers.json", "--csv", out / "numbers.csv", "--markdown", out / "numbers.md"]
    (folder / "bad.yaml").write_text("strategy: [")
    return [
        typed("compare", *runs, no, "--out", out, *texts, "--report", out / "page.html"),
        *(typed(command, *runs, no) for command in ("status", "clean")),
        typed("compare", no),
        *(typed(command, no, no) for command in ("evaluate", "explain", "predict")),
        typed("check", "cache", no),
        *(typed(command, "--config", folder / "bad.yaml") for command in ("train", "sweep", "ablate", "data")),
        typed("train", "--config", no),
        typed("sweep", "--study", no),
        typed("preview", "--strategy", "cutmix", "--out", no),
        typed("compare", *runs, "--json", folder),
    ]


@pytest.mark.slow
def test_no_name_breaks_a_line_of_what_is_said_of_runs(typed: Augexp, tmp_path: Path) -> None:
    odd, plain = (of_runs(typed, tmp_path / name) for name in (ODD, PLAIN))
    for one, other in zip(odd, plain, strict=True):
        assert one.status == other.status
        assert one.out.replace(SHOWN, PLAIN).split("\n") == other.out.split("\n")
        assert one.err.replace(SHOWN, PLAIN).split("\n") == other.err.split("\n")
    assert SHOWN in "".join(answer.out + answer.err for answer in odd)
    texts, others = (written(tmp_path / name / "out") for name in (ODD, PLAIN))
    assert {name: len(lines) for name, lines in texts.items()} == {name: len(lines) for name, lines in others.items()}
    assert len(texts) == 6
    for lines in texts.values():
        assert list(map(printable, lines)) == lines


@pytest.mark.slow
def test_no_name_breaks_a_line_of_what_is_said_of_images(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    answers: dict[str, list[Answer]] = {}
    for name, place in ((ODD, tmp_path / "1"), (PLAIN, tmp_path / "2")):
        photos, out = place / "photos", place / "out"
        for number in range(60):  # of a hundred images one may be broken
            draw(photos / f"{name}a" / f"{name}{number}.png", "circle", number)
            draw(photos / f"{name}b" / f"{number}.png", "square", number)
        draw(photos / f"{name}a" / "copy.png", "circle", 0)
        (photos / f"{name}a" / f"{name}bad.png").write_text("none")
        (photos / f"{name}a" / f"{name}.txt").write_text("none")
        run = shutil.copytree(trained_run, place / name / "run")
        settings = (f"data.source=folder:{photos}", "data.image_size=16", f"data.cache_dir={place / 'cache'}")
        page = ("--out", out / "page.html", "--json", out / "data.json")
        answers[name] = [
            typed("data", "--config", "digits.yaml", *settings, "train.batch_size=4", "--doubts", 0, *page),
            typed("predict", run, photos, "--out", out / "said.csv"),
            typed("predict", run, photos, "--json", "--out", out / "said.json"),
            typed("predict", run, photos),
            typed("evaluate", run),
        ]
    for one, other in zip(answers[ODD], answers[PLAIN], strict=True):
        assert one.status == other.status
        assert one.out.count("\n") == other.out.count("\n")
        assert list(map(printable, one.out.split("\n"))) == one.out.split("\n")
        assert one.err.replace(SHOWN, PLAIN).count("\n") == other.err.count("\n")
    texts, others = (written(tmp_path / place / "out") for place in "12")
    assert {name: len(lines) for name, lines in texts.items()} == {name: len(lines) for name, lines in others.items()}
    assert json.loads((tmp_path / "1" / "out" / "data.json").read_text())["left_out"]
