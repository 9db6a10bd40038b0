"""The small multiples: what is drawn is the numbers, for every judged metric, inside the picture."""

from pathlib import Path

import numpy as np
import pytest

from augexp.report import profile_figures
from tests.studies import full_study, judged


def test_a_panel_a_judged_measure_a_row_a_group(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    shown = profile_figures.judged(measured)
    figure = profile_figures.summary(measured)
    assert len(figure.axes) == len(shown)
    assert {metric.name for _, metric in shown}.isdisjoint({"train_accuracy", "corruption_jpeg"})
    for axes, (profile, metric) in zip(figure.axes, shown, strict=True):
        assert axes.get_title().startswith(metric.title)
        assert axes.get_title().endswith(f"{'higher' if metric.higher_is_better else 'lower'} is better")
        for row, label in enumerate(("none", "cutmix")):
            spread = profile.spreads[metric.name, label]
            dots, line, mean = (np.asarray(one.get_xdata(), np.float64) for one in axes.lines[3 * row : 3 * row + 3])
            np.testing.assert_allclose(dots, metric.unit.scale * np.array(spread.values))
            np.testing.assert_allclose(line, metric.unit.scale * np.array(spread.interval))
            np.testing.assert_allclose(mean, metric.unit.scale * spread.mean)


def test_floors_are_drawn_where_accuracy_is(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    figure = profile_figures.summary(measured)
    (axes,) = (axes for axes in figure.axes if any(line.get_linestyle() == ":" for line in axes.lines))
    assert axes.get_title().startswith("accuracy\n")
    assert [text.get_text() for text in axes.texts] == ["linear probe"]


@pytest.mark.parametrize("names", [("none", "b"), ("none", "a" * 60, "犬と猫 $x_1$", "_hidden")])
def test_everything_is_inside_the_picture(tmp_path: Path, names: tuple[str, ...]) -> None:
    _, measured = judged(full_study(tmp_path, names, seeds=2), allow=("train",))
    profile, metric = profile_figures.judged(measured)[0]
    for figure in (profile_figures.summary(measured), profile_figures.panel(measured, profile, metric)):
        figure.draw_without_rendering()
        width, height = figure.get_size_inches() * figure.dpi
        for axes in figure.axes:
            box = axes.get_tightbbox()
            assert box is not None
            assert box.x0 >= 0
            assert box.x1 <= width + 1
            assert box.y0 >= 0
            assert box.y1 <= height


def test_responses_are_percent_over_what_was_done(tmp_path: Path) -> None:
    _, measured = judged(full_study(tmp_path))
    (axes,) = profile_figures.response(measured.responses[2], measured.groups).axes
    np.testing.assert_allclose(np.asarray(axes.lines[1].get_ydata(), np.float64), [78, 60, 40])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("severity, mean over corruptions", "accuracy (%)")
