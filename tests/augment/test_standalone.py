"""Strategies in one's own code: what goes in and comes out, that draws are new in each epoch and come again."""

import doctest
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from augexp.augment import build, standalone, strategy
from augexp.config.ops import CutMix, FlipLeftRight, MixUp

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
LABELS = np.arange(12) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
SEED = (3, 4)


def batches(labels: Any = LABELS, images: Any = IMAGES) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)


def drawn(dataset: tf.data.Dataset) -> list[Any]:
    return [np.concatenate([images.numpy() for images, _ in dataset])]


@pytest.mark.slow
def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(standalone).failed == 0
    assert doctest.testmod(standalone).attempted > 5


@pytest.mark.slow
def test_it_is_the_strategy_of_a_configuration() -> None:
    expected = strategy.build([FlipLeftRight(), CutMix()])(tf.constant(IMAGES), tf.constant(ONE_HOT), tf.constant(SEED))
    told: Any
    for told in ("flip_left_right+cutmix", ["flip_left_right", {"name": "cutmix"}], [FlipLeftRight(), CutMix()]):
        found = build(told)(IMAGES, ONE_HOT, SEED)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_labels_may_be_numbers_one_hot_or_soft() -> None:
    of_numbers = build("mixup", num_classes=3)(IMAGES, LABELS, SEED)[1]
    for labels in (ONE_HOT, ONE_HOT.astype(np.float64), ONE_HOT.astype(np.int32)):
        np.testing.assert_array_equal(build("mixup")(IMAGES, labels, SEED)[1], of_numbers)
    np.testing.assert_allclose(tf.reduce_sum(of_numbers, axis=1), 1, rtol=1e-6)


@pytest.mark.slow
def test_float_images_keep_their_range_and_type() -> None:
    whole = build("basic")(IMAGES.astype(np.float32), ONE_HOT, SEED)[0]
    for low, high, dtype in ((0, 1, np.float32), (-1, 1, np.float64), (0, 1, np.float16)):
        scaled = (IMAGES / 255 * (high - low) + low).astype(dtype)
        found = build("basic", value_range=(low, high))(scaled, ONE_HOT, SEED)[0]
        assert found.dtype == dtype
        np.testing.assert_allclose(
            (np.asarray(found, np.float64) - low) / (high - low) * 255,
            whole,
            atol=0.5 if dtype == np.float16 else 0.001,
        )
    assert build("cutmix")(IMAGES, ONE_HOT, SEED)[0].dtype == tf.uint8
    assert build("mixup")(IMAGES, ONE_HOT, SEED)[0].dtype == tf.float32


def test_images_of_another_range_are_refused() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"value_range=\(0, 1\)"):
        build("basic")((IMAGES / 255).astype(np.float32), ONE_HOT, SEED)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"value_range=\(0, 1\)"):
        list(build("basic", num_classes=3).map(batches(images=(IMAGES / 255).astype(np.float32))))
    black = np.zeros_like(IMAGES, np.float32)
    np.testing.assert_array_equal(build("flip_left_right")(black, ONE_HOT, SEED)[0], black)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["basic+cutmix", "mixup"])
def test_each_epoch_draws_anew_and_the_same_seed_the_same_epochs(name: str) -> None:
    first, again, other = (build(name, num_classes=3).map(batches(), seed=seed) for seed in (1, 1, 2))
    epochs = [drawn(first) for _ in range(3)]
    assert all(not np.array_equal(epochs[0], later) for later in epochs[1:])
    for epoch in epochs:
        np.testing.assert_array_equal(epoch, drawn(again))
    assert not np.array_equal(epochs[0], drawn(other))


def test_each_batch_draws_anew() -> None:
    same = np.repeat(IMAGES[:4], 3, axis=0).reshape(4, 3, 16, 16, 3).swapaxes(0, 1).reshape(12, 16, 16, 3)
    images = drawn(build("mixup", num_classes=3).map(batches(images=same), seed=0))[0]
    assert not np.array_equal(images[:4], images[4:8])


@pytest.mark.slow
def test_a_short_last_batch_is_mixed_too() -> None:
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES[:6], LABELS[:6])).batch(4)
    assert [len(images) for images, _ in build("cutmix", num_classes=3).map(dataset)] == [4, 2]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("cutmx", "did you mean cutmix?"),
        ([{"name": "cutmix", "alpha": -1}], "0.cutmix.alpha: "),
        ([], None),
        (3, "strategy: a strategy name or a list of ops is needed"),
        (["fog"], "fog"),
    ],
)
def test_a_strategy_that_there_isn_t(told: Any, message: str | None) -> None:
    if message is None:
        assert build(told).ops == ()
        return
    with pytest.raises(ValueError, match=r".") as caught:
        build(told)
    assert message in str(caught.value)


def test_other_arguments_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="num_classes: a number from 1 on is needed, not 0"):
        build("none", num_classes=0)
    with pytest.raises(ValueError, match="value_range: two numbers, the lower first"):
        build("none", value_range=(1, 0))
    with pytest.raises(ValueError, match="integer labels: num_classes is needed"):
        build("none")(IMAGES, LABELS, SEED)
    with pytest.raises(ValueError, match="uint8 or a float type is needed, not int32"):
        build("none", num_classes=3)(IMAGES.astype(np.int32), LABELS, SEED)
    with pytest.raises(ValueError, match=r"images of shape \(B, H, W, 3\) are needed"):
        build("none")(IMAGES[0], ONE_HOT, SEED)


def test_values_outside_the_range_are_refused_and_never_clipped() -> None:
    floats = IMAGES.astype(np.float32)
    for images, told in (
        (floats, (0, 1)),
        (floats / 127.5 - 1, (0, 1)),
        (floats / 127.5 - 1, (0, 255)),
        ((floats - 127) / 60, (0, 255)),
        (floats * np.nan, (0, 255)),
        (floats * 257, (0, 255)),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"images don't lie in \[0, "):
            build("mixup", value_range=told)(images, ONE_HOT, SEED)
    build("mixup")(floats - 20, ONE_HOT, SEED)  # as cubic resizing leaves them
    assert build("mixup")(floats[:0], ONE_HOT[:0], SEED)[0].shape[0] == 0


def test_labels_that_are_no_classes_are_refused() -> None:
    for labels in (LABELS + 1, LABELS - 1):
        with pytest.raises(tf.errors.InvalidArgumentError, match="they are numbers from 0 to 2"):
            build("mixup", num_classes=3)(IMAGES, labels, SEED)
        with pytest.raises(tf.errors.InvalidArgumentError, match="they are numbers from 0 to 2"):
            list(build("mixup", num_classes=3).map(batches(labels)))
    with pytest.raises(ValueError, match=r"num_classes=5, \(B, 5\) or integers are needed, not \(12, 3\)"):
        build("mixup", num_classes=5)(IMAGES, ONE_HOT, SEED)
    with pytest.raises(ValueError, match="12 images and 5 labels"):
        build("mixup", num_classes=3)(IMAGES, LABELS[:5], SEED)


def test_a_column_of_numbers_is_no_one_hot_matrix() -> None:
    """As Keras's own data sets have it; it came out as labels of one class."""
    of_numbers = build("mixup", num_classes=3)(IMAGES, LABELS, SEED)[1]
    np.testing.assert_array_equal(build("mixup", num_classes=3)(IMAGES, LABELS[:, None], SEED)[1], of_numbers)
    with pytest.raises(ValueError, match="integer labels: num_classes is needed"):
        build("mixup")(IMAGES, LABELS[:, None], SEED)


def test_misuse_is_said_in_words() -> None:
    cutmix = build("cutmix", num_classes=3)
    for seed in (0, (0.5, 1.5), (1, 2, 3)):
        with pytest.raises(ValueError, match="seed: two integers are needed"):
            cutmix(IMAGES, LABELS, seed)
    single = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    with pytest.raises(ValueError, match=r"call \.batch\(64\) first"):
        cutmix.map(single)
    for dataset in (single.map(lambda image, _: image), single.map(lambda *one: (*one, 1.0)), (IMAGES, LABELS)):
        with pytest.raises(ValueError, match=r"of batches \(images, labels\) is needed"):
            cutmix.map(dataset)
    with pytest.raises(ValueError, match="only: classes have numbers and no names here"):
        build([{"name": "rotate", "only": ["cat"]}])
    with pytest.raises(ValueError, match="num_classes: a number from 1 on is needed, not '3'"):
        build("none", num_classes="3")  # type: ignore[arg-type] # as a user may
    with pytest.raises(ValueError, match=r"not 'cutmx'; did you mean cutmix\?$"):
        build("cutmx")


def test_a_strategy_is_mixup_by_its_labels() -> None:
    assert build("mixup").ops == (MixUp(),)
