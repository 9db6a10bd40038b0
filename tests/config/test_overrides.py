"""What is typed after `=` means what the schema says, and what it would mean in a file."""

from pathlib import Path
from types import NoneType
from typing import Any

import pytest

from augexp.config import load, overrides
from augexp.config.decide import Decide
from augexp.config.schema import Experiment
from augexp.errors import UserError

AS_TYPED = (
    "my set #2",
    "no",
    "0",
    "null",
    "010",
    "1:30",
    "1e-3",
    "a: b",
    "2001-01-01",
    "*a",
    "{a",
    "it's",
    "true",
    "a=b",
)


def resolved(*texts: str, settings: dict[str, Any] | None = None) -> Experiment:
    return load.experiment("digits.yaml", texts, settings)


def complaint(*texts: str, settings: dict[str, Any] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        resolved(*texts, settings=settings)
    return str(caught.value)


@pytest.mark.parametrize("text", AS_TYPED)
def test_text_is_taken_as_it_is(text: str) -> None:
    found = resolved(f"data.source=folder:{text}", f"name={text}", f"runs_dir={text}")
    assert (found.data.source, found.name, found.runs_dir) == (f"folder:{text}", text, text)


@pytest.mark.parametrize(("text", "stands_for"), [('"no"', "no"), ("'a #b'", "a #b"), ('"a', '"a'), ("'a' b", "'a' b")])
def test_of_text_in_quotes_of_its_own_stands_what_is_between_them(text: str, stands_for: str) -> None:
    assert resolved(f"name={text}").name == stands_for


@pytest.mark.parametrize(
    ("text", "stands_for"), [("null", None), ("~", None), ("", None), ("no", "no"), ('"null"', "null")]
)
def test_where_nothing_may_stand_null_is_nothing(text: str, stands_for: str | None) -> None:
    assert resolved(f"data.data_dir={text or 'null'}").data.data_dir == stands_for


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("seed=010", "seed", 10),
        ("seed=0x10", "seed", 16),
        ("train.learning_rate=1e-3", "train.learning_rate", 0.001),
        ("train.deterministic=true", "train.deterministic", True),
        ("data.validation=test", "data.validation", "test"),
        ("data.validation=1e-1", "data.validation", 0.1),
        ("data.split_seed=seed", "data.split_seed", "seed"),
        ("train.ema=null", "train.ema", None),
    ],
)
def test_numbers_flags_and_words_are_those_of_yaml_1_2(text: str, key: str, value: object) -> None:
    found = resolved(text).model_dump()
    for part in key.split("."):
        found = found[part]
    assert (found, type(found)) == (value, type(value))


def test_a_section_is_merged_with_what_stands_there() -> None:
    before, after = resolved(), resolved("train={epochs: 2}")
    assert after.train == before.train.model_copy(update={"epochs": 2})
    assert resolved(settings={"train": {"epochs": 2}}) == after
    assert resolved("train={}") == before


def test_a_mapping_that_is_a_value_replaces() -> None:
    backbone = ("model.backbone=MobileNetV2", "model.backbone_args={a: 1}")
    assert resolved(*backbone, "model.backbone_args={b: 2}").model.backbone_args == {"b": 2}
    assert resolved(*backbone, "model={backbone_args: {b: 2}}").model.backbone_args == {"b": 2}
    assert resolved(*backbone, "model.backbone_args.b=no").model.backbone_args == {"a": 1, "b": "no"}


def test_a_section_over_a_value_that_is_none_replaces_it(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("train: 5\n")
    assert load.experiment(tmp_path / "c.yaml", ["train={epochs: 3}"]).train.epochs == 3


def test_mistakes_in_a_section_stand_at_their_keys() -> None:
    assert (
        complaint("train={epohcs: 2}")
        == "override 'train={epohcs: 2}': train.epohcs: unknown key; did you mean epochs?"
    )


def test_settings_that_are_no_text_are_typed_already() -> None:
    assert (
        complaint(settings={"name": False}) == "setting 'name=false': name: text is needed, not false; put it in quotes"
    )
    assert resolved(settings={"name": "no", "data.source": "null"}).data.source == "null"


def test_what_is_too_deep_is_refused_in_a_line() -> None:
    message = complaint(".".join("a" * 5000) + "=1")
    assert message.endswith(": 5,000 keys within each other; at most 50 are")
    assert len(message) < 250


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("name", {str}),
        ("seed", {int}),
        ("model.weights", {str, NoneType}),
        ("data.validation", {float, str, NoneType}),
        ("model.backbone_args", {dict}),
        ("model.backbone_args.alpha", set()),
        ("strategy", {tuple}),
        ("strategy.rotate[2].degrees", {float}),
        ("strategy.one_of.ops.mixup.per", {str}),
        ("strategy.nothing.x", set()),
        ("nothing.x", set()),
    ],
)
def test_the_kinds_of_a_setting(key: str, kinds: set[type]) -> None:
    assert overrides.kinds_of(key) == kinds


def test_the_settings_of_a_decision_are_typed_too() -> None:
    found = {key: overrides.value_of(key, text, Decide) for key, text in (("baseline", "no"), ("looks", "[3, 5]"))}
    assert found == {"baseline": "no", "looks": [3, 5]}
    assert overrides.value_of("score", "null", Decide) is None


def test_a_name_that_is_not_utf8_says_what_to_do() -> None:
    assert "rename it" in complaint("data.source=folder:\udcff")


def test_an_empty_section_is_one_where_there_may_be_none() -> None:
    assert resolved("train={}").train == resolved().train
    assert "train.early_stopping.patience" in complaint("train.early_stopping={}")
    assert resolved("train.early_stopping={patience: 2}").train.early_stopping is not None


@pytest.mark.parametrize("backbone", ["{" + ", ".join(f"k{i}: 1" for i in range(3000)) + "}", "a:" + "b" * 5000])
def test_a_backbone_that_is_none_is_not_repeated_in_full(backbone: str) -> None:
    assert len(complaint(f"model.backbone={backbone}")) < 400
