"""Occlusion and corruptions of a real run."""

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from augexp.augment.corruptions import AREAS, SEVERITIES
from augexp.data import pipeline
from augexp.evaluate import robustness
from augexp.evaluate.queue import Queue
from augexp.evaluate.robustness import CONDITIONS
from augexp.evaluate.run import Request, evaluate
from augexp.evaluate.subject import Subject
from augexp.network import trained
from tests.evaluate.asking import asked
from tests.factories import unseal


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_few(monkeypatch)


def draw_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three conditions in place of all."""
    for name, value in (("AREAS", (0.2,)), ("SEVERITIES", (5,)), ("CORRUPTIONS", ("gaussian_noise",))):
        monkeypatch.setattr(robustness, name, value)
    few = (("centre", 0.2), ("random", 0.2), ("gaussian_noise", 5))
    monkeypatch.setattr(robustness, "CONDITIONS", {condition: CONDITIONS[condition] for condition in few})


def other(run: Path, folder: Path) -> Path:
    """A run of the same images with other weights."""
    unseal(Path(shutil.copytree(run, folder)))
    with h5py.File(folder / "last.weights.h5", "r+") as file:
        for name in (name for name in names_in(file) if file[name].ndim == 4):
            file[name][:] = np.flip(file[name][:], 0)
    return folder


def names_in(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, one: found.append(name) if isinstance(one, h5py.Dataset) else None)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_runs_evaluated_together_see_each_image_made_once_and_find_the_same_bytes(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [run, other(run, tmp_path / "other")]
    splits = trained.splits(trained.load(run))
    made = []

    def eval_batches(*given: Any) -> Any:
        made.append(given)
        return real(*given)

    real = pipeline.eval_batches
    monkeypatch.setattr(pipeline, "eval_batches", eval_batches)

    alone = [robustness.run(Subject(trained.load(folder), splits, splits.test)) for folder in folders]
    assert len(made) == 2 * len(robustness.CONDITIONS)
    queue, shared = Queue(folders), dict[str, Any]()
    for folder, expected in zip(folders, alone, strict=True):
        subject = Subject(queue.open(folder), splits, splits.test, shared=shared, queue=queue)
        assert bool(robustness.images(subject)) == (folder == run)
        found = robustness.run(subject)
        assert (found.section, found.metrics) == (expected.section, expected.metrics)
        assert all(found.columns[name].tobytes() == column.tobytes() for name, column in expected.columns.items())
    assert len(made) == 3 * len(robustness.CONDITIONS)
    assert alone[0].section != alone[1].section


@pytest.mark.slow
def test_robustness_falls_with_severity_and_comes_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate(run, Request(probes=asked("robustness")))["splits"]["test"]
    assert set(first["occlusion"]) == {"areas", "centre", "random"}
    for kind in ("centre", "random"):
        assert first["occlusion"][kind][-1] < first["metrics"]["accuracy"]
        assert first["metrics"][f"occlusion_{kind}"] == pytest.approx(np.mean(first["occlusion"][kind]), abs=1e-6)
    table = np.array(list(first["corruptions"]["accuracy"].values()))
    assert table.shape == (9, 5)
    assert table[:, 4].mean() < table[:, 0].mean() < first["metrics"]["accuracy"] + 1e-9
    assert first["metrics"]["corruptions"] == pytest.approx(table.mean(), abs=1e-6)
    assert (run / "robustness-test.png").exists()
    draw_few(monkeypatch)
    again = evaluate(run, Request(probes=asked("robustness")))["splits"]["test"]
    for kind in ("centre", "random"):
        assert again["occlusion"][kind] == [first["occlusion"][kind][AREAS.index(0.2)]]
    noisy = first["corruptions"]["accuracy"]["gaussian_noise"]
    assert again["corruptions"]["accuracy"] == {"gaussian_noise": [noisy[SEVERITIES.index(5)]]}
