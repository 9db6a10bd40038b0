"""Binary targets need a loss of their own; soft ones go with either."""

import pytest

from augexp.config import load, targets
from augexp.errors import UserError


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        ("[{name: mixup, labels: binary}]", "mixup"),
        ("[{name: one_of, ops: [{name: fmix, labels: binary}, {name: ricap, labels: binary}]}]", "fmix and ricap"),
    ],
)
def test_binary_targets_are_refused_with_a_softmax(strategy: str, names: str) -> None:
    with pytest.raises(UserError) as caught:
        targets.refuse_unfit(load.experiment(None, [f"strategy={strategy}"]))
    assert str(caught.value) == (
        f"train.loss cross_entropy: {names} with labels: binary makes a target of 1 for each class in an image, and "
        "such rows don't sum to 1; set train.loss=binary, or labels: soft in the strategy"
    )
    targets.refuse_unfit(load.experiment(None, [f"strategy={strategy}", "train.loss=binary"]))


@pytest.mark.parametrize("strategy", ["none", "mixup", "[{name: mixup, labels: binary, prob: 0}]"])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary"])
def test_any_other_strategy_goes_with_either_loss(strategy: str, loss: str) -> None:
    targets.refuse_unfit(load.experiment(None, [f"strategy={strategy}", f"train.loss={loss}"]))


@pytest.mark.parametrize("strategy", ["cutmix", "{name: one_of, ops: [rotate, cutmix]}"])
def test_soft_and_binary_targets_in_one_strategy_are_refused(strategy: str) -> None:
    with pytest.raises(UserError, match="strategy: cutmix has soft labels and mixup binary ones; the same labels: are"):
        load.experiment(None, [f"strategy=[{strategy}, {{name: mixup, labels: binary}}]", "train.loss=binary"])


def test_balanced_softmax_is_refused_without_a_softmax() -> None:
    with pytest.raises(UserError, match=r"train.balance: none or sampler is needed beside train.loss: binary"):
        load.experiment(None, ["train.loss=binary", "train.balance=loss"])
    assert load.experiment(None, ["train.loss=binary", "train.balance=sampler"]).train.loss == "binary"
