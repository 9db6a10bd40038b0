from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from augexp.augment.specs import (
    OP_NAMES,
    STRATEGY_NAMES,
    Brightness,
    CutMix,
    FlipLeftRight,
    MixUp,
    NamedStrategy,
    OpSpec,
    named_strategy,
)

SPECS = (FlipLeftRight, Brightness, CutMix, MixUp)
parse: TypeAdapter[OpSpec] = TypeAdapter(OpSpec)


def problem(**raw: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        parse.validate_python(raw)
    return "; ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in caught.value.errors())


def test_the_lists_of_names_are_complete() -> None:
    assert tuple(spec().name for spec in SPECS) == OP_NAMES
    assert set(get_args(get_args(OpSpec)[0])) == set(SPECS)
    assert get_args(NamedStrategy) == STRATEGY_NAMES


def test_the_defaults_are_the_documented_ones() -> None:
    assert FlipLeftRight().model_dump() == {"name": "flip_left_right", "prob": 0.5}
    assert Brightness().model_dump() == {"name": "brightness", "max_delta": 0.2}
    assert CutMix().model_dump() == {
        "name": "cutmix", "alpha": 1.0, "prob": 1.0, "correct_lam": True, "per": "example",
    }  # fmt: skip
    assert MixUp().model_dump() == {"name": "mixup", "alpha": 0.2, "prob": 1.0, "per": "example"}


def test_named_strategies_are_ops_with_their_defaults() -> None:
    assert {name: named_strategy(name) for name in STRATEGY_NAMES} == {
        "none": (),
        "basic": (FlipLeftRight(), Brightness()),
        "cutmix": (CutMix(),),
        "mixup": (MixUp(),),
    }


@pytest.mark.parametrize("name", OP_NAMES)
def test_a_name_alone_gives_the_defaults_of_that_op(name: str) -> None:
    spec = parse.validate_python({"name": name})
    assert spec.name == name
    assert spec == type(spec)()


@given(st.floats(0, 1))
@settings(deadline=None)
def test_every_probability_is_kept_as_given(prob: float) -> None:
    for name in ("flip_left_right", "cutmix", "mixup"):
        assert parse.validate_python({"name": name, "prob": prob}).model_dump()["prob"] == prob


@given(st.floats(0, exclude_min=True, allow_infinity=False))
@settings(deadline=None)
def test_every_positive_alpha_is_kept_as_given(alpha: float) -> None:
    for name in ("cutmix", "mixup"):
        assert parse.validate_python({"name": name, "alpha": alpha}).model_dump()["alpha"] == alpha


@given(st.floats(max_value=0) | st.just(float("nan")) | st.just(float("inf")))
@settings(deadline=None)
def test_any_other_alpha_is_refused(alpha: float) -> None:
    for name in ("cutmix", "mixup"):
        assert problem(name=name, alpha=alpha).startswith("alpha: Input should be ")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"name": "cutmix", "alpha": 0}, "alpha: Input should be greater than 0"),
        ({"name": "cutmix", "alpha": float("nan")}, "alpha: Input should be a finite number"),
        ({"name": "mixup", "alpha": True}, "alpha: a number is needed, not true or false"),
        ({"name": "mixup", "prob": False}, "prob: a number is needed, not true or false"),
        ({"name": "cutmix", "prob": -0.1}, "prob: Input should be greater than or equal to 0"),
        ({"name": "cutmix", "prob": 1.1}, "prob: Input should be less than or equal to 1"),
        ({"name": "cutmix", "correct_lam": "yes"}, "correct_lam: Input should be a valid boolean"),
        ({"name": "brightness", "max_delta": 2}, "max_delta: Input should be less than or equal to 1"),
        ({"name": "mixup", "per": "image"}, "per: Input should be 'example' or 'batch'"),
        ({"name": "mixup", "correct_lam": True}, "correct_lam: Extra inputs are not permitted"),
    ],
)
def test_a_setting_out_of_range_is_refused(raw: dict[str, Any], message: str) -> None:
    assert problem(**raw) == message


def test_specs_are_values() -> None:
    assert len({CutMix(), CutMix(alpha=1.0), CutMix(alpha=2.0)}) == 2
    with pytest.raises(ValidationError, match="frozen"):
        CutMix().alpha = 2.0
