"""Early stopping: what counts as rising, and that a run that is killed ends as if it had not been."""

from pathlib import Path

import pytest

from augexp.compare.groups import ended_early, grouped
from augexp.config import load
from augexp.config.schema import Score
from augexp.errors import UserError
from augexp.runs import read
from augexp.train import stopping
from augexp.train.fit import fit
from augexp.train.prepare import prepare
from augexp.train.record import save_weights
from augexp.train.run import train
from augexp.train.task import Task


@pytest.mark.parametrize(
    ("accuracies", "min_delta", "waited"),
    [
        ([], 0.0, 0),
        ([0.5], 0.0, 0),
        ([0.5, 0.5, 0.4], 0.0, 2),
        ([0.5, 0.6, 0.6], 0.0, 1),
        ([0.5, 0.55, 0.59], 0.1, 2),  # above where it last rose by enough, not above the epoch before
        ([0.5, 0.55, 0.61], 0.1, 0),
    ],
)
def test_epochs_are_counted_since_accuracy_last_rose(accuracies: list[float], min_delta: float, waited: int) -> None:
    assert stopping._waited(accuracies, min_delta) == waited


RULE = "train.early_stopping={patience: 2, min_delta: 0.9}"


class Killed(BaseException):
    """What no handler expects, as a kill."""


@pytest.mark.slow
def test_a_run_that_is_killed_ends_early_in_the_same_bytes(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (RULE, "strategy=cutmix", "train.epochs=6", "train.clip_norm=1.0", "data.train_per_class=20")
    settings = load.experiment("digits.yaml", [*given, f"data.cache_dir={cache_dir}", f"runs_dir={tmp_path}"])
    fit(prepare(settings), tmp_path)
    assert (
        "stopped early after epoch 3: val accuracy has not risen by more than 0.9 in 2 epochs"
        in capsys.readouterr().err
    )
    assert read.history(tmp_path)["epoch"].tolist() == [1, 2, 3]

    with monkeypatch.context() as patch:
        patch.setattr("augexp.train.record.save_weights", _killed_before_the_last)
        with pytest.raises(Killed):
            train(settings)
    resumed = train(settings, resume=True)
    assert (resumed / "last.weights.h5").read_bytes() == (tmp_path / "last.weights.h5").read_bytes()
    assert read.load(resumed).result.epochs == 3
    assert ended_early(grouped([read.load(resumed)])[0]) == 1


def _killed_before_the_last(task: Task, folder: Path, kind: Score) -> None:
    if kind == "last":
        raise Killed
    save_weights(task, folder, kind)


def test_the_schedule_and_plain_epochs_are_of_runs_that_reach_their_end() -> None:
    with pytest.raises(UserError, match="a run that may end early has no last epochs; leave this key or"):
        load.experiment("digits.yaml", [RULE, "train.plain_epochs=1"])
    with pytest.raises(UserError, match=r"train.early_stopping.patince: unknown key; did you mean patience\?"):
        load.experiment("digits.yaml", ["train.early_stopping={patince: 3}"])
    assert load.experiment("digits.yaml", ["train.early_stopping.patience=3"]).train.early_stopping is not None
