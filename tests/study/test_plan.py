"""A study that decides: its candidates and runs, and what is refused before anything is trained."""

from pathlib import Path

import pytest

from augexp import files
from augexp.config.decide import Decide
from augexp.errors import UserError
from augexp.study import plan as study_plan
from augexp.study.grid import Axes, Study, decided, read_study
from tests.factories import make_run
from tests.places import ROOT

DECIDE = Decide(looks=(2, 3), margin=1.0)


def study(**axes: list[object]) -> Study:
    return Study("digits.yaml", {"strategy": ["none", "cutmix"], **axes}, DECIDE)


def test_every_strategy_has_a_run_for_every_seed() -> None:
    plan = study_plan.plan(study())
    assert plan.study.strategies == ("none", "cutmix")
    assert plan.study.seeds == (0, 1, 2)
    assert set(plan.runs) == {(name, seed) for name in ("none", "cutmix") for seed in range(3)}
    assert [one.run_dir.name for one in plan.of([("cutmix", 1)])] == ["cutmix-seed1"]
    assert plan.study.varied == ()


def test_seeds_of_the_grid_are_used_in_order_and_other_settings_are_candidates() -> None:
    axes: dict[str, list[object]] = {"seed": [7, 5, 9, 11], "train.epochs": [2, 3]}
    plan = study_plan.plan(
        Study("digits.yaml", {"strategy": ["none"], **axes}, DECIDE.model_copy(update={"baseline": "none-epochs2"}))
    )
    assert plan.study.seeds == (7, 5, 9)
    assert plan.study.strategies == ("none-epochs2", "none-epochs3")
    assert plan.study.varied == ("train.epochs",)


def test_doses_are_candidates_and_one_may_be_the_baseline() -> None:
    decide = DECIDE.model_copy(update={"baseline": "cutmix-prob0.5"})
    plan = study_plan.plan(Study("cutmix.yaml", {"strategy.cutmix.prob": [0.25, 0.5]}, decide))
    assert plan.study.strategies == ("cutmix-prob0.25", "cutmix-prob0.5")
    assert plan.study.varied == ()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"strategy": ["cutmix"]}, "one strategy: there is nothing to decide"),
        ({"strategy": ["cutmix", "mixup"]}, "decide.baseline none: no strategy of the study has this name; there are"),
        ({"seed": [0, 1]}, "seed: the last look is at 3 seeds, and the grid has 2"),
    ],
)
def test_what_can_not_be_decided_is_refused(axes: dict[str, list[object]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        study_plan.plan(study(**axes))


def test_runs_of_another_study_or_none_are_refused(tmp_path: Path) -> None:
    axes: dict[str, list[object]] = {"runs_dir": [str(tmp_path)]}
    plan = study_plan.plan(study(**axes))
    study_plan.refuse_others(plan)
    folder = plan.runs["none", 0].run_dir
    folder.mkdir(parents=True)
    files.write_json(folder / "environment.json", {"study": plan.study.model_dump(mode="json")})
    study_plan.refuse_others(plan)
    files.write_json(folder / "environment.json", {})
    with pytest.raises(UserError, match=r"none-seed0: it is of no study; .* choose another runs_dir="):
        study_plan.refuse_others(plan)
    other = study_plan.plan(Study("digits.yaml", study(**axes).axes, Decide(looks=(2, 4), margin=1.0)))
    files.write_json(folder / "environment.json", {"study": other.study.model_dump(mode="json")})
    with pytest.raises(UserError, match="another study or another plan"):
        study_plan.refuse_others(plan)
    make_run(folder, sealed=True)
    files.write_json(folder / "environment.json", {"study": plan.study.model_dump(mode="json")})
    with pytest.raises(
        UserError, match=r"environment\.json is not what the run left .*; bring back the file, or choose"
    ):
        study_plan.refuse_others(plan)


def test_a_file_and_the_command_line_say_how_it_decides(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "config: digits.yaml\ngrid: {strategy: [none, cutmix]}\ndecide: {margin: 1.5, looks: [2, 4]}\n"
    )
    read = read_study(str(tmp_path / "s.yaml"))
    assert read.decide == Decide(margin=1.5, looks=(2, 4))
    assert decided(read, ["looks=[3,6]"]).decide == Decide(margin=1.5, looks=(3, 6))
    assert decided(study(), []) == study()
    (tmp_path / "s.yaml").write_text(
        "config: digits.yaml\ngrid: {strategy: [none]}\ndecide: {margn: 1, looks: [3, 3]}\n"
    )
    with pytest.raises(UserError) as caught:
        read_study(str(tmp_path / "s.yaml"))
    assert str(caught.value).splitlines() == [
        "s.yaml: decide.looks: seeds that rise from 2 or more are needed, such as [3, 5, 8, 12], not [3, 3]",
        "s.yaml: decide.margn: unknown key; did you mean margin?; known: baseline, looks, margin, error, score, metric",
    ]
    for text, message in (
        ("margin", "key=value is needed"),
        ("margin=[", "not valid YAML"),
        ("margin=0", "greater than 0"),
    ):
        with pytest.raises(UserError, match=message):
            decided(study(), [text])


def test_two_studies_in_one_folder_are_refused(tmp_path: Path) -> None:
    plan = study_plan.plan(study(runs_dir=[str(tmp_path)]))
    (tmp_path / "other-seed0").mkdir()
    other = plan.study.model_copy(update={"hash": "another"}).model_dump(mode="json")
    files.write_json(tmp_path / "other-seed0" / "environment.json", {"study": other})
    with pytest.raises(UserError, match=r"it holds runs of another study \(other-seed0\); choose another runs_dir="):
        study_plan.refuse_others(plan)


@pytest.mark.parametrize(("name", "strategies", "most"), [("which.yaml", 10, 120), ("which-digits.yaml", 4, 32)])
def test_the_shipped_studies_that_decide(name: str, strategies: int, most: int) -> None:
    plan = study_plan.plan(read_study(name))
    assert (len(plan.study.strategies), len(plan.runs), plan.study.varied) == (strategies, most, ())
    assert (ROOT / "configs" / name).read_text().startswith(f"# augexp sweep --study {name}\n")


def test_settings_of_candidates_are_varied_by_the_study() -> None:
    plain: dict[str, object] = {"strategy": []}
    candidates = {"none": plain, "long": {"strategy": "cutmix", "train.epochs": 40}}
    plan = study_plan.plan(Study("digits.yaml", {}, DECIDE, candidates))
    assert plan.study.varied == ("train.epochs",)


BASELINE = {"baseline": "none-scorelast"}


def scored(score: list[object] | None, axes: Axes) -> Axes:
    return axes if score is None else {**axes, "train.score": score}


def test_a_study_says_which_weights_all_its_runs_score(tmp_path: Path) -> None:
    def plan(decided: str | None, score: list[object] | None = None) -> study_plan.Plan:
        decide = Decide.model_validate(DECIDE.model_dump() | {"score": decided})
        return study_plan.plan(Study("digits.yaml", scored(score, study().axes), decide))

    silent, last, best = plan(None), plan("last"), plan("best")
    assert {one.train.score for one in best.runs.values()} == {"best"}
    assert {one.run_dir.name for one in best.runs.values()} == {one.run_dir.name for one in silent.runs.values()}
    assert (silent.study.decide.score, last.study.decide.score, best.study.decide.score) == ("last", "last", "best")
    assert silent.study == last.study
    assert last.study.hash != best.study.hash
    assert plan(None, score=["best"]).study == best.study == plan("best", score=["best"]).study
    differing = Study("digits.yaml", scored(["last", "best"], study().axes), DECIDE.model_copy(update=BASELINE))
    assert study_plan.plan(differing).study.decide.score is None


def test_another_score_beside_that_of_decide_is_refused(tmp_path: Path) -> None:
    decide = DECIDE.model_copy(update={"score": "last"})
    with pytest.raises(UserError) as error:
        study_plan.plan(Study("digits.yaml", scored(["best", "last"], study().axes), decide))
    assert str(error.value) == "decide.score last: the grid gives train.score best, last; keep one of the two"
    (tmp_path / "mine.yaml").write_text("data: {source: digits}\ntrain: {score: best}\n")
    with pytest.raises(UserError, match=r"decide.score last: .*mine.yaml gives train.score best; keep one of the two"):
        study_plan.plan(Study(str(tmp_path / "mine.yaml"), study().axes, decide))


def test_a_study_that_treats_copies_otherwise_is_another(tmp_path: Path) -> None:
    """Its hash is that of earlier versions, which knew nothing of copies; the runs tell."""
    axes: list[Axes] = [{"runs_dir": [str(tmp_path)], "data.duplicates": [setting]} for setting in ("keep", "drop")]
    keeping, dropping = (study_plan.plan(study(**one)) for one in axes)
    assert keeping.study == dropping.study
    one = keeping.runs["none", 0]
    told = {"study": keeping.study.model_dump(mode="json"), "copies": {"across": 1, "dropped": {}}}
    make_run(one.run_dir, environment=told)
    (one.run_dir / "config.yaml").write_text(one.to_yaml())
    study_plan.refuse_others(keeping)
    with pytest.raises(UserError, match=r"data\.duplicates: keep there, drop here"):
        study_plan.refuse_others(dropping)
