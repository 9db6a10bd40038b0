"""What groups differ in besides the strategy, and what of it is held against a comparison."""

from pathlib import Path

import pytest

from augexp.compare.confounders import check_allowed, confounders, differences
from augexp.compare.groups import Group, load_groups
from augexp.errors import UserError
from tests.factories import forget, make_run

VERSIONS = {"augexp": "0.1.0", "python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"}


def two(folder: Path, *, overrides: tuple[str, ...] = (), environment: dict[str, object] | None = None) -> list[Group]:
    """A baseline, and a group that differs from it in the strategy and what is given."""
    paths = [make_run(folder / f"none{seed}", strategy="none", seed=seed) for seed in range(2)]
    paths += [
        make_run(folder / f"cutmix{seed}", seed=seed, overrides=overrides, environment=environment) for seed in range(2)
    ]
    return list(load_groups(paths).groups)


def test_strategy_seed_name_and_folders_are_no_difference(tmp_path: Path) -> None:
    groups = two(tmp_path, overrides=("name=my-cutmix", "data.cache_dir=/x", "runs_dir=y", "data.data_dir=/z"))
    assert differences(groups) == {}


def test_other_keys_and_the_environment_are_named_with_their_values(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", strategy="none", overrides=["train.epochs=9", "data.validation=test"]),
        make_run(tmp_path / "b", overrides=["model.backbone_args={alpha: 0.35}"]),
        make_run(
            tmp_path / "c", seed=1, overrides=["model.backbone_args={alpha: 0.35}"], environment={"device": "H200"}
        ),
        make_run(tmp_path / "d", strategy="mixup", environment={"data_fingerprint": "other"}),
    ]
    assert differences(load_groups(paths).groups) == {
        "data.validation": ("test", 0.1, 0.1),
        "train.epochs": (9, 5, 5),
        "model.backbone_args.alpha": ("unset", 0.35, "unset"),
        "data_fingerprint": ("0123456789abcdef", "0123456789abcdef", "other"),
        "device": ("CPU", "CPU / H200", "CPU"),
    }


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"device": "H200"}, {}),
        ({"versions": VERSIONS | {"python": "3.12.1", "numpy": "2.5.0"}}, {}),
        ({"versions": VERSIONS | {"keras": "3.12.0"}}, {"versions.keras": ("3.12.0", "3.15.1")}),
        ({"precision": "mixed_bfloat16"}, {"precision": ("mixed_bfloat16", "float32")}),
        ({"backend": "jax"}, {"backend": ("jax", "tensorflow")}),
        ({"data_fingerprint": "x"}, {"data_fingerprint": ("x", "0123456789abcdef")}),
    ],
)
def test_what_can_change_accuracy_confounds(
    tmp_path: Path, environment: dict[str, object], found: dict[str, object]
) -> None:
    none, cutmix = two(tmp_path, environment=environment)
    assert confounders(cutmix, none) == found
    assert confounders(cutmix, none, allowed=found) == {}


def test_runs_of_an_earlier_version_scored_their_best_epoch(tmp_path: Path) -> None:
    none, cutmix = two(tmp_path, overrides=("train.score=last",))
    assert confounders(cutmix, none) == {"train.score": ("last", "best")}
    forget(none.runs[0].path, "score", "ema")
    none, cutmix = load_groups([none.runs[0].path, cutmix.runs[0].path]).groups
    assert confounders(cutmix, none) == {"train.score": ("last", "best")}
    forget(cutmix.runs[0].path, "score", "ema")
    none, cutmix = load_groups([none.runs[0].path, cutmix.runs[0].path]).groups
    assert confounders(cutmix, none) == {}


def test_a_section_can_be_allowed_and_a_prefix_is_none(tmp_path: Path) -> None:
    none, cutmix = two(tmp_path, overrides=("train.learning_rate=0.02",))
    assert confounders(cutmix, none, ["train"]) == {}
    assert list(confounders(cutmix, none, ["train.learn"])) == ["train.learning_rate"]


def test_conditions_that_vary_over_seeds_alike_confound_nothing(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed, environment={"precision": f"p{seed}"})
        for name in ("none", "cutmix")
        for seed in range(2)
    ]
    none, cutmix = load_groups(paths).groups
    assert "precision" in differences([none, cutmix])
    assert confounders(cutmix, none) == {}
    odd = make_run(tmp_path / "odd", seed=2, environment={"precision": "p9"})
    _, cutmix = load_groups([*paths, odd]).groups
    assert confounders(cutmix, none) == {"precision": ("p0 / p1 / p9", "p0 / p1")}


def test_a_key_no_run_has_is_refused(tmp_path: Path) -> None:
    groups = two(tmp_path)
    check_allowed(groups, ["train.epochs", "versions", "versions.keras", "precision"])
    with pytest.raises(UserError) as caught:
        check_allowed(groups, ["train.epoch"])
    assert str(caught.value) == "--allow train.epoch: no run has such a key; did you mean train.epochs?"
    with pytest.raises(UserError, match="--allow qqqqqq: no run has such a key; the notes"):
        check_allowed(groups, ["qqqqqq"])


# --- what is recorded settles what was typed -----------------------------------------------------------------------


def test_the_same_data_typed_in_another_way_is_no_difference(tmp_path: Path) -> None:
    none, cutmix = two(tmp_path, overrides=("data.source=folder:./photos/",))
    assert confounders(cutmix, none) == {}


def test_seeds_whose_data_were_typed_in_two_ways_are_one_group(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / f"{seed}", seed=seed, overrides=[f"data.source=folder:{place}"])
        for seed, place in enumerate(("photos", "./photos/", "/mnt/photos"))
    ]
    (group,) = load_groups(paths).groups
    assert group.seeds == (0, 1, 2)


def test_other_content_under_one_name_is_a_difference(tmp_path: Path) -> None:
    none, cutmix = two(tmp_path, environment={"data_fingerprint": "other"})
    assert set(confounders(cutmix, none)) == {"data_fingerprint"}


def test_initial_weights_count_by_their_content(tmp_path: Path) -> None:
    def pair(folder: Path, path: str, digest: str) -> dict[str, tuple[object, object]]:
        paths = [
            make_run(folder / f"{name}{seed}", strategy=name, seed=seed, overrides=[f"model.weights={file}"],
                     environment={"weights": content})
            for name, file, content in (("none", "/a.h5", "x"), ("cutmix", path, digest))
            for seed in range(2)
        ]  # fmt: skip
        none, cutmix = load_groups(paths).groups
        return confounders(cutmix, none)

    assert pair(tmp_path / "copied", "/b.h5", "x") == {}
    assert pair(tmp_path / "replaced", "/a.h5", "y") == {"weights": ("y", "x")}


def test_another_commit_confounds_unless_the_code_is_known_to_be_the_same(tmp_path: Path) -> None:
    def found(folder: Path, ours: dict[str, str], theirs: dict[str, str]) -> set[str]:
        paths = [
            make_run(folder / f"{name}{seed}", strategy=name, seed=seed, environment=dict(told))
            for name, told in (("none", theirs), ("cutmix", ours))
            for seed in range(2)
        ]
        none, cutmix = load_groups(paths).groups
        return set(confounders(cutmix, none))

    assert found(tmp_path / "a", {"git_commit": "1"}, {"git_commit": "2"}) == {"git_commit"}
    assert found(tmp_path / "b", {"git_commit": "1+"}, {"git_commit": "1"}) == {"git_commit"}
    assert found(tmp_path / "c", {"git_commit": "1", "code": "x"}, {"git_commit": "2", "code": "x"}) == set()
    assert found(tmp_path / "d", {"git_commit": "1", "code": "x"}, {"git_commit": "1", "code": "y"}) == {"code"}


@pytest.mark.parametrize("both", [True, False])
def test_val_that_is_test_confounds_even_where_both_have_it(tmp_path: Path, *, both: bool) -> None:
    keys = {"cutmix": ["data.validation=test"], "none": ["data.validation=test"] if both else []}
    paths = [
        make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed, overrides=keys[name])
        for name in keys
        for seed in range(2)
    ]
    none, cutmix = load_groups(paths).groups
    assert confounders(cutmix, none) == {"data.validation": ("test", "test" if both else "train")}
    assert confounders(cutmix, none, ["data.validation"]) == {}


def test_runs_that_ended_early_confound_even_where_both_did(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed, overrides=["train.epochs=12"])
        for name in ("none", "cutmix")
        for seed in range(2)
    ]
    none, cutmix = load_groups(paths).groups
    assert confounders(cutmix, none) == {"train.epochs": ("5 of 12", "5 of 12")}
