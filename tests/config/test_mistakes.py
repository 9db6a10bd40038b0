"""Every mistake in a configuration is said in a sentence, at its place, with what was expected and what came."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from augexp.config import load
from augexp.config.overrides import SHOWN
from augexp.errors import UserError, brief

TOP_KEYS = "name, seed, strategy, data, model, train, ops_dir, runs_dir"
STRATEGY_NEEDED = "none, basic, cutmix, mixup, joined with +, or a list of ops is needed"
Complaint = Callable[..., str]

NETWORKS = (
    "a keras.applications class, SmallCNN, ResNet20, WideResNet16-2, module:function or keras_hub:PRESET is needed"
)


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
        ("5: 1\n", "c.yaml:1: a key must be text, not 5; put it in quotes"),
        ("seed: 1\ntrain: {null: 1}\n", "c.yaml:2: a key must be text, not null; put it in quotes"),
        (
            "strategy:\n- name: cutmix\n  prb: 1\n",
            "c.yaml:3: strategy[0].prb: unknown key; did you mean prob?",
        ),
        (
            "strategy:\n- {name: flip_left_right, alpha: 1}\n",
            "c.yaml:2: strategy[0].alpha: unknown key; known here: name, prob, only",
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
        ("[wobble]", "strategy[0]: unknown op 'wobble'; `augexp ops` lists them"),
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
        ("train.score", "first", "last or best is needed, not 'first'"),
        ("train.ema", "1", "less than 1 is needed, not 1"),
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
            f"{NETWORKS}, not 'ResNet5'; did you mean ResNet50?",
        ),
        (
            "model.backbone",
            "resnet50",
            f"{NETWORKS}, not 'resnet50'; did you mean ResNet50?",
        ),
        (
            "model.backbone",
            "Zzzz",
            f"{NETWORKS}, not 'Zzzz'",
        ),
        ("model.backbone_args", "5", "a mapping of keys is needed, not 5"),
        ("model.batch_norm", "froze", "trainable or frozen is needed, not 'froze'; did you mean frozen?"),
        ("model.dropout", "1", "less than 1 is needed, not 1"),
        ("model.backbone_lr", "0", "greater than 0 is needed, not 0"),
        ("data.source", "''", "a TFDS name, folder:PATH, csv:PATH or digits is needed, not ''"),
        ("data.source", "'csv: '", "a TFDS name, folder:PATH, csv:PATH or digits is needed, not 'csv: '"),
        ("data.source", "'folder:'", "a TFDS name, folder:PATH, csv:PATH or digits is needed, not 'folder:'"),
        ("data.image_size", "4", "greater than or equal to 8 is needed, not 4"),
        ("data.cache_size", "100", "null, or at least data.image_size (224), is needed, not 100"),
        ("data.cache_size", "big", "a whole number is needed, not 'big'"),
        ("data.resize", "squish", "squash or crop is needed, not 'squish'; did you mean squash?"),
        ("data.train_per_class", "0", "greater than or equal to 1 is needed, not 0"),
        ("data.validation", "0", "a share of train between 0 and 1, test or null is needed, not 0"),
        ("data.validation", "1.0", "a share of train between 0 and 1, test or null is needed, not 1.0"),
        ("data.validation", ".nan", "a share of train between 0 and 1, test or null is needed, not nan"),
        ("data.validation", "true", "a share of train between 0 and 1, test or null is needed, not true"),
        ("data.validation", "tset", "a share of train between 0 and 1, test or null is needed, not 'tset'"),
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
        ("name: 0\n", "name: text is needed, not 0; put it in quotes"),
        ("name: false\n", "name: text is needed, not false; put it in quotes"),
        ("model: {backbone: 50}\n", "model.backbone: text is needed, not 50; put it in quotes"),
        ("model: {weights: [a]}\n", "model.weights: text is needed, not ['a']"),
        ("runs_dir: null\n", "runs_dir: text is needed, not null"),
        ("train: 5\n", "train: a mapping of keys is needed, not 5"),
        ("train: [5]\n", "train: a mapping of keys is needed, not [5]"),
        ("train:\n", "train: a mapping of keys is needed, not null"),
    ],
)
def test_a_wrong_value_at_the_top_is_named_too(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == f"c.yaml:1: {message}"


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
        "c.yaml:6: model.batch_norm: trainable or frozen is needed, not 'no'",
        "c.yaml:6: model.dropout: less than 1 is needed, not 2",
        "c.yaml:8: train.epochs: greater than or equal to 1 is needed, not 0",
        "override 'train.batch_size=0': train.batch_size: greater than or equal to 1 is needed, not 0",
        "c.yaml:9: train.lerning_rate: unknown key; did you mean learning_rate?",
        f"c.yaml:10: foo: unknown key; known here: {TOP_KEYS}",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epohcs=3", "train.epohcs: unknown key; did you mean epochs?"),
        ("trian.epochs=3", "trian: unknown key; did you mean train?"),
        ("epochs=3", "epochs: unknown key; did you mean train.epochs?"),
        ("__class__=3", f"__class__: unknown key; known here: {TOP_KEYS}"),
        ("train=5", "train: a mapping of keys is needed, not 5"),
        ("train.deterministic=yes", "train.deterministic: true or false is needed, not 'yes'"),
        ("seed=1_000", "seed: a whole number is needed, not '1_000'"),
        ("train.learning_rate=1:30", "train.learning_rate: a number is needed, not '1:30'"),
        ("train.epochs=!!int 3", "train.epochs: a whole number is needed, not '!!int 3'"),
        (
            "model.backbone=50",
            f"model.backbone: {NETWORKS}, not '50'",
        ),
        (
            "data={source: 5}",
            'data.source: text is needed, not 5; write "5", and all of it in single quotes',
        ),
        (
            "strategy=" + "+".join(["blur"] * 101),
            "strategy: at most 100 ops are needed, those of one_of counted",
        ),
        (
            "strategy=[{name: one_of, ops: [" + ", ".join(["cutmix"] * 101) + "]}]",
            "strategy: at most 100 ops are needed, those of one_of counted",
        ),
        ("train={epochs: 0}", "train.epochs: greater than or equal to 1 is needed, not 0"),
        ("strategy=[mixup, {name: cutmix, alpha: -1}]", "strategy[1].alpha: greater than 0 is needed, not -1"),
    ],
)
def test_a_mistake_in_an_override_stands_at_the_override(complaint: Complaint, override: str, message: str) -> None:
    text = "strategy:\n- mixup\n- {name: cutmix, alpha: 1}\ntrain:\n  epochs: 1\n"  # lines that the override hides
    assert complaint(text, override) == f"override {brief(override, SHOWN)}: {message}"


def test_without_a_file_mistakes_stand_at_their_override() -> None:
    with pytest.raises(UserError) as caught:
        load.experiment(None, ["train.epochs=0", "foo=1"])
    assert str(caught.value).splitlines() == [
        "override 'train.epochs=0': train.epochs: greater than or equal to 1 is needed, not 0",
        f"override 'foo=1': foo: unknown key; known here: {TOP_KEYS}",
    ]


text = st.text(st.characters(exclude_categories=["Cs"]))
path = text.filter(lambda name: name != "" and "\0" not in name)
