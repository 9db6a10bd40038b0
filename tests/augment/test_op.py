"""The contract's helpers, and `implements`."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from augexp.augment import geometric, mixing, photometric, strategy
from augexp.augment.op import (
    IMPLEMENTATIONS,
    Op,
    grey_levels,
    implements,
    on_images,
    per_example,
    sometimes,
    uniform,
)
from augexp.config.ops import OPS, Invert, Spec
from tests import registry
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


# --- implements ----------------------------------------------------------------------------------------------------


@pytest.fixture
def haze() -> Iterator[type[Spec]]:
    """The spec of an op that nothing implements yet."""
    with registry.restored():

        class Haze(Spec):
            name: Literal["haze"] = "haze"
            density: float = 0.5
            prob: float = 0.25

        yield Haze


def darkened(images: tf.Tensor, density: float) -> tf.Tensor:
    return images - tf.cast(density * tf.cast(images, tf.float32), images.dtype)


def test_every_op_is_implemented() -> None:
    assert set(IMPLEMENTATIONS) == set(OPS.values())


def test_an_op_that_nothing_implements_says_what_is_missing(haze: type[Spec]) -> None:
    with pytest.raises(LookupError, match=r"no function makes haze; decorate one with @implements\(Haze\)"):
        strategy.op(haze())


def test_a_function_that_takes_no_prob_makes_an_op_that_is_applied_sometimes(haze: type[Spec]) -> None:
    @implements(haze)
    def make(density: float) -> Op:
        return on_images(lambda *_: {}, lambda images, _params: darkened(images, density))

    applied = sample(strategy.op(haze()), DRAWS)["applied"]
    assert stats.binomtest(int(applied.sum()), DRAWS, 0.25).pvalue > 1e-4
    assert sample(strategy.op(haze.model_validate({"prob": 1.0})), 3) == {}
    images = make_images(2, 3, 4)
    np.testing.assert_array_equal(changed(make(density=1.0), images), np.zeros_like(images))


def test_a_function_that_takes_prob_is_given_it_and_no_other_chance(haze: type[Spec]) -> None:
    given_: list[tuple[float, float]] = []

    @implements(haze)
    def make(density: float, prob: float) -> Op:
        given_.append((density, prob))
        return on_images(lambda *_: {}, lambda images, _params: images)

    assert sample(strategy.op(haze()), 3) == {}
    assert given_ == [(0.5, 0.25)]


@pytest.mark.parametrize("make", [lambda: None, lambda density, more: None, lambda densty: None, lambda prob: None])
def test_a_function_of_other_arguments_than_the_fields_is_refused(make: Any, haze: type[Spec]) -> None:
    with pytest.raises(TypeError, match=r"takes .*, and Haze has \['density', 'prob'\]"):
        implements(haze)(make)
    assert haze not in IMPLEMENTATIONS


def test_an_op_has_one_function() -> None:
    with registry.restored(), pytest.raises(TypeError, match="Invert is implemented already, by invert"):
        implements(Invert)(photometric.invert)
