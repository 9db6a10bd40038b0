"""Everything a configuration file or an override can say, right or wrong."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from augexp.config import load
from augexp.config.ops import (
    OPS,
    STRATEGY_NAMES,
    AugMix,
    Blur,
    Brightness,
    CutMix,
    FlipLeftRight,
    MixUp,
    OneOf,
    OpSpec,
    Posterize,
    RandomErasing,
)
from augexp.config.schema import BACKBONES, SMALL_CNN, Experiment
from augexp.errors import UserError
from tests.places import ROOT

SHIPPED = "basic.yaml, cutmix.yaml, digits.yaml, mixup.yaml, none.yaml, schedule.yaml, study.yaml, tutorial.yaml"
TOP_KEYS = "name, seed, strategy, data, model, train, runs_dir"
STRATEGY_NEEDED = "none, basic, cutmix, mixup, joined with +, or a list of ops is needed"

Complaint = Callable[..., str]


@pytest.fixture
def complaint(tmp_path: Path) -> Complaint:
    """Loads `c.yaml` holding a text, with overrides, and gives the whole message; the folder is cut from paths."""

    def complain(text: str | bytes, *overrides: str) -> str:
        path = tmp_path / "c.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UserError) as caught:
            load.experiment(path, overrides)
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "")

    return complain


def loaded(tmp_path: Path, text: str, *overrides: str) -> Experiment:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return load.experiment(path, overrides)


# --- what is wrong in a file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo: 1\n", f"c.yaml:1: foo: unknown key; known here: {TOP_KEYS}"),
        ("seed: 1\ntrian: {}\n", "c.yaml:2: trian: unknown key; did you mean train?"),
        ("train:\n  epoch: 3\n", "c.yaml:2: train.epoch: unknown key; did you mean epochs?"),
        ("epochs: 3\n", "c.yaml:1: epochs: unknown key; did you mean train.epochs?"),
        ("epohcs: 3\n", "c.yaml:1: epohcs: unknown key; did you mean train.epochs?"),
        ("train:\n  image_size: 3\n", "c.yaml:2: train.image_size: unknown key; did you mean data.image_size?"),
        ("train:\n  seed: 3\n", "c.yaml:2: train.seed: unknown key; did you mean seed (at the top level)?"),
        ("5: 1\n", f"c.yaml: [5]: unknown key; known here: {TOP_KEYS}"),
        (
            "strategy:\n- name: cutmix\n  prb: 1\n",
            "c.yaml:3: strategy[0].prb: unknown key; did you mean prob?",
        ),
        (
            "strategy:\n- {name: flip_left_right, alpha: 1}\n",
            "c.yaml:2: strategy[0].alpha: unknown key; known here: name, prob",
        ),
    ],
)
def test_an_unknown_key_gets_its_line_and_a_suggestion(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("cutmxi", f"strategy: {STRATEGY_NEEDED}, not 'cutmxi'; did you mean cutmix?"),
        ("basic+mixpu", f"strategy: {STRATEGY_NEEDED}, not 'basic+mixpu'; did you mean mixup?"),
        ("a/b", f"strategy: {STRATEGY_NEEDED}, not 'a/b'"),
        ("''", f"strategy: {STRATEGY_NEEDED}, not ''"),
        ("5", "strategy: a strategy name or a list of ops is needed, not 5"),
        ("null", "strategy: a strategy name or a list of ops is needed, not null"),
        ("{name: mixup}", "strategy: a strategy name or a list of ops is needed, not {'name': 'mixup'}"),
        ("[cutmix, mixpu]", "strategy[1]: unknown op 'mixpu'; did you mean mixup?"),
        ("[zoom]", "strategy[0]: unknown op 'zoom'; `augexp ops` lists them"),
        ("[basic]", "strategy[0]: basic is a strategy and no op; strategies are joined with +, such as basic+cutmix"),
        ("[{alpha: 1}]", "strategy[0]: an op needs a name, such as {name: cutmix, alpha: 1.0}"),
        ("[5]", "strategy[0]: a mapping of keys is needed, not 5"),
    ],
)
def test_a_wrong_strategy_says_what_is_known(complaint: Complaint, value: str, message: str) -> None:
    assert complaint(f"seed: 1\nstrategy: {value}\n") == f"c.yaml:2: {message}"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("name: cutmix, alpha: 0", "alpha: greater than 0 is needed, not 0"),
        ("name: mixup, alpha: -0.2", "alpha: greater than 0 is needed, not -0.2"),
        ("name: cutmix, alpha: .nan", "alpha: a finite number is needed, not nan"),
        ("name: cutmix, alpha: .inf", "alpha: a finite number is needed, not inf"),
        ("name: cutmix, alpha: true", "alpha: a number is needed, not true or false"),
        ("name: cutmix, alpha: much", "alpha: a number is needed, not 'much'"),
        ("name: cutmix, prob: 1.5", "prob: less than or equal to 1 is needed, not 1.5"),
        ("name: cutmix, correct_lam: 1", "correct_lam: true or false is needed, not 1"),
        ("name: mixup, per: batches", "per: example or batch is needed, not 'batches'; did you mean batch?"),
        ("name: brightness, max_delta: -1", "max_delta: greater than or equal to 0 is needed, not -1"),
        ("name: flip_left_right, prob: [1]", "prob: a number is needed, not [1]"),
        ("name: contrast, lower: 2", "upper: upper of at least lower (2.0) is needed, not 1.2"),
        (
            "name: jpeg_quality, min_jpeg_quality: 60, max_jpeg_quality: 50",
            "max_jpeg_quality: max_jpeg_quality of at least min_jpeg_quality (60) is needed, not 50",
        ),
        ("name: blur, sigma: [2, 1]", "sigma: two numbers from 0 to 20, the lower first, are needed, not [2, 1]"),
        ("name: blur, sigma: 2", "sigma: two numbers from 0 to 20, the lower first, are needed, not 2"),
        (
            "name: posterize, bits: [1.5, 3]",
            "bits: two whole numbers from 1 to 8, the lower first, are needed, not [1.5, 3]",
        ),
        (
            "name: random_erasing, value: noise",
            "value: random, or a grey level from 0 to 255, is needed, not 'noise'",
        ),
        (
            "name: aug_mix, chain_depth: 0",
            "chain_depth: -1 (1 to 3, at random) or a depth from 1 to 10 is needed, not 0",
        ),
        ("name: rotate, fill_mode: wrap", "fill_mode: constant, reflect or nearest is needed, not 'wrap'"),
        ("name: rand_augment, magnitude: 31", "magnitude: less than or equal to 30 is needed, not 31"),
        ("name: one_of, ops: []", "ops: a list of ops is needed, not []"),
        ("name: one_of, ops: cutmix", "ops: a list of ops is needed, not 'cutmix'"),
        ("name: one_of, ops: [cutmix, mixpu]", "ops[1]: unknown op 'mixpu'; did you mean mixup?"),
        ("name: one_of, ops: [{alpha: 1}]", "ops[0]: an op needs a name, such as {name: cutmix, alpha: 1.0}"),
        ("name: one_of, ops: [5]", "ops[0]: a mapping of keys is needed, not 5"),
        ("name: one_of, ops: [{name: mixup, alpha: 0}]", "ops[0].alpha: greater than 0 is needed, not 0"),
        (
            "name: one_of, ops: [{name: one_of, ops: [{name: cutmix, prb: 1}]}]",
            "ops[0].ops[0].prb: unknown key; did you mean prob?",
        ),
        ("name: one_of, weights: [1, -1]", "weights[1]: greater than or equal to 0 is needed, not -1"),
        ("name: one_of, weights: [1, true]", "weights[1]: a number is needed, not true or false"),
        (
            "name: one_of, weights: [1]",
            "weights: null, or a weight for each of the 2 ops, not all 0, is needed, not [1]",
        ),
        (
            "name: one_of, weights: [0, 0]",
            "weights: null, or a weight for each of the 2 ops, not all 0, is needed, not [0, 0]",
        ),
    ],
)
def test_a_wrong_setting_of_an_op_is_named_with_its_place(complaint: Complaint, spec: str, message: str) -> None:
    assert complaint(f"strategy:\n- mixup\n- {{{spec}}}\n") == f"c.yaml:3: strategy[1].{message}"


def test_a_mistake_in_an_op_within_an_op_gets_its_own_line(complaint: Complaint) -> None:
    text = "strategy:\n- mixup\n- name: one_of\n  ops:\n  - cutmix\n  - name: mixup\n    alpha: 0\n"
    assert complaint(text) == "c.yaml:7: strategy[1].ops[1].alpha: greater than 0 is needed, not 0"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train.epochs", "0", "greater than or equal to 1 is needed, not 0"),
        ("train.epochs", "-3", "greater than or equal to 1 is needed, not -3"),
        ("train.epochs", "1.5", "a whole number is needed, not 1.5"),
        ("train.epochs", "true", "a whole number is needed, not true"),
        ("train.epochs", "[3]", "a whole number is needed, not [3]"),
        ("train.epochs", "'3'", "a whole number is needed, not '3'"),
        ("train.epochs", "null", "a whole number is needed, not null"),
        ("train.batch_size", "0", "greater than or equal to 1 is needed, not 0"),
        ("train.batch_size", "-64", "greater than or equal to 1 is needed, not -64"),
        ("train.head_epochs", "21", "at most train.epochs (20) is needed, not 21"),
        ("train.plain_epochs", "20", "less than train.epochs (20) is needed, not 20"),
        ("train.warmup_epochs", "21", "at most train.epochs (20) is needed, not 21"),
        ("train.learning_rate", "0", "greater than 0 is needed, not 0"),
        ("train.learning_rate", ".inf", "a finite number is needed, not inf"),
        ("train.learning_rate", ".nan", "a finite number is needed, not nan"),
        ("train.learning_rate", "true", "a number is needed, not true or false"),
        ("train.learning_rate", "fast", "a number is needed, not 'fast'"),
        ("train.learning_rate", "[0.1]", "a number is needed, not [0.1]"),
        ("train.momentum", "1", "less than 1 is needed, not 1"),
        ("train.optimizer", "adam", "sgd or adamw is needed, not 'adam'; did you mean adamw?"),
        (
            "train.precision",
            "float16",
            "auto, float32, mixed_bfloat16 or mixed_float16 is needed, not 'float16'; did you mean float32?",
        ),
        (
            "model.backbone",
            "ResNet5",
            "a keras.applications class or SmallCNN is needed, not 'ResNet5'; did you mean ResNet50?",
        ),
        (
            "model.backbone",
            "resnet50",
            "a keras.applications class or SmallCNN is needed, not 'resnet50'; did you mean ResNet50?",
        ),
        ("model.backbone", "Zzzz", "a keras.applications class or SmallCNN is needed, not 'Zzzz'"),
        ("model.backbone", "50", "text is needed, not 50; put it in quotes"),
        ("model.backbone_args", "5", "a mapping of keys is needed, not 5"),
        ("model.weights", "[a]", "text is needed, not ['a']"),
        ("model.batch_norm", "froze", "trainable or frozen is needed, not 'froze'; did you mean frozen?"),
        ("model.dropout", "1", "less than 1 is needed, not 1"),
        ("model.backbone_lr", "0", "greater than 0 is needed, not 0"),
        ("data.source", "''", "a TFDS name, folder:PATH or digits is needed, not ''"),
        ("data.source", "'folder:'", "a TFDS name, folder:PATH or digits is needed, not 'folder:'"),
        ("data.image_size", "4", "greater than or equal to 8 is needed, not 4"),
        ("data.cache_size", "100", "null, or at least data.image_size (224), is needed, not 100"),
        ("data.cache_size", "big", "a whole number is needed, not 'big'"),
        ("data.resize", "squish", "squash or crop is needed, not 'squish'; did you mean squash?"),
        ("data.train_per_class", "0", "greater than or equal to 1 is needed, not 0"),
        ("data.validation", "0", "a share of train between 0 and 1, or test, is needed, not 0"),
        ("data.validation", "1.0", "a share of train between 0 and 1, or test, is needed, not 1.0"),
        ("data.validation", ".nan", "a share of train between 0 and 1, or test, is needed, not nan"),
        ("data.validation", "true", "a share of train between 0 and 1, or test, is needed, not true"),
        ("data.validation", "tset", "a share of train between 0 and 1, or test, is needed, not 'tset'"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected_and_what_came(
    complaint: Complaint, key: str, value: str, message: str
) -> None:
    section, field = key.split(".")
    assert complaint(f"seed: 1\n{section}:\n  {field}: {value}\n") == f"c.yaml:3: {key}: {message}"
    assert complaint("seed: 1\n", f"{key}={value}") == f"override {f'{key}={value}'!r}: {key}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: -1\n", "seed: greater than or equal to 0 is needed, not -1"),
        ("seed: 2147483648\n", "seed: less than 2147483648 is needed, not 2147483648"),
        ("name: 5\n", "name: text is needed, not 5; put it in quotes"),
        ("name: 2024-01-01\n", "name: text is needed, not 2024-01-01; put it in quotes"),
        ("runs_dir: null\n", "runs_dir: text is needed, not null"),
        ("train: 5\n", "train: a mapping of keys is needed, not 5"),
        ("train: [5]\n", "train: a mapping of keys is needed, not [5]"),
        ("train:\n", "train: a mapping of keys is needed, not null"),
    ],
)
def test_a_wrong_value_at_the_top_is_named_too(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == f"c.yaml:1: {message}"


@pytest.mark.parametrize("name", ["a/b", "../up", "a\\b", "a\x1fb", "a\ud800"])
def test_a_name_that_is_no_folder_name_is_refused(complaint: Complaint, name: str) -> None:
    expected = f"at most 60 characters without slashes or control characters are needed, not {name!r}"
    assert complaint(f"name: {yaml.safe_dump(name)}") == f"c.yaml:1: name: {expected}"


def test_a_name_may_have_60_characters_and_no_more(tmp_path: Path, complaint: Complaint) -> None:
    assert loaded(tmp_path, f"name: {'x' * 60}\n").name == "x" * 60
    expected = "at most 60 characters without slashes or control characters are needed"
    assert complaint(f"name: {'x' * 61}\n") == f"c.yaml:1: name: {expected}, not '{'x' * 56}..."


def test_small_cnn_is_refused_with_imagenet_weights(complaint: Complaint) -> None:
    message = "model.weights: SmallCNN has no ImageNet weights; write null or a file"
    assert complaint("model:\n  backbone: SmallCNN\n") == f"c.yaml:1: {message}"
    assert complaint("model:\n  weights: imagenet\n", "model.backbone=SmallCNN") == f"c.yaml:2: {message}"
    assert complaint("seed: 1\n", "model.backbone=SmallCNN") == f"override 'model.backbone=SmallCNN': {message}"


def test_a_clash_of_two_keys_stands_at_the_key_to_change(complaint: Complaint) -> None:
    text = "train:\n  epochs: 9\n  head_epochs: 3\ndata:\n  image_size: 64\n  cache_size: 80\n"
    assert complaint(text, "train.epochs=2", "data.image_size=96").splitlines() == [
        "c.yaml:6: data.cache_size: null, or at least data.image_size (96), is needed, not 80",
        "c.yaml:3: train.head_epochs: at most train.epochs (2) is needed, not 3",
    ]


def test_phases_as_long_as_the_run_are_fine(tmp_path: Path) -> None:
    train = loaded(tmp_path, "train: {epochs: 2, head_epochs: 2, plain_epochs: 1, warmup_epochs: 2}\n").train
    assert (train.head_epochs, train.plain_epochs, train.warmup_epochs) == (2, 1, 2)


def test_every_mistake_of_file_and_overrides_is_said_at_once(complaint: Complaint) -> None:
    text = (
        "seed: -1\nstrategy: cutmxi\nseed: -2\ndata:\n  image_size: big\n"
        "model: {batch_norm: no, dropout: 2}\ntrain:\n  epochs: 0\n  lerning_rate: 1\nfoo: 1\n"
    )
    assert complaint(text, "train.batch_size=0", "nonsense", "data.resize=squish").splitlines() == [
        "c.yaml:3: seed: given twice (first in line 1); keep one",
        "override 'nonsense': key=value is needed, such as train.epochs=5",
        "c.yaml:3: seed: greater than or equal to 0 is needed, not -2",
        f"c.yaml:2: strategy: {STRATEGY_NEEDED}, not 'cutmxi'; did you mean cutmix?",
        "c.yaml:5: data.image_size: a whole number is needed, not 'big'",
        "override 'data.resize=squish': data.resize: squash or crop is needed, not 'squish'; did you mean squash?",
        "c.yaml:6: model.batch_norm: trainable or frozen is needed, not false",
        "c.yaml:6: model.dropout: less than 1 is needed, not 2",
        "c.yaml:8: train.epochs: greater than or equal to 1 is needed, not 0",
        "override 'train.batch_size=0': train.batch_size: greater than or equal to 1 is needed, not 0",
        "c.yaml:9: train.lerning_rate: unknown key; did you mean learning_rate?",
        f"c.yaml:10: foo: unknown key; known here: {TOP_KEYS}",
    ]


# --- files that are no configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "came"),
    [("", "nothing"), ("# a comment\n", "nothing"), ("- a\n", "['a']"), ("5\n", "5"), ("hello\n", "'hello'")],
)
def test_a_file_without_a_mapping_is_refused(complaint: Complaint, text: str, came: str) -> None:
    assert complaint(text) == f"c.yaml: a mapping such as `strategy: cutmix` is needed, and the file holds {came}"


@pytest.mark.parametrize(("text", "byte"), [(b"\xff\xfes", 0), (b"name: \xe9\n", 6)])
def test_a_file_that_is_not_utf8_is_refused(complaint: Complaint, text: bytes, byte: int) -> None:
    assert complaint(text) == f"c.yaml: not UTF-8 text (byte {byte}); save the file as UTF-8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\ntrain: {epochs: 1\n", ":3: not valid YAML: expected ',' or '}', but got '<stream end>'"),
        ("seed: 1\na: b: c\n", ":2: not valid YAML: mapping values are not allowed here"),
        ("\tseed: 1\n", ":1: not valid YAML: found character '\\t' that cannot start any token"),
        ("a: 1\nseed: *y\n", ":2: not valid YAML: found undefined alias 'y'"),
        ("? [a]\n: 1\n", ":1: not valid YAML: found unhashable key"),
        ("seed: 1\n---\nseed: 2\n", ":2: not valid YAML: but found another document"),
        ("seed: \x00\n", ": not valid YAML: character U+0000 at position 6 is not allowed"),
        ("seed: 2001-99-99\n", ": not valid YAML: a value can't be read: month must be in 1..12"),
        ("seed: !!bool maybe\n", ": not valid YAML: a value can't be read: 'maybe'"),
        ("seed: &a [*a]\n", ": not valid YAML: nested too deeply"),
        ("train: &a\n  epochs: *a\n", ": not valid YAML: nested too deeply"),
        ("seed: " + "[" * 700 + "\n", ": not valid YAML: nested too deeply"),
    ],
    ids=lambda value: value[:30],
)
def test_what_yaml_refuses_comes_with_its_line(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == f"c.yaml{message}"


def test_an_object_tag_is_refused_and_never_executed(tmp_path: Path, complaint: Complaint) -> None:
    bait = tmp_path / "executed"
    value = f"!!python/object/apply:os.mkdir [{bait}]"
    tag = "tag:yaml.org,2002:python/object/apply:os.mkdir"
    assert complaint(f"seed: 1\nname: {value}\n") == (
        f"c.yaml:2: the tag {tag} is refused; a configuration holds plain values only"
    )
    assert complaint("seed: 1\n", f"name={value}") == (
        f"override {f'name={value}'.replace(f'{tmp_path}/', '')!r}: "
        "the value is not valid YAML; quote it, such as 'name=[a, b]'"
    )
    assert not bait.exists()
    yaml.unsafe_load(value)
    assert bait.exists()  # the bait does bite


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", "c.yaml:2: seed: given twice (first in line 1); keep one"),
        (
            "seed: 1\nseed: 1\nseed: 1\n",
            "c.yaml:2: seed: given twice (first in line 1); keep one\n"
            "c.yaml:3: seed: given twice (first in line 1); keep one",
        ),
        ("train:\n  epochs: 1\n\n  epochs: 1\n", "c.yaml:4: train.epochs: given twice (first in line 2); keep one"),
        (
            "strategy:\n- {name: mixup, alpha: 1, alpha: 1}\n",
            "c.yaml:2: strategy[0].alpha: given twice (first in line 2); keep one",
        ),
    ],
)
def test_a_key_given_twice_is_refused(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 1\n")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)  # root may read everything
    with pytest.raises(UserError) as caught:
        load.experiment(path)
    assert str(caught.value) == f"{path}: can't be read (Permission denied)"


# --- overrides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["seed", "=1", "train..epochs=1", ".seed=1", "", "--seed 1"])
def test_an_override_without_key_and_equals_sign_is_refused(complaint: Complaint, text: str) -> None:
    assert complaint("seed: 0\n", text) == f"override {text!r}: key=value is needed, such as train.epochs=5"


@pytest.mark.parametrize("value", ["[", "{a", "*x", "&a [*a]", "2001-99-99", "\x00"])
def test_an_override_that_is_no_yaml_is_refused(complaint: Complaint, value: str) -> None:
    quoted = "the value is not valid YAML; quote it, such as 'train.epochs=[a, b]'"
    assert complaint("seed: 0\n", f"train.epochs={value}") == f"override {f'train.epochs={value}'!r}: {quoted}"


def test_an_override_into_a_value_of_the_file_is_refused(complaint: Complaint) -> None:
    text = "seed: 0\nstrategy: cutmix\ndata:\n  source: digits\n"
    assert complaint(text, "seed.x=1", "strategy.alpha=2", "data.source.x.y=1").splitlines() == [
        "override 'seed.x=1': seed holds no keys, so nothing can be set in it; write seed=...",
        "override 'strategy.alpha=2': strategy holds no keys, so nothing can be set in it; write strategy=...",
        "override 'data.source.x.y=1': data.source holds no keys, so nothing can be set in it; write data.source=...",
    ]


def test_an_override_into_a_value_that_the_file_leaves_out_is_refused(complaint: Complaint) -> None:
    assert complaint("runs_dir: runs\n", "seed.x=1", "data.source.x=1").splitlines() == [
        "override 'seed.x=1': seed: a whole number is needed, not {'x': 1}",
        "override 'data.source.x=1': data.source: text is needed, not {'x': 1}",
    ]


def test_an_override_into_a_section_that_is_a_value_names_both_mistakes(complaint: Complaint) -> None:
    assert complaint("seed: 1\ntrain: 5\n", "train.epochs=3").splitlines() == [
        "override 'train.epochs=3': train holds no keys, so nothing can be set in it; write train=...",
        "c.yaml:2: train: a mapping of keys is needed, not 5",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epohcs=3", "train.epohcs: unknown key; did you mean epochs?"),
        ("trian.epochs=3", "trian: unknown key; did you mean train?"),
        ("epochs=3", "epochs: unknown key; did you mean train.epochs?"),
        ("__class__=3", f"__class__: unknown key; known here: {TOP_KEYS}"),
        ("train=5", "train: a mapping of keys is needed, not 5"),
        ("train={epochs: 0}", "train.epochs: greater than or equal to 1 is needed, not 0"),
        ("strategy=[mixup, {name: cutmix, alpha: -1}]", "strategy[1].alpha: greater than 0 is needed, not -1"),
    ],
)
def test_a_mistake_in_an_override_stands_at_the_override(complaint: Complaint, override: str, message: str) -> None:
    text = "strategy:\n- mixup\n- {name: cutmix, alpha: 1}\ntrain:\n  epochs: 1\n"  # lines that the override hides
    assert complaint(text, override) == f"override {override!r}: {message}"


def test_the_last_override_wins_and_hides_mistakes_before_it(tmp_path: Path) -> None:
    assert loaded(tmp_path, "seed: -3\n", "seed=-1", "seed=2").seed == 2
    assert loaded(tmp_path, "train: {epochs: 0}\n", "train.epochs=-1", "train={epochs: 5}").train.epochs == 5


def test_overrides_keep_what_they_do_not_name(tmp_path: Path) -> None:
    experiment = loaded(
        tmp_path,
        "name: mine\nseed: 4\ntrain:\n  epochs: 7\n  batch_size: 8\n",
        "train.epochs=3",
        "model.backbone_args.alpha=0.35",
        "model.weights=null",
        "strategy=basic+mixup",
        "data.source=folder:a=b",
    )
    assert (experiment.name, experiment.seed) == ("mine", 4)
    assert (experiment.train.epochs, experiment.train.batch_size) == (3, 8)
    assert experiment.model.backbone_args == {"alpha": 0.35}
    assert experiment.model.weights is None
    assert experiment.data.source == "folder:a=b"
    assert [spec.name for spec in experiment.strategy] == ["flip_left_right", "brightness", "mixup"]


def test_without_a_file_mistakes_stand_at_their_override() -> None:
    with pytest.raises(UserError) as caught:
        load.experiment(None, ["train.epochs=0", "foo=1"])
    assert str(caught.value).splitlines() == [
        "override 'train.epochs=0': train.epochs: greater than or equal to 1 is needed, not 0",
        f"override 'foo=1': foo: unknown key; known here: {TOP_KEYS}",
    ]


# --- values --------------------------------------------------------------------------------------------------------


def test_nothing_given_is_the_documented_default() -> None:
    assert load.experiment(None) == Experiment()
    assert (Experiment().name, Experiment().strategy, Experiment().run_dir) == ("none", (), Path("runs/none-seed0"))


@pytest.mark.parametrize("number", ["1e-3", "0.001", "1.0e-3", "'0.001'"])
def test_numbers_that_yaml_reads_as_text_are_numbers(tmp_path: Path, number: str) -> None:
    text = f"strategy: [{{name: mixup, alpha: {number}}}]\ntrain: {{learning_rate: {number}}}\n"
    experiment = loaded(tmp_path, text + f"data: {{validation: {number}}}\n")
    assert experiment.train.learning_rate == 0.001
    assert experiment.strategy == (MixUp(alpha=0.001),)
    assert experiment.data.validation == 0.001


def test_validation_may_be_the_test_split(tmp_path: Path) -> None:
    assert loaded(tmp_path, "data: {validation: test}\n").data.validation == "test"


@pytest.mark.parametrize(
    ("written", "specs", "label"),
    [
        ("none", (), "none"),
        ("[]", (), "none"),
        ("basic", (FlipLeftRight(prob=0.5), Brightness(max_delta=0.2)), "basic"),
        ("cutmix", (CutMix(alpha=1.0, prob=1.0, correct_lam=True, per="example"),), "cutmix"),
        ("mixup", (MixUp(alpha=0.2, prob=1.0, per="example"),), "mixup"),
        ("basic+cutmix", (FlipLeftRight(), Brightness(), CutMix()), "basic+cutmix"),
        ("none+mixup", (MixUp(),), "none+mixup"),
        ("flip_left_right + mixup", (FlipLeftRight(), MixUp()), "flip_left_right + mixup"),
        ("[cutmix, {name: mixup, alpha: 1}]", (CutMix(), MixUp(alpha=1.0)), "cutmix+mixup"),
    ],
)
def test_a_strategy_is_a_name_joined_names_or_a_list_and_names_the_run(
    tmp_path: Path, written: str, specs: tuple[OpSpec, ...], label: str
) -> None:
    experiment = loaded(tmp_path, f"strategy: {written}\n")
    assert (experiment.strategy, experiment.name) == (specs, label)


def test_a_name_given_stays_and_an_override_of_the_strategy_renames_an_unnamed_run(tmp_path: Path) -> None:
    assert loaded(tmp_path, "name: mine\nstrategy: cutmix\n", "strategy=mixup").name == "mine"
    assert loaded(tmp_path, "strategy: cutmix\n", "strategy=mixup").name == "mixup"


def test_a_long_list_of_ops_needs_no_name(tmp_path: Path) -> None:
    assert len(loaded(tmp_path, f"strategy: [{', '.join(['flip_left_right'] * 12)}]\n").name) == 60


def test_an_experiment_is_frozen() -> None:
    for section in (Experiment(), Experiment().data, Experiment().model, Experiment().train, CutMix()):
        with pytest.raises(ValueError, match="frozen"):
            setattr(section, next(iter(type(section).model_fields)), "other")


def test_the_decoded_size_is_the_cache_size_or_the_image_size(tmp_path: Path) -> None:
    assert loaded(tmp_path, "data: {image_size: 64}\n").data.decoded_size == 64
    assert loaded(tmp_path, "data: {image_size: 64, cache_size: 80}\n").data.decoded_size == 80


# --- finding files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cutmix", "cutmix.yaml"])
def test_a_config_is_found_as_given_then_in_configs_then_among_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load.experiment(name).name == "cutmix"
    assert load.find_config(name) == load.shipped_configs() / "cutmix.yaml"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/cutmix.yaml").write_text("name: in configs\n")
    assert load.experiment(name).name == "in configs"
    (tmp_path / "cutmix.yaml").write_text("name: here\n")
    assert load.experiment(name).name == "here"
    assert load.experiment(tmp_path / "configs" / name).name == "in configs"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cutmx", "; did you mean cutmix.yaml?"), ("zzz", ""), ("configs", ""), (".", ""), ("x" * 300, "")],
)
def test_a_missing_config_is_refused_with_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    with pytest.raises(UserError) as caught:
        load.experiment(name)
    where = "no such configuration here, in configs/ or among those shipped with augexp"
    assert str(caught.value) == f"{name}: {where} ({SHIPPED}){hint}"


def test_an_installed_package_finds_the_configs_inside_it(tmp_path: Path) -> None:
    package = tmp_path / "site" / "augexp"
    shutil.copytree(ROOT / "augexp", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", package / "configs")
    code = "from augexp.config import load; print(load.find_config('mixup')); print(load.experiment('mixup').name)"
    found = python(code, cwd=tmp_path, PYTHONPATH=str(package.parent))
    assert found.splitlines() == [str(package / "configs/mixup.yaml"), "mixup"]


def test_the_four_files_differ_in_name_and_strategy_only() -> None:
    raws = {name: yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text()) for name in STRATEGY_NAMES}
    assert {name: (raw.pop("name"), raw.pop("strategy")) for name, raw in raws.items()} == {
        name: (name, name) for name in STRATEGY_NAMES
    }
    assert all(raw == raws["none"] for raw in raws.values())


STUDIES = ("schedule.yaml", "study.yaml")  # tests/test_grid.py reads them
CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.yaml") if path.name not in STUDIES)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_loads_and_says_its_command(path: Path) -> None:
    experiment = load.experiment(path)
    assert experiment.train.epochs >= 1
    assert path.read_text().startswith(f"# augexp train --config {path.name}")


def test_the_tutorial_is_the_tutorials_recipe() -> None:
    experiment = load.experiment("tutorial.yaml")
    train = experiment.train
    assert (experiment.model.preprocessing, experiment.model.backbone_lr) == ("unit", 1.0)
    assert experiment.model.batch_norm_momentum is None
    assert (train.batch_size, train.optimizer, train.learning_rate, train.momentum) == (16, "sgd", 0.01, 0.0)
    assert (train.epochs, train.head_epochs, experiment.data.validation) == (3, 0, "test")


# --- round trip ----------------------------------------------------------------------------------------------------

probability = st.floats(0, 1)
positive = st.floats(0, 1e6, exclude_min=True)
per = st.sampled_from(("example", "batch"))
grey = st.floats(0, 255)
one_spec: st.SearchStrategy[OpSpec] = st.one_of(
    st.sampled_from([spec() for spec in OPS.values()]),
    st.builds(FlipLeftRight, prob=probability),
    st.builds(Blur, sigma=st.tuples(st.floats(0, 1), st.floats(1, 20))),
    st.builds(Posterize, bits=st.tuples(st.integers(1, 4), st.integers(4, 8))),
    st.builds(RandomErasing, value=st.just("random") | grey),
    st.builds(AugMix, chain_depth=st.just(-1) | st.integers(1, 10), fill_value=grey),
    st.builds(Brightness, max_delta=probability),
    st.builds(CutMix, alpha=positive, prob=probability, correct_lam=st.booleans(), per=per),
    st.builds(MixUp, alpha=positive, prob=probability, per=per),
)


def some_of(inner: st.SearchStrategy[OpSpec]) -> st.SearchStrategy[OpSpec]:
    """Choices between one to three ops."""
    lists = st.lists(st.tuples(inner, st.floats(0, 1e6, exclude_min=True)), min_size=1, max_size=3)
    return st.builds(
        lambda pairs, equal, per: OneOf(
            ops=tuple(op for op, _ in pairs), weights=None if equal else tuple(weight for _, weight in pairs), per=per
        ),
        lists,
        st.booleans(),
        per,
    )


specs = st.recursive(one_spec, some_of, max_leaves=4)
text = st.text(st.characters(exclude_characters="\x85", exclude_categories=["Cs"]))  # PyYAML loses a lone U+0085
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
path = text.filter(lambda name: name != "" and "\0" not in name)
experiments = st.fixed_dictionaries(
    {
        "name": st.text(st.characters(exclude_characters="/\\", exclude_categories=["Cc", "Cs"]), max_size=60),
        "seed": st.integers(0, 2**31 - 1),
        "strategy": st.lists(specs, max_size=4),
        "runs_dir": path,
        "data": st.fixed_dictionaries(
            {"validation": st.just("test") | st.floats(0, 1, exclude_min=True, exclude_max=True)},
            optional={"cache_size": st.none() | st.integers(224, 4096), "data_dir": st.none() | path},
        ),
        "model": st.fixed_dictionaries(
            {"weights": st.none() | text, "backbone_args": st.dictionaries(text, plain, max_size=3)}
        ),
        "train": st.fixed_dictionaries({"learning_rate": positive, "epochs": st.integers(1, 1000)}),
    }
)


@given(raw=experiments)
@settings(max_examples=60, deadline=None)
def test_the_resolved_yaml_loads_to_an_equal_experiment(raw: dict[str, Any]) -> None:
    experiment = Experiment.model_validate(raw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(experiment.to_yaml(), encoding="utf-8")
        again = load.experiment(path)
    assert again == experiment
    assert again.to_yaml() == experiment.to_yaml()


def test_values_that_yaml_would_not_give_back_are_refused(complaint: Complaint) -> None:
    needed = "text, a number, true, false, null, a list or a mapping is needed, not 2001-01-01"
    assert complaint("model:\n  backbone_args:\n    a: 2001-01-01\n") == f"c.yaml:3: model.backbone_args.a: {needed}"


yaml_like = st.text(max_size=60) | st.text("seed:train[]{}&*!-?|>'\"# \n1", max_size=60)


@given(text=yaml_like)
@settings(max_examples=150, deadline=None)
def test_any_text_loads_or_is_a_users_mistake(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.yaml")
        path.write_text(text, encoding="utf-8")
        for source, overrides in ((path, []), (None, [text]), (None, [f"train.epochs={text}"])):
            with suppress(UserError):
                load.experiment(source, overrides)


# --- what stands elsewhere -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_backbones_are_those_of_keras() -> None:
    import keras

    offered = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(BACKBONES) == offered | {SMALL_CNN}
    assert len(BACKBONES) == len(set(BACKBONES))


def test_reading_a_configuration_loads_no_tensorflow() -> None:
    code = (
        "import sys, augexp.runs.read, augexp.cli.main\n"
        "from augexp.config import load; load.experiment('cutmix', ['seed=1'])\n"
        "print([name for name in ('tensorflow', 'keras', 'tensorflow_datasets', 'jax') if name in sys.modules])"
    )
    assert python(code).strip() == "[]"


def python(code: str, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
