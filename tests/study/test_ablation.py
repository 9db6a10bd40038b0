"""Ablations and dose studies: their candidates, names and baseline, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from augexp.config.decide import Decide
from augexp.errors import UserError
from augexp.study import ablation, grid
from augexp.study import plan as study_plan


def studied(*axes: str, config: str = "digits.yaml") -> grid.Study:
    return ablation.study(config, grid.read_axes(axes))


def planned(*axes: str) -> dict[str, str]:
    """The ops of each candidate, as its plan trains it."""
    plan = study_plan.plan(grid.decided(studied(*axes), ["looks=[2,3]"]))
    assert plan.study.varied == ()
    assert set(plan.runs) == {(name, seed) for name in plan.study.strategies for seed in range(3)}
    return {name: "+".join(op.name for op in plan.runs[name, 0].strategy) for name in plan.study.strategies}


def test_every_op_alone_and_all_without_each() -> None:
    assert planned("strategy=[rotate, translate, cutmix]") == {
        "none": "",
        "all": "rotate+translate+cutmix",
        "only-rotate": "rotate",
        "only-translate": "translate",
        "only-cutmix": "cutmix",
        "no-rotate": "translate+cutmix",
        "no-translate": "rotate+cutmix",
        "no-cutmix": "rotate+translate",
    }
    assert studied("strategy=[rotate, cutmix]").decide == Decide(baseline="none")


def test_of_two_ops_alone_and_without_the_other_are_one() -> None:
    assert list(planned("strategy=rotate+cutmix")) == ["none", "all", "only-rotate", "only-cutmix"]


def test_ops_of_one_name_have_names_of_their_own() -> None:
    found = planned("strategy=[{name: rotate, degrees: 5}, {name: rotate, degrees: 20}, cutmix]")
    assert list(found)[2:] == ["only-rotate", "only-rotate-2", "only-cutmix", "no-rotate", "no-rotate-2", "no-cutmix"]
    assert list(planned("strategy=[rotate, rotate, cutmix]"))[2:] == [
        *("only-rotate", "only-cutmix", "no-rotate", "no-cutmix")
    ]


def test_parameters_and_settings_are_those_of_all_runs() -> None:
    study = studied("strategy=rotate+cutmix", "strategy.cutmix.prob=0.5", "train.epochs=3", "seed=4..6")
    runs = grid.experiments(study)
    assert {(one.seed, one.train.epochs) for one in runs} == {(seed, 3) for seed in (4, 5, 6)}
    probabilities = {op.model_dump()["prob"] for one in runs for op in one.strategy if op.name == "cutmix"}
    assert probabilities == {0.5}


def test_own_ops_have_doses_though_dots_stand_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "ops.py").write_text("def flip(image, rng, share: float = 0.5):\n    return image[:, ::-1]\n")
    given = ["strategy=[my.ops:flip, cutmix]", f"ops_dir={tmp_path}", "strategy.my.ops:flip.share=0.25,0.5"]
    found = planned(*given)
    assert found == {
        "no-my.ops:flip": "cutmix",
        "my.ops:flip-share0.25": "my.ops:flip+cutmix",
        "my.ops:flip-share0.5": "my.ops:flip+cutmix",
    }
    assert list(planned(*given[:2]))[2:] == ["only-my.ops:flip", "only-cutmix"]


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        ("cutmix", ["none", "cutmix-prob0.25", "cutmix-prob0.5", "cutmix-prob1"]),
        ("basic+cutmix", ["no-cutmix", "cutmix-prob0.25", "cutmix-prob0.5", "cutmix-prob1"]),
    ],
)
def test_doses_are_held_against_the_strategy_without_the_op(strategy: str, names: list[str]) -> None:
    axes = (f"strategy={strategy}", "strategy.cutmix.prob=0.25,0.5,1")
    assert list(planned(*axes)) == names
    study = studied(*axes)
    assert study.decide == Decide(baseline=names[0])
    doses = [[op.model_dump()["prob"] for op in one.strategy if op.name == "cutmix"] for one in grid.experiments(study)]
    assert doses == [[], [0.25], [0.5], [1.0]]


def test_a_dose_may_be_the_baseline_and_whole_or_a_list() -> None:
    study = grid.decided(
        studied("strategy=rand_augment", "strategy.rand_augment.magnitude=3,6,9"),
        ["baseline=rand_augment-magnitude9", "looks=[2,3]"],
    )
    assert study_plan.plan(study).study.decide.baseline == "rand_augment-magnitude9"
    assert list(planned("strategy=blur", "strategy.blur.sigma=[0.1,1],[0.1,2]")) == [
        *("none", "blur-sigma0.1+1", "blur-sigma0.1+2")
    ]


NEEDED = (
    "digits.yaml: strategy: a list of two or more ops is needed, to take each away, and there is {}; write one such as "
    "strategy=[flip_left_right, cutmix], or doses of one op such as strategy.cutmix.prob=0.25,0.5,1"
)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((), NEEDED.format("none")),
        (("strategy=cutmix",), NEEDED.format("cutmix")),
        (
            ("strategy=basic", "train.epochs=1,2"),
            "train.epochs: only seed and one parameter of one op, such as strategy.cutmix.prob=0.25,0.5,1, may have "
            "more values than one; `augexp sweep` varies anything",
        ),
        (
            ("strategy=basic", "name=x"),
            "name: the candidates have names of their own; leave name= out, and choose a runs_dir= instead",
        ),
        (("strategy=cutmix", "strategy.cutmix.prob=1,1"), "strategy.cutmix.prob: 1 is given twice; keep one"),
        (
            ("strategy=mixup", "strategy.cutmix.prob=0.5,1"),
            "setting 'strategy.cutmix.prob=0.5': strategy has no cutmix; it has mixup",
        ),
    ],
)
def test_what_is_none_is_refused(axes: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError) as caught:
        studied(*axes)
    assert str(caught.value) == message


def test_a_dose_out_of_range_is_refused() -> None:
    study = studied("strategy=cutmix", "strategy.cutmix.prob=0.5,1.5")
    with pytest.raises(
        UserError, match=r"strategy\.cutmix\.prob=1\.5': .* less than or equal to 1 is needed, not 1\.5"
    ):
        grid.experiments(study)


def test_two_parameters_are_a_grid() -> None:
    axes: dict[str, list[Any]] = {"strategy.cutmix.prob": [0.5, 1], "strategy.cutmix.alpha": [0.5, 1]}
    with pytest.raises(UserError, match=r"strategy\.cutmix\.prob, strategy\.cutmix\.alpha: only seed and one"):
        ablation.study("cutmix.yaml", axes)
