"""RICAP, ResizeMix and GridMix against NumPy, and the laws of what they draw."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import stats

from augexp.augment import pasting
from augexp.augment.op import Op
from tests.batches import DRAWS, DTYPES, Shape, make_images, make_labels, sample, seeds, shapes

OPS = [pasting.ricap(0.3), pasting.resizemix((0.1, 0.8)), pasting.gridmix(4, 1.0)]


def mixed(op: Op, images: NDArray[Any], labels: NDArray[Any], **params: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    tensors = {name: tf.constant(value) for name, value in params.items()}
    found, soft = op.apply(tf.constant(images), tf.constant(labels), tensors)
    assert (found.shape, found.dtype, soft.dtype) == (images.shape, images.dtype, tf.float32)
    return found.numpy(), soft.numpy()


# --- all three -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS)
@given(shape=shapes, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_labels_weight_is_the_share_of_pixels_seen_in_the_image(op: Op, shape: Shape, seed: int) -> None:
    images = np.broadcast_to(np.arange(shape[0], dtype=np.uint8)[:, None, None, None], (*shape, 3))
    found, soft = mixed(op, images, np.eye(shape[0], dtype=np.float32), **sample(op, *shape, seed))
    shares = [[np.mean(image == source) for source in range(shape[0])] for image in found]
    np.testing.assert_allclose(soft, shares, rtol=0, atol=1e-6)


@pytest.mark.parametrize("op", OPS)
def test_partners_are_permutations_and_every_parameter_has_a_row_an_example(op: Op) -> None:
    params = sample(op, 37, 20, 30)
    assert {values.shape[0] for values in params.values()} == {37}
    for partner in params["sources"].T if "sources" in params else [params["partner"]]:
        np.testing.assert_array_equal(np.sort(partner), np.arange(37))


# --- RICAP ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds, alpha=st.floats(0.1, 5))
@settings(max_examples=30, deadline=None)
def test_ricap_puts_four_crops_together(dtype: str, shape: Shape, seed: int, alpha: float) -> None:
    _, height, width = shape
    images, labels = make_images(*shape, dtype), make_labels(shape[0])
    op = pasting.ricap(alpha)
    params = sample(op, *shape, seed)
    found, soft = mixed(op, images, labels, **params)
    for i, ((row, column), sources, crop) in enumerate(
        zip(params["split"], params["sources"], params["crop"], strict=True)
    ):
        sizes = [(row, column), (row, width - column), (height - row, column), (height - row, width - column)]
        patches = []
        for (tall, wide), source, (y, x) in zip(sizes, sources, crop, strict=True):
            assert 0 <= y <= height - tall
            assert 0 <= x <= width - wide
            patches.append(images[source, y : y + tall, x : x + wide])
        top, bottom = np.concatenate(patches[:2], 1), np.concatenate(patches[2:], 1)
        np.testing.assert_array_equal(found[i], np.concatenate([top, bottom], 0))
        weights = np.array([tall * wide for tall, wide in sizes]) / (height * width)
        np.testing.assert_allclose(soft[i], weights @ labels[sources], rtol=0, atol=1e-6)
        assert sources[0] == i


def test_the_patches_of_ricap_meet_at_beta_and_come_from_anywhere() -> None:
    params = sample(pasting.ricap(0.3), DRAWS, 2000, 3000)
    for axis, side in enumerate((2000, 3000)):
        share = params["split"][:, axis] / side
        inner = share[(share > 0.01) & (share < 0.99)]
        law = stats.beta(0.3, 0.3)
        ends = law.cdf([0.01, 0.99])
        assert stats.kstest(law.cdf(inner), stats.uniform(ends[0], ends[1] - ends[0]).cdf).pvalue > 1e-4
        assert stats.binomtest(len(inner), DRAWS, ends[1] - ends[0]).pvalue > 1e-4
    row = params["split"][:, 0].astype(np.float64)
    for number, tall in enumerate((row, row, 2000 - row, 2000 - row)):
        place = (params["crop"][:, number, 0] + 0.5) / (2000 - tall + 1)
        assert stats.kstest(place[tall < 1900], "uniform").pvalue > 1e-4
    assert stats.pearsonr(params["split"][:, 0], params["split"][:, 1]).pvalue > 1e-4


# --- ResizeMix -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_resizemix_pastes_pillows_nearest_reduction_of_the_whole_partner(dtype: str, shape: Shape, seed: int) -> None:
    images, labels = make_images(*shape, dtype), make_labels(shape[0])
    op = pasting.resizemix((0.1, 0.8))
    params = sample(op, *shape, seed)
    found, soft = mixed(op, images, labels, **params)
    for i, (top, left, bottom, right) in enumerate(params["box"]):
        source = images[params["partner"][i]]
        channels = [
            Image.fromarray(np.ascontiguousarray(source[..., c], np.float32)).resize(
                (right - left, bottom - top), Image.Resampling.NEAREST
            )
            for c in range(3)
        ]
        expected = images[i].copy()
        expected[top:bottom, left:right] = np.stack([np.asarray(channel) for channel in channels], -1)
        # Pillow's places are sums of floats: which of two pixels is nearer may be a matter of rounding.
        assert (found[i] == expected).all(-1).mean() > 0.7 if min(shape[1:]) > 2 else True
        kept = 1 - (bottom - top) * (right - left) / (shape[1] * shape[2])
        blend = kept * labels[i] + (1 - kept) * labels[params["partner"][i]]
        np.testing.assert_allclose(soft[i], blend, rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", [7, 31, 64, 100])
def test_a_shrunk_side_reads_the_pixel_at_its_own_centre(side: int) -> None:
    for length in range(1, side + 1):
        start = (side - length) // 2
        read = pasting._unshrunk(tf.constant(side), tf.constant([[start]]), tf.constant([[start + length]])).numpy()[0]
        expected = [(2 * i + 1) * side // (2 * length) for i in range(length)]
        assert read[start : start + length].tolist() == expected


def test_the_partner_of_resizemix_is_shrunk_uniformly_and_lies_anywhere() -> None:
    box = sample(pasting.resizemix((0.1, 0.8)), DRAWS, 2000, 3000)["box"].astype(np.float64)
    tall, wide = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    assert stats.kstest(tall / 2000, stats.uniform(0.1, 0.7).cdf).pvalue > 1e-4
    np.testing.assert_allclose(tall / 2000, wide / 3000, atol=1e-3)
    for start, length, side in ((box[:, 0], tall, 2000), (box[:, 1], wide, 3000)):
        assert stats.kstest((start + 0.5) / (side - length + 1), "uniform").pvalue > 1e-4


# --- GridMix -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds, cells=st.integers(1, 31))
@settings(max_examples=30, deadline=None)
def test_gridmix_takes_whole_cells_from_the_partner(dtype: str, shape: Shape, seed: int, cells: int) -> None:
    _, height, width = shape
    images, labels = make_images(*shape, dtype), make_labels(shape[0])
    op = pasting.gridmix(cells, 1.0)
    params = sample(op, *shape, seed)
    found, soft = mixed(op, images, labels, **params)
    for i, (partner, taken) in enumerate(zip(params["partner"], params["taken"], strict=True)):
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        mask = taken[rows][:, columns]
        np.testing.assert_array_equal(found[i], np.where(mask[..., None], images[partner], images[i]))
        blend = (1 - mask.mean()) * labels[i] + mask.mean() * labels[partner]
        np.testing.assert_allclose(soft[i], blend, rtol=0, atol=1e-6)


def test_a_cell_is_taken_with_a_chance_that_is_beta() -> None:
    params = sample(pasting.gridmix(4, 1.0), DRAWS, 8, 8)
    # With lam uniform any number of the 16 cells is equally likely.
    assert stats.chisquare(np.bincount(params["taken"].sum((1, 2)), minlength=17)).pvalue > 1e-4
    assert stats.kstest(params["lam"], "uniform").pvalue > 1e-4
    assert np.corrcoef(params["taken"].mean((1, 2)), params["lam"])[0, 1] < -0.9
