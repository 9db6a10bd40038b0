"""Faults of erasing are caught."""

from typing import Any

import numpy as np
import pytest

from augexp.conformance.libraries import Implementation, Mix, Setting
from tests.conformance.reference import Images, find


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("pixels of neither image nor fill", lambda images: images.__setitem__((0, 5, 7), 250)),
        ("images whose erasure is no box", lambda images: images.__setitem__((0, slice(2, 9, 2), 7), 255)),
    ],
)
def test_faults_of_erasing_are_caught(name: str, spoil: Any) -> None:
    def start(_setting: Setting, _seed: int) -> Mix:
        def mix(images: Images, labels: Images, _step: int) -> tuple[Images, Images]:
            erased = images.copy()
            spoil(erased)
            return erased, labels

        return mix

    assert not find("cutout", name, Implementation("augexp", "cutout", start)).ok
    others = {"pixels of neither image nor fill", "images whose erasure is no box", "label changes"} - {name}
    assert all(find("cutout", other, Implementation("augexp", "cutout", start)).ok for other in others)


def test_erasing_that_touches_labels_or_misses_prob_is_caught() -> None:
    def start(_setting: Setting, _seed: int) -> Mix:
        return lambda images, labels, _step: (images, labels * np.float32(0.999))

    touching = Implementation("augexp", "random_erasing", start)
    assert not find("random_erasing", "label changes", touching).ok
    assert not find("random_erasing", "prob 0.3 per example", touching).ok
