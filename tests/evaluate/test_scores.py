"""The plain scores of a real run, against independent computations."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, top_k_accuracy_score

from augexp.config import load
from augexp.evaluate import scores
from augexp.evaluate.run import Request, evaluate, lines
from augexp.network import trained
from augexp.runs import read
from augexp.train.run import train


def stored(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels as the network gives them, by Keras's own loop."""
    opened = trained.load(folder)
    splits = trained.splits(opened)
    images = splits.test.images[splits.test.rows]
    logits = np.asarray(opened.network.model.predict(images, verbose=0), np.float64)
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponent / exponent.sum(axis=1, keepdims=True), splits.test.labels


@pytest.mark.slow
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
    for name in ("accuracy", "top5_accuracy", "macro_recall", "worst_class_recall", "cross_entropy"):
        assert found[name] == pytest.approx(getattr(result, name), abs=1e-6)


@pytest.mark.slow
def test_temperature_is_fitted_on_val(trained_run: Path, content: dict[str, Any]) -> None:
    section = content["splits"]["test"]
    assert section["temperature_fitted_on"] == "val"
    on_val = evaluate(trained_run, Request(split="val"))["splits"]["val"]
    assert on_val["temperature"] == section["temperature"]
    assert on_val["temperature_fitted_on"] == "val itself"
    assert on_val["metrics"]["calibrated_cross_entropy"] <= on_val["metrics"]["cross_entropy"]


def test_recalls_are_told_where_classes_are_unequal(content: dict[str, Any]) -> None:
    section = content["splits"]["test"]
    recalls = [row["accuracy"] for row in section["classes"]]
    assert section["metrics"]["macro_recall"] == pytest.approx(np.mean(recalls))
    assert section["metrics"]["worst_class_recall"] == pytest.approx(min(recalls))
    assert not any("macro" in line for line in scores.rows(section, "test"))
    unequal = section | {"classes": [*section["classes"], {"name": "rare", "examples": 3, "accuracy": 0.5}]}
    assert any(line.startswith("  macro recall %") for line in scores.rows(unequal, "test"))
    old = {name: value for name, value in section["metrics"].items() if "recall" not in name}
    assert not any("macro" in line for line in scores.rows(unequal | {"metrics": old}, "test"))


def test_headings_never_touch(content: dict[str, Any]) -> None:
    for temperature, heading in ((2.281, "as trained  temperature 2.28"), (100.0, "as trained   temperature 100")):
        told = list(scores.rows(content["splits"]["test"] | {"temperature": temperature}, "test"))
        assert told[1].endswith(heading)


def test_mistakes_add_up(content: dict[str, Any]) -> None:
    section = content["splits"]["test"]
    table = np.array(section["confusion"])
    assert table.sum() == section["examples"]
    assert np.trace(table) / table.sum() == pytest.approx(section["metrics"]["accuracy"])
    shares = [row["accuracy"] * row["examples"] for row in section["classes"]]
    assert sum(shares) == pytest.approx(np.trace(table))
    assert sum(pair["examples"] for pair in section["most_confused"]) <= table.sum() - np.trace(table)


@pytest.mark.slow
def test_the_gap_is_that_to_clean_train_examples(trained_run: Path, content: dict[str, Any]) -> None:
    opened = trained.load(trained_run)
    train = trained.splits(opened).train
    logits = opened.network.model.predict(train.images[train.rows], verbose=0)
    found = content["splits"]["test"]["metrics"]
    assert found["train_accuracy"] == pytest.approx((logits.argmax(axis=1) == train.labels).mean())
    assert found["generalisation_gap"] == pytest.approx(found["train_accuracy"] - found["accuracy"])


@pytest.mark.slow
def test_test_as_validation_is_said(tmp_path: Path, cache_dir: Path) -> None:
    overrides = ["train.epochs=1", "data.train_per_class=20", "data.validation=test", f"runs_dir={tmp_path}"]
    folder = train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))
    found = evaluate(folder, Request())
    assert found["splits"]["test"]["temperature_fitted_on"] == "test itself"
    assert any("fitted on test itself" in line for line in lines(found, "test"))
