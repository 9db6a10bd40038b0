"""Ops for some classes alone: who is changed, by the class of the original example, and that nothing else is."""

import inspect
import unicodedata
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from augexp.augment import strategy
from augexp.augment.op import IMPLEMENTATIONS
from augexp.config import load
from augexp.config.ops import OPS, check_classes, default_op
from augexp.data import pipeline
from augexp.data.splits import Splits
from augexp.errors import UserError

NAMES = ("ant", "bee", "cat", "7")
CLASSES = np.arange(24) % 4
SEED = (3, 5)


def batch() -> tuple[tf.Tensor, tf.Tensor]:
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
    return tf.constant(images), tf.constant(np.eye(4, dtype=np.float32)[CLASSES])


def applied(text: str) -> tuple[np.ndarray, np.ndarray]:
    """One op after the other, without XLA, which takes a second an op."""
    built = strategy.build(load.strategy(text), NAMES)
    images, labels = batch()
    params = built.sample(tf.constant(SEED, tf.int64), images, tf.argmax(labels, axis=1))
    for op, drawn in zip(built.ops, params, strict=True):
        images, labels = op.apply(images, labels, drawn)
    return np.asarray(images, np.float64), labels.numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OPS if "mark" not in name])
def test_every_op_leaves_the_other_classes_alone(name: str) -> None:
    """And does to the listed ones what it does without the list."""
    full = "" if "prob" not in type(default_op(name)).model_fields else ", prob: 1.0"
    images, labels = applied(f"[{{name: {name}{full}}}]")
    some, soft = applied(f"[{{name: {name}{full}, only: [bee, '7']}}]")
    listed = np.isin(CLASSES, (1, 3))
    before = [tensor.numpy() for tensor in batch()]
    np.testing.assert_array_equal(some[~listed], before[0][~listed])
    np.testing.assert_array_equal(soft[~listed], before[1][~listed])
    np.testing.assert_array_equal(soft[listed], labels[listed])
    np.testing.assert_allclose(some[listed], images[listed], atol=1e-3)


def test_after_mixing_the_class_is_still_that_of_the_original() -> None:
    """The first op gives ants the labels of others; the second is for bees, and takes none of them for one."""
    first, _ = applied("[{name: cutmix, only: [ant]}]")
    both, _ = applied("[{name: cutmix, only: [ant]}, {name: invert, only: [bee]}]" if "invert" in OPS else
                      "[{name: cutmix, only: [ant]}, {name: solarize, prob: 1.0, only: [bee]}]")  # fmt: skip
    np.testing.assert_array_equal(both[CLASSES == 0], first[CLASSES == 0])


def test_an_op_within_one_of_may_be_for_some_classes() -> None:
    images, labels = applied("[{name: one_of, ops: [{name: cutmix, only: [cat]}, {name: mixup, only: [cat]}]}]")
    before = [tensor.numpy() for tensor in batch()]
    changed = (images != before[0]).any(axis=(1, 2, 3))
    assert not changed[CLASSES != 2].any()
    assert changed[CLASSES == 2].any()
    np.testing.assert_array_equal(labels[CLASSES != 2], before[1][CLASSES != 2])


def test_the_draws_are_the_same_for_any_list() -> None:
    built = [strategy.build(load.strategy(f"[{{name: cutmix{only}}}]"), NAMES) for only in ("", ", only: [ant]")]
    images, labels = batch()
    every, some = (one.sample(tf.constant(SEED, tf.int64), images, tf.argmax(labels, axis=1))[0] for one in built)
    assert set(some) - set(every) == {"chosen"}
    for name, value in every.items():
        np.testing.assert_array_equal(value, some[name])


def test_without_the_classes_nothing_is_guessed() -> None:
    built = strategy.build(load.strategy("[{name: cutmix, only: [ant]}]"), NAMES)
    with pytest.raises(ValueError, match="the classes of the examples are needed"):
        built.sample(tf.constant(SEED, tf.int64), batch()[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{name: cutmix, only: [bea]}]", "strategy: cutmix: only: the data has no class 'bea'; did you mean bee?"),
        ("[{name: cutmix, only: [zebra]}]", "the data has no class 'zebra'; there are ant, bee, cat, 7"),
        ("[{name: one_of, ops: [{name: mixup, only: [8]}]}]", "strategy: mixup: only: the data has no class '8'"),
    ],
)
def test_a_class_that_the_data_lacks_is_refused_with_a_hint(text: str, said: str) -> None:
    with pytest.raises(UserError, match="only") as refused:
        check_classes(load.strategy(text), NAMES)
    assert said in str(refused.value)


@pytest.mark.slow
def test_batches_are_the_same_for_any_number_of_threads_and_smoothing(digits: Splits) -> None:
    found: list[Any] = []
    for threads in (1, 4):
        decided = pipeline.Recipe(
            load.strategy("[{name: cutmix, only: [3, '5']}, flip_left_right]"), 32, 16, 10, 0, label_smoothing=0.1,
            class_names=digits.class_names,
        )  # fmt: skip
        found.append([labels.numpy() for _, labels in pipeline.train_batches(digits.train, decided, range(4), threads)])
    np.testing.assert_array_equal(found[0], found[1])
    heavy = np.concatenate(found[0]).max(axis=1)
    assert (heavy < 0.9).any()


def test_no_function_of_an_op_sees_the_list() -> None:
    for make in IMPLEMENTATIONS.values():
        assert "only" not in inspect.signature(make).parameters


def test_a_name_is_the_same_in_both_of_its_unicode_forms() -> None:
    """As typed, and as folders of macOS have it."""
    names = [unicodedata.normalize("NFD", "Gänse"), "Möwe"]
    for form in ("NFC", "NFD"):
        for name in names:
            only = unicodedata.normalize(form, name)
            built = strategy.build(load.strategy(f"[{{name: invert, only: [{only}]}}]"), names)
            (params,) = built.sample(tf.constant(SEED, tf.int64), batch()[0][:2], tf.constant([0, 1]))
            assert params["chosen"].numpy().tolist() == [one == name for one in names]
