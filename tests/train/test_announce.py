"""What is said before a run: sizes, steps, memory, hours."""

import dataclasses
from pathlib import Path

import pytest

from augexp.augment import own
from augexp.config import load, partners
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.network.device import Device
from augexp.train.announce import announcement, plan
from augexp.train.prepare import prepare
from tests.folders import leaking

QUICK = ("train.epochs=2", "train.batch_size=64", "data.train_per_class=40")


def digits(runs_dir: Path, cache_dir: Path, *overrides: str) -> Experiment:
    return load.experiment("digits.yaml", [*QUICK, f"runs_dir={runs_dir}", f"data.cache_dir={cache_dir}", *overrides])


@pytest.mark.slow
def test_hours_on_a_cpu_are_announced(tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(digits(tmp_path, cache_dir))
    assert not any(line.startswith("no GPU") for line in announcement(prepared))
    monkeypatch.setattr("augexp.network.estimate.seconds", lambda *_, **__: 5.2 * 3600)
    prepared = dataclasses.replace(prepared, device=Device("cpu", "CPU", has_bfloat16=False))
    assert announcement(prepared)[-1] == (
        "no GPU: this run will take about 5.2 hours on this CPU; a smaller data.image_size, data.train_per_class or "
        "model.freeze=backbone makes it shorter"
    )


@pytest.mark.slow
def test_dry_run_trains_nothing_and_tells_sizes_steps_and_memory(tmp_path: Path, cache_dir: Path) -> None:
    settings = digits(tmp_path, cache_dir)
    device, data, steps, seen, memory = plan(settings)
    assert device.startswith("device: ")
    assert data == "data: digits, 10 classes, train 400, val 287, test 359"
    assert steps == "steps: 2 epochs (2 full) x 6 steps of 64"
    assert seen == "input: RGB 0..255 enters the first convolution as -1..1"
    assert memory.startswith("memory: about 0.0 GiB")
    assert not settings.run_dir.exists()


@pytest.mark.slow
def test_what_is_doubtful_is_said_by_the_dry_run_too(tmp_path: Path) -> None:
    leak = leaking(tmp_path / "leak")
    told = (f"data.source=folder:{leak}", "data.image_size=24", "train.batch_size=8")
    settings = load.experiment("digits.yaml", [*told, f"data.cache_dir={tmp_path}", f"runs_dir={tmp_path}"])
    assert not any(line.startswith("copies: ") for line in plan(settings))  # not decoded yet
    (said,) = [line for line in announcement(prepare(settings)) if line.startswith("copies: ")]
    assert "is test/circle/copy" in said
    assert "left out (data.duplicates: drop)" in said
    assert said in plan(settings)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), False),
        (("train.head_epochs=1",), True),
        (("model.backbone_lr=0.1",), True),
        (("model.freeze=backbone",), True),
    ],
)
def test_random_weights_that_are_spared_are_named(
    tmp_path: Path, cache_dir: Path, overrides: tuple[str, ...], said: bool
) -> None:
    lines = plan(digits(tmp_path, cache_dir, *overrides))
    spared = f"random weights (model.weights: null) are spared by {''.join(overrides)}: "
    assert any(line.startswith(spared) for line in lines) == said


@pytest.mark.slow
def test_dry_run_before_the_data_is_prepared(tmp_path: Path) -> None:
    lines = plan(load.experiment("digits.yaml", [f"data.cache_dir={tmp_path / 'empty'}"]))
    assert lines[1] == "data: digits, 10 classes, train 1,151, val 287, test 359"
    assert not (tmp_path / "empty").exists()


@pytest.mark.slow
def test_dry_run_before_the_download(tmp_path: Path) -> None:
    _, data, seen, memory = plan(load.experiment("cutmix.yaml", [f"data.data_dir={tmp_path}"]))
    assert data == "data: stanford_dogs is not downloaded yet; the first run does it, then split sizes are known"
    assert seen == "input: RGB 0..255 enters the first convolution as -123.7..151.1"
    # 23.8 million weights, three times four bytes each
    assert "(0.27 weights and optimizer, " in memory
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_is_doubtful_is_said_in_both(tmp_path: Path, cache_dir: Path) -> None:
    strategy = "strategy=[mixup, {name: keras:RandomFlip, mode: sideways}]"
    settings = digits(tmp_path, cache_dir, strategy, "train.batch_size=4")
    (said,) = partners.few(settings)
    (idle,) = own.idle(settings.strategy, 16)
    for line in (said, idle):
        assert line in plan(settings)
        assert line in announcement(prepare(settings))


UNFIT = ("model.backbone=MobileNetV3Small", "model.preprocessing=unit", "data.image_size=32")


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [UNFIT, ("strategy=mixup", "train.batch_size=1")])
def test_what_cannot_work_is_refused_before_data_is_decoded(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    settings = digits(tmp_path, tmp_path / "cache", *overrides)
    for refuse in (plan, prepare):
        with pytest.raises(UserError, match=r"^(model\.preprocessing unit|train\.batch_size 1): "):
            refuse(settings)
    assert list(tmp_path.iterdir()) == []
