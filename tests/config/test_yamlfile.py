"""YAML in and out: numbers stay numbers, text stays text, whichever way a value comes."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from augexp.config import load, yamlfile
from augexp.config.schema import Experiment

LOOKS_LIKE_ANOTHER = (
    "1e-5",
    "1E5",
    ".5",
    "5.",
    "0o17",
    "012",
    "0x1f",
    "null",
    "~",
    "yes",
    "no",
    "1:30",
    "12_3",
    "08",
    "+010",
    "0b1",
    "0X1F",
    "1e400",
    ".inf",
    "-.INF",
    ".NaN",
    "2001-01-01",
    "2001-01-01T00:00:00Z",
    "TRUE",
    "off",
    "y",
    "<<",
    "=",
    "a #b",
    "a: b",
    "[a",
    "'a'",
    "!!int 3",
    "&a",
    "*a",
    "",
    "-",
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    | st.sampled_from(LOOKS_LIKE_ANOTHER)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("+1e3", 1e3),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.00001", 1e-5),
        ("0o17", 15),
        ("7", 7),
        ("010", 10),
        ("-08", -8),
        ("0x1F", 31),
        ("9.", 9.0),
        ("-.inf", -math.inf),
        ("!!float 3", 3.0),
    ],
)
def test_numbers_of_yaml_1_2_are_numbers(text: str, number: float) -> None:
    assert (yamlfile.parse(text), type(yamlfile.parse(text))) == (number, type(number))


@pytest.mark.parametrize(
    "text", ["'1e-5'", '"0o17"', "1e", "e5", "1e-5x", "v1.5", "0b1", "1_000", "1:30", "-0x1F", "="]
)
def test_what_is_quoted_or_no_number_is_text(text: str) -> None:
    assert yamlfile.parse(text) == text.strip("'\"")


@pytest.mark.parametrize("text", ["no", "Yes", "on", "OFF", "y", "2001-01-01", "2001-99-99", "nUll", "tRue", "!!str 3"])
def test_what_yaml_1_1_reads_more_into_is_text(text: str) -> None:
    assert yamlfile.parse(text) == text.removeprefix("!!str ")


@given(SCALARS)
@example("'")
@example(" a")
def test_a_scalar_that_is_typed_means_what_it_means_in_a_file(value: Any) -> None:
    shown = yamlfile.dump({"a": value}).removeprefix("a: ").removesuffix("\n")
    assume(not shown.startswith(("|", ">")) and "\n" not in shown)
    assert yamlfile.typed(shown) == yamlfile.parse(shown) == value


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20))
def test_text_that_is_typed_stands_as_it_is(text: str) -> None:
    assert yamlfile.typed_text(text) == text or text.strip()[0] in "'\""


def test_typed_values() -> None:
    found = [yamlfile.typed(text) for text in ("a #b", "a: b", "!!int 3", "*a", "- a", "[a, no, 010]", "{a: 1e-3}", "")]
    assert found == ["a #b", "a: b", "!!int 3", "*a", "- a", ["a", "no", 10], {"a": 0.001}, None]


def test_keys_of_a_merge_are_those_of_the_other_mapping() -> None:
    assert yamlfile.parse("a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}")["d"] == {"b": 1, "c": 3}


def test_an_alias_is_written_out() -> None:
    shared = [1]
    assert yamlfile.dump({"a": shared, "b": shared}) == "a:\n- 1\nb:\n- 1\n"


def test_a_run_of_an_earlier_version_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"name": "08", "runs_dir": "1e5"}))
    assert yamlfile.read(tmp_path / "config.yaml", of_run=True)[0] == {"name": "08", "runs_dir": "1e5"}
    assert yamlfile.read(tmp_path / "config.yaml")[0] == {"name": 8, "runs_dir": 1e5}


@given(VALUES)
@example({"a": "1e-5", "b": 1e-05, "c": "0o17"})
@example("\x85")
@example("a\u2028b")
def test_what_is_dumped_means_the_same_to_both_readers(value: Any) -> None:
    text = yamlfile.dump({"value": value})
    assert yamlfile.parse(text) == yamlfile.parse_1_1(text) == {"value": value}


@pytest.mark.slow
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), VALUES, max_size=4))
def test_a_resolved_configuration_gives_every_value_back(arguments: dict[str, Any]) -> None:
    experiment = Experiment.model_validate({"model": {"backbone": "MobileNetV2", "backbone_args": arguments}})
    again = Experiment.model_validate(yamlfile.parse(experiment.to_yaml()))
    assert json.dumps(again.model.backbone_args) == json.dumps(experiment.model.backbone_args)


def test_an_earlier_version_s_text_in_a_run_folder_stays_the_text_it_was_trained_with() -> None:
    written = yaml.safe_dump({"epsilon": "1e-5"})  # without quotes, by YAML 1.1
    assert yamlfile.parse_1_1(written) == {"epsilon": "1e-5"}


def test_overrides_and_settings_say_the_same() -> None:
    backbone = "model.backbone=MobileNetV2"
    typed = load.experiment(None, [backbone, "model.backbone_args={epsilon: 1e-5}", "train.learning_rate=1e-3"])
    given_ = load.experiment(None, [backbone], {"model.backbone_args": {"epsilon": 1e-5}, "train.learning_rate": 0.001})
    assert typed == given_
    assert typed.model.backbone_args == {"epsilon": 1e-5}
