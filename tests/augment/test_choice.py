"""One of several ops, for each batch or example."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import choice, geometric, mixing, photometric
from augexp.augment.op import Op, sometimes
from augexp.config.ops import Per
from tests.batches import DRAWS, DTYPES, Shape, make_images, make_labels, sample, seeds, shapes

PERS: list[Per] = ["example", "batch"]


def some_ops() -> list[Op]:
    return [
        mixing.cutmix(1.0, 1.0, correct_lam=True, per="example"),
        mixing.mixup(0.5, 1.0, per="example"),
        sometimes(photometric.invert(), 0.5),
        geometric.flip_left_right(0.5),
    ]


def apply(
    op: Op, images: NDArray[Any], labels: NDArray[np.float32], params: dict[str, NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    tensors = {name: tf.constant(value) for name, value in params.items()}
    mixed, soft = op.apply(tf.constant(images), tf.constant(labels), tensors)
    return mixed.numpy(), soft.numpy()


@pytest.mark.parametrize("per", PERS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=8, deadline=None)
def test_the_chosen_op_is_applied_to_image_and_label_and_no_other(
    per: Per, dtype: str, shape: Shape, seed: int
) -> None:
    images, labels = make_images(*shape, dtype), make_labels(shape[0])
    chain = some_ops()
    op = choice.one_of(chain, None, per)
    params = sample(op, *shape, seed)
    mixed, soft = apply(op, images, labels, params)
    assert (mixed.dtype.name, soft.dtype.name) == ("float32", "float32")
    alone = [apply(inner, images, labels, choice.params_of(i, params)) for i, inner in enumerate(chain)]
    for i, number in enumerate(params["choice"]):
        np.testing.assert_array_equal(mixed[i], alone[number][0][i])
        np.testing.assert_array_equal(soft[i], alone[number][1][i])


@pytest.mark.parametrize("number", range(4))
def test_per_batch_every_op_can_be_the_one(number: int) -> None:
    images, labels = make_images(3, 4, 5), make_labels(3)
    op = choice.one_of(some_ops(), None, "batch")
    params = sample(op, 3, 4, 5) | {"choice": np.full(3, number, np.int32)}
    mixed, soft = apply(op, images, labels, params)
    expected, expected_soft = apply(some_ops()[number], images, labels, choice.params_of(number, params))
    np.testing.assert_array_equal(mixed, expected)
    np.testing.assert_array_equal(soft, expected_soft)


@pytest.mark.parametrize(
    ("weights", "chances"),
    [
        (None, [0.25, 0.25, 0.25, 0.25]),
        ([1, 1, 1, 1], [0.25, 0.25, 0.25, 0.25]),
        ([5, 3, 0, 2], [0.5, 0.3, 0, 0.2]),
        ([0, 0, 7, 0], [0, 0, 1, 0]),
        ([1e-300, 3e-300, 0, 0], [0.25, 0.75, 0, 0]),
    ],
)
def test_the_shares_of_the_ops_are_their_weights(weights: list[float] | None, chances: list[float]) -> None:
    drawn = sample(choice.one_of(some_ops(), weights, "example"), DRAWS, 4, 4)["choice"]
    assert (drawn.dtype.name, drawn.shape) == ("int32", (DRAWS,))
    counts = np.bincount(drawn, minlength=4)
    possible = np.array(chances) > 0
    assert (counts[~possible] == 0).all()
    if possible.sum() > 1:
        assert stats.chisquare(counts[possible], DRAWS * np.array(chances)[possible]).pvalue > 1e-4


def test_an_op_without_weight_is_never_drawn_even_at_the_ends_of_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    op = choice.one_of([photometric.invert(), photometric.grayscale(), photometric.equalize()], [0, 1, 0], "example")
    for end in (0.0, 1 - 2**-24):
        monkeypatch.setattr(tf.random, "stateless_uniform", lambda shape, seed, end=end: tf.fill(shape, end))
        assert (sample(op, 3)["choice"] == 1).all()


@pytest.mark.slow
def test_per_batch_one_op_stands_for_all_and_batches_differ_by_the_weights() -> None:
    op = choice.one_of(some_ops()[:2], [3, 1], "batch")
    size = tf.constant(4)
    draw = tf.function(lambda seed: op.sample(tf.stack([seed, 7]), size, size, size)["choice"])
    drawn = np.stack([draw(tf.constant(seed)).numpy() for seed in range(600)])
    assert (drawn == drawn[:, :1]).all()
    assert stats.binomtest(int(drawn[:, 0].sum()), 600, 0.25).pvalue > 1e-4


@pytest.mark.parametrize("per", PERS)
@pytest.mark.parametrize("batch", [1, 5])
def test_params_are_those_of_every_op_under_its_number(per: Per, batch: int) -> None:
    params = sample(choice.one_of(some_ops(), None, per), batch)
    assert {values.shape[0] for values in params.values()} == {batch}
    assert set(params) == {
        "choice", "0/lam", "0/partner", "0/box", "0/weight", "1/lam", "1/partner", "2/applied", "3/flip",
    }  # fmt: skip


def test_each_op_has_draws_of_its_own() -> None:
    params = sample(choice.one_of([mixing.mixup(1.0, 1.0, per="example")] * 2, None, "example"), 64)
    assert (params["0/lam"] != params["1/lam"]).any()
    assert (params["0/partner"] != params["1/partner"]).any()


@given(number=st.integers(0, 12))
@settings(max_examples=13, deadline=None)
def test_the_parameters_of_an_op_are_told_from_those_of_every_other_and_of_a_choice_within(number: int) -> None:
    params = {"choice": 0} | {f"{i}/{name}": i for i in range(13) for name in ("lam", "0/lam", "1/lam")}
    assert choice.params_of(number, params) == dict.fromkeys(("lam", "0/lam", "1/lam"), number)


@pytest.mark.parametrize("per", PERS)
def test_a_choice_within_a_choice_is_applied_in_turn(per: Per) -> None:
    images, labels = make_images(6, 3, 4), make_labels(6)
    inner = choice.one_of([photometric.invert(), geometric.flip_up_down(1.0)], None, "example")
    op = choice.one_of([geometric.flip_left_right(1.0), inner], [0, 1], per)
    params = sample(op, 6, 3, 4)
    mixed, _ = apply(op, images, labels, params)
    expected = np.where((params["1/choice"] == 0)[:, None, None, None], 255 - images, images[:, ::-1])
    np.testing.assert_array_equal(mixed, expected)


def test_a_choice_is_compiled_where_all_its_ops_are() -> None:
    jpeg = photometric.jpeg_quality(50, 100)
    assert choice.one_of(some_ops(), None, "batch").compiled
    assert not choice.one_of([*some_ops(), jpeg], None, "batch").compiled
