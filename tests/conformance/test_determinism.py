"""Draws that come again, or don't come again where they must, are caught."""

from typing import Any

import numpy as np
import pytest

from augexp.conformance import determinism
from augexp.conformance.libraries import Implementation, Mix, Setting
from tests.conformance.reference import MIXING, Fault, caught, find, reference

FAULTS: list[Fault] = [
    *((op, "repeats in 1,000 steps", {"key": lambda _self, step: step % 99}) for op in MIXING),
    *((op, "same seed again", {"key": lambda _self, _step: np.random.default_rng().integers(2**31)}) for op in MIXING),
]  # fmt: skip


@pytest.mark.parametrize(("op", "name", "fault"), FAULTS, ids=[f"{op}: {name.strip()}" for op, name, _ in FAULTS])
def test_a_fault_is_caught(op: str, name: str, fault: dict[str, Any]) -> None:
    assert caught(op, name, fault)


@pytest.mark.slow
def test_draws_that_depend_on_tracing_are_caught() -> None:
    """NumPy inside a graph is drawn once, when it is traced."""
    import tensorflow as tf

    def start(_setting: Setting, seed: int) -> Mix:
        random = np.random.default_rng(seed)

        def mix(images: Any, labels: Any, _step: Any) -> tuple[Any, Any]:
            lam = np.float32(random.beta(1, 1))
            return lam * tf.cast(images, tf.float32) + (1 - lam) * tf.cast(images[::-1], tf.float32), labels

        graph = tf.function(mix)
        return lambda images, labels, step: graph(tf.constant(images), tf.constant(labels), tf.constant(step))

    traced_once = Implementation("augexp", "mixup", start)
    assert not find("mixup", "repeats in 1,000 steps", traced_once).ok
    assert not find("mixup", "pixels - blend, grey levels", traced_once).ok


def test_a_draw_that_differs_between_eager_and_compiled_is_caught() -> None:
    import tensorflow as tf

    def start(_setting: Setting, _seed: int) -> Mix:
        def mix(images: Any, labels: Any, _step: Any) -> tuple[Any, Any]:
            return tf.cast(images, tf.float32) + float(tf.config.functions_run_eagerly()), tf.constant(labels)

        return mix

    assert not find("mixup", "eager - compiled, grey levels", Implementation("augexp", "mixup", start)).ok


def test_another_process_must_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(determinism, "_fingerprints_elsewhere", lambda _library, _modules: {"mixup": "another"})
    assert not find("mixup", "same seed, other process", reference("mixup")).ok
