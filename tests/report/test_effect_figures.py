"""The figures of effects: what is drawn is the numbers, in points, in its place."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from augexp.compare.effects import Effect
from augexp.compare.judge import Judgement
from augexp.report import effect_figures, export, figures, page
from tests.compare.test_effects import ABLATION, DOSES, judged, runs

MANY = {f"[{{name: cutmix, alpha: {alpha}}}]": 0.7 + alpha / 100 for alpha in (0.1, 0.5, 1.0, 2.0, 4.0)}


def drawn(judgement: Judgement) -> dict[str, Axes]:
    with effect_figures.file_style():
        return {name: one.axes[0] for name, one in effect_figures.drawn(judgement.effects).items()}


def points(line: Line2D) -> NDArray[np.float64]:
    """(2, N): x and y."""
    return np.asarray([line.get_xdata(), line.get_ydata()], np.float64)


def test_an_op_is_a_row_alone_above_beside(tmp_path: Path) -> None:
    judgement = judged(runs(tmp_path, ABLATION))
    (axes,) = drawn(judgement).values()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rotate", "cutmix"]
    effects = [effect for one in judgement.effects.ops for effect in (one.alone, one.beside)]
    lines = axes.lines[1:]  # the first is zero
    for place, effect in enumerate(effects):
        assert effect is not None
        full, seeds, middle = map(points, lines[3 * place : 3 * place + 3])
        np.testing.assert_allclose(full[0], 100 * np.array(effect.interval))
        np.testing.assert_allclose(seeds[0], 100 * np.array(effect.seed_interval))
        np.testing.assert_allclose(middle[0], 100 * effect.difference)
        row = place // 2 + (-1 if place % 2 == 0 else 1) * effect_figures.APART
        assert all(np.allclose(heights, row) for _, heights in (full, seeds, middle))


def test_a_dose_stands_at_its_place_and_the_baseline_at_zero(tmp_path: Path) -> None:
    judgement = judged(runs(tmp_path, DOSES), baseline="g2")  # the dose 0.25
    ((name, axes),) = drawn(judgement).items()
    assert (name, axes.get_xlabel(), axes.get_ylabel()) == ("dose-cutmix.prob", "cutmix.prob", "points above g2")
    assert list(axes.get_xticks()) == [0.25, 1.0]
    (effect,) = judgement.effects.doses[0].effects.values()
    _, joined, held, full, seeds, middle = map(points, axes.lines)
    np.testing.assert_allclose(joined, np.array([(0.25, 1), (0, effect.difference)]) * [[1], [100]])
    np.testing.assert_allclose(held, np.array([[0.25], [0]]))
    np.testing.assert_allclose(full, np.array([(1, 1), effect.interval]) * [[1], [100]])
    np.testing.assert_allclose(seeds, np.array([(1, 1), effect.seed_interval]) * [[1], [100]])
    np.testing.assert_allclose(middle, np.array([[1], [100 * effect.difference]]))


def test_doses_far_apart_have_a_logarithmic_axis(tmp_path: Path) -> None:
    (axes,) = drawn(judged(runs(tmp_path, {"none": 0.7} | MANY))).values()
    assert axes.get_xscale() == "log"
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.1", "0.5", "1", "2", "4"]


@pytest.mark.slow
def test_curves_of_one_parameter_are_files_of_their_own(tmp_path: Path) -> None:
    paths = [*runs(tmp_path / "a", DOSES), *runs(tmp_path / "b", DOSES, "train.learning_rate=0.5")]
    judgement = judged(paths)
    assert list(drawn(judgement)) == ["dose-cutmix.prob", "dose-cutmix.prob-2"]
    ids = re.findall(r'\bid="([^"]*)"', page.html(judgement))
    assert len(ids) == len(set(ids))


def test_without_effects_there_is_nothing(tmp_path: Path) -> None:
    judgement = judged(runs(tmp_path, {"none": 0.7, "cutmix": 0.8}))
    assert drawn(judgement) == {}
    assert "What each op adds" not in page.html(judgement)
    assert not {"ablation", "doses"} & export.as_dict(judgement).keys()


def cells(effect: Effect | None) -> list[str]:
    assert effect is not None
    low, high = effect.interval
    return [f"{100 * effect.difference:+.2f}", f"{100 * low:+.2f} {100 * high:+.2f}", effect.status]


@pytest.mark.slow
def test_page_and_json_hold_the_numbers(tmp_path: Path) -> None:
    judgement = judged([*runs(tmp_path / "a", ABLATION), *runs(tmp_path / "d", DOSES | {"none": 0.7})])
    html, told = page.html(judgement), export.as_dict(judgement)
    assert "<h2>What each op adds</h2>" in html
    for one, written in zip(judgement.effects.ops, told["ablation"], strict=True):
        assert all(f"<td>{cell}" in html for effect in (one.alone, one.beside) for cell in cells(effect))
        assert written["op"] == one.op
        assert one.alone is not None
        assert (written["alone"]["low"], written["alone"]["high"]) == one.alone.interval
    assert told["doses"]
    for doses, written in zip(judgement.effects.doses, told["doses"], strict=True):
        assert f"<h2>Effect against {doses.parameter}</h2>" in html
        assert all(f"<td>{cell}" in html for effect in doses.effects.values() for cell in cells(effect))
        assert [one["dose"] for one in written["doses"]] == list(doses.groups)


def test_a_figure_of_the_page_is_in_its_colours(tmp_path: Path) -> None:
    with figures.page_style():
        (made,) = effect_figures.drawn(judged(runs(tmp_path, ABLATION)).effects).values()
    root = ET.fromstring(figures.svg(made, "effects"))
    styles = " ".join(str(element.get("style")) for element in root.iter())
    assert not set(re.findall(r"#[0-9a-f]{6}", styles)) - {"#ffffff"}
