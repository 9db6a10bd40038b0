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
