"""Which to use, read off the intervals of all pairs."""

from collections.abc import Sequence
from pathlib import Path

from augexp.compare.choice import Choice
from augexp.compare.groups import load_groups
from augexp.compare.judge import judge
from augexp.compare.verdicts import Options
from augexp.report.wording import choice_sentence
from tests.factories import make_run

NOISE = (0.01, -0.01, 0.0, 0.01)


def chosen(
    folder: Path, means: dict[str, float], options: Options | None = None, overrides: Sequence[str] = ()
) -> Choice | None:
    """`overrides`: of the last strategy."""
    paths = [
        make_run(
            folder / f"{name}{seed}", strategy=name, seed=seed, test_accuracy=mean + noise * (1 if place % 2 else -1),
            overrides=overrides if place == len(means) - 1 else (),
        )
        for place, (name, mean) in enumerate(means.items())
        for seed, noise in enumerate(NOISE)
    ]  # fmt: skip
    return judge(load_groups(paths), options).choice


def test_one_far_above_is_to_be_used(tmp_path: Path) -> None:
    found = chosen(tmp_path, {"none": 0.6, "basic": 0.62, "cutmix": 0.9})
    assert found is not None
    assert (found.leader, found.settled, found.rivals, found.baseline) == ("cutmix", True, (), "none")
    assert found.against is not None
    assert found.against[0] > 0
    assert found.most_above < 0
    assert choice_sentence(found).startswith("Use cutmix. With 95 % confidence every other strategy is ")


def test_rivals_are_named_with_how_far_they_may_be_above(tmp_path: Path) -> None:
    found = chosen(tmp_path, {"none": 0.6, "basic": 0.89, "cutmix": 0.9})
    assert found is not None
    assert not found.settled
    ((rival, most),) = found.rivals
    assert (rival, most > 0) == ("basic", True)
    assert f"can't be told from basic (at most {100 * most:.2f} points above it)" in choice_sentence(found)


def test_within_the_margin_the_leader_is_used_and_the_margin_named(tmp_path: Path) -> None:
    found = chosen(tmp_path, {"none": 0.8, "cutmix": 0.805}, Options(margin=20))
    assert found is not None
    assert found.settled
    assert "less than the margin of 20 above it" in choice_sentence(found)
    assert "The margin stands in no study file" in choice_sentence(found)


def test_confounded_groups_are_left_out_by_name(tmp_path: Path) -> None:
    means = {"none": 0.6, "cutmix": 0.8, "mixup": 0.9}
    found = chosen(tmp_path, means, overrides=["train.learning_rate=0.3"])
    assert found is not None
    assert (found.leader, found.barred) == ("cutmix", ("mixup",))
    assert "Not judged, and not among these: mixup." in choice_sentence(found)


def test_what_was_allowed_stands_in_the_sentence(tmp_path: Path) -> None:
    means, key = {"none": 0.6, "cutmix": 0.9}, "train.learning_rate"
    found = chosen(tmp_path, means, Options(allow=(key,)), [f"{key}=0.3"])
    assert found is not None
    assert found.settled
    assert choice_sentence(found).endswith(f"Allowed to differ: {key}.")


def test_one_strategy_or_one_seed_gives_no_choice(tmp_path: Path) -> None:
    assert chosen(tmp_path / "a", {"none": 0.6}) is None
    pair = [make_run(tmp_path / name, strategy=name) for name in ("none", "cutmix")]
    assert judge(load_groups(pair)).choice is None
