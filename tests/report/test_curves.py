"""Curves of groups: mean, band, zoom, and names as they are."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import BboxBase
from numpy.typing import NDArray

from augexp.compare.groups import Group, load_groups
from augexp.report.curves import comparison
from tests.factories import make_run

# Matplotlib reads an even number of dollars as mathtext, and fails on what is none.
AWKWARD = ["$x_1$ 5$", "$^{$", "_hidden", "犬と猫", "Käfer & <b>", "a" * 60, "مرحبا", "%d {}"]


def pixels(figure: Figure) -> NDArray[Any]:
    """(H, W, 4) in [0, 1], as saved; warnings are errors, so a glyph without a font fails here."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return np.asarray(matplotlib.image.imread(file))


def groups_of(folder: Path, labels: Sequence[str], seeds: int = 1, epochs: int = 6) -> tuple[Group, ...]:
    return load_groups(
        [
            make_run(
                folder / f"{index}-{seed}",
                seed=seed,
                epochs=epochs,
                accuracy=0.7 + index / 100 + seed / 200,
                overrides=[f"train.learning_rate={(index + 1) / 1024}", f"name='{label}'"],
            )
            for index, label in enumerate(labels)
            for seed in range(seeds)
        ]
    ).groups


def heights(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_ydata(), np.float64)


def curve_axes(figure: Figure) -> tuple[Axes, Axes]:
    whole, zoomed = figure.axes
    return whole, zoomed


def extent(axes: Axes) -> BboxBase:
    """With title, labels and ticks, in pixels of the figure."""
    box = axes.get_tightbbox()
    assert box is not None
    return box


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_line_is_the_mean_and_band_the_range_over_seeds(tmp_path: Path) -> None:
    curves = [[0.2, 0.5, 0.6, 0.75], [0.3, 0.6, 0.8, 0.7], [0.7, 0.7, 0.7, 0.5]]
    paths = [make_run(tmp_path / str(seed), seed=seed, val_accuracy=curve) for seed, curve in enumerate(curves)]
    figure = comparison(load_groups(paths).groups)
    for axes in curve_axes(figure):
        np.testing.assert_allclose(heights(axes.lines[0]), [40, 60, 70, 65])
        np.testing.assert_array_equal(np.asarray(axes.lines[0].get_xdata()), [1, 2, 3, 4])
        (band,) = axes.collections
        bounds = band.get_paths()[0].get_extents()
        assert (bounds.ymin, bounds.ymax) == pytest.approx((20, 80))
    assert legend_texts(figure) == ["cutmix  ·  3 seeds  ·  best 75.0, last 65.0"]


def test_one_seed_has_no_band_and_says_so(tmp_path: Path) -> None:
    figure = comparison(groups_of(tmp_path, ["a", "b"]))
    assert not any(axes.collections for axes in figure.axes)
    assert all("one seed" in text for text in legend_texts(figure))
    assert "band" not in figure.legends[0].get_title().get_text()


def test_zoom_shows_the_later_half_whole(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", strategy="none", val_accuracy=[0.1, 0.2, 0.3, 0.90, 0.91, 0.92]),
        make_run(tmp_path / "b", val_accuracy=[0.1, 0.2, 0.3, 0.95, 0.96, 0.98]),
    ]
    _, zoomed = curve_axes(comparison(load_groups(paths).groups))
    assert zoomed.get_xlim() == (3.5, 6.5)
    low, high = zoomed.get_ylim()
    assert 88 < low < 90
    assert 98 < high < 100
    assert any(line.get_visible() for line in zoomed.get_ygridlines())


def test_curves_can_be_drawn_against_seconds(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / str(seed), seed=seed, epochs=4, seconds=40 + 40 * seed) for seed in range(2)]
    figure = comparison(load_groups(paths).groups, x="seconds")
    whole, zoomed = curve_axes(figure)
    np.testing.assert_allclose(np.asarray(whole.lines[0].get_xdata(), np.float64), [15, 30, 45, 60])
    assert zoomed.get_xlim() == (45 - 7.5, 60 + 7.5)
    assert whole.get_xlabel() == "seconds of training, mean over seeds"
    pixels(figure)


def test_ylim_sets_the_zoomed_panel_only(tmp_path: Path) -> None:
    figure = comparison(groups_of(tmp_path, ["a"]), ylim=(50, 60))
    whole, zoomed = curve_axes(figure)
    assert zoomed.get_ylim() == (50, 60)
    assert whole.get_ylim()[1] > 69


def test_title_names_the_data_and_a_validation_on_test(tmp_path: Path) -> None:
    plain = make_run(tmp_path / "a", overrides=["data.source=folder:../shared/$^$dogs"])
    tutorial = make_run(tmp_path / "b", strategy="none", overrides=["data.validation=test"])
    title = comparison(load_groups([plain]).groups).get_suptitle()
    assert title == "val accuracy on $^$dogs"
    title = comparison(load_groups([plain, tutorial]).groups).get_suptitle()
    assert title == "val accuracy on digits, $^$dogs  ·  validation = test set"


@pytest.mark.parametrize(("count", "seeds", "epochs"), [(1, 1, 1), (2, 1, 2), (4, 3, 6), (20, 2, 30), (28, 1, 3)])
def test_many_or_few_groups_stay_readable(tmp_path: Path, count: int, seeds: int, epochs: int) -> None:
    groups = groups_of(tmp_path, [f"strategy-{index}" for index in range(count)], seeds, epochs)
    figure = comparison(groups)
    pixels(figure)
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= legend.y0
    assert legend.y1 <= min(extent(axes).y0 for axes in figure.axes)
    styles = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(styles) == count


def test_awkward_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    figure = comparison(groups_of(tmp_path, AWKWARD))
    pixels(figure)
    texts = legend_texts(figure)
    assert len(texts) == len(AWKWARD)
    for shown in ("$x_1$ 5$", "$^{$", "_hidden", "Käfer & <b>"):
        assert any(text.startswith(f"{shown}  ·") for text in texts)
