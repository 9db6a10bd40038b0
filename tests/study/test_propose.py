"""Which network is proposed, by how fast each is; here the speeds are told, not measured."""

import re
from collections.abc import Callable

import pytest

from augexp.config.schema import SMALL_CNN, Experiment
from augexp.errors import UserError
from augexp.study import propose
from augexp.study.design import GOOD, LADDER, Photos
from augexp.study.propose import KEPT_BACK, Proposal
from augexp.train import rates
from augexp.train.rates import Rates

PHOTOS = Photos("folder:photos", classes=10, train=900, val=100, test=500, short=320)
Told = Callable[[Experiment], float | None]


class Machine:
    """Tells what an image costs in place of measuring it; None: the weights can't be had."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.asked: list[tuple[str, int]] = []

    def __call__(self, experiment: Experiment, classes: int) -> Rates:
        assert classes == PHOTOS.classes
        size, image = experiment.data.image_size, self.told(experiment)
        self.asked.append((experiment.model.backbone, size))
        if image is None:
            raise UserError("the ImageNet weights can't be downloaded from https://example.org/a.h5; fetch that file")
        return Rates(size, once=20.0, head=image / 3, full=image, scoring=image / 3, saving=0.05)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Proposal, Machine]]:
    def propose_on(told: Told, hours: float, photos: Photos = PHOTOS) -> tuple[Proposal, Machine]:
        machine = Machine(told)
        monkeypatch.setattr(rates, "measure", machine)
        return propose.propose(photos, hours, None, decoding=10.0), machine

    return propose_on


Asked = Callable[..., tuple[Proposal, Machine]]


def by_size(seconds: float) -> Told:
    """Seconds of an image at 96 px."""
    return lambda experiment: seconds * (experiment.data.image_size / 96) ** 2


def test_the_larger_network_where_it_is_fast_enough_timed_at_the_size_it_gets(asked: Asked) -> None:
    found, machine = asked(by_size(0.002), 10.0)
    assert found.design.recipe.model.backbone_args == {}
    assert LADDER.index(found.design.rung) >= LADDER.index(GOOD)
    assert found.design.image_size > 96
    assert machine.asked == [("MobileNetV2", 96), ("MobileNetV2", found.design.image_size)]
    assert found.design.seconds * found.design.runs[1] + 10 <= 3600 * 10 * (1 - KEPT_BACK) + 10


def test_the_smaller_one_where_it_is_not(asked: Asked) -> None:
    found, _ = asked(lambda one: 0.005 if one.model.backbone_args else 0.02, 1.0)
    assert found.design.recipe.model.backbone_args == {"alpha": 0.35}
    assert found.note == ""


def test_without_imagenet_weights_a_small_network_and_what_to_do(asked: Asked) -> None:
    found, _ = asked(lambda one: 0.005 if one.model.weights is None else None, 3.0)
    assert found.design.recipe.model.backbone == SMALL_CNN
    assert found.note.startswith("the ImageNet weights can't be downloaded from https://example.org/a.h5. So ")
    assert "--weights FILE" in found.note


def test_where_the_larger_size_is_slower_than_told_the_smaller_one_stays_as_it_was_timed(asked: Asked) -> None:
    found, _ = asked(lambda one: 0.002 if one.data.image_size == 96 else 1.0, 10.0)
    assert found.design.image_size == found.rates.image_size == 96
    again = found.of(PHOTOS)
    assert again.design == found.design


def test_small_photos_need_no_weights(asked: Asked) -> None:
    found, machine = asked(by_size(0.005), 3.0, Photos("digits", 10, 1295, 143, 359, short=28))
    assert (found.design.recipe.model.backbone, found.note) == (SMALL_CNN, "")
    assert machine.asked == [(SMALL_CNN, 28)]


def test_weights_that_are_of_one_size_keep_it(asked: Asked) -> None:
    found, _ = asked(lambda one: 0.001 if one.data.image_size == 96 else None, 10.0)
    assert found.design.image_size == 96


@pytest.mark.parametrize("image", [0.0001, 0.01, 1.0, 100.0])
def test_hours_that_are_asked_for_in_place_of_too_few_are_enough(asked: Asked, image: float) -> None:
    with pytest.raises(UserError, match="no study that is worth it fits; the smallest, 15 runs") as refused:
        asked(by_size(image), 0.001)
    hours = re.search(r"takes --hours (\S+) here", str(refused.value))
    assert hours
    assert asked(by_size(image), float(hours[1]))[0].design.rung == LADDER[0]
