"""Evaluations of real runs of the digits: numbers against independent computations, and what is kept where."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, top_k_accuracy_score

from augexp import files
from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate.run import Request, evaluate
from augexp.evaluate.tta import read_tta
from augexp.network import trained
from augexp.report import evaluation as evaluation_report
from augexp.runs import evaluation as run_evaluation
from augexp.runs import read
from augexp.train.run import train

QUICK = ("train.epochs=3", "data.train_per_class=60")


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    runs_dir = tmp_path_factory.mktemp("runs")
    return train(load.experiment("digits.yaml", [*QUICK, f"runs_dir={runs_dir}", f"data.cache_dir={cache_dir}"]))


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil, not evaluated yet."""
    without = shutil.ignore_patterns("evaluation*")
    return Path(shutil.copytree(trained_run, tmp_path / trained_run.name, ignore=without))


@pytest.fixture(scope="module")
def content(trained_run: Path) -> dict[str, Any]:
    return evaluate(trained_run, Request(tta=(read_tta("flip", 1), read_tta("rotate", 2))))


def stored(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels as the network gives them, by Keras's own loop."""
    opened = trained.load(folder)
    splits = trained.splits(opened)
    images = splits.test.images[splits.test.rows]
    logits = np.asarray(opened.network.model.predict(images, verbose=0), np.float64)
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponent / exponent.sum(axis=1, keepdims=True), splits.test.labels


def test_scores_equal_an_independent_computation(trained_run: Path, content: dict[str, Any]) -> None:
    probability, labels = stored(trained_run)
    found = content["splits"]["test"]["metrics"]
    every = np.arange(10)
    assert found["accuracy"] == pytest.approx((probability.argmax(axis=1) == labels).mean(), abs=1e-9)
    assert found["top5_accuracy"] == pytest.approx(
        top_k_accuracy_score(labels, probability, k=5, labels=every), abs=1e-9
    )
    assert found["cross_entropy"] == pytest.approx(log_loss(labels, probability, labels=every), abs=1e-6)
    brier = brier_score_loss(labels, probability, labels=every, scale_by_half=False)
    assert found["brier"] == pytest.approx(brier, abs=1e-6)
    rows = sorted(zip(probability.max(axis=1), probability.argmax(axis=1) == labels, strict=True))
    sizes = [len(part) for part in np.array_split(np.arange(len(rows)), 15)]
    error, start = 0.0, 0
    for size in sizes:
        part = rows[start : start + size]
        error += abs(math.fsum(confidence - right for confidence, right in part)) / len(rows)
        start += size
    assert found["ece"] == pytest.approx(error, abs=1e-6)


def test_scores_are_those_of_the_result(trained_run: Path, content: dict[str, Any]) -> None:
    result = read.load(trained_run).result.test
    found = content["splits"]["test"]["metrics"]
    for name in ("accuracy", "top5_accuracy", "cross_entropy"):
        assert found[name] == pytest.approx(getattr(result, name), abs=1e-6)


def test_columns_are_what_the_metrics_are_means_of(trained_run: Path, content: dict[str, Any]) -> None:
    columns = run_evaluation.read_columns(trained_run, "test")
    found = content["splits"]["test"]["metrics"]
    assert {"accuracy", "brier", "calibrated_brier", "tta_flip_gain", "tta_rotate x2_gain"} <= columns.keys()
    for name, column in columns.items():
        if name != "id":
            assert found[name] == pytest.approx(float(column.mean(dtype=np.float64)), abs=1e-6), name
    with np.load(trained_run / "predictions-test.npz") as predictions:
        assert sorted(predictions["id"].tolist()) == columns["id"].tolist()


def test_temperature_is_fitted_on_val(trained_run: Path, content: dict[str, Any]) -> None:
    section = content["splits"]["test"]
    assert section["temperature_fitted_on"] == "val"
    on_val = evaluate(trained_run, Request(split="val"))["splits"]["val"]
    assert on_val["temperature"] == section["temperature"]
    assert on_val["temperature_fitted_on"] == "val itself"
    assert on_val["metrics"]["calibrated_cross_entropy"] <= on_val["metrics"]["cross_entropy"]


def test_mistakes_add_up(content: dict[str, Any]) -> None:
    section = content["splits"]["test"]
    table = np.array(section["confusion"])
    assert table.sum() == section["examples"]
    assert np.trace(table) / table.sum() == pytest.approx(section["metrics"]["accuracy"])
    shares = [row["accuracy"] * row["examples"] for row in section["classes"]]
    assert sum(shares) == pytest.approx(np.trace(table))
    assert sum(pair["examples"] for pair in section["most_confused"]) <= table.sum() - np.trace(table)


def test_the_gap_is_that_to_clean_train_examples(trained_run: Path, content: dict[str, Any]) -> None:
    opened = trained.load(trained_run)
    train = trained.splits(opened).train
    logits = opened.network.model.predict(train.images[train.rows], verbose=0)
    found = content["splits"]["test"]["metrics"]
    assert found["train_accuracy"] == pytest.approx((logits.argmax(axis=1) == train.labels).mean())
    assert found["generalisation_gap"] == pytest.approx(found["train_accuracy"] - found["accuracy"])


def test_flipping_is_the_mean_of_two_predictions(trained_run: Path, content: dict[str, Any]) -> None:
    opened = trained.load(trained_run)
    part = trained.splits(opened).test
    images = part.images[part.rows]

    def probability(shown: np.ndarray) -> np.ndarray:
        logits = np.asarray(opened.network.model.predict(shown, verbose=0), np.float64)
        return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))

    both = (probability(images) + probability(images[:, :, ::-1])) / 2
    scores = content["splits"]["test"]["tta"]["flip"]["scores"]
    assert scores["accuracy"] == pytest.approx((both.argmax(axis=1) == part.labels).mean(), abs=0.003)
    assert scores["cross_entropy"] == pytest.approx(log_loss(part.labels, both), abs=1e-5)


@pytest.mark.slow
def test_robustness_falls_with_severity_and_comes_again(run: Path) -> None:
    first = evaluate(run, Request(robustness=True))["splits"]["test"]
    assert set(first["occlusion"]) == {"areas", "centre", "random"}
    for kind in ("centre", "random"):
        assert first["occlusion"][kind][-1] < first["metrics"]["accuracy"]
        assert first["metrics"][f"occlusion_{kind}"] == pytest.approx(np.mean(first["occlusion"][kind]), abs=1e-6)
    table = np.array(list(first["corruptions"]["accuracy"].values()))
    assert table.shape == (9, 5)
    assert table[:, 4].mean() < table[:, 0].mean() < first["metrics"]["accuracy"] + 1e-9
    assert first["metrics"]["corruptions"] == pytest.approx(table.mean(), abs=1e-6)
    again = evaluate(run, Request(robustness=True))["splits"]["test"]
    assert again["metrics"] == first["metrics"]
    assert (run / "robustness-test.png").exists()


def test_a_later_evaluation_adds_to_an_earlier_one(run: Path) -> None:
    first = evaluate(run, Request(tta=(read_tta("flip", 1),)))
    second = evaluate(run, Request(tta=(read_tta("crops", 1),)))["splits"]["test"]
    assert second["tta"].keys() == {"flip", "crops"}
    assert second["metrics"]["tta_flip_gain"] == first["splits"]["test"]["metrics"]["tta_flip_gain"]
    assert {"tta_flip_gain", "tta_crops_gain"} <= run_evaluation.read_columns(run, "test").keys()


def test_floors_of_val_are_not_those_of_test(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "augexp.evaluate.baselines.find", lambda *args: {"linear_probe": {"accuracy": len(args[2]) / 1000}}
    )
    evaluate(run, Request(split="val", floor=True))
    found = evaluate(run, Request(floor=True))["splits"]
    assert found["val"]["floors"] == {"linear_probe": {"accuracy": 0.287}}
    assert found["test"]["floors"] == {"linear_probe": {"accuracy": 0.359}}


@pytest.mark.parametrize("how", ["other examples", "other precision", "new columns beside old metrics"])
def test_what_does_not_fit_is_not_kept(run: Path, how: str) -> None:
    content = evaluate(run, Request(tta=(read_tta("flip", 1),)))
    columns = run_evaluation.read_columns(run, "test")
    match how:
        case "other examples":
            columns["id"] = np.array([f"other {i}" for i in range(len(columns["id"]))])
        case "other precision":
            content["splits"]["test"]["made"]["precision"] = "mixed_float16"
        case _:
            columns["tta_flip_gain"] = columns["tta_flip_gain"] + np.float32(0.1)
    run_evaluation.write(run, content, {"test": columns})
    found = evaluate(run, Request())["splits"]["test"]
    assert "tta" not in found
    assert "tta_flip_gain" not in found["metrics"]


def test_a_run_is_scored_in_the_precision_it_was_trained_in(tmp_path: Path, cache_dir: Path) -> None:
    overrides = ["train.epochs=1", "data.train_per_class=30", "train.precision=mixed_bfloat16", f"runs_dir={tmp_path}"]
    folder = train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))
    found = evaluate(folder, Request())["splits"]["test"]
    assert found["made"]["precision"] == "mixed_bfloat16"
    assert found["metrics"]["accuracy"] == pytest.approx(read.load(folder).result.test.accuracy, abs=1e-9)


def test_an_evaluation_of_other_weights_is_replaced(run: Path) -> None:
    evaluate(run, Request(tta=(read_tta("flip", 1),)))
    told = json.loads((run / "evaluation.json").read_text())
    files.write_json(run / "evaluation.json", told | {"weights": "others"})
    assert "tta" not in evaluate(run, Request())["splits"]["test"]
    assert "tta_flip_gain" not in run_evaluation.read_columns(run, "test")


@pytest.mark.parametrize("damage", ['{"format": 1', '{"format": 99, "splits": {}, "weights": "x"}', "[]"])
def test_a_damaged_evaluation_is_made_anew(run: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "evaluation.json").write_text(damage)
    evaluate(run, Request())
    assert "evaluated anew" in capsys.readouterr().err
    assert run_evaluation.read(run)


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
    lines = list(evaluation_report.lines(content, "test"))
    assert lines[0].startswith("test, 359 images, ")
    assert any(line.startswith("  tta flip: accuracy ") for line in lines)
    assert max(map(len, lines)) <= 100


def test_test_as_validation_is_said(tmp_path: Path, cache_dir: Path) -> None:
    overrides = ["train.epochs=1", "data.train_per_class=20", "data.validation=test", f"runs_dir={tmp_path}"]
    folder = train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))
    found = evaluate(folder, Request())
    assert found["splits"]["test"]["temperature_fitted_on"] == "test itself"
    assert any("fitted on test itself" in line for line in evaluation_report.lines(found, "test"))


def test_a_run_folder_that_cannot_be_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(run / "evaluation.json"))

    monkeypatch.setattr(run_evaluation, "write", full)
    with pytest.raises(UserError, match=r"evaluation\.json: No space left on device; an evaluation is written into"):
        evaluate(run, Request())


def test_no_boxes(run: Path) -> None:
    with pytest.raises(UserError, match="it has no boxes"):
        evaluate(run, Request(localisation=True))
    assert not (run / "evaluation.json").exists()


@pytest.mark.slow
def test_localisation_on_stanford_dogs(prepared_dogs: Path, tmp_path: Path) -> None:
    settings = [
        *(f"data.data_dir={prepared_dogs}", f"data.cache_dir={tmp_path / 'cache'}", f"runs_dir={tmp_path}"),
        *("data.image_size=32", "model.backbone=SmallCNN", "model.weights=null", "train.epochs=1"),
        *("train.head_epochs=0", "train.batch_size=32", "data.validation=test"),
    ]
    folder = train(load.experiment("none.yaml", settings))
    found = evaluate(folder, Request(localisation=True))["splits"]["test"]["metrics"]
    assert 0 <= found["localisation_top1"] <= found["localisation_known"] <= 1
    assert found["localisation_top1"] <= found["accuracy"]


@pytest.mark.slow
def test_keras_on_jax_says_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = evaluate(run, Request())["splits"]["test"]["metrics"]
    (run / "evaluation.json").unlink()
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    subprocess.run([sys.executable, "-m", "augexp", "evaluate", str(run), "--tta", "flip"], check=True)
    explain = ["explain", str(run), "--examples", "2", "--out", str(run / "explain.png")]
    subprocess.run([sys.executable, "-m", "augexp", *explain], check=True)
    subprocess.run([sys.executable, "-m", "augexp", "predict", str(run), str(run / "batch.png")], check=True)
    theirs = json.loads((run / "evaluation.json").read_text())["splits"]["test"]["metrics"]
    for name, value in ours.items():
        assert theirs[name] == pytest.approx(value, abs=1e-3), name
