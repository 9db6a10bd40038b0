"""Figures of an evaluation: what is drawn where."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from augexp.draw import evaluation as draw_evaluation

NAMES = [f"n{2085620 + i:08d}-breed {i}" for i in range(30)]


def section(classes: int, *, robust: bool = True) -> dict[str, Any]:
    bins = [{"confidence": 0.1 * i, "accuracy": 0.09 * i, "examples": 5} for i in range(1, 11)]
    found: dict[str, Any] = {
        "metrics": {"accuracy": 0.8, "ece": 0.034, "calibrated_ece": 0.012},
        "temperature": 1.25,
        "reliability": bins,
        "calibrated_reliability": bins,
        "confusion": (np.eye(classes, dtype=int) * 40 + np.eye(classes, k=1, dtype=int) * 10).tolist(),
    }
    if robust:
        found["occlusion"] = {"areas": [0.1, 0.3], "centre": [0.7, 0.4], "random": [0.75, 0.6]}
        found["corruptions"] = {"severities": [1, 2], "accuracy": {"jpeg": [0.7, 0.5], "contrast": [0.6, 0.2]}}
    return found


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in [axes.title, *axes.texts])


@pytest.mark.parametrize("robust", [True, False])
def test_a_picture_for_all_that_was_found(robust: bool) -> None:
    names = [name for name, _ in draw_evaluation.pictures(section(4, robust=robust), NAMES[:4], "run")]
    assert names == ["reliability", "confusion", *(["robustness"] if robust else [])]


def test_reliability_says_both_errors() -> None:
    figure = draw_evaluation.reliability(section(4), "cutmix-seed0")
    assert "as trained: calibration error 3.40 %" in texts(figure)
    assert "temperature 1.25: calibration error 1.20 %" in texts(figure)


def test_few_classes_are_all_drawn_with_their_shares() -> None:
    figure = draw_evaluation.confusion(np.array(section(4)["confusion"]), NAMES[:4], "run")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"breed {i}" for i in range(4)]
    assert sorted(text.get_text() for text in axes.texts) == ["100", "20", "20", "20", "80", "80", "80"]


def test_of_many_classes_the_most_confused_are_drawn() -> None:
    table = np.array(section(30)["confusion"])
    table[17, 25] = 39
    figure = draw_evaluation.confusion(table, NAMES, "run")
    (axes,) = figure.axes
    drawn = [label.get_text() for label in axes.get_yticklabels()]
    assert len(drawn) == 20
    assert {"breed 17", "breed 25"} <= set(drawn)
    assert "the 20 most confused of 30 classes" in axes.get_title()


def test_robustness_starts_at_the_clean_accuracy() -> None:
    figure = draw_evaluation.robustness(section(4), "run")
    covered, corrupted = figure.axes
    np.testing.assert_allclose(np.array(covered.lines[1].get_xydata(), float), [[0, 80], [10, 75], [30, 60]])
    np.testing.assert_allclose(np.array(corrupted.lines[0].get_xydata(), float), [[0, 80], [1, 70], [2, 50]])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("n02086240-Shih-Tzu", "Shih-Tzu"),
        ("n02086240", "n02086240"),
        ("n02086240 0.86", "n02086240 0.86"),
        ("net", "net"),
    ],
)
def test_a_wordnet_id_is_left_out_where_a_name_follows(name: str, shown: str) -> None:
    assert draw_evaluation._short(name) == shown


def test_an_explanation_has_a_row_a_run() -> None:
    images = np.zeros((2, 8, 8, 3), np.uint8)
    heat = np.full((2, 8, 8), -1.0, np.float32)
    figure = draw_evaluation.explanation(images, ["a", "b"], [("run 1", heat, [("a 0.90", True), ("a 0.60", False)])])
    assert len(figure.axes) == 4
    colours = [figure.axes[i].title.get_color() for i in (2, 3)]
    assert colours[0] != colours[1]
