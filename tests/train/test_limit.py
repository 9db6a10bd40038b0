"""The input path timed alone, and the wait of steps for it."""

import csv
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import tensorflow as tf

from augexp.config import load
from augexp.data import pipeline
from augexp.network.device import Device
from augexp.runs import limit as run_limit
from augexp.runs.limit import Limit, sentence
from augexp.train.fit import fit
from augexp.train.limit import MOST_SECONDS, MOST_WAITING, Waiting, rate, timed
from augexp.train.prepare import prepare
from augexp.train.task import Phase, Task, phases

BATCH = 8


def slow(batches: tf.data.Dataset, seconds: float) -> tf.data.Dataset:
    """The same batches, each of which takes so long to make."""

    def wait(number: np.int64) -> np.int64:
        time.sleep(seconds)
        return number

    def told(number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.control_dependencies([tf.numpy_function(wait, [number], tf.int64)]):
            return tf.identity(batch[0]), tf.identity(batch[1])

    return batches.enumerate().map(told)


def numbers(count: int) -> tf.data.Dataset:
    return tf.data.Dataset.range(count).map(lambda number: (tf.fill([BATCH, 1], number), number))


@pytest.mark.slow
def test_the_rate_of_an_input_path_is_that_of_its_batches_and_soon_known() -> None:
    assert 0.2 * BATCH / 0.02 < (rate(slow(numbers(1000), 0.02), BATCH, enough=5) or 0) <= BATCH / 0.02
    started = time.perf_counter()
    rate(slow(numbers(1000), 0.05), BATCH, enough=1000)
    assert time.perf_counter() - started < 10 * MOST_SECONDS  # of the 50 that all of them take


def test_one_batch_tells_no_rate() -> None:
    assert rate(numbers(1), BATCH, enough=5) is None


@pytest.mark.slow
@pytest.mark.parametrize(("input_seconds", "step_seconds"), [(0.03, 0.0), (0.0, 0.03)])
def test_only_the_wait_for_input_is_taken_and_batches_stay_as_they_are(
    input_seconds: float, step_seconds: float
) -> None:
    batches, waited = timed(slow(numbers(10), input_seconds).prefetch(1))
    taken, started = [], time.perf_counter()
    for images, number in batches.as_numpy_iterator():
        np.testing.assert_array_equal(images, np.full((BATCH, 1), number))
        taken.append(int(number))
        time.sleep(step_seconds)
    spent = time.perf_counter() - started
    assert taken == list(range(10))
    if input_seconds:
        assert 9 * input_seconds <= float(waited) <= spent  # the first one is begun before it is asked for
    else:
        assert float(waited) < 0.5 * spent


def waiting(device: Literal["cpu", "gpu"], *overrides: str) -> tuple[Waiting, Phase]:
    """Of a run of the digits that has no network."""
    settings = load.experiment("digits.yaml", ["strategy=cutmix", f"train.batch_size={BATCH}", *overrides])
    task = Task(settings, None, None, 10, Device(device, "", True), False)  # type: ignore[arg-type]
    return Waiting(task), phases(settings)[0]


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_only_waits_that_began_when_nothing_was_left_to_do_are_counted(device: Literal["cpu", "gpu"]) -> None:
    found, phase = waiting(device)
    batches = iter(found.watched(slow(numbers(40), 0.02), phase, steps_left=40))
    for _ in range(3):  # steps that are queued while others are computed
        next(batches)
        found.stepped()
    assert found.limit(BATCH / 0.04) == Limit(found._alone[True], BATCH / 0.04)  # type: ignore[arg-type]
    for _ in range(3):
        found.idle()
        next(batches)
        found.stepped()
    told = found.limit(BATCH / 0.04)
    assert told is not None
    assert 0.4 < (told.waiting or 0) <= MOST_WAITING
    assert told.network * (1 - (told.waiting or 0)) == pytest.approx(BATCH / 0.04)
    share = f"; {told.waiting:.0%} of the time is spent waiting for input" if device == "gpu" else ""
    assert found.line(told).startswith(f"{sentence(told)}{share}; more processor cores, other ops than cutmix, or ")


def fitted(folder: Path, cache_dir: Path, *overrides: str) -> list[dict[str, str]]:
    """History of a run of the digits."""
    folder.mkdir()
    settings = ("train.epochs=2", "train.batch_size=64", "data.train_per_class=60")
    fit(prepare(load.experiment("digits.yaml", [*settings, f"data.cache_dir={cache_dir}", *overrides])), folder)
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_slow_input_path_is_said_and_changes_no_number(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = fitted(tmp_path / "as it is", cache_dir, "strategy=cutmix")
    assert all(float(row[name]) > 0 for row in rows for name in run_limit.COLUMNS[:2])
    assert "\ninput path " in capsys.readouterr().err

    real = pipeline.train_batches
    monkeypatch.setattr(pipeline, "train_batches", lambda *given: slow(real(*given), 0.2))
    others = fitted(tmp_path / "slow", cache_dir, "strategy=cutmix")
    for row in others:
        assert 100 < float(row["input_images_per_second"]) <= 64 / 0.2
        assert float(row["network_images_per_second"]) > float(row["input_images_per_second"])
        assert float(row["waiting"]) > 0.5
    said = capsys.readouterr().err
    assert "the input is the limit; more processor cores, other ops than cutmix, or a smaller data.image_size" in said

    timeless = [{name: row[name] for name in row if name not in TIMES} for row in rows]
    assert timeless == [{name: row[name] for name in row if name not in TIMES} for row in others]
    for name in ("best.weights.h5", "last.weights.h5"):
        assert (tmp_path / "as it is" / name).read_bytes() == (tmp_path / "slow" / name).read_bytes()


TIMES = ("seconds", "images_per_second", *run_limit.COLUMNS)


def test_a_run_that_may_not_know_the_time_still_says_both_rates() -> None:
    found, phase = waiting("cpu", "train.deterministic=true")
    batches = numbers(40)
    assert found.watched(batches, phase, steps_left=40) is batches
    found.idle()
    found.stepped()
    assert not found.is_due(9)
    told = found.limit(100.0)
    assert told is not None
    assert (told.network, told.waiting) == (100.0, None)
    assert told.input > 0
