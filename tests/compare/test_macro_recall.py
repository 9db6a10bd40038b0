"""Verdicts on macro recall, from run folders to words: what they are about, what they need, what they never say."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from augexp.compare.effects import OfOp
from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.verdicts import Options
from augexp.config.decide import Decide, Registered
from augexp.errors import UserError
from augexp.report import effect_figures, export, figures, page, terminal
from augexp.report.wording import choice_sentence, race_sentence, sentence
from augexp.runs import predictions
from tests.factories import classify, make_evaluation, make_run

SIZES = (900, 100)
# Accuracy falls by 9 points while macro recall rises by 14.
RIGHTS = {"none": [(890, 30), (892, 32), (888, 28)], "cutmix": [(760, 72), (762, 74), (758, 70)]}
MACRO = Options(metric="macro_recall")


def study(
    folder: Path, rights: Mapping[str, Sequence[tuple[int, int]]] = RIGHTS, of: Registered | None = None,
    sizes: tuple[int, int] = SIZES,
) -> list[Path]:  # fmt: skip
    told = {"class_names": ["sound", "cracked"]} | ({} if of is None else {"study": of.model_dump(mode="json")})
    return [
        classify(make_run(folder / f"{name}-seed{seed}", strategy=name, seed=seed, environment=told), sizes, right)
        for name, seeds in rights.items()
        for seed, right in enumerate(seeds)
    ]


def judged(paths: Sequence[Path], options: Options | None = MACRO) -> Judgement:
    return judge(load_groups(paths), options)


def registered(metric: str = "macro_recall") -> Registered:
    decide = Decide.model_validate({"looks": [3, 5], "margin": 1.0, "metric": metric})
    return Registered(decide=decide, strategies=("none", "cutmix"), seeds=tuple(range(5)), hash="a")


def test_the_same_runs_are_worse_by_accuracy_and_better_by_macro_recall(tmp_path: Path) -> None:
    paths = study(tmp_path)
    by_accuracy, by_recall = judged(paths, None), judged(paths)
    assert [one.verdicts[0].status for one in (by_accuracy, by_recall)] == ["worse", "better"]
    contrast = by_recall.verdicts[0].contrast
    assert contrast is not None
    assert contrast.difference == pytest.approx(((760 - 890) / 900 + 0.42) / 2)
    assert by_recall.choice is not None
    assert by_recall.choice.leader == "cutmix"
    assert by_accuracy.choice is not None
    assert by_accuracy.choice.leader == "none"


def test_every_word_names_what_was_judged(tmp_path: Path) -> None:
    found = judged(study(tmp_path), Options(metric="macro_recall", margin=2.0))
    assert found.choice is not None
    told = choice_sentence(found.choice)
    assert "points of macro recall" in told
    assert "points of macro recall (" in sentence(found.verdicts[0])
    assert all("points of macro recall" in text for text in (told, sentence(found.verdicts[0])))
    assert "points of" in terminal.contrast_table(found).headings[1]  # type: ignore[union-attr]
    text = " ".join(page.html(found).split())
    assert "Test macro recall, each class counting alike." in text
    assert "Differences in macro recall to none" in text
    assert "<th>points of macro recall</th>" in text
    assert "difference in macro recall (95 % interval)" in export.markdown(found)
    assert "Test accuracy." not in text
    row = export.as_dict(found)
    assert (row["choice"]["metric"], row["contrasts"][0]["metric"]) == ("macro_recall", "macro_recall")


def test_axes_name_what_was_judged(tmp_path: Path) -> None:
    rights = RIGHTS | {"mixup": [(850, 60), (851, 61), (849, 59)]}
    found = judged(study(tmp_path, rights))
    labels = [label(figures.differences(found.verdicts)), label(figures.pairs(found))]
    assert labels == [
        "difference in points of macro recall, with 95 % intervals",
        "row minus column in points of macro recall",
    ]
    assert "points of macro recall" in label(
        effect_figures.ablation([OfOp("cutmix", None, None)], "points of macro recall")
    )
    names = [tick.get_text() for tick in figures.pairs(found).axes[0].get_yticklabels()]
    assert names == ["cutmix", "mixup", "none"]


def label(figure: Figure) -> str:
    return figure.axes[0].get_xlabel()


def test_accuracy_of_an_evaluation_is_not_taken_from_a_verdict_on_recall(tmp_path: Path) -> None:
    paths = study(tmp_path)
    for path in paths:
        accuracy = json.loads((path / "result.json").read_text())["test"]["accuracy"]
        ids = [f"test/{index:06}" for index in range(1000)]
        make_evaluation(path, {"accuracy": accuracy}, ids=ids)
    (profile,) = judged(paths).profiles.families
    (finding,) = profile.findings
    assert finding.contrast is not None
    assert finding.contrast.difference == pytest.approx(-0.088, abs=1e-9)
    assert finding.status == "lost"


def test_without_predictions_of_a_run_there_is_no_verdict(tmp_path: Path) -> None:
    paths = study(tmp_path)
    predictions.path_of(paths[1], "test").unlink()
    (verdict,) = judged(paths).verdicts
    assert verdict.status == "not comparable"
    assert "macro recall needs the test predictions of every run" in sentence(verdict)
    assert "none-seed1" in sentence(verdict)


def test_one_seed_is_no_verdict_and_the_reason_is_said(tmp_path: Path) -> None:
    (verdict,) = judged(study(tmp_path, {name: rights[:1] for name, rights in RIGHTS.items()})).verdicts
    assert verdict.status == "not comparable"
    assert "McNemar's test of two models counts images, not classes" in sentence(verdict)


def test_a_class_of_one_test_image_is_refused_by_name(tmp_path: Path) -> None:
    rights = {"none": [(80, 1), (81, 0), (79, 1)], "cutmix": [(85, 1), (84, 1), (86, 0)]}
    (verdict,) = judged(study(tmp_path / "a", rights, sizes=(90, 1))).verdicts
    assert verdict.status == "not comparable"
    assert "fewer than 2 test images of a class" in sentence(verdict)
    assert "(cracked)" in sentence(verdict)
    assert judged(study(tmp_path / "b", rights, sizes=(90, 2))).verdicts[0].status == "undecided"
    assert judged(sorted((tmp_path / "a").glob("*")), None).verdicts[0].status != "not comparable"


def test_a_registered_study_is_judged_by_its_metric(tmp_path: Path) -> None:
    found = judged(study(tmp_path, of=registered()), None)
    assert found.metric == "macro_recall"
    assert found.race is not None
    assert (found.race.looks[0].leader, found.race.ended) == ("cutmix", True)
    assert "points of macro recall or more below cutmix" in race_sentence(found.race)
    with pytest.raises(UserError, match="--metric accuracy: the study was registered for macro_recall"):
        judged(sorted(tmp_path.glob("*")), Options(metric="accuracy"))


def test_a_run_of_a_study_that_cannot_be_scored_is_incomplete(tmp_path: Path) -> None:
    paths = study(tmp_path, of=registered())
    predictions.path_of(paths[-1], "test").unlink()
    found = judged(paths, None)
    assert found.race is not None
    assert found.race.incomplete == ("cutmix",)
    assert found.choice is None or not found.choice.settled
