"""The benchmark's parts work; what they measure is no test's business."""

from typing import Any

import numpy as np
import pytest

from tests.tools.bench import measure, ops
from tests.tools.bench.rivals import KERAS, rivals


def test_calls_are_measured_in_turn() -> None:
    order: list[str] = []
    times = measure.seconds({"a": lambda: order.append("a"), "b": lambda: order.append("b")})
    assert order == ["a", "a", "b", "b", *["a", "b"] * measure.ROUNDS]
    assert all(len(found) == measure.ROUNDS and min(map(min, found)) >= 0 for found in times.values())


def test_a_rate_is_by_the_median() -> None:
    times = [measure.Took(wall, wall / 4) for wall in (1.0, 2.0, 100.0)]
    assert measure.rate(100, times) == 50
    assert measure.rate_of_a_core(100, times) == 200


@pytest.mark.slow
def test_an_op_is_measured_beside_a_copy_and_its_rivals() -> None:
    (uint8, float32) = ops.run(["cutmix"], [2])
    assert {"augexp", "np.copyto", "keras"} <= set(uint8["images_per_second"])
    assert "tutorial" in float32["images_per_second"]
    assert all(rate > 0 for rate in float32["images_per_second"].values())
    # Two images are read and one is written, of which a copy does one each.
    assert uint8["limit"] == pytest.approx(uint8["images_per_second"]["np.copyto"] * 2 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("op", KERAS)
def test_every_rival_takes_a_batch(op: str, dtype: Any) -> None:
    images = ops.photographs(2)[:, :32, :32].astype(dtype)
    for _, call in rivals(op, images, np.eye(2, 3, dtype=np.float32)):
        call()
