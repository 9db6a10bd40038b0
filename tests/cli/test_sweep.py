"""`augexp sweep` as it is typed."""

import json
from pathlib import Path

import pytest

from augexp import files
from augexp.config import load
from augexp.config.decide import Decide
from augexp.runs import predictions, read
from augexp.study.grid import Study
from augexp.study.plan import plan
from tests.cli.program import Augexp
from tests.factories import make_run


def test_a_sweep_of_finished_runs_starts_nothing_and_says_what_to_compare(typed: Augexp, runs_dir: Path) -> None:
    swept = ("sweep", "strategy=none,cutmix", "seed=0,1", f"runs_dir={runs_dir}", "data.source=digits")
    (runs_dir / "base.yaml").write_text("train: {epochs: 5, score: best}\n")
    answer = typed(*swept, "--config", runs_dir / "base.yaml")
    assert (answer.status, answer.err) == (0, "4 runs, 0 to do\n")
    assert answer.out == f"4 runs: 4 finished\ncompare: augexp compare {runs_dir}/*-seed*\n"
    dry = typed(*swept, "--config", runs_dir / "base.yaml", "--dry-run")
    assert dry.out.splitlines()[-2:] == [f"{runs_dir}/cutmix-seed1: finished", "4 runs, 0 to do"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("seed=0..1",), "--config FILE or --study FILE is needed, one of the two"),
        (("--config", "digits", "--study", "study"), "--config FILE or --study FILE is needed, one of the two"),
        (("--config", "digits", "--gpus", "0,0"), "--gpus 0,0: different numbers with commas are needed, such as 0,1"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(typed: Augexp, arguments: tuple[str, ...], message: str) -> None:
    answer = typed("sweep", *arguments)
    assert (answer.status, answer.err) == (2, f"error: {message}\n")


WHICH = ("sweep", "--config", "digits.yaml", "strategy=none,cutmix", "--decide", "looks=[3,5]")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--decide", "looks=[5,3]"), "seeds that rise from 2 or more are needed, such as [3, 5, 8, 12], not [5, 3]"),
        (("--decide", "looks=[3,3]"), "seeds that rise from 2 or more are needed"),
        (("--decide", "looks=[1,3]"), "seeds that rise from 2 or more are needed"),
        (("--decide", "margin=0"), "greater than 0"),
        (("--decide", "margin=-1"), "greater than 0"),
        (("--decide", "baseline=nine"), "decide.baseline nine: no strategy of the study has this name"),
        (("--decide", "marg=1"), "unknown key; did you mean margin?"),
        (("seed=0",), "seed: the last look is at 5 seeds, and the grid has 1; leave seed (or fold) out of it"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(typed: Augexp, more: tuple[str, ...], message: str) -> None:
    answer = typed(*WHICH, *more, "--dry-run")
    assert answer.status == 2
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_one_strategy_is_nothing_to_decide(typed: Augexp) -> None:
    answer = typed("sweep", "--config", "digits.yaml", "strategy=none", "--decide", "margin=1")
    assert (answer.status, answer.err) == (
        2, "error: one strategy: there is nothing to decide; give two or more, such as strategy=none,cutmix\n",
    )  # fmt: skip


@pytest.mark.slow
def test_a_forecast_says_runs_at_least_and_at_most_and_what_is_settled(typed: Augexp, tmp_path: Path) -> None:
    answer = typed(*WHICH, f"runs_dir={tmp_path / 'runs'}", f"data.cache_dir={tmp_path / 'cache'}", "--dry-run")
    assert max(map(len, answer.out.splitlines())) <= 80
    first, runs, settled, *hours = answer.out.replace("\n  ", " ").splitlines()
    assert first == "before the first look at 3 seeds of each strategy: 6 runs to do"
    assert runs == "runs: at least 6, at most 10; 0 are finished"
    assert settled.startswith("intervals reach, in standard deviations of a run over seeds, +-")
    assert [line.partition(":")[0] for line in hours] == ["the next look", "all looks"]


def study_run(folder: Path, strategy: str, seed: int, accuracy: float) -> None:
    """A finished run as `WHICH` plans it."""
    words = [f"strategy={strategy}", f"seed={seed}", f"name={strategy}", f"runs_dir={folder}"]
    settings = load.experiment("digits.yaml", words)
    axes: dict[str, list[object]] = {"strategy": ["none", "cutmix"], "runs_dir": [str(folder)]}
    told = plan(Study("digits.yaml", axes, Decide(looks=(3, 5)))).study.model_dump(mode="json")
    path = make_run(settings.run_dir, seed=seed, epochs=12, test_accuracy=accuracy, environment={"study": told})
    files.write_text(path / "config.yaml", settings.to_yaml())


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    for seed in range(3):
        study_run(tmp_path / "runs", "none", seed, 0.70 + seed / 100)
        study_run(tmp_path / "runs", "cutmix", seed, 0.91 + seed / 100)
    return tmp_path / "runs"


def test_a_study_that_has_ended_says_what_to_use_and_trains_nothing(typed: Augexp, decided: Path) -> None:
    answer = typed(*WHICH, f"runs_dir={decided}")
    assert answer.status == 0
    told = answer.out.splitlines()
    assert told[0].startswith("look 1 of 2, 3 seeds: none is out (")
    assert told[1].startswith("Use cutmix. With 95 % confidence every other strategy is ")
    assert told[-1] == f"compare: augexp compare {decided}/*-seed*"


def test_status_says_who_is_out(typed: Augexp, decided: Path) -> None:
    answer = typed("status", *sorted(decided.glob("*-seed*")))
    told = answer.out.replace("\n  ", " ")
    assert "look 1 of 2, 3 seeds: none is out (" in told
    assert told.splitlines()[-1].startswith("Use cutmix.")


def test_a_changed_plan_is_another_study(typed: Augexp, decided: Path) -> None:
    answer = typed(*WHICH, f"runs_dir={decided}", "--decide", "margin=2")
    assert answer.status == 2
    assert "what was decided beforehand can't be changed: choose another runs_dir=" in answer.err


def test_a_run_of_another_study_is_not_judged_with_it(typed: Augexp, decided: Path, tmp_path: Path) -> None:
    told = json.loads((decided / "cutmix-seed2" / "environment.json").read_text())
    told["study"]["hash"] = "another"
    files.write_json(decided / "cutmix-seed2" / "environment.json", told)
    answer = typed("compare", *sorted(decided.glob("*-seed*")), "--out", tmp_path)
    assert "the runs belong to different studies" in " ".join(answer.out.split())
    assert "incomplete" in answer.out


@pytest.mark.slow
@pytest.mark.usefixtures("forked_sweeps")
def test_a_study_over_folds(typed: Augexp, tmp_path: Path, cache_dir: Path) -> None:
    small = ("train.epochs=1", "data.train_per_class=30")
    settings = (f"data.cache_dir={cache_dir}", f"runs_dir={tmp_path}", "data.folds=2", *small)
    swept = typed("sweep", "--config", "digits.yaml", *settings, "fold=0..1", "strategy=none,basic")
    assert swept.out.splitlines()[0] == "4 runs: 4 finished"
    told = [json.loads((tmp_path / f"none-seed{seed}" / "environment.json").read_text()) for seed in (0, 1)]
    assert [one["division"] for one in told] == [{"number": 0, "folds": 2, "fold": fold} for fold in (0, 1)]
    tested = [predictions.read(read.load(tmp_path / f"none-seed{seed}")).ids for seed in (0, 1)]
    assert sorted([*tested[0], *tested[1]]) == [f"{index:04d}" for index in range(1797)]
    compared = typed(
        *("compare", "--out", tmp_path),
        *(str(tmp_path / name) for name in ("none-seed0", "none-seed1", "basic-seed0", "basic-seed1")),
    )
    assert compared.status == 0
    assert "2 common splits" in " ".join(compared.out.split())


def test_a_shipped_study_is_not_taken_for_ones_own(
    typed: Augexp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = "which-digits.yaml: the study of this name that is shipped with augexp"
    assert shipped in typed("sweep", "--study", "which-digits.yaml", "--dry-run").err
    (tmp_path / "which-digits.yaml").write_bytes((load.shipped_configs() / "which-digits.yaml").read_bytes())
    assert shipped not in typed("sweep", "--study", "which-digits.yaml", "--dry-run").err
