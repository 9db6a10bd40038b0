"""A network of sigmoids: its loss and accuracy by their definitions, and what a run of it leaves."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from augexp.config import load
from augexp.data import pipeline
from augexp.data.splits import Splits
from augexp.errors import UserError
from augexp.metrics.scores import probabilities
from augexp.network import trained
from augexp.runs import predictions, read
from augexp.train.balance import loss
from augexp.train.binary import BinaryCrossentropy, accuracy
from augexp.train.prepare import refuse_in_vain
from augexp.train.run import train
from augexp.train.task import recipe

RANDOM = np.random.default_rng(0)


def drawn(examples: int = 16, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Targets of one or two classes, and logits."""
    one, other = (np.eye(classes, dtype=np.float32)[RANDOM.integers(0, classes, examples)] for _ in range(2))
    return np.maximum(one, other), RANDOM.normal(0, 3, (examples, classes)).astype(np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_sum_over_classes_of_their_binary_cross_entropies(smoothing: float) -> None:
    targets, logits = drawn()
    targets = (1 - smoothing) * targets + np.float32(smoothing / 5)
    chance = expit(logits.astype(np.float64))
    expected = -(targets * np.log(chance) + (1 - targets) * np.log(1 - chance)).sum(axis=1).mean()
    assert float(BinaryCrossentropy()(targets, logits)) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_a_logit_is_sigmoid_minus_target() -> None:
    """As large as that of a softmax is: one learning rate for both."""
    targets, logits = drawn()
    with tf.GradientTape() as tape:
        variable = tf.Variable(logits)
        value = BinaryCrossentropy()(targets, variable)
    np.testing.assert_allclose(tape.gradient(value, variable), (expit(logits) - targets) / len(logits), atol=1e-6)


def test_the_loss_of_huge_logits_is_finite() -> None:
    logits = np.array([[1e4, -1e4]], np.float32)
    assert float(BinaryCrossentropy()(np.array([[1, 0]], np.float32), logits)) == 0
    assert float(BinaryCrossentropy()(np.array([[0, 1]], np.float32), logits)) == pytest.approx(2e4)


def test_whoever_says_any_class_that_is_there_is_right() -> None:
    targets = np.array([[0, 1, 1], [0, 1, 1], [0, 1, 1], [0.03, 0.93, 0.93], [0.2, 0.5, 0.3]], np.float32)
    logits = np.array([[0, 1, 2], [0, 2, 1], [2, 1, 0], [0, 1, 2], [0, 1, 2]], np.float32)
    metric = accuracy()
    metric.update_state(targets, logits)
    assert float(metric.result()) == pytest.approx(3 / 5)
    assert metric.name == "accuracy"


def test_of_one_hot_and_soft_targets_it_is_the_usual_accuracy() -> None:
    _, logits = drawn(200)
    for targets in (np.eye(5, dtype=np.float32)[RANDOM.integers(0, 5, 200)], RANDOM.dirichlet(np.ones(5), 200)):
        ours, usual = accuracy(), keras.metrics.CategoricalAccuracy()
        for metric in (ours, usual):
            metric.update_state(targets.astype(np.float32), logits)
        assert float(ours.result()) == pytest.approx(float(usual.result()))


SETTINGS = ("strategy=[{name: mixup, labels: binary}]", "train.epochs=1", "data.train_per_class=40")


def test_the_setting_chooses_the_loss(digits: Splits) -> None:
    settings = load.experiment("digits.yaml", [*SETTINGS, "train.loss=binary"])
    assert isinstance(loss(settings.train, digits), BinaryCrossentropy)
    refuse_in_vain(settings)
    with pytest.raises(
        UserError, match=r"train.loss cross_entropy: mixup with labels: binary .* set train.loss=binary"
    ):
        refuse_in_vain(load.experiment("digits.yaml", SETTINGS))


def test_batches_have_a_target_of_1_for_each_class_smoothed_as_one_hot_ones(digits: Splits) -> None:
    settings = load.experiment("digits.yaml", [*SETTINGS, "train.loss=binary", "train.label_smoothing=0.1"])
    targets = pipeline.batch_at(digits.train, recipe(settings, digits))(tf.constant(0, tf.int64)).labels.numpy()
    np.testing.assert_allclose(np.unique(targets), [0.01, 0.91], rtol=1e-5)
    assert set((targets > 0.5).sum(axis=1)) == {1, 2}


@pytest.mark.slow
def test_a_run_tells_the_loss_it_was_trained_with_and_probabilities_that_sum_to_1(
    tmp_path: Path, cache_dir: Path, digits: Splits
) -> None:
    told = [*SETTINGS, "train.loss=binary", f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}"]
    folder = train(load.experiment("digits.yaml", told))
    result, history = read.load(folder).result, read.history(folder)
    network = trained.load(folder).network.model
    images, labels = next(iter(pipeline.eval_batches(digits.val, len(digits.val), 10, pipeline.centre(16))))
    logits = np.asarray(network(images, training=False))
    assert history["val_loss"][-1] == pytest.approx(float(BinaryCrossentropy()(labels, logits)), rel=1e-4)
    assert history["val_accuracy"][-1] == pytest.approx(result.val.accuracy, abs=1e-6)
    expected = -np.log(probabilities(logits)[np.arange(len(logits)), digits.val.labels]).mean()
    assert result.val.cross_entropy == pytest.approx(expected, rel=1e-4)
    with np.load(predictions.path_of(folder, "val")) as stored:
        np.testing.assert_allclose(stored["probability"].astype(np.float32), probabilities(logits), atol=1e-3)
