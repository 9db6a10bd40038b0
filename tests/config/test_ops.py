"""What a configuration may say of each op."""

import math
import re
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from augexp.config import load
from augexp.config.ops import (
    OPS,
    STRATEGY_NAMES,
    Blur,
    Brightness,
    CutMix,
    FlipLeftRight,
    MixUp,
    NamedStrategy,
    OneOf,
    OpSpec,
    Spec,
    default_op,
    named_strategy,
)
from augexp.config.settings import flatten
from augexp.errors import UserError
from tests import registry

# Every op in the order in which `augexp ops` lists them, with its defaults.
WARP = {"interpolation": "bilinear", "fill_mode": "constant", "fill_value": 0.0, "prob": 1.0}
CUTMIX = {"name": "cutmix", "alpha": 1.0, "prob": 1.0, "correct_lam": True, "per": "example"}
MIXUP = {"name": "mixup", "alpha": 0.2, "prob": 1.0, "per": "example"}
DEFAULTS: dict[str, dict[str, Any]] = {
    "flip_left_right": {"prob": 0.5},
    "flip_up_down": {"prob": 0.5},
    "rotate90": {"prob": 0.75},
    "d4": {"prob": 1.0},
    "random_crop": {"padding": 0.125, "fill_mode": "constant", "fill_value": 0.0, "prob": 1.0},
    "random_resized_crop": {
        "scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3), "interpolation": "bilinear", "prob": 1.0,
    },
    "central_crop": {"fraction": (0.5, 1.0), "interpolation": "bilinear", "prob": 1.0},
    "rotate": {"degrees": 15.0} | WARP,
    "translate": {"width_factor": 0.1, "height_factor": 0.1} | WARP,
    "shear": {"x_factor": 0.2, "y_factor": 0.2} | WARP,
    "zoom": {"factor": (0.8, 1.2)} | WARP,
    "perspective": {"distortion_scale": 0.5} | WARP | {"prob": 0.5},
    "elastic": {"alpha": 34.0, "sigma": 4.0} | WARP,
    "brightness": {"max_delta": 0.2, "prob": 1.0},
    "contrast": {"lower": 0.8, "upper": 1.2, "prob": 1.0},
    "saturation": {"lower": 0.8, "upper": 1.2, "prob": 1.0},
    "hue": {"max_delta": 0.05, "prob": 1.0},
    "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "prob": 0.8},
    "channel_shuffle": {"prob": 0.5},
    "gamma": {"lower": 0.8, "upper": 1.2, "prob": 1.0},
    "grayscale": {"prob": 0.1},
    "jpeg_quality": {"min_jpeg_quality": 50, "max_jpeg_quality": 100, "prob": 1.0},
    "blur": {"sigma": (0.1, 2.0), "prob": 0.5},
    "gaussian_noise": {"std": (0.0, 0.1), "prob": 1.0},
    "sharpness": {"lower": 0.1, "upper": 1.9, "prob": 1.0},
    "posterize": {"bits": (4, 8), "prob": 1.0},
    "solarize": {"threshold": (128, 256), "prob": 1.0},
    "equalize": {"prob": 0.5},
    "autocontrast": {"prob": 0.5},
    "invert": {"prob": 0.5},
    "rand_augment": {"num_ops": 2, "magnitude": 9, "fill_value": 0.0, "prob": 1.0},
    "trivial_augment": {"fill_value": 0.0, "prob": 1.0},
    "auto_augment": {"policy": "imagenet", "fill_value": 0.0, "prob": 1.0},
    "three_augment": {"color_jitter": 0.3, "threshold": 128.0, "sigma": (0.1, 2.0), "prob": 1.0},
    "aug_mix": {
        "severity": 3, "mixture_width": 3, "chain_depth": -1, "alpha": 1.0, "fill_value": 0.0, "prob": 1.0,
    },
    "cutmix": CUTMIX,
    "mixup": MIXUP,
    "ricap": {"alpha": 0.3, "prob": 1.0},
    "resizemix": {"scale": (0.1, 0.8), "prob": 1.0},
    "gridmix": {"cells": 4, "alpha": 1.0, "prob": 1.0},
    "fmix": {"alpha": 1.0, "decay": 3.0, "prob": 1.0},
    "saliencymix": {"alpha": 1.0, "prob": 1.0},
    "smoothmix": {"sigma": (0.25, 0.5), "prob": 1.0},
    "cutout": {"length": 0.5, "fill_value": 0.0, "prob": 1.0},
    "random_erasing": {"scale": (0.02, 0.4), "ratio": (0.3, 1 / 0.3), "value": "random", "prob": 0.5},
    "coarse_dropout": {"holes": (1, 8), "length": (0.05, 0.2), "fill_value": 0.0, "prob": 1.0},
    "grid_mask": {"unit": (96 / 224, 1.0), "ratio": 0.6, "fill_value": 0.0, "prob": 0.8},
    "one_of": {"ops": (CUTMIX, MIXUP), "weights": None, "per": "batch"},
}  # fmt: skip
# Settings of two numbers, with the least and the largest that each may be.
PAIRS = {
    ("random_resized_crop", "scale"): (0.001, 1),
    ("random_resized_crop", "ratio"): (0.01, 100),
    ("central_crop", "fraction"): (0.01, 1),
    ("blur", "sigma"): (0, 20),
    ("posterize", "bits"): (1, 8),
    ("solarize", "threshold"): (0, 256),
    ("random_erasing", "scale"): (0, 1),
    ("random_erasing", "ratio"): (0.01, 100),
    ("zoom", "factor"): (0.1, 10),
    ("gaussian_noise", "std"): (0, 1),
    ("coarse_dropout", "holes"): (1, 31),
    ("coarse_dropout", "length"): (0, 1),
    ("grid_mask", "unit"): (0.01, 1),
    ("resizemix", "scale"): (0.01, 1),
    ("smoothmix", "sigma"): (0.01, 10),
    ("three_augment", "sigma"): (0, 20),
}
WHOLE = ("bits", "holes")
# Settings of one number.
NUMBERS = {
    ("random_crop", "padding"): (0, 1), ("random_crop", "fill_value"): (0, 255),
    ("rotate", "degrees"): (0, 180), ("rotate", "fill_value"): (0, 255),
    ("translate", "width_factor"): (0, 1), ("translate", "height_factor"): (0, 1),
    ("shear", "x_factor"): (0, 1), ("shear", "y_factor"): (0, 1),
    ("brightness", "max_delta"): (0, 1), ("hue", "max_delta"): (0, 0.5),
    ("cutout", "fill_value"): (0, 255), ("random_erasing", "value"): (0, 255),
    ("aug_mix", "fill_value"): (0, 255),
    ("rand_augment", "magnitude"): (0, 30), ("rand_augment", "num_ops"): (1, 20),
    ("aug_mix", "severity"): (1, 10), ("aug_mix", "mixture_width"): (1, 10),
    ("jpeg_quality", "max_jpeg_quality"): (50, 100), ("jpeg_quality", "min_jpeg_quality"): (1, 100),
    ("contrast", "upper"): (0.8, 100), ("saturation", "lower"): (0, 1.2), ("sharpness", "upper"): (0.1, 100),
    ("perspective", "distortion_scale"): (0, 1), ("elastic", "alpha"): (0, 1000), ("elastic", "sigma"): (0, 20),
    ("color_jitter", "brightness"): (0, 1), ("color_jitter", "hue"): (0, 0.5), ("grid_mask", "ratio"): (0, 1),
    ("gamma", "upper"): (0.8, 100), ("coarse_dropout", "fill_value"): (0, 255),
    ("gridmix", "cells"): (1, 31), ("fmix", "decay"): (2, 10),
    ("three_augment", "threshold"): (0, 256), ("three_augment", "color_jitter"): (0, 1),
    ("auto_augment", "fill_value"): (0, 255),
}  # fmt: skip
parse: TypeAdapter[Spec] = TypeAdapter(OpSpec)


def problem(**raw: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        parse.validate_python(raw)
    return "; ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in caught.value.errors())


def test_the_lists_of_names_are_complete() -> None:
    assert tuple(DEFAULTS) == tuple(OPS)
    assert {spec().name: spec for spec in OPS.values()} == OPS
    assert get_args(NamedStrategy) == STRATEGY_NAMES


@pytest.mark.parametrize("name", OPS)
def test_a_name_alone_gives_the_documented_defaults_of_that_op(name: str) -> None:
    spec = parse.validate_python({"name": name})
    assert isinstance(spec, OPS[name])
    assert spec == OPS[name]()
    assert spec.model_dump() == {"name": name} | DEFAULTS[name]


@pytest.mark.parametrize("spec", OPS.values())
def test_every_op_has_one_line_that_says_what_it_does(spec: type[Spec]) -> None:
    first = (spec.__doc__ or "").splitlines()[0]
    assert re.fullmatch(r"[A-Z`].{10,110}\.", first)
    assert spec.paper == "" or re.search(r"\d{4}", spec.paper)


def test_named_strategies_are_ops_with_their_defaults() -> None:
    assert {name: named_strategy(name) for name in STRATEGY_NAMES} == {
        "none": (),
        "basic": (FlipLeftRight(), Brightness()),
        "cutmix": (CutMix(),),
        "mixup": (MixUp(),),
    }


# --- numbers -------------------------------------------------------------------------------------------------------


@given(st.floats(0, 1))
@settings(deadline=None)
def test_every_probability_is_kept_as_given(prob: float) -> None:
    for name in OPS:
        if name != "one_of":
            assert parse.validate_python({"name": name, "prob": prob}).model_dump()["prob"] == prob


@given(st.floats(max_value=0, exclude_max=True) | st.floats(1, exclude_min=True) | st.just(math.nan))
@settings(max_examples=20, deadline=None)
def test_any_other_probability_is_refused(prob: float) -> None:
    for name in OPS:
        assert problem(name=name, prob=prob).startswith("prob: ")


@given(st.floats(0, exclude_min=True, allow_infinity=False))
@settings(deadline=None)
def test_every_positive_alpha_is_kept_as_given(alpha: float) -> None:
    for name in ("cutmix", "mixup", "aug_mix", "ricap", "gridmix", "fmix", "saliencymix"):
        assert parse.validate_python({"name": name, "alpha": alpha}).model_dump()["alpha"] == alpha


@given(st.floats(max_value=0) | st.just(float("nan")) | st.just(float("inf")))
@settings(deadline=None)
def test_any_other_alpha_is_refused(alpha: float) -> None:
    for name in ("cutmix", "mixup", "aug_mix", "ricap", "gridmix", "fmix", "saliencymix"):
        assert problem(name=name, alpha=alpha).startswith("alpha: Input should be ")


@pytest.mark.parametrize(("op", "key", "low", "high"), [(*place, *ends) for place, ends in NUMBERS.items()])
def test_a_number_may_be_each_end_of_its_range_and_nothing_beyond(op: str, key: str, low: float, high: float) -> None:
    for value in (low, high):
        assert parse.validate_python({"name": op, key: value}).model_dump()[key] == value
    step = 1 if isinstance(DEFAULTS[op][key], int) else 1e-6
    for wrong in (low - step, high + step, math.nan, math.inf, -math.inf, True, None, "much", [low]):
        assert key in problem(name=op, **{key: wrong})


@pytest.mark.parametrize(("op", "key", "low", "high"), [(*place, *ends) for place, ends in PAIRS.items()])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_pair_within_its_bounds_is_kept_and_one_the_other_way_round_refused(
    op: str, key: str, low: float, high: float, data: st.DataObject
) -> None:
    number = st.integers(int(low), int(high)) if key in WHOLE else st.floats(low, high)
    pair = sorted(data.draw(st.tuples(number, number)))
    for given_ in (pair, tuple(pair), [str(value) for value in pair]):
        assert parse.validate_python({"name": op, key: given_}).model_dump()[key] == tuple(pair)
    if pair[0] < pair[1]:
        assert problem(name=op, **{key: pair[::-1]}).startswith(f"{key}: two ")


@pytest.mark.parametrize(("op", "key", "low", "high"), [(*place, *ends) for place, ends in PAIRS.items()])
def test_a_pair_may_be_the_whole_range_and_nothing_beyond(op: str, key: str, low: float, high: float) -> None:
    assert parse.validate_python({"name": op, key: [low, high]}).model_dump()[key] == (low, high)
    whole = "whole " if key in WHOLE else ""
    message = f"{key}: two {whole}numbers from {low:g} to {high:g}, the lower first, are needed"
    wrong: list[Any] = [
        [low - 1e-6, high], [low, high + 1e-6], [low], [low, high, high], [], low, None, "12", [low, math.nan],
        [math.nan, high], [low, math.inf], [low, True], [low, "much"], [low, None], [[low], [high]], {"a": low},
    ]  # fmt: skip
    for value in wrong:
        assert problem(name=op, **{key: value}) == message


@given(lower=st.floats(0, 100), upper=st.floats(0, 100))
@settings(max_examples=30, deadline=None)
def test_lower_is_at_most_upper(lower: float, upper: float) -> None:
    for name in ("contrast", "saturation", "sharpness", "gamma"):
        if lower <= upper:
            dumped = parse.validate_python({"name": name, "lower": lower, "upper": upper}).model_dump()
            assert (dumped["lower"], dumped["upper"]) == (lower, upper)
        else:
            message = f"upper: upper of at least lower ({lower}) is needed"
            assert problem(name=name, lower=lower, upper=upper) == message


@pytest.mark.parametrize("depth", [-1, 1, 10])
def test_a_chain_depth_is_drawn_or_1_to_10(depth: int) -> None:
    assert parse.validate_python({"name": "aug_mix", "chain_depth": depth}).model_dump()["chain_depth"] == depth
    for wrong in (-2, 0, 11):
        assert problem(name="aug_mix", chain_depth=wrong).startswith("chain_depth: -1 (1 to 3")


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
        ({"name": "posterize", "bits": [1.5, 3]}, "bits: two whole numbers from 1 to 8, the lower first, are needed"),
        ({"name": "cutout", "length": 0}, "length: Input should be greater than 0"),
        ({"name": "cutout", "length": 1.1}, "length: Input should be less than or equal to 1"),
        ({"name": "rand_augment", "magnitude": 9.5}, "magnitude: Input should be a valid integer"),
        ({"name": "random_erasing", "value": True}, "value: random, or a grey level from 0 to 255, is needed"),
        ({"name": "random_erasing", "value": "noise"}, "value: random, or a grey level from 0 to 255, is needed"),
    ],
)
def test_a_setting_out_of_range_is_refused(raw: dict[str, Any], message: str) -> None:
    assert problem(**raw) == message


# --- one_of --------------------------------------------------------------------------------------------------------


def test_the_ops_of_one_of_are_names_or_settings_and_may_be_choices_themselves() -> None:
    inner = {"name": "one_of", "ops": ["mixup", {"name": "blur", "sigma": [0, 1]}], "weights": [1, 3]}
    spec = parse.validate_python({"name": "one_of", "ops": ["cutmix", inner], "per": "example"})
    assert spec == OneOf(
        ops=(CutMix(), OneOf(ops=(MixUp(), Blur(sigma=(0, 1))), weights=(1, 3))),
        per="example",
    )
    assert parse.validate_python(spec.model_dump()) == spec


@pytest.mark.parametrize("ops", [[], "cutmix", None, 5, {"name": "cutmix"}])
def test_one_of_needs_a_list_of_ops(ops: Any) -> None:
    assert problem(name="one_of", ops=ops) == "ops: a list of ops is needed"


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [0, 0], [], [1e308, 1e308]])
def test_one_of_needs_a_weight_for_each_op_and_not_all_0(weights: list[float]) -> None:
    message = "weights: null, or a weight for each of the 2 ops, not all 0, is needed"
    assert problem(name="one_of", weights=weights) == message


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf, True, "much"])
def test_a_weight_is_a_number_not_below_0(weight: Any) -> None:
    assert problem(name="one_of", weights=[1, weight]).startswith("1: ")


def test_the_alternatives_of_a_choice_are_all_that_may_be_applied() -> None:
    assert CutMix().alternatives() == (CutMix(),)
    choice = OneOf(ops=(Blur(), OneOf(ops=(MixUp(), Brightness()))))
    assert choice.alternatives() == (Blur(), MixUp(), Brightness())


# --- the registry --------------------------------------------------------------------------------------------------


def test_an_op_is_registered_by_its_definition_and_a_class_without_a_name_is_none() -> None:
    with registry.restored():

        class Shared(Spec):
            prob: float = 1.0

        assert list(OPS) == list(DEFAULTS)

        class Haze(Shared):
            name: Literal["haze"] = "haze"

        assert list(OPS) == [*DEFAULTS, "haze"]
        assert parse.validate_python({"name": "haze"}) == Haze()
        assert OneOf.model_validate({"ops": ["haze", "cutmix"]}).ops == (Haze(), CutMix())
    with pytest.raises(ValidationError, match="'haze' found using 'name'"):
        parse.validate_python({"name": "haze"})


def test_a_name_is_one_ops_alone() -> None:
    with registry.restored(), pytest.raises(TypeError, match="Second: there is an op 'cutmix' already, CutMix"):

        class Second(Spec):
            name: Literal["cutmix"] = "cutmix"

    with registry.restored(), pytest.raises(TypeError, match="Derived: there is an op 'cutmix' already, CutMix"):

        class Derived(CutMix):
            alpha: float = 0.5

    assert OPS["cutmix"] is CutMix


def test_a_name_that_configurations_could_not_tell_from_another_is_refused() -> None:
    with registry.restored(), pytest.raises(TypeError, match="a name such as `name: Literal"):

        class Vague(Spec):
            name: str = "vague"

    with registry.restored(), pytest.raises(TypeError, match="a name such as `name: Literal"):

        class Either(Spec):
            name: Literal["this", "that"] = "this"

    assert list(OPS) == list(DEFAULTS)


# --- values --------------------------------------------------------------------------------------------------------


def test_specs_are_values() -> None:
    assert len({CutMix(), CutMix(alpha=1.0), CutMix(alpha=2.0)}) == 2
    assert len({spec() for spec in OPS.values()} | {spec() for spec in OPS.values()}) == len(OPS)
    with pytest.raises(ValidationError, match="frozen"):
        CutMix().alpha = 2.0


# --- only ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("[dingo, beagle]", ("dingo", "beagle")),
        ("dingo", ("dingo",)),
        ("[7, '007', 1.5, true]", ("7", "007", "1.5", "true")),
        ("[a, a]", ("a",)),
        ("['null', 'ß x', '']", ("null", "ß x", "")),
        ("null", None),
    ],
)
def test_classes_are_read_as_names(told: str, read: tuple[str, ...] | None) -> None:
    (op,) = load.strategy(f"[{{name: cutmix, only: {told}}}]")
    assert op.only == read


@pytest.mark.parametrize("told", ["[]", "{a: b}", "[[a]]", "[null]"])
def test_what_is_no_list_of_classes_is_refused(told: str) -> None:
    with pytest.raises(UserError, match="a list of classes such as"):
        load.strategy(f"[{{name: cutmix, only: {told}}}]")


def test_a_configuration_without_a_list_is_stored_as_it_always_was() -> None:
    for name in OPS:
        assert "only" not in default_op(name).model_dump(mode="json")
    (op,) = load.strategy("[{name: cutmix, only: [b, a]}]")
    assert list(op.model_dump(mode="json"))[-1] == "only"
    stored = load.experiment(None, ["strategy=[{name: cutmix, only: [7]}]"])
    assert flatten(stored.model_dump(mode="json"))["strategy.cutmix.only"] == ["7"]


def test_a_parameter_that_came_later_is_written_where_it_is_set() -> None:
    """So that runs of earlier versions are of the settings that leave it out."""
    for name in ("cutmix", "ricap"):
        (plain,) = load.strategy(f"[{{name: {name}, partner: permutation, labels: soft, per: example}}]")
        assert plain.model_dump() == {"name": name} | DEFAULTS[name]
    (op,) = load.strategy("[{name: ricap, labels: binary, per: batch, partner: other_class}]")
    told = op.model_dump(mode="json")
    assert told == {
        "name": "ricap",
        "alpha": 0.3,
        "prob": 1.0,
        "partner": "other_class",
        "labels": "binary",
        "per": "batch",
    }
    assert parse.validate_python(told) == op
    stored = load.experiment(None, ["strategy=mixup", "strategy.mixup.labels=binary", "train.loss=binary"])
    assert flatten(stored.model_dump(mode="json"))["strategy.mixup.labels"] == "binary"


@pytest.mark.parametrize(
    "text", ["[{name: ricap, labels: hard}]", "[{name: fmix, partner: any}]", "[{name: fmix, per: 1}]"]
)
def test_other_words_for_them_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"soft or binary|permutation or other_class|example or batch"):
        load.strategy(text)


def test_a_key_of_an_op_sets_its_list() -> None:
    found = load.experiment(None, ["strategy=cutmix", "strategy.cutmix.only=[dingo]"])
    assert found.strategy[0].only == ("dingo",)
