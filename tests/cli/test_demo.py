"""The embedded study, here a small one in its place."""

from pathlib import Path

import pytest

from augexp.cli import demo
from tests.cli.program import Augexp

STUDY = """
config: digits.yaml
grid:
  strategy: [none, cutmix]
  seed: [0, 1]
  train.epochs: [1]
  data.train_per_class: [30]
  runs_dir: {runs}
  data.cache_dir: {cache}
"""


@pytest.mark.slow
@pytest.mark.usefixtures("forked_sweeps")
def test_from_nothing_to_the_comparison(
    typed: Augexp, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, study = tmp_path / "runs", tmp_path / "study.yaml"
    study.write_text(STUDY.format(runs=runs, cache=cache_dir))
    monkeypatch.setattr(demo, "STUDY", study)
    monkeypatch.setattr(demo, "RUNS", runs)
    answer = typed("demo", "--jobs", 2)
    assert answer.status == 0, answer.err
    assert f"$ augexp sweep --study {study} --jobs 2" in answer.out
    assert "4 runs: 4 finished" in answer.out
    assert {path.name for path in runs.glob("*.png")} >= {"preview.png", "comparison.png"}
    assert typed("demo").status == 0  # nothing to do, and the same answer
