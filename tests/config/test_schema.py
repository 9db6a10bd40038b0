"""An experiment: what fits together, what a name may be, and that its resolved form loads to an equal one."""

import os
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from augexp.config import load
from augexp.config.ops import (
    OPS,
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
from augexp.config.schema import BACKBONES, SMALL_NETWORKS, Experiment
from augexp.errors import UserError

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


@pytest.mark.parametrize("name", ["a/b", "../up", "a\\b", "a\x1fb"])
def test_a_name_that_is_no_folder_name_is_refused(complaint: Complaint, name: str) -> None:
    expected = f"at most 60 characters without slashes or control characters are needed, not {name!r}"
    assert complaint(f"name: {yaml.safe_dump(name)}") == f"c.yaml:1: name: {expected}"


def test_a_name_may_have_60_characters_and_no_more(tmp_path: Path, complaint: Complaint) -> None:
    assert loaded(tmp_path, f"name: {'x' * 60}\n").name == "x" * 60
    expected = "at most 60 characters without slashes or control characters are needed"
    assert complaint(f"name: {'x' * 61}\n") == f"c.yaml:1: name: {expected}, not '{'x' * 56}..."


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_our_networks_have_no_arguments_and_no_imagenet_weights(complaint: Complaint, name: str) -> None:
    message = f"model.weights: {name} has no ImageNet weights; write null or a file"
    assert complaint(f"model:\n  backbone: {name}\n") == f"c.yaml:1: {message}"
    text = f"model:\n  backbone: {name}\n  weights: null\n  backbone_args: {{alpha: 1}}\n"
    assert complaint(text) == f"c.yaml:4: model.backbone_args: {name} takes no arguments; leave this key out"


def test_a_clash_with_imagenet_weights_stands_at_the_key_to_change(complaint: Complaint) -> None:
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


def test_nothing_given_is_the_documented_default() -> None:
    assert load.experiment(None) == Experiment()
    assert (Experiment().name, Experiment().strategy, Experiment().run_dir) == ("none", (), Path("runs/none-seed0"))


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


def test_as_much_of_an_image_is_seen_at_another_size_in_evaluation(tmp_path: Path, complaint: Complaint) -> None:
    data = loaded(tmp_path, "data: {image_size: 160, eval_size: 224}\n").data.as_evaluated
    assert (data.image_size, data.decoded_size) == (224, 224)
    data = loaded(tmp_path, "data: {image_size: 64, eval_size: 96, cache_size: 80}\n").data.as_evaluated
    assert (data.image_size, data.decoded_size) == (96, 120)
    assert loaded(tmp_path, "data: {image_size: 64}\n").data.as_evaluated.image_size == 64
    told = "c.yaml:1: data.eval_size: null, or another size than data.image_size (64), is needed, not 64"
    assert complaint("data: {image_size: 64, eval_size: 64}\n") == told


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
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
path = text.filter(bool)
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


@pytest.mark.slow
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


def test_a_value_that_is_not_plain_is_refused() -> None:
    needed = "text, a number, true, false, null, a list or a mapping is needed, not 2001-01-01"
    with pytest.raises(UserError) as caught:
        load.experiment(None, settings={"model.backbone_args": {"a": date(2001, 1, 1)}})
    told = 'setting \'model.backbone_args={"a": "2001-01-01"}\''
    assert str(caught.value) == f"{told}: model.backbone_args.a: {needed}"


@pytest.mark.slow
def test_the_backbones_are_those_of_keras() -> None:
    import keras

    offered = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(BACKBONES) == offered | set(SMALL_NETWORKS)
    assert len(BACKBONES) == len(set(BACKBONES))
