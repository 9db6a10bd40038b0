"""Verdicts: the right word, the whole sentence, and who is held against whom."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.verdicts import Options, Verdict, between
from augexp.errors import UserError
from augexp.report.wording import p_text, sentence
from tests.factories import make_run
from tests.runs.test_predictions import FILE, rewrite

NONE = (0.70, 0.71, 0.69, 0.70)


def runs(folder: Path, strategy: str, accuracies: Sequence[float], overrides: Sequence[str] = ()) -> list[Path]:
    return [
        make_run(folder / f"{strategy}{seed}", strategy=strategy, seed=seed, test_accuracy=one, overrides=overrides)
        for seed, one in enumerate(accuracies)
    ]


def judged(paths: Sequence[Path], options: Options | None = None) -> Judgement:
    return judge(load_groups(paths), options)


def only(judgement: Judgement) -> Verdict:
    (verdict,) = judgement.verdicts
    return verdict


# --- words ---------------------------------------------------------------------------------------------------------


def test_better_and_worse(tmp_path: Path) -> None:
    none, up, down = (
        runs(tmp_path, "none", NONE),
        runs(tmp_path, "cutmix", (0.90, 0.91, 0.88, 0.91)),
        runs(tmp_path, "mixup", (0.50, 0.51, 0.48, 0.51)),
    )
    better, worse = judged([*none, *up, *down]).verdicts
    assert (better.status, worse.status) == ("better", "worse")
    assert better.contrast is not None
    assert better.contrast.seed_interval is not None
    low, high = better.contrast.interval
    here_low, here_high = better.contrast.seed_interval
    assert sentence(better) == (
        f"cutmix is better than none: +20.00 points ({100 * low:+.2f} to {100 * high:+.2f}; for other seeds alone "
        f"{100 * here_low:+.2f} to {100 * here_high:+.2f}), 4 common seeds."
    )
    assert sentence(worse).startswith("mixup is worse than none: -20.00 points (")


def test_what_is_not_told_apart_is_undecided_with_its_interval(tmp_path: Path) -> None:
    verdict = only(judged([*runs(tmp_path, "none", NONE), *runs(tmp_path, "cutmix", (0.72, 0.69, 0.72, 0.68))]))
    assert verdict.status == "undecided"
    assert sentence(verdict).startswith("cutmix and none are not told apart: +0.25 points (")
    assert sentence(verdict).endswith("), 4 common seeds.")


def test_without_predictions_a_verdict_is_of_this_test_set(tmp_path: Path) -> None:
    none, cutmix = runs(tmp_path, "none", (0.7, 0.7, 0.7)), runs(tmp_path, "cutmix", (0.82, 0.75, 0.70))
    for path in (*none, *cutmix):
        (path / FILE).unlink()
    verdict = only(judged([*none, *cutmix]))
    assert verdict.contrast is not None
    assert not verdict.contrast.counts_examples
    assert "3 common seeds; without predictions this holds for this test set only" in sentence(verdict)


def test_seeds_that_agree_on_a_test_set_too_small_are_explained(tmp_path: Path) -> None:
    """Every seed is right on the same 30 examples more and the same 24 less."""
    none, cutmix = runs(tmp_path, "none", (0.7, 0.7, 0.7)), runs(tmp_path, "cutmix", (0.76, 0.76, 0.76))
    labels = np.arange(100, dtype=np.int32) % 4
    for seed, path in enumerate(cutmix):
        said = np.where(np.arange(100) < 24, (labels + 1) % 4, labels)
        rewrite(path, probability=np.eye(4, dtype=np.float16)[said] * (1 - seed / 10))
    verdict = only(judged([*none, *cutmix]))
    assert verdict.status == "undecided"
    assert "On these 100 images the seeds agree that they differ; on others like them they may not." in sentence(
        verdict
    )


def test_equivalent_needs_a_margin(tmp_path: Path) -> None:
    paths = [*runs(tmp_path, "none", NONE), *runs(tmp_path, "cutmix", (0.70, 0.71, 0.70, 0.70))]
    assert only(judged(paths)).status == "undecided"
    verdict = only(judged(paths, Options(margin=8.0)))
    assert verdict.status == "equivalent"
    assert sentence(verdict).startswith("cutmix and none differ by less than the margin of 8 points: ")
    assert only(judged(paths, Options(margin=0.3))).status == "undecided"


def test_one_seed_speaks_of_two_models(tmp_path: Path) -> None:
    verdict = only(judged([*runs(tmp_path, "none", [0.70]), *runs(tmp_path, "cutmix", [0.90])]))
    assert verdict.status == "models differ"
    assert sentence(verdict) == (
        "one seed: these two models of cutmix and none differ (+20.00 points, +11.67 to +27.55; 20 images gained, "
        "0 lost, by McNemar's exact test). Of the strategies this says nothing: other seeds may differ as much."
    )
    same = only(judged([tmp_path / "none0", *runs(tmp_path, "mixup", [0.71])]))
    assert same.status == "undecided"
    assert "are not seen to differ" in sentence(same)


def test_one_seed_without_predictions_has_no_verdict(tmp_path: Path) -> None:
    paths = [*runs(tmp_path, "none", [0.70]), *runs(tmp_path, "cutmix", [0.90])]
    (paths[0] / FILE).unlink()
    verdict = only(judged(paths))
    assert (verdict.status, verdict.contrast) == ("undecided", None)
    assert sentence(verdict) == (
        "cutmix and none have too few common seeds for an interval, and no two models to compare."
    )


# --- refused -------------------------------------------------------------------------------------------------------


def test_confounded_until_allowed(tmp_path: Path) -> None:
    paths = [*runs(tmp_path, "none", NONE), *runs(tmp_path, "cutmix", (0.9, 0.91, 0.88, 0.91))]
    paths += runs(tmp_path, "mixup", (0.9, 0.91, 0.88, 0.91), ["train.learning_rate=0.02"])
    judgement = judged(paths)
    clean, confounded = judgement.verdicts
    assert (clean.status, confounded.status, judgement.refused) == ("better", "confounded", True)
    assert confounded.confounders == {"train.learning_rate": (0.02, 0.01)}
    assert sentence(confounded) == (
        "mixup and none differ in more than the strategy (train.learning_rate is 0.02 and 0.01), so their difference "
        "of +20.00 points can't be put down to it; --allow train.learning_rate judges it all the same."
    )
    allowed = judged(paths, Options(allow=("train.learning_rate",)))
    assert [verdict.status for verdict in allowed.verdicts] == ["better", "better"]
    assert not allowed.refused


def test_not_comparable_leaves_the_rest(tmp_path: Path) -> None:
    paths = [*runs(tmp_path, "none", NONE), *runs(tmp_path, "cutmix", (0.9, 0.91, 0.88, 0.91))]
    other = runs(tmp_path, "mixup", NONE)
    for path in other:
        rewrite(path, label=np.zeros(100, np.int32))
    judgement = judged([*paths, *other])
    assert [verdict.status for verdict in judgement.verdicts] == ["better", "not comparable"]
    assert judgement.refused
    assert sentence(judgement.verdicts[1]) == (
        "mixup and none are not comparable: their test sets have the same examples with different labels."
    )
    # The contrast that can't be made is none that Holm would correct for.
    assert judgement.verdicts[0].contrast is not None
    assert judgement.verdicts[0].p_holm == judgement.verdicts[0].contrast.p_value


# --- who against whom ----------------------------------------------------------------------------------------------


def couples(judgement: Judgement) -> list[tuple[str, str]]:
    return [(verdict.group.label, verdict.baseline.label) for verdict in judgement.verdicts]


def test_the_baseline_is_none_or_as_told_or_the_first(tmp_path: Path) -> None:
    paths = [path for name in ("mixup", "none", "cutmix") for path in runs(tmp_path, name, NONE[:2])]
    assert couples(judged(paths)) == [("mixup", "none"), ("cutmix", "none")]
    assert couples(judged(paths, Options(baseline="cutmix"))) == [("none", "cutmix"), ("mixup", "cutmix")]
    assert couples(judged([*paths[:2], *paths[4:]])) == [("cutmix", "mixup")]


def test_all_pairs(tmp_path: Path) -> None:
    paths = [path for name in ("none", "mixup", "cutmix") for path in runs(tmp_path, name, NONE[:2])]
    judgement = judged(paths, Options(all_pairs=True))
    assert couples(judgement) == [("mixup", "none"), ("cutmix", "none"), ("cutmix", "mixup")]
    assert judgement.baseline is None


def test_of_several_baselines_the_like_one_is_taken(tmp_path: Path) -> None:
    paths = []
    for rate in (0.01, 0.02):
        for name in ("none", "cutmix"):
            paths += runs(tmp_path / str(rate), name, NONE[:2], [f"train.learning_rate={rate}"])
    judgement = judged(paths)
    assert couples(judgement) == [
        ("cutmix train.learning_rate=0.01", "none train.learning_rate=0.01"),
        ("cutmix train.learning_rate=0.02", "none train.learning_rate=0.02"),
    ]
    assert not judgement.refused


def test_an_unknown_baseline_is_refused(tmp_path: Path) -> None:
    paths = [*runs(tmp_path, "none", NONE[:2]), *runs(tmp_path, "cutmix", NONE[:2])]
    with pytest.raises(UserError) as caught:
        judged(paths, Options(baseline="cutmx"))
    assert str(caught.value) == "--baseline cutmx: no group has this name; did you mean cutmix?"
    with pytest.raises(UserError, match="--baseline zzz: no group has this name; the groups are none, cutmix"):
        judged(paths, Options(baseline="zzz"))


def test_one_group_has_no_verdict(tmp_path: Path) -> None:
    assert judged(runs(tmp_path, "cutmix", NONE)).verdicts == ()


def test_a_metric_that_is_not_finite_leaves_the_verdict(tmp_path: Path) -> None:
    paths = [*runs(tmp_path, "none", NONE), *runs(tmp_path, "cutmix", (0.9, 0.91, 0.88, 0.91))]
    result = json.loads((paths[0] / "result.json").read_text())
    result["test"]["cross_entropy"] = None
    (paths[0] / "result.json").write_text(json.dumps(result))
    assert only(judged(paths)).status == "better"


@pytest.mark.parametrize(
    ("p", "text"), [(0.5, "0.5"), (0.0123, "0.012"), (0.00001, "< 0.0001"), (1.0, "1"), (None, "-")]
)
def test_p_values_are_read_easily(p: float | None, text: str) -> None:
    assert p_text(p) == text


def test_a_verdict_is_found_whichever_way_round_it_stands(tmp_path: Path) -> None:
    judgement = judged([*runs(tmp_path, "none", NONE), *runs(tmp_path, "cutmix", (0.90, 0.91, 0.88, 0.91))])
    verdict = only(judgement)
    none, cutmix = judgement.comparison.groups
    assert between(judgement.every, cutmix, none) == verdict
    turned = between(judgement.every, none, cutmix)
    assert turned is not None
    assert (turned.group, turned.baseline, turned.status) == (none, cutmix, "worse")
    assert turned.contrast is not None
    assert verdict.contrast is not None
    assert turned.contrast.interval == tuple(-end for end in reversed(verdict.contrast.interval))
    assert turned.reversed() == verdict
    assert between(judgement.every, none, none) is None
