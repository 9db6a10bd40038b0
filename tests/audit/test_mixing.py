"""How often the smallest class is in a batch, and who its partners are: against draws."""

import numpy as np
import pytest

from augexp.audit.mixing import of_smallest


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
