"""What takes any labels, settings or precision is caught."""

from typing import Any

import pytest

from augexp.conformance import libraries
from augexp.conformance.libraries import Implementation
from tests.conformance.reference import MIXING, Fault, caught, find

FAULTS: list[Fault] = [
    *((op, "class numbers as labels", {"checks": False}) for op in MIXING),
    *((op, "prob -0.1 and 1.1", {"checks": False}) for op in MIXING),
]  # fmt: skip


@pytest.mark.parametrize(("op", "name", "fault"), FAULTS, ids=[f"{op}: {name.strip()}" for op, name, _ in FAULTS])
def test_a_fault_is_caught(op: str, name: str, fault: dict[str, Any]) -> None:
    assert caught(op, name, fault)


def drawn_from_a_global_state() -> Implementation:
    """Keras's way: each call takes the next state, whoever calls first."""
    return libraries.implementation("keras", "mixup")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_labels_in_half_precision_are_caught(policy: str) -> None:
    found = find("mixup", f"float32 labels, {policy}", drawn_from_a_global_state())
    assert not found.ok


def test_class_numbers_are_caught_where_keras_takes_them() -> None:
    keras = drawn_from_a_global_state()
    assert not find("mixup", "class numbers as labels", keras).ok
    assert find("mixup", "pixels - blend, grey levels", keras).ok
