"""The tf.data pipeline on the real decoded digits."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from augexp.config import load
from augexp.config.ops import named_strategy
from augexp.data import pipeline
from augexp.data.splits import Part, Splits
from augexp.errors import UserError

SIZE, CLASSES = 16, 10


def recipe(strategy: str = "none", **changes: object) -> pipeline.Recipe:
    settings = {
        "strategy": load.experiment(None, [f"strategy={strategy}"]).strategy,
        "batch_size": 32,
        "image_size": SIZE,
        "num_classes": CLASSES,
        "seed": 0,
        **changes,
    }
    return pipeline.Recipe(**settings)  # type: ignore[arg-type]


def numbers(part: Part, settings: pipeline.Recipe, steps: range) -> np.ndarray:
    """The example numbers of each step, (steps, B)."""
    draw = tf.function(pipeline._numbers(len(part), settings))
    return np.stack([draw(tf.constant(step, tf.int64)).numpy() for step in steps])


def test_every_pass_uses_each_example_once_whatever_the_batch_size(digits: Splits) -> None:
    settings = recipe(batch_size=27)
    passes = 3
    steps = range(-(-passes * len(digits.train) // 27))
    drawn = numbers(digits.train, settings, steps).ravel()[: passes * len(digits.train)]
    for one in drawn.reshape(passes, -1):
        np.testing.assert_array_equal(np.sort(one), np.arange(len(digits.train)))


def test_passes_and_seeds_differ_in_order(digits: Splits) -> None:
    count = len(digits.train)
    settings = recipe(batch_size=count)
    first, second = numbers(digits.train, settings, range(2))
    other = numbers(digits.train, recipe(batch_size=count, seed=1), range(1))[0]
    assert (first != second).mean() > 0.9
    assert (first != other).mean() > 0.9


def test_the_order_of_examples_is_the_same_for_every_strategy(digits: Splits) -> None:
    plain = pipeline.batch_at(digits.train, recipe("none"))(tf.constant(7, tf.int64))
    mixed = pipeline.batch_at(digits.train, recipe("basic+cutmix"))(tf.constant(7, tf.int64))
    np.testing.assert_array_equal(plain.sources, mixed.sources)


def test_images_are_those_of_their_labels(digits: Splits) -> None:
    batch = pipeline.batch_at(digits.train, recipe())(tf.constant(3, tf.int64))
    order = numbers(digits.train, recipe(), range(3, 4))[0]
    np.testing.assert_array_equal(batch.images, digits.train.images[digits.train.rows[order]])
    np.testing.assert_array_equal(np.argmax(batch.labels, axis=1), digits.train.labels[order])


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["none", "basic", "cutmix", "mixup", "basic+mixup"])
def test_batches_are_the_same_for_any_number_of_threads(digits: Splits, strategy: str) -> None:
    one, eight = (
        list(pipeline.train_batches(digits.train, recipe(strategy), range(12), threads=threads)) for threads in (1, 8)
    )
    for (images, labels), (images8, labels8) in zip(one, eight, strict=True):
        np.testing.assert_array_equal(images, images8)
        np.testing.assert_array_equal(labels, labels8)


@pytest.mark.slow
def test_a_step_can_be_computed_without_those_before_it(digits: Splits) -> None:
    settings = recipe("cutmix")
    run = list(pipeline.train_batches(digits.train, settings, range(9)))
    alone = next(iter(pipeline.train_batches(digits.train, settings, range(8, 9))))
    np.testing.assert_array_equal(run[8][0], alone[0])
    np.testing.assert_array_equal(run[8][1], alone[1])


@pytest.mark.slow
def test_epochs_draw_anew(digits: Splits) -> None:
    draw = pipeline.batch_at(digits.train, recipe("cutmix"))
    lams = np.stack([draw(tf.constant(step, tf.int64)).params[0]["lam"] for step in range(80)])
    assert len(np.unique(lams, axis=0)) == len(lams)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_evaluation_sees_each_example_once_in_order_and_plain(digits: Splits, batch_size: int) -> None:
    images, labels = zip(*pipeline.eval_batches(digits.val, batch_size, CLASSES, pipeline.centre(SIZE)), strict=True)
    np.testing.assert_array_equal(np.concatenate(images), digits.val.images[digits.val.rows])
    np.testing.assert_array_equal(np.concatenate(labels), np.eye(CLASSES)[digits.val.labels])


def test_label_smoothing_is_in_the_target_before_mixing_and_not_in_validation(digits: Splits) -> None:
    smoothed = recipe("mixup", label_smoothing=0.1)
    batch = pipeline.batch_at(digits.train, smoothed)(tf.constant(0, tf.int64))
    plain = pipeline.batch_at(digits.train, recipe("mixup"))(tf.constant(0, tf.int64))
    np.testing.assert_allclose(batch.labels, 0.9 * plain.labels.numpy() + 0.1 / CLASSES, atol=1e-6)
    _, labels = next(iter(pipeline.eval_batches(digits.val, 8, CLASSES, pipeline.centre(SIZE))))
    assert set(np.unique(labels)) == {0.0, 1.0}


def test_a_larger_cache_gives_random_windows_to_train_and_the_centre_to_validation(digits: Splits) -> None:
    settings = recipe("cutmix", image_size=12)
    batch = pipeline.batch_at(digits.train, settings)(tf.constant(0, tf.int64))
    assert batch.images.shape == (32, 12, 12, 3)
    decoded = digits.train.images[digits.train.rows[numbers(digits.train, settings, range(1))[0]]]
    places = {_place(window, image) for window, image in zip(batch.sources.numpy(), decoded, strict=True)}
    assert len(places) > 10
    images, _ = next(iter(pipeline.eval_batches(digits.val, 8, CLASSES, pipeline.centre(12))))
    np.testing.assert_array_equal(images, digits.val.images[digits.val.rows[:8], 2:14, 2:14])


def _place(window: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    size, room = len(window), len(image) - len(window) + 1
    found = [
        (top, left)
        for top in range(room)
        for left in range(room)
        if (image[top : top + size, left : left + size] == window).all()
    ]
    assert found, "the window is no part of its image"
    return found[0]


@pytest.mark.slow
def test_uint8_stays_uint8_where_no_op_needs_fractions(digits: Splits) -> None:
    kinds = {
        name: next(iter(pipeline.train_batches(digits.train, recipe(name), range(1))))[0].dtype.name
        for name in ("none", "basic", "cutmix", "mixup")
    }
    assert kinds == {"none": "uint8", "basic": "float32", "cutmix": "uint8", "mixup": "float32"}


def test_steps_an_epoch_are_whole_batches(digits: Splits) -> None:
    assert pipeline.steps_per_epoch(digits.train, 32) == len(digits.train) // 32
    assert pipeline.steps_per_epoch(digits.train, len(digits.train)) == 1


def test_a_batch_larger_than_train_is_refused(digits: Splits) -> None:
    count = len(digits.train)
    with pytest.raises(UserError) as error:
        pipeline.steps_per_epoch(digits.train, count + 1)
    assert str(error.value) == (
        f"train.batch_size {count + 1} is larger than the train split ({count} examples); choose at most {count}"
    )


def test_a_memory_mapped_split_is_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8, 3), np.uint8))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="c")
    tensor = pipeline._tensor(mapped)
    mapped[2] = 7
    assert int(tensor[2, 0, 0, 0]) == 7


def test_named_strategies_are_what_the_recipe_takes() -> None:
    assert recipe("cutmix").strategy == named_strategy("cutmix")


# --- every class equally often -------------------------------------------------------------------------------------


def unequal_part(*sizes: int) -> Part:
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int32)
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    return Part(images, np.arange(len(labels)), labels, [str(index) for index in range(len(labels))])


def balanced_numbers(part: Part, steps: int, seed: int = 0, batch_size: int = 8) -> np.ndarray:
    decided = pipeline.Recipe((), batch_size, 8, int(part.labels.max()) + 1, seed, balanced=True)
    number = pipeline._balanced_numbers(part, decided)
    return np.array([number(tf.constant(step, tf.int64)).numpy() for step in range(steps)])


def test_a_balanced_pass_has_every_class_equally_often() -> None:
    part = unequal_part(50, 9, 0, 1)  # 60 examples: 20 of each class in a pass
    labels = part.labels[balanced_numbers(part, 15).ravel()]
    for one in (labels[:60], labels[60:]):
        np.testing.assert_array_equal(np.bincount(one, minlength=4), [20, 20, 0, 20])


def test_the_examples_of_a_class_come_equally_often() -> None:
    part = unequal_part(50, 9, 1)
    drawn = np.bincount(balanced_numbers(part, 75).ravel(), minlength=60)  # 600: ten passes
    for label, times in ((0, (4, 4)), (1, (22, 23)), (2, (200, 200))):
        counts = drawn[part.labels == label]
        assert (counts.min(), counts.max()) == times


def test_balanced_batches_depend_on_the_seed_and_not_on_what_came_before(digits: Splits) -> None:
    part = unequal_part(50, 9, 1)
    first, again, other = balanced_numbers(part, 9), balanced_numbers(part, 9), balanced_numbers(part, 9, seed=1)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    decided = recipe(balanced=True)
    batches = [
        [images.numpy() for images, _ in pipeline.train_batches(digits.train, decided, range(start, 30), threads)]
        for start, threads in ((25, 1), (0, 4))
    ]
    np.testing.assert_array_equal(batches[0], batches[1][25:])


def test_a_batch_as_large_as_train_can_be_balanced() -> None:
    part = unequal_part(7, 2)
    labels = part.labels[balanced_numbers(part, 10, batch_size=9).ravel()]
    np.testing.assert_array_equal(np.bincount(labels), [45, 45])
