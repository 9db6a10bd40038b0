"""Labels in doubt: wrong ones come first, and a probe that knows nothing is not asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augexp.audit import doubts
from augexp.config import load
from augexp.config.schema import Experiment
from augexp.data.splits import Part, Splits


@pytest.fixture(scope="module")
def experiment(cache_dir: Path) -> Experiment:
    return load.experiment("digits.yaml", [f"data.cache_dir={cache_dir}"])


def with_wrong(part: Part, places: list[int]) -> Part:
    labels = part.labels.copy()
    labels[places] = (labels[places] + 1) % 10
    return replace(part, labels=labels)


@pytest.mark.slow
def test_wrong_labels_come_first(experiment: Experiment, digits: Splits) -> None:
    wrong, wrong_on_test = [3, 200, 431, 600, 1000], [7, 100]
    spoilt = replace(digits, train=with_wrong(digits.train, wrong), test=with_wrong(digits.test, wrong_on_test))
    found = doubts.find(experiment, spoilt, "float32", 10_000)
    assert found.reason == ""
    assert found.probe == "pixels at 16 px"
    assert found.looked_at == len(digits.train) + len(digits.test)
    assert found.accuracy > 0.9
    named = [(one.image.split, one.image.id) for one in found.found]
    meant = {("train", digits.train.ids[n]) for n in wrong} | {("test", digits.test.ids[n]) for n in wrong_on_test}
    assert len(meant & set(named[:10])) >= 6
    assert [one.given for one in found.found] == sorted(one.given for one in found.found)
    assert len(named) == doubts.MOST
    for one in found.found:
        assert one.said != one.image.label
        assert one.given < one.probability
    part = {"train": spoilt.train, "test": spoilt.test}[found.found[0].image.split]
    place = part.ids.index(found.found[0].image.id)
    np.testing.assert_array_equal(found.found[0].image.pixels, part.images[part.rows[place]])


@pytest.mark.slow
def test_no_more_of_a_class_than_were_asked_for(experiment: Experiment, digits: Splits) -> None:
    some = doubts._some(digits.train, 7)
    assert np.bincount(some.labels).tolist() == [7] * 10
    assert set(some.ids) <= set(doubts._some(digits.train, 20).ids)
    assert doubts.find(experiment, digits, "float32", 0).reason == "not asked for"
    assert doubts.find(experiment, digits, "float32", 20).looked_at == 400
    assert doubts.find(experiment, digits, "float32", None).looked_at == len(digits.train) + len(digits.test)


def test_a_random_network_is_not_asked(digits: Splits) -> None:
    large = load.experiment("digits.yaml", ["data.image_size=64"])
    found = doubts.find(large, digits, "float32", 5)
    assert found.found == ()
    assert "pretrained weights are needed" in found.reason


@pytest.mark.slow
def test_weights_that_can_t_be_had_are_named(digits: Splits, tmp_path: Path) -> None:
    lost = load.experiment("digits.yaml", [f"model.weights={tmp_path / 'none.h5'}"])
    assert "no such file" in doubts.find(lost, digits, "float32", 5).reason


def test_a_probe_that_is_mostly_wrong_doubts_nothing(experiment: Experiment, digits: Splits) -> None:
    rng = np.random.default_rng(0)
    noise = replace(digits.train, labels=rng.permutation(digits.train.labels))
    found = doubts.find(experiment, replace(digits, train=noise), "float32", 20)
    assert found.found == ()
    assert "too few to doubt a label" in found.reason


def test_classes_of_one_image(experiment: Experiment, digits: Splits) -> None:
    first = [int(np.flatnonzero(digits.train.labels == label)[0]) for label in range(10)]
    part = digits.train
    few = Part(part.images, part.rows[first], part.labels[first], [part.ids[n] for n in first])
    found = doubts.find(experiment, replace(digits, train=few), "float32", 5)
    assert found.reason == "of fewer than two classes there are two train images to ask about"


def test_all_that_are_improbable_are_found(experiment: Experiment, digits: Splits) -> None:
    wrong = list(range(0, len(digits.train), 25))
    found = doubts.find(experiment, replace(digits, train=with_wrong(digits.train, wrong)), "float32", 10_000)
    assert found.improbable == sum(one.is_improbable for one in found.found) > doubts.MOST
    meant = {digits.train.ids[n] for n in wrong}
    assert len(meant & {one.image.id for one in found.found}) >= found.improbable - 3


def test_a_class_of_one_image_is_not_asked_about(experiment: Experiment, digits: Splits) -> None:
    """And the others are, with the numbers that their classes have."""
    part = digits.train
    kept = np.flatnonzero(part.labels != 4).tolist()
    kept.append(int(np.flatnonzero(part.labels == 4)[0]))
    few = doubts._take(part, np.array(sorted(kept)))
    wrong = [n for n in (3, 200, 431) if few.labels[n] not in (3, 4)]
    found = doubts.find(experiment, replace(digits, train=with_wrong(few, wrong)), "float32", 10_000)
    assert (found.reason, found.alone) == ("", 1)
    assert found.looked_at == len(few) - 1 + int((digits.test.labels != 4).sum())
    assert all(4 not in (one.image.label, one.said) for one in found.found)
    assert {few.ids[n] for n in wrong} <= {one.image.id for one in found.found}


def test_a_probe_that_knows_the_largest_class_alone_doubts_nothing(experiment: Experiment) -> None:
    images = np.random.default_rng(0).integers(0, 256, (210, 16, 16, 3), np.uint8)
    labels = np.repeat(np.array([0, 1], np.int32), (200, 10))
    part = Part(images, np.arange(210), labels, [f"{n:03d}" for n in range(210)])
    noise = Splits(part, part, part, ("sound", "cracked"), "", ())
    found = doubts.find(experiment, noise, "float32", None)
    assert found.accuracy > 0.8
    assert found.found == ()
    assert "of a class on average, too few to doubt a label" in found.reason
