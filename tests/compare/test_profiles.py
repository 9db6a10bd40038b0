"""Profiles: the numbers against an independent computation, and what is said of what can't be judged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from augexp.compare.profiles import Profiles
from augexp.report import profiles as profile_report
from augexp.runs import evaluation as run_evaluation
from tests.factories import EXAMPLES, make_evaluation
from tests.studies import evaluated, finding, full_study, judged, run

NONE_ECE, CUTMIX_ECE = (0.040, 0.152, 0.247, 0.044), (0.181, 0.286, 0.490, 0.179)


def of(paths: list[Path], **options: Any) -> Profiles:
    return judged(paths, **options)[1]


# --- numbers -------------------------------------------------------------------------------------------------------


def test_a_metric_without_rows_is_students_paired_test(tmp_path: Path) -> None:
    found = finding(of(evaluated(tmp_path, {"none": {"ece": NONE_ECE}, "cutmix": {"ece": CUTMIX_ECE}})), "ece")
    expected = scipy.stats.ttest_rel(CUTMIX_ECE, NONE_ECE)
    interval = expected.confidence_interval(0.95)
    assert found.contrast is not None
    assert not found.contrast.counts_examples
    # The rest is the rounding that a share of 100 examples could have.
    assert found.contrast.difference == pytest.approx(np.mean(CUTMIX_ECE) - np.mean(NONE_ECE))
    assert found.contrast.p_value == found.p_holm == pytest.approx(expected.pvalue, rel=0.02)
    assert found.contrast.interval == pytest.approx((interval.low, interval.high), rel=0.01)


def test_other_seeds_are_welchs_test(tmp_path: Path) -> None:
    paths = evaluated(tmp_path, {"none": {"cross_entropy": (1.0, 1.2, 1.1)}})
    paths += [
        make_evaluation(run(tmp_path, "cutmix", seed), {"cross_entropy": value}) for seed, value in ((3, 2.0), (4, 2.5))
    ]
    found = finding(of(paths), "cross_entropy")
    error = np.sqrt(np.var((2.0, 2.5), ddof=1) / 2 + np.var((1.0, 1.2, 1.1), ddof=1) / 3)
    assert found.contrast is not None
    assert found.contrast.method == "welch"
    assert found.contrast.p_value == pytest.approx(2 * scipy.stats.t.sf((2.25 - 1.1) / error, 1), rel=0.01)


def test_rows_bring_in_the_finite_test_set(tmp_path: Path) -> None:
    gains = np.tile([0.5, -0.4], EXAMPLES // 2)
    wobble = (0.0, 0.02, -0.01)
    for seed in range(3):
        make_evaluation(run(tmp_path, "none", seed), {}, rows={"brier": np.full(EXAMPLES, 0.5)})
        make_evaluation(run(tmp_path, "cutmix", seed), {}, rows={"brier": 0.5 + gains + wobble[seed]})
    found = finding(of(sorted(tmp_path.iterdir())), "brier")
    assert found.contrast is not None
    assert found.contrast.counts_examples
    assert found.contrast.difference == pytest.approx(0.05 + np.mean(wobble))
    assert found.contrast.example_variance == pytest.approx(gains.var(ddof=1) / EXAMPLES, rel=1e-3)
    assert found.contrast.seed_interval is not None
    assert found.contrast.interval[0] < 0 < found.contrast.seed_interval[0]
    assert found.status == "no evidence"


@pytest.mark.parametrize(
    ("name", "change", "status"),
    [
        ("ece", 0.05, "lost"),
        ("ece", -0.03, "gained"),
        ("cross_entropy", -0.03, "gained"),
        ("generalisation_gap", 0.05, "lost"),
        ("occlusion_centre", 0.05, "gained"),
        ("tta_flip_gain", -0.03, "lost"),
        ("localisation_top1", 0.0001, "no evidence"),
    ],
)
def test_gained_is_towards_the_better(tmp_path: Path, name: str, change: float, status: str) -> None:
    ours = [one + change for one in NONE_ECE]
    measured = of(evaluated(tmp_path, {"none": {name: NONE_ECE}, "cutmix": {name: ours}}))
    assert finding(measured, name).status == status


def test_holm_runs_within_an_axis_over_judged_measures_and_contrasts(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = ("ece", "brier", "occlusion_random", "corruptions", "corruption_jpeg", "train_accuracy")
    measured = of(
        evaluated(
            tmp_path,
            {
                strategy: {name: random.normal(0.4 + 0.01 * shift, 0.01, 4).tolist() for name in names}
                for shift, strategy in enumerate(("none", "basic", "cutmix"))
            },
        )
    )
    sizes = {}
    for profile in measured.families:
        raw = [found.contrast.p_value for found in profile.findings if found.contrast]
        sizes[profile.family] = len(raw)
        raised, highest = {}, 0.0
        for rank, p in enumerate(sorted(raw)):
            highest = max(highest, min(1.0, (len(raw) - rank) * p))
            raised[p] = highest
        assert [found.p_holm for found in profile.findings] == pytest.approx([raised[p] for p in raw])
    assert sizes == {"calibration": 4, "occlusion": 2, "corruptions": 2, "generalisation": 0}


def test_accuracy_has_one_answer(tmp_path: Path) -> None:
    paths = [
        make_evaluation(run(tmp_path, strategy, seed, test_accuracy=accuracy), {"top5_accuracy": accuracy + 0.1,
                                                                               "accuracy": accuracy})
        for strategy, accuracies in (("none", (0.70, 0.72, 0.71)), ("cutmix", (0.80, 0.81, 0.82)))
        for seed, accuracy in enumerate(accuracies)
    ]  # fmt: skip
    judgement, measured = judged(paths)
    found = finding(measured, "accuracy")
    assert found.contrast is judgement.verdicts[0].contrast
    assert found.p_holm is None
    assert (judgement.verdicts[0].status, found.status) == ("better", "gained")
    even = [make_evaluation(run(tmp_path / "even", strategy, seed, test_accuracy=0.8), {"accuracy": 0.8})
            for strategy in ("none", "cutmix") for seed in range(3)]  # fmt: skip
    assert finding(judged(even, margin=50.0)[1], "accuracy").status == "equivalent"


def test_means_are_over_seeds_and_intervals_end_at_the_bounds(tmp_path: Path) -> None:
    values = {
        "ece": (0.0, 0.01, 0.05),
        "occlusion_centre": (0.9, 1.0, 0.99),
        "generalisation_gap": (-0.02, 0.03, 0.01),
        "cross_entropy": (1.0, 1.2, 1.1),
    }
    measured = of(evaluated(tmp_path, {"none": values}))
    spreads = {name: one for profile in measured.families for (name, _), one in profile.spreads.items()}
    for name, seeds in values.items():
        low, high = scipy.stats.t.interval(0.95, 2, np.mean(seeds), scipy.stats.sem(seeds))
        bounds = {"ece": (0, high), "occlusion_centre": (low, 1)}.get(name, (low, high))
        assert spreads[name].interval == pytest.approx(bounds)
        assert (spreads[name].mean, spreads[name].sd) == pytest.approx((np.mean(seeds), np.std(seeds, ddof=1)))


def test_folders_of_one_seed_are_averaged(tmp_path: Path) -> None:
    paths = [make_evaluation(run(tmp_path, "none", seed), {"ece": ece}) for seed, ece in ((0, 0.1), (0, 0.2), (1, 0.3))]
    (profile,) = of(paths).families
    assert profile.spreads["ece", "none"].values == pytest.approx((0.15, 0.3))


# --- what can't be judged ------------------------------------------------------------------------------------------


def test_one_seed_has_no_test(tmp_path: Path) -> None:
    measured = of(full_study(tmp_path, seeds=1))
    findings = [found for profile in measured.families for found in profile.findings]
    assert len(findings) > 5
    assert {(found.status, found.contrast, found.p_holm) for found in findings} == {("one seed", None, None)}
    assert profile_report.summaries(measured) == [
        "cutmix against none: one seed, so of the strategies this says nothing."
    ]


def cut(folder: Path) -> None:
    content = (folder / "evaluation.json").read_text()
    (folder / "evaluation.json").write_text(content[: len(content) // 2])


def of_format(folder: Path) -> None:
    content = json.loads((folder / "evaluation.json").read_text())
    (folder / "evaluation.json").write_text(json.dumps(content | {"format": 99}))


def of_val_only(folder: Path) -> None:
    content = json.loads((folder / "evaluation.json").read_text())
    (folder / "evaluation.json").write_text(json.dumps(content | {"splits": {"val": content["splits"]["test"]}}))


def damaged_rows(folder: Path) -> None:
    path = folder / "evaluation-test.npz"
    content = bytearray(path.read_bytes())
    content[100:140] = bytes(40)
    path.write_bytes(content)


def of_other_ids(folder: Path) -> None:
    make_evaluation(folder, {"ece": 0.1}, ids=[f"other/{index}" for index in range(EXAMPLES)])


def of_another_evaluation(folder: Path) -> None:
    content = json.loads((folder / "evaluation.json").read_text())
    content["splits"]["test"]["metrics"]["brier"] += 0.1
    (folder / "evaluation.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "evaluation.json").unlink(), "no evaluation"),
        (cut, "evaluation.json is not valid JSON"),
        (lambda folder: (folder / "evaluation.json").write_text('["a"]'), "evaluation.json is not a JSON object"),
        (of_format, "evaluation.json has format 99, not 1; augexp evaluate renews it"),
        (of_val_only, "no evaluation of the test set"),
        (lambda folder: (folder / "evaluation-test.npz").write_bytes(b"PK"), "evaluation-test.npz can't be read"),
        (damaged_rows, "evaluation-test.npz can't be read"),
        (of_other_ids, "its evaluation is of other examples than its predictions"),
        (lambda folder: make_evaluation(folder, {"ece": 0.1}, ids=["a"]), "its evaluation is of 1 example"),
        (of_another_evaluation, "evaluation-test.npz doesn't fit evaluation.json (brier)"),
    ],
)
def test_a_group_with_an_unusable_evaluation_is_left_out_and_a_note_says_why(
    tmp_path: Path, damage: Callable[[Path], object], reason: str
) -> None:
    paths = full_study(tmp_path)
    damage(paths[4])
    measured = of(paths)
    assert {label for profile in measured.families for _, label in profile.spreads} == {"none"}
    assert not any(profile.findings for profile in measured.families)
    floors, note = profile_report.notes(measured)
    assert floors == "accuracy before any fine-tuning: linear probe on the initial features 70.00 %"
    assert note.startswith(f"cutmix is left out of gains and losses: {reason}")
    assert note.endswith(f"({paths[4]}); augexp evaluate {paths[4]} measures it")


@pytest.mark.parametrize(
    ("told", "metrics", "reason"),
    [
        ({"finished": False}, {}, "its evaluation is of the run when it was unfinished"),
        ({}, {"accuracy": 0.5}, "its evaluation has the accuracy 0.5000, result.json 0.7800"),
    ],
)
def test_an_evaluation_of_other_weights_is_left_out(
    tmp_path: Path, told: dict[str, Any], metrics: dict[str, float], reason: str
) -> None:
    paths = full_study(tmp_path)
    content = json.loads((paths[3] / "evaluation.json").read_text()) | told
    content["splits"]["test"]["metrics"] |= metrics
    (paths[3] / "evaluation.json").write_text(json.dumps(content))
    (paths[3] / "evaluation-test.npz").unlink()
    assert [(one.group, one.reason) for one in of(paths).left_out] == [("cutmix", reason)]


def test_a_temperature_fitted_on_test_judges_nothing(tmp_path: Path) -> None:
    for strategy in ("none", "cutmix"):
        for seed in range(3):
            make_evaluation(
                run(tmp_path, strategy, seed),
                {"ece": 0.1 + 0.01 * seed, "calibrated_ece": 0.05 + 0.01 * seed},
                split={"temperature_fitted_on": "test itself"},
            )
    (profile,) = of(sorted(tmp_path.iterdir())).families
    assert [metric.name for metric in profile.metrics] == ["ece"]


def test_without_evaluations_there_is_nothing(tmp_path: Path) -> None:
    measured = of([run(tmp_path, strategy, seed) for strategy in ("none", "cutmix") for seed in range(2)])
    assert (measured.families, measured.left_out, measured.responses) == ((), (), ())
    assert (profile_report.notes(measured), profile_report.grids(measured), profile_report.summaries(measured)) == (
        [], [], [],
    )  # fmt: skip


def test_a_metric_that_one_run_lacks_is_not_compared(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    content = json.loads((paths[3] / "evaluation.json").read_text())
    content["splits"]["test"]["metrics"] |= {"ece": None, "tta_flip_gain": float("nan")}
    (paths[3] / "evaluation.json").write_text(json.dumps(content))
    measured = of(paths)
    told = {found.metric.name for profile in measured.families for found in profile.findings}
    assert {"brier", "occlusion_centre"} < told
    assert not {"ece", "tta_flip_gain"} & told
    (calibration,) = (profile for profile in measured.families if profile.family == "calibration")
    assert {label for name, label in calibration.spreads if name == "ece"} == {"none"}
    assert profile_report.notes(measured)[1:] == [
        f"cutmix is left out of calibration error, gain by flip: not measured ({paths[3]}); "
        f"augexp evaluate {paths[3]} --tta flip measures it"
    ]


def test_a_metric_of_another_version_is_named(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    content = json.loads((paths[0] / "evaluation.json").read_text())
    content["splits"]["test"]["metrics"] |= {"sharpness": 0.4, "novelty": None}
    (paths[0] / "evaluation.json").write_text(json.dumps(content))
    measured = of(paths)
    assert measured.unknown == ("sharpness",)
    assert profile_report.notes(measured)[-1] == "evaluations hold metrics that this augexp doesn't know: sharpness"
    assert not profile_report.notes(of(full_study(tmp_path / "ours")))[1:]


def test_a_confounded_contrast_is_neither_gain_nor_loss(tmp_path: Path) -> None:
    paths = full_study(tmp_path, ("none", "cutmix", "faster"))
    measured = of(paths)
    assert finding(measured, "ece").status == "lost"
    assert finding(measured, "ece", "faster").status == "confounded"
    assert finding(measured, "ece", "faster").contrast is not None
    assert profile_report.summaries(measured)[1] == (
        "faster against none: they differ in more than the strategy, so nothing is put down to it."
    )
    assert finding(of(paths, allow=("train",)), "ece", "faster").status == "lost"


def test_other_examples_are_not_comparable(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    for path in paths:
        (path / "predictions-test.npz").unlink()
    for path in paths[3:]:
        of_other_ids(path)
    judgement, measured = judged(paths)
    assert judgement.verdicts[0].status != "not comparable"
    found = finding(measured, "ece")
    assert (found.status, found.contrast) == ("not comparable", None)
    assert "cutmix and none were evaluated on different examples" in profile_report.notes(measured)


def test_what_the_verdict_refuses_is_refused(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    for path in paths[3:]:
        result = json.loads((path / "result.json").read_text())
        result["test"]["examples"] = 1
        (path / "result.json").write_text(json.dumps(result))
        make_evaluation(path, {"ece": 0.1}, ids=["a"])
    judgement, measured = judged(paths)
    assert judgement.verdicts[0].status == "not comparable"
    assert {found.status for profile in measured.families for found in profile.findings} == {"not comparable"}


# --- whom, and what else -------------------------------------------------------------------------------------------


def test_pairs_are_those_of_the_verdicts(tmp_path: Path) -> None:
    paths = full_study(tmp_path, ("none", "cutmix", "faster"))
    for options in ({"all_pairs": True}, {"baseline": "cutmix"}, {}):
        judgement, measured = judged(paths, allow=("train",), **options)
        assert [(found[0].group, found[0].baseline) for found in measured.by_pair()] == [
            (verdict.group, verdict.baseline) for verdict in judgement.verdicts
        ]
        assert all(found.group == found_of[0].group for found_of in measured.by_pair() for found in found_of)


def test_responses_are_lines_over_area_and_severity(tmp_path: Path) -> None:
    measured = of(full_study(tmp_path))
    centre, random, corruptions = (response.curves["none"] for response in measured.responses)
    assert centre.x.tolist() == random.x.tolist() == [0, 10, 60]
    assert centre.values.shape == (3, 3)
    assert corruptions.x.tolist() == [0, 1, 5]
    np.testing.assert_allclose(corruptions.mean[1:], [0.6, 0.4])
    for one in (centre, corruptions):  # an untouched image
        np.testing.assert_allclose(one.values[0], 0.78)


def test_floors_are_told_where_all_runs_agree(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    assert of(paths).floors == {"linear_probe": 0.7}
    make_evaluation(paths[0], {"ece": 0.1}, floors={"linear_probe": 0.6, "zero_shot": 0.5})
    assert of(paths).floors == {"zero_shot": 0.5}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = make_evaluation(run(tmp_path, "none", 0), {"ece": 0.1}, rows={"brier": np.linspace(0, 1, EXAMPLES)})
    content = run_evaluation.read(folder)
    assert content is not None
    assert content.splits["test"].numbers == {"ece": 0.1, "brier": pytest.approx(0.5)}
    assert run_evaluation.read_columns(folder, "test", {})["brier"].dtype == np.float32
