"""Which settings decide a number is said once, at the setting."""

import pytest

from augexp.config import load, settings
from augexp.config.decide import Decide, register
from augexp.config.schema import Experiment


def test_the_settings_without_effect() -> None:
    """A setting that is new decides numbers until somebody says that it doesn't."""
    assert {
        "runs_dir", "ops_dir", "data.data_dir", "data.cache_dir", "train.checkpoint_steps", "train.tensorboard",
        "train.trackers",
    } == settings.WITHOUT_EFFECT  # fmt: skip


@pytest.mark.parametrize("key", sorted(settings.WITHOUT_EFFECT))
def test_what_has_no_effect_makes_no_difference(key: str) -> None:
    value = {"train.checkpoint_steps": 5, "train.tensorboard": True, "train.trackers": "wandb"}.get(key, "elsewhere")
    other = load.experiment("digits.yaml", settings={key: value})
    here = load.experiment("digits.yaml")
    assert other != here
    assert settings.differences(other.model_dump(mode="json"), here) == []
    assert settings.deciding(other.model_dump(mode="json")) == settings.deciding(here.model_dump(mode="json"))


def test_copies_left_out_are_told_by_the_data_and_not_by_the_setting() -> None:
    """Runs that knew nothing of copies kept them; where there are none, all three do the same."""
    here = load.experiment(None)
    assert here.data.duplicates == "drop"
    stored = here.model_dump(mode="json")
    del stored["data"]["duplicates"]
    assert settings.as_made(stored)["data"]["duplicates"] == "keep"
    for other in ("keep", "refuse"):
        there = load.experiment(None, [f"data.duplicates={other}"]).model_dump(mode="json")
        assert settings.differences(there, here) == []
        assert settings.flatten(there) == settings.flatten(here.model_dump(mode="json"))
        assert settings.deciding(there) == settings.deciding(here.model_dump(mode="json"))


def test_what_decides_is_named_with_both_values() -> None:
    other = load.experiment("digits.yaml", ["train.epochs=3", "data.image_size=32"])
    assert settings.differences(other.model_dump(mode="json"), load.experiment("digits.yaml")) == [
        "data.image_size: 32 there, 16 here",
        "train.epochs: 3 there, 12 here",
    ]


def test_a_section_by_itself() -> None:
    told = settings.deciding(Experiment().model_dump(mode="json"), "data")
    assert set(told) == {
        "data.source", "data.image_size", "data.eval_size", "data.resize", "data.antialias", "data.cache_size",
        "data.validation", "data.duplicates", "data.train_per_class", "data.split_seed", "data.folds",
        "data.image_key", "data.label_key",
    }  # fmt: skip


def test_runs_that_wrote_the_default_share_are_of_the_settings_that_leave_it_out() -> None:
    here, before = load.experiment(None), load.experiment(None, ["data.validation=0.1"])
    assert (here.data.validation, before.data.validation) == (None, 0.1)
    assert settings.differences(before.model_dump(mode="json"), here) == []
    assert settings.flatten(here.model_dump(mode="json")) == settings.flatten(before.model_dump(mode="json"))
    other = load.experiment(None, ["data.validation=0.2"])
    assert settings.differences(other.model_dump(mode="json"), here) == ["data.validation: 0.2 there, 0.1 here"]


def test_runs_that_knew_one_loss_are_of_the_default() -> None:
    here = load.experiment(None)
    stored = here.model_dump(mode="json")
    del stored["train"]["loss"]
    assert settings.flatten(settings.as_made(stored)) == settings.flatten(here.model_dump(mode="json"))
    other = load.experiment(None, ["train.loss=binary"])
    assert settings.differences(settings.as_made(stored), other) == ["train.loss: 'cross_entropy' there, 'binary' here"]


@pytest.mark.parametrize(
    ("override", "difference"),
    [
        ("data.eval_size=256", "data.eval_size: null there, 256 here"),
        ("model.drop_path=0.1", "model.drop_path: null there, 0.1 here"),
        ("train.clip_norm=1", "train.clip_norm: null there, 1.0 here"),
        (
            "train.early_stopping={patience: 3}",
            "train.early_stopping: null there, {'patience': 3, 'min_delta': 0.0} here",
        ),
    ],
)
def test_runs_that_could_not_do_it_are_of_the_default(override: str, difference: str) -> None:
    here, other = load.experiment(None), load.experiment(None, [override])
    stored = here.model_dump(mode="json")
    section, _, key = override.partition("=")[0].partition(".")
    del stored[section][key]
    assert settings.flatten(settings.as_made(stored)) == settings.flatten(here.model_dump(mode="json"))
    assert settings.differences(settings.as_made(stored), other) == [difference]
    hashes = {register(Decide(), {"none": one}, [0], []).hash for one in (here, other)}
    assert len(hashes) == 2


def test_studies_of_earlier_versions_keep_their_hash() -> None:
    assert register(Decide(), {"none": load.experiment(None)}, [0, 1], []).hash == "d7213ca64484a069"
