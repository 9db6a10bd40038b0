"""Previews of mixed images: pixels, boxes, labels, densities, and nothing over anything else."""

import io
from itertools import combinations
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import BboxBase
from numpy.typing import NDArray
from scipy.stats import beta

from augexp.draw import images as draw_images
from augexp.draw.images import LamDraws, PreviewRow


def pixels(figure: Figure) -> NDArray[Any]:
    """(H, W, 4) in [0, 1], as saved; warnings are errors, so a glyph without a font fails here."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return np.asarray(matplotlib.image.imread(file))


def heights(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_ydata(), np.float64)


def extent(axes: Axes) -> BboxBase:
    """With title, labels and ticks, in pixels of the figure."""
    box = axes.get_tightbbox()
    assert box is not None
    return box


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


@pytest.mark.slow
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
