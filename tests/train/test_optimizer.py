"""The backbone's own rate, decoupled weight decay, and schedules, against plain NumPy."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.train import optimizer


def build(
    *overrides: str, slow: bool, slow_rate: float = 0.1, total: int = 10, first: int = 0
) -> tuple[object, object]:
    train = load.experiment(None, ["train.schedule=constant", *overrides]).train
    variable = keras.Variable(np.array([[1.0, 2.0]], np.float32))
    built = optimizer.build(train, slow=[variable] if slow else [], slow_rate=0.1, total_steps=total, first_step=first)
    built.build([variable])
    return built, variable


def steps(built: object, variable: object, gradients: list[float]) -> np.ndarray:
    for gradient in gradients:
        built.apply([np.full((1, 2), gradient, np.float32)], [variable])  # type: ignore[attr-defined]
    return np.asarray(keras.ops.convert_to_numpy(variable))


@pytest.mark.parametrize(("slow", "rate"), [(False, 0.5), (True, 0.05)])
def test_sgd_moves_by_its_own_rate(slow: bool, rate: float) -> None:
    moved = steps(*build("train.learning_rate=0.5", "train.momentum=0.9", slow=slow), [1.0, 1.0])
    # velocity: -rate, then -1.9 rate
    np.testing.assert_allclose(moved, np.array([[1.0, 2.0]]) - 2.9 * rate, rtol=1e-6)


@pytest.mark.parametrize(("slow", "rate"), [(False, 0.5), (True, 0.05)])
def test_adamw_moves_by_its_own_rate(slow: bool, rate: float) -> None:
    moved = steps(*build("train.learning_rate=0.5", "train.optimizer=adamw", slow=slow), [3.0])
    np.testing.assert_allclose(moved, np.array([[1.0, 2.0]]) - rate, rtol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_follows_the_rate_of_its_variable(name: str) -> None:
    options = ("train.learning_rate=0.5", "train.weight_decay=0.2", f"train.optimizer={name}")
    fast = steps(*build(*options, slow=False), [0.0])
    slow = steps(*build(*options, slow=True), [0.0])
    np.testing.assert_allclose(fast, np.array([[1.0, 2.0]]) * (1 - 0.1), rtol=1e-6)
    np.testing.assert_allclose(slow, np.array([[1.0, 2.0]]) * (1 - 0.01), rtol=1e-6)


def test_biases_do_not_decay() -> None:
    train = load.experiment(None, ["train.weight_decay=0.5"]).train
    bias = keras.Variable(np.ones(3, np.float32))
    built = optimizer.build(train, slow=[], slow_rate=1.0, total_steps=5, first_step=0)
    built.build([bias])
    built.apply([np.zeros(3, np.float32)], [bias])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(bias), np.ones(3))


def rates(*overrides: str, total: int = 100) -> np.ndarray:
    schedule = optimizer.schedule(load.experiment(None, overrides).train, total)
    return np.array([float(schedule(step)) for step in range(total + 1)])


def test_cosine_falls_from_the_rate_to_zero() -> None:
    expected = 0.01 * (1 + np.cos(np.pi * np.arange(101) / 100)) / 2
    np.testing.assert_allclose(rates(), expected, atol=1e-8)


def test_constant_stays() -> None:
    np.testing.assert_allclose(rates("train.schedule=constant"), 0.01)


def test_warm_up_rises_linearly_then_the_schedule_starts() -> None:
    found = rates("train.warmup_epochs=2", "train.epochs=10", "train.learning_rate=0.1")
    np.testing.assert_allclose(found[:21], 0.1 * np.arange(21) / 20, atol=1e-8)
    np.testing.assert_allclose(found[20:], 0.1 * (1 + np.cos(np.pi * np.arange(81) / 80)) / 2, atol=1e-8)


def test_a_phase_continues_the_schedule_of_the_run() -> None:
    built, variable = build("train.schedule=cosine", slow=False, total=100, first=60)
    assert float(built.learning_rate) == pytest.approx(0.01 * (1 + np.cos(np.pi * 0.6)) / 2)  # type: ignore[attr-defined]
    steps(built, variable, [0.0])
    assert float(built.learning_rate) == pytest.approx(0.01 * (1 + np.cos(np.pi * 0.61)) / 2)  # type: ignore[attr-defined]


def test_the_first_step_of_a_later_phase_is_no_longer_than_the_rate() -> None:
    moved = steps(*build("train.learning_rate=0.5", "train.optimizer=adamw", slow=False, first=7), [3.0])
    np.testing.assert_allclose(moved, np.array([[0.5, 1.5]]), rtol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("slow", [False, True])
def test_averages_follow_the_weights_from_the_first_step_on(name: str, slow: bool) -> None:
    built, variable = build("train.learning_rate=0.5", f"train.optimizer={name}", "train.ema=0.75", slow=slow)
    ((averaged, average),) = built.averages  # type: ignore[attr-defined]
    assert averaged is variable
    expected = None
    for gradient in (1.0, -2.0, 0.5):
        weight = steps(built, variable, [gradient])
        expected = weight if expected is None else 0.75 * expected + 0.25 * weight
        np.testing.assert_allclose(keras.ops.convert_to_numpy(average), expected, rtol=1e-6)
    assert expected is not None
    assert not np.allclose(expected, weight)


def test_the_end_of_a_fit_leaves_the_weights_alone() -> None:
    built, variable = build("train.learning_rate=0.5", "train.ema=0.75", slow=False)
    weight = steps(built, variable, [1.0, 1.0])
    built.finalize_variable_values([variable])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), weight)


@pytest.mark.parametrize("ema", ["null", "0.75"])
def test_a_model_has_its_averages_for_a_while(ema: str) -> None:
    built, variable = build("train.learning_rate=0.5", f"train.ema={ema}", slow=False)
    weight = steps(built, variable, [1.0, 1.0])
    model = SimpleNamespace(optimizer=SimpleNamespace(inner_optimizer=built))  # as Keras wraps it in mixed_float16
    with optimizer.averaged(model):
        inside = np.array(keras.ops.convert_to_numpy(variable))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), weight)
    assert np.array_equal(inside, weight) == (ema == "null")


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_long_gradient_is_shortened_over_all_weights_together(name: str) -> None:
    train = load.experiment(None, ["train.clip_norm=1", f"train.optimizer={name}", "train.momentum=0"]).train
    variables = [keras.Variable(np.zeros(2, np.float32)), keras.Variable(np.zeros(1, np.float32))]
    built = optimizer.build(train, slow=[], slow_rate=1, total_steps=10, first_step=0)
    built.build(variables)
    clipped = built._clip_gradients([keras.ops.convert_to_tensor([3.0, 0.0]), keras.ops.convert_to_tensor([4.0])])
    np.testing.assert_allclose(np.concatenate([keras.ops.convert_to_numpy(one) for one in clipped]), [0.6, 0, 0.8])
    short = [keras.ops.convert_to_tensor([0.3, 0.0]), keras.ops.convert_to_tensor([0.4])]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(built._clip_gradients(short)[1]), [0.4])
    if name == "sgd":
        built.apply([np.array([3.0, 0.0], np.float32), np.array([4.0], np.float32)], variables)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variables[1]), [-0.01 * 0.8], rtol=1e-5)


def test_without_a_norm_nothing_is_clipped() -> None:
    built, _ = build(slow=False)
    assert built.global_clipnorm is None  # type: ignore[attr-defined]
