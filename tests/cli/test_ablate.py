"""`augexp ablate` as it is typed."""

import json
from pathlib import Path

import pytest

from augexp import files
from augexp.study import ablation, grid
from augexp.study import plan as study_plan
from tests.cli.program import Augexp
from tests.factories import make_run

ACCURACY = {"none": 0.6, "all": 0.9, "only-rotate": 0.65, "only-cutmix": 0.7}
DECIDE = ("looks=[2,3]", "margin=1")


def finished(folder: Path, *axes: str) -> tuple[str, ...]:
    """The line to type for a study of which every run is finished."""
    (folder / "mine.yaml").write_text("strategy: [rotate, cutmix]\ndata: {source: digits}\ntrain: {epochs: 5}\n")
    typed = (*axes, f"runs_dir={folder / 'runs'}")
    study = grid.decided(ablation.study(str(folder / "mine.yaml"), grid.read_axes(typed)), DECIDE)
    plan = study_plan.plan(study)
    for one in plan.runs.values():
        accuracy = ACCURACY.get(one.name, 0.8)
        kept = {"study": plan.study.model_dump(mode="json")}
        make_run(one.run_dir, seed=one.seed, test_accuracy=accuracy, environment=kept)
        files.write_text(one.run_dir / "config.yaml", one.to_yaml())
    decide = [word for text in DECIDE for word in ("--decide", text)]
    return ("ablate", "--config", str(folder / "mine.yaml"), *typed, *decide)


@pytest.mark.slow
def test_a_finished_ablation_says_which_to_use_and_is_drawn(typed: Augexp, tmp_path: Path) -> None:
    answer = typed(*finished(tmp_path))
    assert answer.status == 0
    assert "4 strategies, looks at 2, 3 seeds, margin 1 points" in answer.err
    use, compare = answer.out.replace("\n  ", " ").splitlines()[1:]
    assert use.startswith("Use all. With 95 % confidence every other strategy is ")
    assert compare == f"compare: augexp compare {tmp_path}/runs/*-seed*"
    out = tmp_path / "out"
    compared = typed(
        *("compare", *(tmp_path / "runs").glob("*-seed*"), "--out", out),
        *("--report", out / "r.html", "--json", out / "a.json"),
    )
    assert compared.status == 0
    assert f"wrote {out / 'ablation.png'}" in compared.out
    told = json.loads((out / "a.json").read_text())["ablation"]
    assert [(one["op"], one["alone"]["baseline"], one["beside"]["baseline"]) for one in told] == [
        ("rotate", "none", "only-cutmix"),
        ("cutmix", "none", "only-rotate"),
    ]
    assert "What each op adds" in (out / "r.html").read_text()


@pytest.mark.slow
def test_finished_doses_are_drawn_against_the_strategy_without_the_op(typed: Augexp, tmp_path: Path) -> None:
    assert typed(*finished(tmp_path, "strategy.cutmix.prob=0.25,1")).status == 0
    compared = typed("compare", *(tmp_path / "runs").glob("*-seed*"), "--out", tmp_path, "--json", tmp_path / "a.json")
    assert compared.status == 0
    assert f"wrote {tmp_path / 'dose-cutmix.prob.png'}" in compared.out
    (told,) = json.loads((tmp_path / "a.json").read_text())["doses"]
    assert (told["baseline"], [one["group"] for one in told["doses"]]) == (
        "no-cutmix",
        ["cutmix-prob0.25", "cutmix-prob1"],
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--config", "cutmix"), "cutmix: strategy: a list of two or more ops is needed"),
        (("--config", "digits", "strategy=basic", "--decide", "margin=0"), "--decide.margin: it should be greater"),
        (("--config", "digits", "strategy=basic", "--decide", "baseline=al"), "decide.baseline al: no strategy"),
        (("--config", "digits", "strategy=basic", "--ray", "auto", "--jobs", "2"), "--jobs and --gpus place runs on"),
    ],
)
def test_an_ablation_that_makes_no_sense_is_refused(typed: Augexp, arguments: tuple[str, ...], message: str) -> None:
    answer = typed("ablate", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"error: {message}")


@pytest.mark.slow
@pytest.mark.usefixtures("forked_sweeps")
def test_digits_are_ablated_and_the_same_line_goes_on(typed: Augexp, tmp_path: Path, cache_dir: Path) -> None:
    line = (
        *("ablate", "--config", "digits.yaml", "strategy=invert+cutmix", "train.epochs=1", "data.train_per_class=20"),
        *(f"data.cache_dir={cache_dir}", f"runs_dir={tmp_path / 'runs'}", "-j", "2", "--decide", "looks=[2]"),
    )
    first = typed(*line)
    assert first.status == 0
    folders = list((tmp_path / "runs").glob("*-seed*"))
    assert {path.name for path in folders} >= {
        f"{name}-seed{seed}" for name in ("none", "all", "only-invert", "only-cutmix") for seed in (0, 1)
    }
    again = typed(*line)
    assert (again.status, again.out.splitlines()[-2:]) == (0, first.out.splitlines()[-2:])
    compared = typed("compare", *folders, "--out", tmp_path)
    assert compared.status == 0
    assert (tmp_path / "ablation.png").is_file()
