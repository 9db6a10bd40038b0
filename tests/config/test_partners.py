"""Whom examples are mixed with: nobody in a batch of one, often themselves in a tiny one."""

import numpy as np
import pytest
import tensorflow as tf

from augexp.augment.mixing import draw_partner
from augexp.config import load, partners
from augexp.errors import UserError


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        ("cutmix", "cutmix"),
        ("basic+mixup", "mixup"),
        ("cutmix+mixup", "cutmix and mixup"),
        ("[{name: one_of, ops: [rotate, mixup]}]", "mixup"),
        ("[{name: one_of, ops: [rotate, {name: one_of, ops: [cutmix, mixup]}]}]", "cutmix and mixup"),
    ],
)
def test_mixing_alone_is_refused(strategy: str, names: str) -> None:
    with pytest.raises(UserError) as caught:
        partners.refuse_alone(load.experiment(None, [f"strategy={strategy}", "train.batch_size=1"]))
    assert str(caught.value) == (
        f"train.batch_size 1: {names} would mix each image with itself, for partners come from the batch; set "
        f"train.batch_size=8 or more, or take {names} out of the strategy"
    )


@pytest.mark.parametrize("strategy", ["none", "basic", "cutout", "[{name: cutmix, prob: 0}]"])
def test_a_batch_of_one_is_fine_where_nothing_is_mixed(strategy: str) -> None:
    alone = load.experiment(None, [f"strategy={strategy}", "train.batch_size=1"])
    partners.refuse_alone(alone)
    assert partners.few(alone) == []


@pytest.mark.parametrize("size", [2, 3, 7])
def test_few_partners_are_said_with_the_share_that_is_drawn(size: int) -> None:
    (said,) = partners.few(load.experiment(None, ["strategy=mixup", f"train.batch_size={size}"]))
    draws = [draw_partner(tf.constant([seed, 1]), tf.constant(size)).numpy() == np.arange(size) for seed in range(2000)]
    assert np.mean(draws) == pytest.approx(1 / size, abs=0.03)
    assert said == (
        f"batches of {size}: partners for mixup come from the batch, so {1 / size:.0%} of the images are mixed with "
        "themselves, which changes nothing; train.batch_size=8 or more makes it 12.5% or less"
    )


def test_enough_partners_are_no_news() -> None:
    assert partners.few(load.experiment(None, ["strategy=mixup", "train.batch_size=8"])) == []


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("balance", ["none", "sampler"])
def test_batches_of_one_class_are_said_where_partners_are_to_be_of_another(size: int, balance: str) -> None:
    told = [f"train.batch_size={size}", f"train.balance={balance}", "strategy=[{name: mixup, partner: other_class}]"]
    (said,) = partners.alike(load.experiment(None, told), [12, 6, 2])
    random, labels = np.random.default_rng(0), np.repeat([0, 1, 2], [12, 6, 2] if balance == "none" else [6, 6, 6])
    share = np.mean([len(set(random.permutation(labels)[:size])) == 1 for _ in range(4000)])
    assert float(said.split("%")[0].split()[-1]) / 100 == pytest.approx(share, abs=0.03)
    assert "in these mixup can't find partners of another class" in said


def test_partners_of_another_class_are_nobody_themselves() -> None:
    settings = load.experiment(None, ["strategy=[{name: mixup, partner: other_class}]", "train.batch_size=4"])
    assert partners.few(settings) == []
    assert partners.alike(settings, [500] * 10) == [] or "of one class" in partners.alike(settings, [500] * 10)[0]
    large = load.experiment(None, ["strategy=[{name: mixup, partner: other_class}]"])
    assert partners.alike(large, [500, 500]) == []
    assert partners.alike(load.experiment(None, ["strategy=mixup", "train.batch_size=2"]), [5, 5]) == []


def test_smoothing_beside_mixing_is_said() -> None:
    (said,) = partners.smoothed(load.experiment(None, ["strategy=cutmix", "train.label_smoothing=0.1"]))
    assert said.startswith("train.label_smoothing 0.1 beside cutmix: labels are smoothed first and then mixed")
    for quiet in (["strategy=cutmix"], ["strategy=basic", "train.label_smoothing=0.1"]):
        assert partners.smoothed(load.experiment(None, quiet)) == []
