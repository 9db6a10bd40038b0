"""TODO tests.augment.test_op"""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from augexp.augment import geometric, mixing, photometric
from augexp.augment.op import Op, grey_levels, on_images, per_example, sometimes, uniform
from tests.batches import DRAWS, DTYPES, changed, make_images, make_labels, sample

SEED = tf.constant([3, 7], tf.int64)


def test_an_op_on_images_hands_on_the_very_labels() -> None:
    images, labels = tf.constant(make_images(2, 3, 4)), tf.constant(make_labels(2))
    op = on_images(lambda *_: {}, lambda images, params: images + params["one"])
    more, same = op.apply(images, labels, {"one": tf.constant(1, tf.uint8)})
    assert same is labels
    assert op.compiled
    np.testing.assert_array_equal(more, images + 1)
    assert not on_images(op.sample, lambda images, _: images, compiled=False).compiled


# --- sometimes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prob", [0.0, 0.1, 0.5, 0.9])
def test_the_share_of_examples_an_op_is_applied_to_is_prob(prob: float) -> None:
    applied = sample(sometimes(photometric.invert(), prob), DRAWS)["applied"]
    assert (applied.shape, applied.dtype.name) == ((DRAWS,), "bool")
    assert stats.binomtest(int(applied.sum()), DRAWS, prob).pvalue > 1e-4


def test_an_op_that_is_always_applied_stays_the_very_op() -> None:
    op = photometric.invert()
    assert sometimes(op, 1.0) is op


@pytest.mark.parametrize("op", [photometric.brightness(0.5), photometric.invert(), geometric.flip_up_down(0.5)])
@pytest.mark.parametrize("dtype", DTYPES)
@given(applied=st.lists(st.booleans(), min_size=1, max_size=5))
@settings(max_examples=10, deadline=None)
def test_where_it_is_not_applied_an_op_leaves_every_value(op: Op, dtype: str, applied: list[bool]) -> None:
    images = make_images(len(applied), 3, 4, dtype)
    now_and_then = sometimes(op, 0.5)
    params = sample(now_and_then, len(applied), 3, 4) | {"applied": np.array(applied)}
    always = changed(op, images, **{name: values for name, values in params.items() if name != "applied"})
    found = changed(now_and_then, images, **params)
    assert found.dtype == always.dtype
    np.testing.assert_array_equal(found, np.where(np.array(applied)[:, None, None, None], always, images))


def test_labels_follow_where_an_op_is_applied() -> None:
    op = sometimes(mixing.mixup(1.0, 1.0, per="example"), 0.5)
    images, labels = tf.constant(make_images(16, 2, 2)), tf.constant(make_labels(16))
    params = op.sample(SEED, tf.constant(16), tf.constant(2), tf.constant(2))
    _, soft = op.apply(images, labels, params)
    mixed = mixing.mix_labels(labels, params["partner"], params["lam"])
    assert 0 < params["applied"].numpy().sum() < 16
    np.testing.assert_array_equal(soft, np.where(params["applied"].numpy()[:, None], mixed, labels))


def test_the_ops_own_draws_are_the_same_for_any_prob() -> None:
    op = photometric.brightness(0.5)
    rare, often = (sample(sometimes(op, prob), 64) for prob in (0.1, 0.9))
    np.testing.assert_array_equal(rare["delta"], often["delta"])
    np.testing.assert_array_equal(rare["delta"], sample(op, 64)["delta"])


def test_whether_an_op_is_applied_says_nothing_of_how_strongly() -> None:
    for op in (photometric.brightness(0.5), geometric.shear(0.5, 0.5, "nearest", "constant", 0)):
        drawn = sample(sometimes(op, 0.5), DRAWS)
        for name in set(drawn) - {"applied"}:
            assert stats.ks_2samp(drawn[name][drawn["applied"]], drawn[name][~drawn["applied"]]).pvalue > 1e-4


@pytest.mark.parametrize("compiled", [True, False])
def test_sometimes_is_compiled_as_its_op_is(compiled: bool) -> None:
    op = photometric.invert()._replace(compiled=compiled)
    assert sometimes(op, 0.5).compiled == compiled


# --- helpers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 5.0), (0.1, 0.1), (0.0, 1e-6)])
def test_uniform_draws_lie_evenly_between_both_ends(low: float, high: float) -> None:
    drawn = uniform(SEED, tf.constant(DRAWS), low, high).numpy()
    assert (drawn.dtype, drawn.shape) == (np.float32, (DRAWS,))
    assert np.float32(low) <= drawn.min() <= drawn.max() <= np.float32(high)
    if low < high:
        assert stats.kstest(drawn, stats.uniform(low, high - low).cdf).pvalue > 1e-4


def test_per_example_stands_beside_images() -> None:
    values = per_example(tf.constant([1.0, 2.0])).numpy()
    assert values.shape == (2, 1, 1, 1)
    assert values.ravel().tolist() == [1, 2]


def test_grey_levels_are_rounded_and_clipped() -> None:
    given_: Any = np.array([-5, -0.4, 0, 0.4, 0.6, 99.49, 254.6, 255, 255.4, 300], np.float32)
    found = grey_levels(tf.constant(given_)).numpy()
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [0, 0, 0, 0, 1, 99, 255, 255, 255, 255])


def test_whole_grey_levels_stay_the_very_images() -> None:
    images = tf.constant(make_images(1, 2, 3))
    assert grey_levels(images) is images
