"""How often the smallest class is in a batch, and who its partners are: against draws."""

import numpy as np
import pytest
import tensorflow as tf

from augexp.audit.mixing import of_smallest
from augexp.data import pipeline
from augexp.data.splits import Part


@pytest.mark.parametrize(("counts", "batch"), [((30, 5, 15), 8), ((90, 10), 16), ((3, 3), 6), ((2, 40), 1)])
def test_against_draws(counts: tuple[int, ...], batch: int) -> None:
    found = of_smallest(np.array(counts), batch)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    assert found.label == int(np.argmin(counts))
    held, others, images = [], [], 20_000
    for _ in range(images):
        drawn = rng.permutation(labels)[:batch]
        own = drawn == found.label
        held.append(int(own.sum()))
        others += (drawn[rng.permutation(batch)] != found.label)[own].tolist()
    assert found.images == pytest.approx(np.mean(held), abs=0.03)
    assert found.without == pytest.approx(np.mean(np.array(held) == 0), abs=0.015)
    assert found.others == pytest.approx(np.mean(others), abs=0.02)


def test_a_batch_larger_than_train_is_all_of_it() -> None:
    found = of_smallest(np.array([4, 1]), 64)
    assert (found.images, found.without) == (1, 0)
    assert found.others == pytest.approx(4 / 5)


@pytest.mark.parametrize(("counts", "batch"), [((90, 10), 16), ((30, 5, 16), 8)])
def test_of_classes_that_are_drawn_alike(counts: tuple[int, ...], batch: int) -> None:
    """Against the batches of `train.balance: sampler`."""
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    part = Part(images, np.arange(len(labels)), labels, [str(n) for n in range(len(labels))])
    drawn = pipeline._balanced_numbers(part, pipeline.Recipe((), batch, 8, len(counts), 0, balanced=True))
    held = [labels[drawn(tf.constant(step, tf.int64)).numpy()] == 1 for step in range(300)]
    found = of_smallest(np.array(counts), batch, balanced=True)
    assert found.label == 1
    assert found.images == pytest.approx(np.sum(held) / 300, abs=0.2)
    assert found.images == pytest.approx(batch / len(counts))
    assert found.without == pytest.approx(np.mean([not one.any() for one in held]), abs=0.02)
