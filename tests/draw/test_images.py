"""Pictures: what is drawn is the numbers, every name is drawable, and nothing covers anything."""

import io
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import BboxBase
from numpy.typing import NDArray
from scipy.stats import beta

from augexp.compare.groups import Group, load_groups
from augexp.draw import history as draw_history
from augexp.draw import images as draw_images
from augexp.draw.images import LamDraws, PreviewRow
from augexp.draw.style import drawable, shorten
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


# --- comparison ----------------------------------------------------------------------------------------------------


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


@given(st.text(max_size=30))
def test_drawable_keeps_the_length_and_needs_no_other_font(text: str) -> None:
    drawn = drawable(text)
    assert len(drawn) == len(text)
    assert drawable(drawn) == drawn


@given(st.text(max_size=60), st.integers(5, 40))
def test_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= width
    assert short == text or (short[0] == text[0] and short[-1] == text[-1])


# --- one run -------------------------------------------------------------------------------------------------------


def history(epochs: int) -> dict[str, NDArray[np.float64]]:
    rising = np.linspace(0.1, 0.9, epochs)
    return {"loss": 2 - rising, "val_loss": 1.5 - rising, "accuracy": rising / 2, "val_accuracy": rising}


def test_curves_hold_the_history_the_best_epoch_and_the_phases() -> None:
    figure = draw_history.curves(history(10), best_epoch=7, title="$^{$", head_epochs=2, plain_epochs=3)
    pixels(figure)
    loss, accuracy = figure.axes
    for axes, column, scale in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        train, val, best = axes.lines
        np.testing.assert_allclose(heights(train), scale * history(10)[column])
        np.testing.assert_allclose(heights(val), scale * history(10)[f"val_{column}"])
        assert best.get_xdata() == [7, 7]
        head, plain = (patch for patch in axes.patches if isinstance(patch, Rectangle))
        assert (head.get_x(), head.get_x() + head.get_width()) == (0.5, 2.5)
        assert (plain.get_x(), plain.get_x() + plain.get_width()) == (7.5, 10.5)
    assert legend_texts(figure) == [
        *("train, on augmented batches", "val", "best epoch: 7", "head only", "without the strategy"),
    ]


@pytest.mark.parametrize("epochs", [1, 100])
def test_curves_of_any_length_and_with_gaps(epochs: int) -> None:
    columns = history(epochs)
    columns["loss"][-1] = np.nan
    pixels(draw_history.curves(columns, best_epoch=1))


# --- preview -------------------------------------------------------------------------------------------------------


def image(side: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def cutmix_row(side: int, seed: int = 0, name: str = "dog") -> PreviewRow:
    source, partner = image(side, seed), image(side, seed + 100)
    mixed = source.copy()
    mixed[2:6, 3:9] = partner[2:6, 3:9]
    weights = ((name, 0.9), ("cat", 0.1))
    return PreviewRow(source, mixed, weights, ("lam drawn 0.93, used 0.90",), partner, (2, 3, 6, 9))


def test_preview_shows_the_very_pixels_and_the_box_around_them() -> None:
    row = cutmix_row(16)
    figure = draw_images.preview([row])
    pictures = [axes for axes in figure.axes if axes.images]
    shown = [axes.images[0].get_array() for axes in pictures]
    assert row.partner is not None
    for array, expected in zip(shown, (row.source, row.partner, row.mixed), strict=True):
        np.testing.assert_array_equal(array, expected)
    assert {axes.images[0].get_interpolation() for axes in pictures} == {"nearest"}
    # imshow puts the centre of pixel (0, 0) at 0, so its edge lies at -0.5.
    assert {patch.get_bbox().bounds for patch in pictures[2].patches} == {(2.5, 1.5, 6.0, 4.0)}  # type: ignore[attr-defined]
    assert not pictures[0].patches


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_the_box_is_seen_on_any_grey(grey: int) -> None:
    flat = np.full((16, 16, 3), grey, np.uint8)
    with_box = pixels(draw_images.preview([PreviewRow(flat, flat, partner=flat, box=(4, 4, 12, 12))]))
    without = pixels(draw_images.preview([PreviewRow(flat, flat, partner=flat)]))
    changed = np.abs(with_box - without).max(axis=-1)
    assert (changed > 0.4).sum() > 300


def test_an_empty_box_is_not_drawn() -> None:
    flat = image(16, 0)
    figure = draw_images.preview([PreviewRow(flat, flat, partner=flat, box=(5, 5, 5, 9))])
    assert not any(axes.patches for axes in figure.axes)


def test_floats_are_rounded_and_clipped_and_large_images_are_smooth() -> None:
    floats = np.full((224, 224, 3), 254.6)
    floats[0, 0] = (-3, 300, 127.4)
    figure = draw_images.preview([PreviewRow(image(224, 0), floats)])
    _, shown = (axes.images[0] for axes in figure.axes if axes.images)
    array = np.asarray(shown.get_array())
    assert array[0, 0].tolist() == [0, 255, 127]
    assert array[1, 1].tolist() == [255, 255, 255]
    assert shown.get_interpolation() != "nearest"


@pytest.mark.parametrize(("side", "count"), [(16, 1), (224, 4), (224, 5), (16, 8)])
def test_nothing_overlaps(side: int, count: int) -> None:
    names = ["n02085620-Chihuahua", "W" * 80, r"$\frac{$", "犬"] * 2
    rows = [cutmix_row(side, index, names[index]) for index in range(count)]
    draws = [LamDraws("cutmix", 1.0, np.linspace(0, 1, 2000)), LamDraws("mixup", 0.2, np.linspace(0, 1, 2000))]
    figure = draw_images.preview(rows, "cutmix on $^{$", draws)
    pixels(figure)
    boxes: list[BboxBase] = [axes.get_window_extent() for axes in figure.axes if axes.images]
    boxes += [
        BboxBase.intersection(text.get_window_extent(), axes.get_window_extent()) or axes.get_window_extent()
        for axes in figure.axes
        for text in axes.texts
    ]
    boxes += [extent(axes) for axes in figure.axes if axes.patches and not axes.images]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 for box in boxes)


def test_a_long_class_name_never_hides_its_weight() -> None:
    figure = draw_images.preview([cutmix_row(16, name="W" * 80)])
    (text,) = (text.get_text() for axes in figure.axes for text in axes.texts)
    first, second, third = text.split("\n")
    assert first.startswith("0.900  WWW")
    assert len(first) <= draw_images.TEXT_WIDTH
    assert (second, third) == ("0.100  cat", "lam drawn 0.93, used 0.90")


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 3.5, 100.0])
def test_density_is_scipys(alpha: float) -> None:
    x = np.linspace(0.001, 0.999, 999)
    np.testing.assert_allclose(draw_images.beta_density(x, alpha), beta.pdf(x, alpha, alpha), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_histogram_and_curve_lie_in_sight(alpha: float) -> None:
    lam = np.random.default_rng(0).beta(alpha, alpha, 2000)
    figure = draw_images.preview([cutmix_row(16)], draws=[LamDraws("mixup", alpha, lam)])
    axes = figure.axes[-1]
    bars = [patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert sum(bars) / 40 == pytest.approx(1)
    assert max(bars) < axes.get_ylim()[1] < 2 * max(bars)
    assert axes.get_ylim()[0] == 0
    assert np.isfinite(heights(axes.lines[0])).all()


def test_batch_is_a_grid_of_every_image() -> None:
    images = np.stack([image(16, index) for index in range(11)])
    figure = draw_images.batch(images, [f"$^{{$ 0.63 犬 {index}" for index in range(11)])
    pixels(figure)
    assert len(figure.axes) == 11
    for axes, expected in zip(figure.axes, images, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), expected)
    boxes = [extent(axes) for axes in figure.axes]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
