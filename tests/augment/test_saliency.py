"""Saliency against its definition, and the boxes of SaliencyMix."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from augexp.augment import saliency
from tests.batches import Shape, make_images, make_labels, sample, seeds, shapes

SIZES = [(1, 1), (1, 9), (5, 3), (56, 56), (57, 100), (224, 64)]


def by_definition(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A window at a time, in Python's whole numbers."""
    height, width, _ = image.shape
    rows, columns = min(height, saliency.GRID), min(width, saliency.GRID)
    luma = image.astype(int) @ [299, 587, 114]
    grey = np.zeros((rows, columns), int)
    for row, column in np.ndindex(rows, columns):
        ys, xs = (
            [(4 * cell + 2 * half + 1) * side // (4 * cells) for half in (0, 1)]
            for cell, side, cells in ((row, height, rows), (column, width, columns))
        )
        grey[row, column] = (luma[np.ix_(ys, xs)].sum() + 2000) // 4000
    for axis in (0, 1, 0, 1):
        padded = np.pad(grey, [(1, 1) if axis == here else (0, 0) for here in (0, 1)], mode="edge")
        cells = grey.shape[axis]
        before, middle, after = (padded.take(range(start, start + cells), axis) for start in (0, 1, 2))
        grey = (before + 2 * middle + after + 2) // 4
    total = np.zeros_like(grey)
    for reach in saliency.SURROUNDS:
        down, across = (max((reach * n + s // 2) // s, 1) for n, s in ((rows, height), (columns, width)))
        for y, x in np.ndindex(rows, columns):
            window = grey[max(y - down, 0) : y + down + 1, max(x - across, 0) : x + across + 1]
            parts = int(np.float32(saliency.SHARES << saliency.BITS) / np.float32(max(window.size - 1, 1)))
            total[y, x] += abs(int(grey[y, x]) * window.size - int(window.sum())) * parts >> saliency.BITS
    return total


@pytest.mark.parametrize("size", SIZES)
def test_saliency_is_the_distance_from_the_mean_of_what_surrounds(size: tuple[int, int]) -> None:
    images = make_images(2, *size)
    found = saliency.saliency(tf.constant(images)).numpy()
    np.testing.assert_array_equal(found, np.stack([by_definition(image) for image in images]))


@pytest.mark.parametrize("side", [40, 224, 640])
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_a_bright_patch_in_a_dim_image_is_the_most_salient(side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(90, 110, (3, side, side, 3)).astype(np.uint8)
    patch = side // 8
    starts = rng.integers(0, side - patch, (3, 2))
    for image, (top, left) in zip(images, starts, strict=True):
        image[top : top + patch, left : left + patch] = 250
    points = saliency.salient_points(tf.constant(images)).numpy()
    assert ((points >= starts) & (points < starts + patch)).all()


@pytest.mark.slow
@given(shape=shapes, seed=seeds, alpha=st.floats(0.1, 5))
@settings(max_examples=20, deadline=None)
def test_the_box_lies_around_the_salient_point_of_the_partner(shape: Shape, seed: int, alpha: float) -> None:
    batch, height, width = shape
    op, images, labels = saliency.saliencymix(alpha), make_images(*shape), make_labels(batch)
    params = sample(op, *shape, seed)
    found, soft = (values.numpy() for values in op.apply(tf.constant(images), tf.constant(labels), params))
    points = saliency.salient_points(tf.constant(images)).numpy()
    for i, (lam, partner) in enumerate(zip(params["lam"], params["partner"], strict=True)):
        box = []
        for point, side in zip(points[partner], (height, width), strict=True):
            length = int(np.round(np.float32(side) * np.sqrt(1 - np.float32(lam))))
            start = int(point) - length // 2
            box.append(slice(max(start, 0), max(start + length, 0)))
        expected = images[i].copy()
        expected[box[0], box[1]] = images[partner][box[0], box[1]]
        np.testing.assert_array_equal(found[i], expected)
        share = expected[box[0], box[1]].size / expected.size
        np.testing.assert_allclose(soft[i], (1 - share) * labels[i] + share * labels[partner], rtol=0, atol=1e-6)


def test_one_box_for_all_is_that_of_the_first_partner() -> None:
    op = saliency.saliencymix(1.0, per="batch")
    images = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None, None], (8, 20, 30, 3)).copy()
    params: dict[str, Any] = sample(op, 8, 20, 30, 3)
    images[params["partner"][0], 12, 7] = 255
    found, _ = op.apply(tf.constant(images), tf.eye(8), params)
    inside = found.numpy()[:, :, :, 1] != images[:, :, :, 1]
    mixed = params["partner"] != np.arange(8)
    assert inside[mixed][:, 12, 7].all()
    assert (inside[mixed] == inside[mixed][0]).all()
