"""Effects of ops and doses: found in the configurations, and their numbers are those of the verdicts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from augexp.compare.effects import Effect
from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.verdicts import Options
from augexp.config.decide import Decide, Registered
from tests.factories import make_run

WOBBLE = (0.0, 0.01, -0.01)
ABLATION = {"none": 0.7, "[rotate,cutmix]": 0.9, "rotate": 0.75, "cutmix": 0.8}
DOSES = {"none": 0.7} | {f"[{{name: cutmix, prob: {dose}}}]": accuracy for dose, accuracy in ((1, 0.6), (0.25, 0.8))}


def runs(folder: Path, accuracies: Mapping[str, float], *overrides: str, seeds: int = 3) -> list[Path]:
    """A group for each strategy, named g0, g1, ..."""
    return [
        make_run(
            folder / f"{index}-{seed}",
            strategy=strategy,
            seed=seed,
            test_accuracy=round(accuracy + WOBBLE[(seed + index) % 3], 2),
            overrides=[f"name=g{index}", *overrides],
        )
        for index, (strategy, accuracy) in enumerate(accuracies.items())
        for seed in range(seeds)
    ]


def judged(paths: Sequence[Path], **options: object) -> Judgement:
    return judge(load_groups(paths), Options(**options))  # type: ignore[arg-type]


def told(effect: Effect | None) -> tuple[str, str, float] | None:
    if effect is None:
        return None
    return effect.group.label, effect.baseline.label, round(effect.difference, 6)


def test_an_op_is_held_against_none_and_its_absence(tmp_path: Path) -> None:
    judgement = judged(runs(tmp_path, ABLATION))
    assert judgement.effects.doses == ()
    assert [(one.op, told(one.alone), told(one.beside)) for one in judgement.effects.ops] == [
        ("rotate", ("g2", "g0", 0.05), ("g1", "g3", 0.1)),
        ("cutmix", ("g3", "g0", 0.1), ("g1", "g2", 0.15)),
    ]


def test_numbers_are_those_of_the_verdicts_whichever_way_round(tmp_path: Path) -> None:
    judgement = judged(runs(tmp_path, ABLATION))
    (beside,) = (one.beside for one in judgement.effects.ops if one.op == "rotate")
    (verdict,) = (one for one in judgement.every if {one.group.label, one.baseline.label} == {"g1", "g3"})
    assert verdict.group.label == "g3"  # the other way round
    assert verdict.contrast is not None
    assert beside is not None
    assert beside.difference == -verdict.contrast.difference
    assert beside.interval == (-verdict.contrast.interval[1], -verdict.contrast.interval[0])
    assert beside.seed_interval is not None
    assert beside.seed_interval[0] <= beside.difference <= beside.seed_interval[1]
    assert (verdict.status, beside.status) in (("worse", "better"), ("undecided", "undecided"))


def test_an_effect_that_seeds_bear_out_is_better_and_its_reverse_worse(tmp_path: Path) -> None:
    names = {"none": 0.2, "[rotate,cutmix]": 0.2, "rotate": 0.9, "cutmix": 0.2}
    found = {one.op: one for one in judged(runs(tmp_path, names)).effects.ops}
    assert found["rotate"].alone is not None
    assert found["rotate"].alone.status == "better"
    assert found["cutmix"].beside is not None
    assert found["cutmix"].beside.status == "worse"


@pytest.mark.slow
def test_what_is_missing_or_refused_has_no_effect(tmp_path: Path) -> None:
    paths = runs(tmp_path, {"[rotate,blur,cutmix]": 0.9, "cutmix": 0.8, "[rotate,cutmix]": 0.85})
    (found,) = judged(paths).effects.ops  # without none, nothing can be alone
    assert (found.op, found.alone, told(found.beside)) == ("blur", None, ("g0", "g2", 0.05))
    slower = runs(tmp_path / "slower", {"none": 0.7}, "train.learning_rate=0.5")
    assert [one.alone for one in judged([*paths, *slower]).effects.ops] == [None]  # confounded
    twice = [*runs(tmp_path / "a", ABLATION), *runs(tmp_path / "b", ABLATION, "train.learning_rate=0.5")]
    assert judged(twice).effects.ops == ()
    assert judged(runs(tmp_path / "one", ABLATION, seeds=1)).effects.ops == ()  # models, and not strategies


@pytest.mark.parametrize(
    "strategies", [("none", "basic", "cutmix"), ("none", "[rotate,cutmix]", "[blur,cutmix]", "cutmix"), ("none",)]
)
def test_other_strategies_are_no_ablation(tmp_path: Path, strategies: Sequence[str]) -> None:
    found = judged(runs(tmp_path, dict.fromkeys(strategies, 0.7))).effects
    assert (found.ops, found.doses) == ((), ())


def test_two_ops_of_one_name_are_told_apart_by_their_parameters(tmp_path: Path) -> None:
    little, much = ("{name: rotate, degrees: 5}", "{name: rotate, degrees: 50}")
    names = {"none": 0.7, f"[{little},{much},blur]": 0.9, f"[{much}]": 0.75, f"[{little},blur]": 0.8}
    found = judged(runs(tmp_path, names)).effects.ops
    assert [(one.op, told(one.alone), told(one.beside)) for one in found] == [
        ("rotate[2]", ("g2", "g0", 0.05), ("g1", "g3", 0.1))
    ]


def test_doses_rise_and_are_held_against_the_baseline(tmp_path: Path) -> None:
    (found,) = judged(runs(tmp_path, DOSES)).effects.doses
    assert (found.parameter, found.baseline.label) == ("cutmix.prob", "g0")
    assert {dose: group.label for dose, group in found.groups.items()} == {0.25: "g2", 1.0: "g1"}
    assert {dose: told(one) for dose, one in found.effects.items()} == {
        0.25: ("g2", "g0", 0.1),
        1.0: ("g1", "g0", -0.1),
    }
    assert list(found.groups) == [0.25, 1.0]


def test_a_dose_may_be_the_baseline(tmp_path: Path) -> None:
    paths = runs(tmp_path, DOSES)
    (found,) = judged(paths, baseline="g1").effects.doses
    assert (found.baseline.label, {dose: told(one) for dose, one in found.effects.items()}) == (
        "g1",
        {0.25: ("g2", "g1", 0.2)},
    )
    (of_all,) = judged(paths, all_pairs=True).effects.doses
    assert of_all.baseline.label == "g0"
    (without,) = judged([path for path in paths if not path.name.startswith("0")], all_pairs=True).effects.doses
    assert without.baseline.label == "g2"  # the lowest dose


@pytest.mark.parametrize(
    "strategies",
    [
        ("[{name: cutmix, prob: 0.5}]", "[{name: cutmix, alpha: 0.5}]"),
        ("[{name: cutmix, per: batch}]", "cutmix"),
        ("[{name: cutmix, correct_lam: false}]", "cutmix"),
        ("[{name: blur, sigma: [0.1, 1]}]", "blur"),
        ("mixup", "cutmix"),
    ],
)
def test_what_differs_in_more_or_in_no_number_is_no_dose(tmp_path: Path, strategies: Sequence[str]) -> None:
    assert judged(runs(tmp_path, {"none": 0.7} | dict.fromkeys(strategies, 0.8))).effects.doses == ()


def test_doses_of_different_trainings_are_different_curves(tmp_path: Path) -> None:
    paths = [*runs(tmp_path / "a", DOSES), *runs(tmp_path / "b", DOSES, "train.learning_rate=0.5")]
    found = judged(paths).effects.doses
    assert [one.parameter for one in found] == ["cutmix.prob", "cutmix.prob"]
    assert [{told(effect) is not None for effect in one.effects.values()} for one in found] == [{True}, {True}]
    assert len({one.baseline.label for one in found}) == 2


def test_the_baseline_is_that_of_a_registered_study(tmp_path: Path) -> None:
    decide = Decide(baseline="g1", looks=(3,))
    study = Registered(decide=decide, strategies=("g0", "g1", "g2"), seeds=(0, 1, 2), hash="x")
    paths = [
        make_run(
            tmp_path / f"{index}-{seed}",
            strategy=strategy,
            seed=seed,
            overrides=[f"name=g{index}"],
            environment={"study": study.model_dump(mode="json")},
        )
        for index, strategy in enumerate(DOSES)
        for seed in range(3)
    ]
    judgement = judged(paths)
    assert judgement.baseline is not None
    assert judgement.baseline.label == "g1"
    (found,) = judgement.effects.doses
    assert (found.baseline.label, list(found.effects)) == ("g1", [0.25])
    assert [one.status for one in judgement.every if one.status == "confounded"] == []
    asked = judged(paths, baseline="g0")
    assert asked.baseline is not None
    assert asked.baseline.label == "g0"
