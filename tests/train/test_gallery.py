"""The sheet of all ops."""

from typing import Any

import numpy as np
import pytest

from augexp.config.load import experiment
from augexp.config.ops import OPS
from augexp.data import pipeline
from augexp.data.splits import Splits
from augexp.draw import images as draw_images
from augexp.train import gallery
from augexp.train.task import recipe


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray[Any, Any]]:
    """What `picture` hands to the plot."""
    seen: dict[str, np.ndarray[Any, Any]] = {}
    real = draw_images.sheet
    monkeypatch.setattr(draw_images, "sheet", lambda rows, title: (seen.update(rows), real(rows, title))[1])
    return seen


@pytest.mark.slow
def test_every_op_changes_the_photographs(drawn: dict[str, np.ndarray[Any, Any]]) -> None:
    images = gallery.photographs()[:, ::4, ::4]
    gallery.picture(images, seed=0)
    assert list(drawn) == ["as they are", *OPS]
    for name in OPS:
        assert drawn[name].shape == images.shape
        assert not np.array_equal(drawn[name], images), name


def test_the_photographs_are_four_different_squares() -> None:
    photographs = gallery.photographs()
    assert photographs.shape == (4, 320, 320, 3)
    assert photographs.dtype == np.uint8
    assert len({image.tobytes() for image in photographs}) == 4


def test_your_own_data_shows_its_first_training_images(digits: Splits) -> None:
    settings = recipe(experiment("digits.yaml", ["strategy=cutmix"]), digits)
    images = gallery.first_images(digits, settings)
    plain = recipe(experiment("digits.yaml", ["strategy=none"]), digits)
    np.testing.assert_array_equal(images, pipeline.batch_at(digits.train, plain)(0).images[:4])
