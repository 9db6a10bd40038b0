"""The figures of a page: what is drawn is the numbers, in colours that the page decides."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from augexp.compare.groups import Group, load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.summary import summarize
from augexp.compare.verdicts import Options
from augexp.report import figures
from tests.draw.hostile import HOSTILE
from tests.factories import make_run

AWKWARD = ["$x_1$ 5$", "_hidden", "犬と猫", "<b>x&amp;", "a" * 60, "مرحبا", "#0a0b0c"]


def judged(folder: Path, names: list[str], seeds: int = 3) -> Judgement:
    paths = [
        make_run(
            folder / f"{index}-{seed}",
            seed=seed,
            strategy="none" if index == 0 else "cutmix",
            test_accuracy=0.7 + index / 50 + ((seed * 7 + index * 3) % 5) / 100,
            overrides=[f"name='{name}'", *([f"train.learning_rate={0.01 + index / 1024}"] if index else [])],
        )
        for index, name in enumerate(names)
        for seed in range(seeds)
    ]
    return judge(load_groups(paths), Options(allow=("train",)))


def xs(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_xdata(), np.float64)


def test_differences_are_points_with_both_intervals(tmp_path: Path) -> None:
    judgement = judged(tmp_path, ["none", "a", "b"])
    (axes,) = figures.differences(judgement.verdicts).axes
    drawn = axes.lines[1:]  # the first is zero
    for row, verdict in enumerate(judgement.verdicts):
        assert verdict.contrast is not None
        assert verdict.contrast.seed_interval is not None
        full, seeds, middle = drawn[3 * row : 3 * row + 3]
        np.testing.assert_allclose(xs(full), 100 * np.array(verdict.contrast.interval))
        np.testing.assert_allclose(xs(seeds), 100 * np.array(verdict.contrast.seed_interval))
        np.testing.assert_allclose(xs(middle), 100 * verdict.contrast.difference)
        assert set(np.asarray(full.get_ydata())) == {row}


def test_every_seed_is_a_dot(tmp_path: Path) -> None:
    judgement = judged(tmp_path, ["none", "a"])
    (axes,) = figures.seeds(judgement.comparison.groups).axes
    for group, dots, mean in zip(judgement.comparison.groups, axes.lines[::2], axes.lines[1::2], strict=True):
        values = 100 * np.array(summarize(group).test.values)
        np.testing.assert_allclose(xs(dots), values)
        np.testing.assert_allclose(xs(mean), values.mean())


def test_curves_are_the_means_and_zoom_into_the_later_half(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / str(seed), seed=seed, val_accuracy=[0.2, 0.4, 0.6, 0.7 + seed / 10]) for seed in (0, 1)
    ]
    groups = load_groups(paths).groups
    (whole,), (zoomed,) = figures.curves(groups).axes, figures.curves(groups, zoomed=True).axes
    for axes in (whole, zoomed):
        np.testing.assert_allclose(np.asarray(axes.lines[0].get_ydata(), np.float64), [20, 40, 60, 75])
    assert zoomed.get_xlim() == (2.5, 4.5)
    assert 55 < zoomed.get_ylim()[0] < 60


@pytest.mark.parametrize("names", [["none"], AWKWARD], ids=["one", "awkward"])
def test_svg_is_sound_xml_in_the_colours_of_the_page(tmp_path: Path, names: list[str]) -> None:
    judgement = judged(tmp_path, names)
    text = figures.svg(figures.seeds(judgement.comparison.groups), "seeds")
    root = ET.fromstring(text)
    assert root.get("width") is None
    assert root.get("viewBox")
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(str(one).startswith("seeds-") for one in ids)
    for used in re.findall(r"(?:url\(|href=\")#([^)\"]*)", text):
        assert used in ids
    styles = " ".join(str(element.get("style")) for element in root.iter())
    assert "var(--ink)" in styles
    assert "var(--c0)" in styles
    assert not set(re.findall(r"#[0-9a-f]{6}", styles)) - {"#ffffff"}
    words = " ".join("".join(element.itertext()) for element in root.iter())
    for name in names:
        assert name in words or len(name) > figures.LONGEST or not name.isascii()


def test_names_in_a_figure_are_printable(tmp_path: Path) -> None:
    judgement = judged(tmp_path, ["none"], seeds=1)
    (group,) = judgement.comparison.groups
    drawn = figures.svg(figures.seeds([Group("\u202eabc", group.runs)]), "seeds")
    assert r"\u202eabc</text>" in drawn
    assert "\u202e" not in drawn


def test_what_a_figure_is_called_is_text(tmp_path: Path) -> None:
    judgement = judged(tmp_path, ["none"], seeds=1)
    root = ET.fromstring(figures.svg(figures.seeds(judgement.comparison.groups), "<b>\x1b&amp; \u202e犬"))
    (title,) = (element for element in root if element.tag.endswith("title"))
    assert title.text == r"<b>\x1b&amp; \u202e犬"
    assert all(str(element.get("id")).startswith("bamp犬-") for element in root.iter() if element.get("id"))


def test_marks_tell_groups_apart() -> None:
    marks = figures.marks([Group(f"group {index}", ()) for index in range(28)])
    assert marks[:2] == [figures.Mark("group 0", "var(--c0)", "", "o"), figures.Mark("group 1", "var(--c1)", "", "s")]
    assert (marks[7].colour, marks[7].dashes) == ("var(--c0)", "6 3")
    assert len({(mark.colour, mark.dashes, mark.marker) for mark in marks}) == 28


def test_the_matrix_of_pairs_holds_every_pair_both_ways_round(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed, test_accuracy=mean + noise)
        for name, mean, noises in (
            ("none", 0.6, (0, 0.01, 0.02)), ("basic", 0.7, (0.02, 0, 0.01)), ("cutmix", 0.9, (0, 0.01, 0.02)),
        )
        for seed, noise in enumerate(noises)
    ]  # fmt: skip
    judgement = judge(load_groups(paths))
    assert figures.has_pairs(judgement)
    (axes,) = figures.pairs(judgement).axes
    differences = [text.get_text() for text in axes.texts if text.get_text().count(".") == 1]
    assert sorted(differences) == ["+10.00", "+20.00", "+30.00", "-10.00", "-20.00", "-30.00"]


def test_no_matplotlibrc_changes_a_figure(tmp_path: Path) -> None:
    groups = judged(tmp_path, ["none", "a"]).comparison.groups
    plain = figures.svg(figures.curves(groups), "curves")
    with rc_context(HOSTILE):
        assert figures.svg(figures.curves(groups), "curves") == plain
