"""Occlusion and corruptions of a real run."""

from pathlib import Path

import numpy as np
import pytest

from augexp.evaluate.run import Request, evaluate
from tests.evaluate.asking import asked


@pytest.mark.slow
def test_robustness_falls_with_severity_and_comes_again(run: Path) -> None:
    first = evaluate(run, Request(probes=asked("robustness")))["splits"]["test"]
    assert set(first["occlusion"]) == {"areas", "centre", "random"}
    for kind in ("centre", "random"):
        assert first["occlusion"][kind][-1] < first["metrics"]["accuracy"]
        assert first["metrics"][f"occlusion_{kind}"] == pytest.approx(np.mean(first["occlusion"][kind]), abs=1e-6)
    table = np.array(list(first["corruptions"]["accuracy"].values()))
    assert table.shape == (9, 5)
    assert table[:, 4].mean() < table[:, 0].mean() < first["metrics"]["accuracy"] + 1e-9
    assert first["metrics"]["corruptions"] == pytest.approx(table.mean(), abs=1e-6)
    again = evaluate(run, Request(probes=asked("robustness")))["splits"]["test"]
    assert again["metrics"] == first["metrics"]
    assert (run / "robustness-test.png").exists()
