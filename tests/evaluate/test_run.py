"""Evaluations of a real run of the digits: what is kept where, and what is said."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augexp import files
from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate.run import Request, evaluate, lines
from augexp.evaluate.tta import read_tta
from augexp.runs import evaluation as run_evaluation
from augexp.runs import read, seal
from augexp.train.run import train


def test_columns_are_what_the_metrics_are_means_of(trained_run: Path, content: dict[str, Any]) -> None:
    columns = run_evaluation.read_columns(trained_run, "test", {})
    found = content["splits"]["test"]["metrics"]
    assert {"accuracy", "brier", "calibrated_brier", "tta_flip_gain", "tta_rotate x2_gain"} <= columns.keys()
    for name, column in columns.items():
        if name != "id":
            assert found[name] == pytest.approx(float(column.mean(dtype=np.float64)), abs=1e-6), name
    with np.load(trained_run / "predictions-test.npz") as predictions:
        assert sorted(predictions["id"].tolist()) == columns["id"].tolist()


@pytest.mark.slow
def test_a_later_evaluation_adds_to_an_earlier_one(evaluated: Path, content: dict[str, Any]) -> None:
    second = evaluate(evaluated, Request(tta=(read_tta("crops", 1),)))["splits"]["test"]
    assert second["tta"].keys() == {"flip", "rotate x2", "crops"}
    assert second["metrics"]["tta_flip_gain"] == content["splits"]["test"]["metrics"]["tta_flip_gain"]
    assert {"tta_flip_gain", "tta_crops_gain"} <= run_evaluation.read_columns(evaluated, "test", {}).keys()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["other examples", "other precision", "new columns beside old metrics"])
def test_what_does_not_fit_is_not_kept(evaluated: Path, how: str) -> None:
    content = json.loads((evaluated / "evaluation.json").read_text())
    columns = run_evaluation.read_columns(evaluated, "test", {})
    match how:
        case "other examples":
            columns["id"] = np.array([f"other {i}" for i in range(len(columns["id"]))])
        case "other precision":
            content["splits"]["test"]["made"]["precision"] = "mixed_float16"
        case _:
            columns["tta_flip_gain"] = columns["tta_flip_gain"] + np.float32(0.1)
    run_evaluation.write(evaluated, content, {"test": columns})
    found = evaluate(evaluated, Request())["splits"]["test"]
    assert "tta" not in found
    assert "tta_flip_gain" not in found["metrics"]


@pytest.mark.slow
def test_a_run_is_scored_in_the_precision_it_was_trained_in(tmp_path: Path, cache_dir: Path) -> None:
    overrides = ["train.epochs=1", "data.train_per_class=30", "train.precision=mixed_bfloat16", f"runs_dir={tmp_path}"]
    folder = train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))
    found = evaluate(folder, Request())["splits"]["test"]
    assert found["made"]["precision"] == "mixed_bfloat16"
    assert found["metrics"]["accuracy"] == pytest.approx(read.load(folder).result.test.accuracy, abs=1e-9)


@pytest.mark.slow
def test_an_evaluation_of_other_weights_is_replaced(evaluated: Path) -> None:
    told = json.loads((evaluated / "evaluation.json").read_text())
    files.write_json(evaluated / "evaluation.json", seal.sealed(told | {"weights": "others"}))
    assert "tta" not in evaluate(evaluated, Request())["splits"]["test"]
    assert "tta_flip_gain" not in run_evaluation.read_columns(evaluated, "test", {})


@pytest.mark.slow
@pytest.mark.parametrize("damage", ['{"format": 1', '{"format": 99, "splits": {}, "weights": "x"}', "[]"])
def test_a_damaged_evaluation_is_made_anew(run: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "evaluation.json").write_text(damage)
    evaluate(run, Request())
    assert "evaluated anew" in capsys.readouterr().err
    assert run_evaluation.read(run)


@pytest.mark.slow
def test_the_result_stays_and_each_use_of_test_is_logged(run: Path) -> None:
    (run / "log.txt").write_text("")
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file() and path.name != "log.txt"}
    evaluate(run, Request(tta=(read_tta("flip", 1),)))
    evaluate(run, Request(split="val"))
    pictures = {"confusion-test.png", "reliability-test.png"}
    assert all((run / name).read_bytes() == before[name] for name in before.keys() - pictures)
    uses = [line for line in (run / "log.txt").read_text().splitlines() if "test split used" in line]
    assert len(uses) == 1
    assert uses[0].endswith("test split used by augexp evaluate: plain, tta flip")


def test_what_is_printed(content: dict[str, Any]) -> None:
    printed = list(lines(content, "test"))
    assert printed[0].startswith("test, 359 images, ")
    assert any(line.startswith("  tta flip: accuracy ") for line in printed)
    assert max(map(len, printed)) <= 100


@pytest.mark.slow
def test_a_run_folder_that_cannot_be_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(run / "evaluation.json"))

    monkeypatch.setattr(run_evaluation, "write", full)
    with pytest.raises(UserError, match=r"evaluation\.json: No space left on device; an evaluation is written into"):
        evaluate(run, Request())


ONE_AFTER_THE_OTHER = """
import json, sys
from augexp.cli.main import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["augexp", *words]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0
"""


@pytest.mark.slow
def test_keras_on_jax_says_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = evaluate(run, Request())["splits"]["test"]["metrics"]
    (run / "evaluation.json").unlink()
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    explain = ["explain", str(run), "--examples", "2", "--out", str(run / "explain.png")]
    lines = [["evaluate", str(run), "--tta", "flip"], explain, ["predict", str(run), str(run / "batch.png")]]
    subprocess.run([sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(lines)], check=True)
    theirs = json.loads((run / "evaluation.json").read_text())["splits"]["test"]["metrics"]
    for name, value in ours.items():
        assert theirs[name] == pytest.approx(value, abs=1e-3), name
