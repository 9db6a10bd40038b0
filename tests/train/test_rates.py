"""What a few steps tell of a run."""

import pytest

from augexp.config import load
from augexp.config.schema import Train
from augexp.train import rates
from augexp.train.rates import Rates

MEASURED = Rates(image_size=96, once=10.0, head=0.01, full=0.04, scoring=0.005, saving=0.1)


def test_a_run_takes_its_steps_its_scores_and_what_comes_once() -> None:
    train = Train(epochs=5, head_epochs=1, batch_size=32)
    learnt, scored = 320 * (0.01 + 4 * 0.04), (5 * 40 + 2 * (40 + 100)) * 0.005
    found = MEASURED.seconds(train, 96, (330, 40, 100))  # of 330, a batch is never full
    assert found == pytest.approx(10 + learnt + scored + 5 * 2 * 0.1)
    twice = MEASURED.seconds(train, 192, (330, 40, 100))
    assert twice == pytest.approx(10 + 4 * (learnt + scored) + 5 * 2 * 0.1)


@pytest.mark.slow
def test_real_steps_are_timed() -> None:
    settings = load.experiment("digits.yaml", ["train.epochs=2", "train.batch_size=32", "strategy=cutmix"])
    found = rates.measure(settings, 10)
    assert found.image_size == 16
    assert found.head == 0  # there is no such phase
    assert 0 < found.full < 1
    assert 0 < found.scoring < 1
    assert found.once > found.full
    assert found.saving > 0
