"""Grids as typed and as written: every combination, names, and what is refused before anything starts."""

from pathlib import Path

import pytest

from augexp.config.ops import CutMix
from augexp.errors import UserError
from augexp.study import grid
from augexp.study.grid import Study
from tests.places import ROOT


def swept(*axes: str, config: str = "digits.yaml") -> list[str]:
    return [experiment.run_dir.name for experiment in grid.experiments(Study(config, grid.read_axes(axes)))]


def complaint(*axes: str) -> str:
    with pytest.raises(UserError) as error:
        swept(*axes)
    return str(error.value)


def test_every_combination_has_a_folder_of_its_own() -> None:
    assert swept("strategy=none,cutmix", "seed=0..2") == [
        *("none-seed0", "none-seed1", "none-seed2", "cutmix-seed0", "cutmix-seed1", "cutmix-seed2"),
    ]


def test_the_settings_are_those_of_the_grid() -> None:
    study = Study("digits.yaml", grid.read_axes(["strategy=basic,cutmix", "train.epochs=3,5", "seed=7"]))
    found = [
        (len(experiment.strategy), experiment.train.epochs, experiment.seed) for experiment in grid.experiments(study)
    ]
    assert found == [(2, 3, 7), (2, 5, 7), (1, 3, 7), (1, 5, 7)]


@pytest.mark.parametrize(
    ("axes", "names"),
    [
        (("train.epochs=10,40",), ["none-epochs10-seed0", "none-epochs40-seed0"]),
        (("train.epochs=10", "seed=1,3"), ["none-seed1", "none-seed3"]),
        (("strategy=[{name: cutmix, alpha: 0.5}],cutmix",), ["cutmix-alpha0.5-seed0", "cutmix-seed0"]),
        (("strategy=[flip_left_right, mixup]",), ["flip_left_right+mixup-seed0"]),
        (("data.validation=0.1,test",), ["none-validation0.1-seed0", "none-validationtest-seed0"]),
        (("name=mine", "strategy=none,mixup"), ["mine-none-seed0", "mine-mixup-seed0"]),
        (("data.train_per_class=null,20",), ["none-train_per_classnull-seed0", "none-train_per_class20-seed0"]),
        (("strategy.cutmix.prob=0.25,1", "strategy=cutmix"), ["cutmix-prob0.25-seed0", "cutmix-prob1-seed0"]),
        (
            ("strategy=cutmix+mixup", "strategy.cutmix.prob=0.5,1", "strategy.mixup.prob=0.1,1"),
            [f"cutmix+mixup-cutmix.prob{c}-mixup.prob{m}-seed0" for c in ("0.5", "1") for m in ("0.1", "1")],
        ),
    ],
)
def test_names_say_what_varies(axes: tuple[str, ...], names: list[str]) -> None:
    assert swept(*axes) == names


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    ops = ", ".join(["flip_left_right"] * 6)
    first, second = swept(f"strategy=[{ops}],[{ops}, cutmix]")
    assert first != second
    assert len(first) <= 60 + len("-seed0")


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (("seed=0,0",), "seed: 0 is given twice; keep one"),
        (("seed=0..2,1",), "seed: 1 is given twice; keep one"),
        (
            ("seed=3..1",),
            "'seed=3..1': 3..1: a range such as 0..4 is needed, the lower first, of at most 10,000 values",
        ),
        (("seed",), "'seed': key=value,value is needed, such as seed=0..4 or strategy=none,cutmix"),
        (("seed=0", "seed=1"), "'seed=1': seed is given twice; write its values in one, with commas"),
        (
            ("seed=[0",),
            "'seed=[0': not valid YAML: expected ',' or ']', but got '<stream end>'; "
            "for a shell, put all of it in quotes: 'seed=[a, b]'",
        ),
        (("seed=0..999", "train.epochs=1..11"), "the grid has 11,000 runs; at most 10,000 can be swept at once"),
        (
            ("strategy=none,[]",),
            "runs/digits/none-seed0: more than one run of the grid would have this folder; "
            "vary what tells them apart, or leave out name=",
        ),
        (
            ("strategy=mixup,[{name: mixup, alpha: 0.2}]",),
            "runs/digits/mixup-seed0 and runs/digits/mixup-alpha0.2-seed0 would be the same run twice; "
            "keep one of the values",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(axes: tuple[str, ...], message: str) -> None:
    assert complaint(*axes) == message


def test_every_mistake_of_the_grid_is_said_once() -> None:
    lines = complaint("train.epoch=1,2", "strategy=none,cutmx", "seed=0..4").splitlines()
    assert len(lines) == len(set(lines)) == 3
    assert lines[0].endswith("train.epoch: unknown key; did you mean epochs?")


@pytest.mark.parametrize(("name", "runs", "seeds"), [("study.yaml", 20, 5), ("schedule.yaml", 36, 3)])
def test_the_shipped_studies(name: str, runs: int, seeds: int) -> None:
    found = grid.experiments(grid.read_study(name))
    assert len(found) == runs
    assert len({experiment.seed for experiment in found}) == seeds
    assert {experiment.data.source for experiment in found} == {"stanford_dogs"}
    text = (ROOT / "configs" / name).read_text()
    assert text.startswith(f"# augexp sweep --study {name}\n")


def test_a_study_may_hold_lists_of_ops_and_ranges(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("config: digits\ngrid:\n  strategy: [none, [cutmix, mixup]]\n  seed: [0..1, 5]\n")
    found = [experiment.run_dir.name for experiment in grid.experiments(grid.read_study(str(path)))]
    assert found == [f"{name}-seed{seed}" for name in ("none", "cutmix+mixup") for seed in (0, 1, 5)]


def test_a_study_may_vary_a_parameter_of_an_op(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("config: cutmix\ngrid: {strategy.cutmix.prob: [0.25, 0.5]}\n")
    found = grid.experiments(grid.read_study(str(path)))
    assert [one.name for one in found] == ["cutmix-prob0.25", "cutmix-prob0.5"]
    assert [one.strategy for one in found] == [(CutMix(prob=0.25),), (CutMix(prob=0.5),)]


def test_a_study_that_is_none_is_refused_with_every_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("confg: digits\ngrid: 3\n")
    with pytest.raises(UserError) as error:
        grid.read_study(str(path))
    assert str(error.value).splitlines() == [
        "mine.yaml: confg: unknown key; did you mean config?; known: config, grid, candidates, decide",
        "mine.yaml: config: the name of a configuration is needed, such as none.yaml",
        "mine.yaml: grid: a mapping such as {strategy: [none, cutmix], seed: 0..4} is needed",
    ]


def test_small_numbers_stay_numbers_through_a_grid(tmp_path: Path) -> None:
    axes = grid.read_axes(["train.learning_rate=0.00001,1e-4", "model.backbone_args={epsilon: 1e-5},{epsilon: 1e-7}"])
    base = tmp_path / "base.yaml"
    base.write_text("model: {backbone: MobileNetV2}\n")
    found = grid.experiments(grid.Study(str(base), axes))
    assert [one.train.learning_rate for one in found] == [1e-5, 1e-5, 1e-4, 1e-4]
    assert [one.model.backbone_args["epsilon"] for one in found] == [1e-5, 1e-7, 1e-5, 1e-7]


def test_quoted_text_of_a_study_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("model: {backbone: MobileNetV2}\n")
    study = tmp_path / "study.yaml"
    study.write_text(
        f"config: {tmp_path / 'base.yaml'}\n"
        "grid: {name: ['1e-5'], seed: 0..1, model.backbone_args: [{a: 'null'}]}\n"
    )
    found = grid.experiments(grid.read_study(str(study)))
    assert [(one.name, one.seed) for one in found] == [("1e-5", 0), ("1e-5", 1)]
    assert found[0].model.backbone_args == {"a": "null"}


# --- candidates ----------------------------------------------------------------------------------------------------


def study_of(folder: Path, text: str) -> Study:
    (folder / "s.yaml").write_text(f"config: digits.yaml\n{text}")
    return grid.read_study(str(folder / "s.yaml"))


def test_candidates_are_strategies_or_settings_by_name(tmp_path: Path) -> None:
    text = "candidates: {plain: none, mix: [cutmix], long: {strategy: cutmix, train.epochs: 40}}\ngrid: {seed: 0..1}\n"
    found = grid.experiments(study_of(tmp_path, text))
    assert [(one.name, one.seed, one.train.epochs) for one in found] == [
        ("plain", 0, 12), ("plain", 1, 12), ("mix", 0, 12), ("mix", 1, 12), ("long", 0, 40), ("long", 1, 40),
    ]  # fmt: skip
    assert [op.name for op in found[-1].strategy] == ["cutmix"]


def test_candidates_need_no_grid(tmp_path: Path) -> None:
    assert [one.name for one in grid.experiments(study_of(tmp_path, "candidates: {plain: none, mix: cutmix}\n"))] == [
        "plain", "mix",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("candidates: [none]\n", "s.yaml: candidates: a mapping such as"),
        ("candidates: {1: none}\n", "s.yaml:2: a key must be text, not 1; put it in quotes"),
        ("candidates: {a: {}}\n", "s.yaml: candidates.a: a strategy, or settings such as"),
        ("candidates: {a: {seed: 1}}\n", "s.yaml: candidates.a: seed can't be set here"),
        (
            "candidates: {a: none, b: cutmix}\ngrid: {strategy: [mixup]}\n",
            "strategy: the candidates of the study set it",
        ),
        ("candidates: {a: cutmx}\n", "did you mean cutmix"),
    ],
)
def test_candidates_that_make_no_sense_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        grid.experiments(study_of(tmp_path, text))
    assert message in str(caught.value)


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("name=no,yes,0,null,010", ["no", "yes", "0", "null", "010"]),
        ("name='a,b',\"c,d\",it's", ["a,b", "c,d", "it's"]),
        ("name=1..3", ["1..3"]),
        ("data.source=folder:a #2,csv:[x", ["folder:a #2", "csv:[x"]),
        ("seed=010, 0x10,2..4", [10, 16, 2, 3, 4]),
        ("train.learning_rate=1e-3,1.5", [0.001, 1.5]),
        ("train.deterministic=true,no", [True, "no"]),
        ("model.weights=null,imagenet", [None, "imagenet"]),
        ("model.backbone_args={alpha: 0.35},{alpha: no}", [{"alpha": 0.35}, {"alpha": "no"}]),
        ("strategy=none,[cutmix, mixup]", ["none", ["cutmix", "mixup"]]),
    ],
)
def test_values_are_what_the_setting_needs(text: str, values: list[object]) -> None:
    assert grid.read_axes([text])[text.partition("=")[0]] == values


def test_mappings_may_be_values_and_sections_are_merged(tmp_path: Path) -> None:
    base = grid.experiments(Study("digits.yaml"))[0].train
    told = ("train={epochs: 2},{epochs: 3, momentum: 0.5}",)
    found = [one.train for one in grid.experiments(Study("digits.yaml", grid.read_axes(told)))]
    assert found == [base.model_copy(update={"epochs": 2}), base.model_copy(update={"epochs": 3, "momentum": 0.5})]
    (tmp_path / "s.yaml").write_text("config: digits\ngrid: {train: [{epochs: 2}]}\n")
    assert [one.train for one in grid.experiments(grid.read_study(str(tmp_path / "s.yaml")))] == found[:1]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (("train={epochs: 2}", "train.epochs=3,4"), "train: train.epochs of the grid sets it too; keep one of the two"),
        (("seed=1,,2",), "'seed=1,,2': a value is missing beside a comma"),
        (("model.backbone_args={1: a, b: 2}",), "a key must be text, not 1; put it in quotes"),
        (("seed=0x" + "f" * 5000,), "a number has at most 100 characters"),
        (("seed=0.." + "9" * 5000,), "a range such as 0..4 is needed, the lower first, of at most 10,000 values"),
        (('name="\x00"',), "the character U+0000 is not allowed"),
        ((".".join("a" * 5000) + "=1",), "5,000 keys within each other; at most 50 are"),
    ],
)
def test_words_that_no_grid_can_hold_are_refused_in_a_line(axes: tuple[str, ...], message: str) -> None:
    said = complaint(*axes)
    assert message in said
    assert len(said) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config: digits\n# \x07\ngrid: {seed: 0}\n", "s.yaml:2: not valid YAML: the character U+0007 is not allowed"),
        ("config: digits\ngrid: {name: [2001-01-01, b]}\n", "would be the same run twice"),
        ("config: digits\ngrid: {name: !!int x}\n", "s.yaml:2: not valid YAML: 'x' is no int"),
        ("config: digits\ngrid: {seed: 4..1}\n", "s.yaml: grid: seed: 4..1: a range such as 0..4 is needed"),
    ],
)
def test_words_that_no_study_can_hold_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        grid.experiments(grid.read_study(str(tmp_path / "s.yaml")))
    assert message in str(caught.value)


def test_a_decision_is_typed_by_its_section() -> None:
    decide = grid.decided(Study("digits.yaml"), ["baseline=no", "looks=[2, 4]", "margin=1e-1", "score=null"]).decide
    assert decide is not None
    assert (decide.baseline, decide.looks, decide.margin, decide.score) == ("no", (2, 4), 0.1, None)
    with pytest.raises(UserError, match=r"--decide looks=\[3,: not valid YAML"):
        grid.decided(Study("digits.yaml"), ["looks=[3,"])
