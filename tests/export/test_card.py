"""The card says what the run was, in Markdown that no name can break out of."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from augexp.export import card, facts
from augexp.export.calibration import Fitted
from augexp.export.card import Card
from augexp.export.check import Deviation
from augexp.export.request import finished
from augexp.network import trained
from tests.export.conftest import format_of
from tests.factories import make_evaluation


@pytest.fixture(scope="module")
def made(trained_run: Path) -> Card:
    opened = trained.load(trained_run, precision="float32")
    about = facts.of_run(opened, 1.0)
    deviation = Deviation(256, 1e-7, 2e-4, 1e-4, exact=True, right=200, was_right=200)
    return Card(finished(trained_run), opened, about, format_of("onnx"), "digits.onnx", deviation, None, "")


@pytest.mark.slow
def test_it_says_what_the_run_was(made: Card) -> None:
    told = card.text(replace(made, format=format_of("keras")))
    result = made.run.result
    for line in (
        "# taken home-seed0",
        "- Input: `images`, (batch, 16, 16, 3) float32, RGB from 0 to 255.",
        "- 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "- Source: digits",
        f"- Fingerprint of the decoded images: `{made.run.environment.data_fingerprint}`",
        "- Augmentation: cutmix (alpha 1.0",
        f"- Test: {100 * result.test.accuracy:.2f} % of 359 images, 95 % interval ",
        "- Calibration error as trained, on test: ",
        "- The run belongs to no registered study",
        "- None: trained from random weights.",
        f"- SHA-256 of the weights in the run folder: `{result.digests['best.weights.h5']}`",
        "- 256 validation images: its probabilities are at most 1e-07 from those of the run's network",
        "- Exported with python 3.",
    ):
        assert f"\n{line}" in f"\n{told}", line


def test_names_are_no_markup(made: Card) -> None:
    about = replace(made.about, class_names=("<script>", "a|b", "[x](y)", "# b"), run="*bold*")
    told = card.text(replace(made, format=format_of("keras"), about=about, verdict="Use <b>. With"))
    assert r"# \*bold\*" in told
    assert r"- \<script\>, a\|b, \[x\](y), \# b" in told
    assert r"- Use \<b\>. With" in told


def test_a_temperature_is_told_with_what_it_does(made: Card) -> None:
    fitted = Fitted(1.25, 287, 0.08, 0.03, on_test=False)
    told = card.text(replace(made, format=format_of("keras"), fitted=fitted))
    assert (
        "temperature 1.250, fitted on 287 validation images: calibration error there 8.00 % before and 3.00 %" in told
    )
    assert "What it gains on test is not known; `augexp evaluate` measures it" in told
    on_test = replace(fitted, on_test=True)
    assert "fitted on 287 test images, as val is test" in card.calibrated(on_test)


def test_what_evaluate_has_found_with_this_temperature_is_told(made: Card, tmp_path: Path) -> None:
    make_evaluation(tmp_path, {"calibrated_ece": 0.0123}, split={"temperature": 1.25})
    about = replace(made.about, temperature=1.25, weights="0" * 64)
    fitted = Fitted(1.25, 287, 0.08, 0.03, on_test=False)
    evaluated = replace(
        made, run=replace(made.run, path=tmp_path), format=format_of("keras"), about=about, fitted=fitted
    )
    assert "- Calibration error with it, on test: 1.23 %" in card.text(evaluated)
    for other in (replace(about, temperature=1.5), replace(about, weights="1" * 64)):
        assert "What it gains on test is not known" in card.text(replace(evaluated, about=other))


def test_facts_are_plain_json(made: Card) -> None:
    told = json.loads(replace(made.about, class_names=("犬", "a\nb")).to_json())
    assert told["class_names"] == ["犬", "a\nb"]
    assert (told["image_size"], told["temperature"], told["resize"]) == (16, 1.0, "squash")
