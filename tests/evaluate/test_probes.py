"""A probe of one's own is taken up by everything that knows probes and metrics."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from augexp.evaluate import probes
from augexp.evaluate.run import Request, evaluate, lines
from augexp.metrics import catalogue
from augexp.network import trained
from augexp.report import export
from augexp.report import profiles as profile_report
from augexp.runs import evaluation as run_evaluation
from tests.evaluate import own_probe
from tests.forked import Forked
from tests.studies import evaluated, finding, judged


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two lines that a new probe takes beside its module."""
    monkeypatch.setattr(probes, "PROBES", (*probes.PROBES, own_probe.PROBE))
    monkeypatch.setitem(catalogue.METRICS, own_probe.METRIC.name, own_probe.METRIC)


def test_every_probe_has_a_module_with_its_functions() -> None:
    for probe in probes.PROBES:
        module = probe.load()
        assert all(callable(getattr(module, name)) for name in ("images", "run", "rows"))
        assert list(module.rows({"metrics": {}})) == []


@pytest.mark.usefixtures("own")
def test_comparisons_show_its_metric(tmp_path: Path) -> None:
    values = {"none": {"left_half": (0.4, 0.42, 0.41)}, "cutmix": {"left_half": (0.6, 0.61, 0.62)}}
    judgement, measured = judged(evaluated(tmp_path, values))
    assert finding(measured, "left_half").status == "gained"
    assert profile_report.summaries(measured)[0].startswith(
        "cutmix against none: gained left half alone (+20.00 points)"
    )
    assert "occlusion,left_half,higher,cutmix,3," in profile_report.csv_text(measured)
    (axis,) = json.loads(export.json_text(judgement))["profiles"]["axes"]
    assert [one["measure"] for one in axis["measures"]] == ["left_half"]


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_evaluations_hold_and_print_it(run: Path) -> None:
    content = evaluate(run, Request(probes=(own_probe.PROBE,)))
    opened = trained.load(run)
    test = trained.splits(opened).test
    images = np.array(test.images[test.rows])
    images[:, :, images.shape[2] // 2 :] = 0
    right = opened.network.model.predict(images, verbose=0).argmax(axis=1) == test.labels
    assert content["splits"]["test"]["metrics"]["left_half"] == pytest.approx(right.mean(), abs=1e-6)
    assert run_evaluation.read_columns(run, "test", {})["left_half"].mean() == pytest.approx(right.mean(), abs=1e-6)
    assert f"  left half alone: accuracy {100 * right.mean():.2f} %" in list(lines(content, "test"))
    assert (run / "log.txt").read_text().splitlines()[-1].endswith("augexp evaluate: plain, halves")


@pytest.mark.slow
def test_a_metric_without_a_line_in_the_table_is_not_written(run: Path) -> None:
    with pytest.raises(ValueError, match="METRICS lacks left_half"):
        evaluate(run, Request(probes=(own_probe.PROBE,)))
    assert not (run / "evaluation.json").exists()


@pytest.mark.slow
def test_the_command_line_has_its_option(run: Path) -> None:
    process = Forked(_with_own_probe, ["evaluate", str(run), "--halves"])
    out, err = process.communicate(120)
    assert process.returncode == 0, err
    assert "  left half alone: accuracy " in out


def _with_own_probe(words: list[str]) -> None:
    """The command line, in a process that has not imported it yet."""
    probes.PROBES += (own_probe.PROBE,)  # type: ignore[assignment]
    catalogue.METRICS[own_probe.METRIC.name] = own_probe.METRIC
    from augexp.cli.main import main

    sys.argv = ["augexp", *words]
    main()
