"""`augexp sweep` as it is typed."""

from pathlib import Path

import pytest

from tests.cli.program import Augexp


def test_a_sweep_of_finished_runs_starts_nothing_and_says_what_to_compare(typed: Augexp, runs_dir: Path) -> None:
    swept = ("sweep", "strategy=none,cutmix", "seed=0,1", f"runs_dir={runs_dir}", "data.source=digits")
    (runs_dir / "base.yaml").write_text("train: {epochs: 5, score: best}\n")
    answer = typed(*swept, "--config", runs_dir / "base.yaml")
    assert (answer.status, answer.err) == (0, "4 runs, 0 to do, 1 at once\n")
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
