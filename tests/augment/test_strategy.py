"""A chain of ops: order, types, seeds, and the same bytes eager, compiled, threaded and in another process."""

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from augexp.augment import strategy
from augexp.augment.op import Op
from augexp.augment.strategy import Strategy
from augexp.config import load
from augexp.config.ops import (
    OPS,
    AugMix,
    Brightness,
    CutMix,
    FlipLeftRight,
    JpegQuality,
    MixUp,
    OpSpec,
    RandAugment,
)
from tests.batches import changed
from tests.places import ROOT

WRITTEN = [
    "none",
    "basic",
    "cutmix",
    "mixup",
    "basic+cutmix",
    "cutmix+mixup",
    "[mixup, cutmix, flip_left_right, {name: cutmix, alpha: 0.3, per: batch}]",
]
MIXING = WRITTEN[1:]
DTYPES = ["uint8", "float32"]
SEED = tf.constant([3, 11], tf.int64)


def build(written: str) -> Strategy:
    return strategy.build(load.experiment(None, [f"strategy={written}"]).strategy)


def make_batch(
    batch: int = 5, height: int = 9, width: int = 12, dtype: str = "uint8"
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Images that no random generator decides, and one-hot labels."""
    images = np.arange(batch * height * width * 3, dtype=np.int64) * 7919 % 256
    labels = np.eye(6, dtype=np.float32)[np.arange(batch) % 6]
    return images.reshape(batch, height, width, 3).astype(dtype), labels


def tensors(batch: int = 5, height: int = 9, width: int = 12, dtype: str = "uint8") -> tuple[tf.Tensor, tf.Tensor]:
    images, labels = make_batch(batch, height, width, dtype)
    return tf.constant(images), tf.constant(labels)


def seed_of(seed: int, step: int) -> tf.Tensor:
    return tf.constant([seed, step], tf.int64)


def fingerprint() -> str:
    """The bytes of a batch that every op had a hand in."""
    mixed, soft = build("basic+cutmix+mixup")(*tensors(64), SEED)
    return hashlib.sha256(mixed.numpy().tobytes() + soft.numpy().tobytes()).hexdigest()


# --- what a strategy does ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_strategy_is_its_ops_one_after_the_other(written: str, dtype: str) -> None:
    chain = build(written)
    images, labels = tensors(dtype=dtype)
    params = chain.sample(SEED, images)
    mixed, soft = chain.apply(images, labels, params)
    for op, drawn in zip(chain.ops, params, strict=True):
        images, labels = op.apply(images, labels, drawn)
    assert (mixed.dtype, soft.dtype) == (images.dtype, tf.float32)
    np.testing.assert_allclose(mixed, images, rtol=0, atol=6e-5)
    np.testing.assert_allclose(soft, labels, rtol=0, atol=1e-6)


def test_calling_is_sampling_and_applying() -> None:
    chain = build(WRITTEN[-1])
    images, labels = tensors()
    for called, applied in zip(
        chain(images, labels, SEED), chain.apply(images, labels, chain.sample(SEED, images)), strict=True
    ):
        np.testing.assert_array_equal(called, applied)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("size", [(1, 1, 1), (3, 5, 8), (64, 4, 6)])
def test_any_batch_and_image_size_keeps_shape_range_and_label_mass(written: str, size: tuple[int, int, int]) -> None:
    chain = build(written)
    images, labels = tensors(*size)
    mixed, soft = chain(images, labels, SEED)
    assert (mixed.shape, soft.shape) == (images.shape, labels.shape)
    assert 0 <= mixed.numpy().min() <= mixed.numpy().max() <= 255 + 1e-4
    np.testing.assert_allclose(soft.numpy().sum(1), 1, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("written", "dtype"), [("none", "uint8"), ("cutmix", "uint8"), ("mixup", "float32")])
def test_whole_grey_levels_stay_uint8_until_an_op_needs_more(written: str, dtype: str) -> None:
    assert build(written)(*tensors(), SEED)[0].dtype == dtype
    assert build(f"{written}+flip_left_right")(*tensors(), SEED)[0].dtype == dtype


def test_none_gives_back_the_very_batch() -> None:
    images, labels = tensors()
    mixed, soft = build("none")(images, labels, SEED)
    assert mixed is images
    assert soft is labels


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (FlipLeftRight(prob=1.0), {"flip": True}),
        (FlipLeftRight(prob=0.0), {"flip": False}),
        (Brightness(max_delta=0.0), {"delta": 0.0}),
        (CutMix(prob=0.0), {"lam": 1.0, "weight": 1.0}),
        (MixUp(prob=0.0), {"lam": 1.0}),
    ],
)
def test_an_op_follows_the_settings_of_its_spec(spec: OpSpec, expected: dict[str, Any]) -> None:
    (params,) = strategy.build([spec]).sample(SEED, tensors(64)[0])
    for name, value in expected.items():
        assert set(params[name].numpy().tolist()) == {value}


@pytest.mark.parametrize("kind", [CutMix, MixUp])
def test_alpha_and_per_reach_the_op(kind: type[CutMix | MixUp]) -> None:
    images = tensors(512, 1, 1)[0]
    shares = [strategy.build([kind(alpha=alpha)]).sample(SEED, images)[0]["lam"].numpy() for alpha in (0.1, 50.0)]
    assert shares[0].std() > 0.4
    assert shares[1].std() < 0.1
    assert len(set(strategy.build([kind(per="batch")]).sample(SEED, images)[0]["lam"].numpy())) == 1


def test_correct_lam_reaches_the_op() -> None:
    images = tensors(64)[0]
    (drawn,) = strategy.build([CutMix(correct_lam=False)]).sample(SEED, images)
    (exact,) = strategy.build([CutMix(correct_lam=True)]).sample(SEED, images)
    assert (drawn["weight"].numpy() == drawn["lam"].numpy()).all()
    assert (exact["weight"].numpy() != exact["lam"].numpy()).any()


# Settings that each op must heed: all but the default, and where nothing else says so, prob 0 applies it nowhere.
CHOICES = {"partner": "other_class", "labels": "binary"}
SETTINGS: dict[str, dict[str, Any]] = {
    "flip_left_right": {"prob": 0.0}, "flip_up_down": {"prob": 0.0}, "equalize": {"prob": 0.0},
    "autocontrast": {"prob": 0.0}, "invert": {"prob": 0.0}, "grayscale": {"prob": 1.0},
    "random_crop": {"padding": 1.0, "fill_mode": "nearest", "fill_value": 200, "prob": 0.5},
    "random_resized_crop": {"scale": (0.3, 0.4), "ratio": (1, 1.2), "interpolation": "nearest", "prob": 0.5},
    "central_crop": {"fraction": (0.1, 0.3), "interpolation": "nearest", "prob": 0.5},
    "rotate": {"degrees": 170, "interpolation": "nearest", "fill_mode": "reflect", "fill_value": 200, "prob": 0.5},
    "translate": {
        "width_factor": 0.9, "height_factor": 0.7, "interpolation": "nearest", "fill_mode": "nearest",
        "fill_value": 200, "prob": 0.5,
    },
    "shear": {
        "x_factor": 0.9, "y_factor": 0.7, "interpolation": "nearest", "fill_mode": "nearest", "fill_value": 200,
        "prob": 0.5,
    },
    "brightness": {"max_delta": 0.9, "prob": 0.5}, "contrast": {"lower": 0.1, "upper": 3, "prob": 0.5},
    "saturation": {"lower": 0.1, "upper": 3, "prob": 0.5}, "hue": {"max_delta": 0.5, "prob": 0.5},
    "jpeg_quality": {"min_jpeg_quality": 10, "max_jpeg_quality": 60, "prob": 0.5},
    "blur": {"sigma": (0.5, 1), "prob": 0.9}, "sharpness": {"lower": 0, "upper": 3, "prob": 0.5},
    "posterize": {"bits": (1, 6), "prob": 0.5}, "solarize": {"threshold": (0, 130), "prob": 0.5},
    "rand_augment": {"num_ops": 5, "magnitude": 25, "fill_value": 200, "prob": 0.5},
    "trivial_augment": {"fill_value": 200, "prob": 0.5},
    "aug_mix": {
        "severity": 10, "mixture_width": 2, "chain_depth": 2, "alpha": 0.3, "fill_value": 200, "prob": 0.5,
    },
    "cutmix": {"alpha": 0.3, "prob": 0.5, "correct_lam": False, "per": "batch"} | CHOICES,
    "mixup": {"alpha": 3, "prob": 0.5, "per": "batch"} | CHOICES,
    "cutout": {"length": 0.9, "fill_value": 200, "prob": 0.5},
    "random_erasing": {"scale": (0.2, 0.3), "ratio": (1, 1.5), "value": 200, "prob": 0.9},
    "rotate90": {"prob": 0.5}, "d4": {"prob": 0.5}, "channel_shuffle": {"prob": 0.9},
    "zoom": {
        "factor": (0.3, 0.5), "interpolation": "nearest", "fill_mode": "nearest", "fill_value": 200, "prob": 0.5,
    },
    "perspective": {
        "distortion_scale": 0.9, "interpolation": "nearest", "fill_mode": "reflect", "fill_value": 200, "prob": 0.9,
    },
    "elastic": {
        "alpha": 300, "sigma": 1, "interpolation": "nearest", "fill_mode": "nearest", "fill_value": 200, "prob": 0.5,
    },
    "color_jitter": {"brightness": 0.9, "contrast": 0.1, "saturation": 0.8, "hue": 0.5, "prob": 0.9},
    "gamma": {"lower": 0.1, "upper": 3, "prob": 0.5}, "gaussian_noise": {"std": (0.2, 0.3), "prob": 0.5},
    "coarse_dropout": {"holes": (20, 31), "length": (0.4, 0.5), "fill_value": 200, "prob": 0.5},
    "auto_augment": {"policy": "svhn", "fill_value": 200, "prob": 0.5},
    "three_augment": {"color_jitter": 0.9, "threshold": 50, "sigma": (2, 3), "prob": 0.5},
    "ricap": {"alpha": 3, "prob": 0.5, "per": "batch"} | CHOICES,
    "resizemix": {"scale": (0.5, 0.6), "prob": 0.5, "per": "batch"} | CHOICES,
    "gridmix": {"cells": 2, "alpha": 0.3, "prob": 0.5, "per": "batch"} | CHOICES,
    "fmix": {"alpha": 0.3, "decay": 2, "prob": 0.5, "per": "batch"} | CHOICES,
    "saliencymix": {"alpha": 0.3, "prob": 0.5, "per": "batch"} | CHOICES,
    "smoothmix": {"sigma": (0.1, 0.2), "prob": 0.5, "per": "batch"} | CHOICES,
    "grid_mask": {"unit": (0.4, 0.5), "ratio": 0.3, "fill_value": 200, "prob": 0.9},
    "one_of": {"ops": (MixUp(), CutMix()), "weights": (3, 1), "per": "example"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in SETTINGS.items() for key in keys])
def test_every_setting_of_a_spec_reaches_its_op(name: str, key: str) -> None:
    assert set(SETTINGS[name]) == set(OPS[name].model_fields) - {"name", "only"}
    # A fill value is read in one fill mode only.
    same = {"fill_mode": "constant"} if key == "fill_value" and "fill_mode" in SETTINGS[name] else {}
    pair: tuple[Any, Any] = (SETTINGS[name][key], getattr(OPS[name](), key)) if key != "prob" else (0.0, 1.0)
    ops = [strategy.op(OPS[name](**SETTINGS[name] | same | {key: value})) for value in pair]
    size = (6, 9, 12)
    images, labels = tensors(*size)[0], tf.eye(3)[:2][:, None] * tf.ones([2, 3, 1])  # three of either class
    labels = tf.reshape(labels, [6, 3])
    drawn = [
        op.settled(op.sample(SEED, *(tf.constant(side) for side in size)), tf.argmax(labels, axis=1)) for op in ops
    ]
    if _bytes(drawn[0]) == _bytes(drawn[1]):
        one, other = (op.apply(images, labels, params) for op, params in zip(ops, drawn, strict=True))
        assert any((a.numpy() != b.numpy()).any() for a, b in zip(one, other, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raw", "reached"),
    [
        (
            {"name": "translate", "width_factor": 0.9, "height_factor": 0.2},
            lambda drawn: {"dx": (drawn["dx"] / 300, 0.9), "dy": (drawn["dy"] / 200, 0.2)},
        ),
        (
            {"name": "shear", "x_factor": 0.9, "y_factor": 0.2},
            lambda drawn: {"x": (drawn["x"], 0.9), "y": (drawn["y"], 0.2)},
        ),
        (
            {"name": "random_resized_crop", "scale": [0.1, 0.2], "ratio": [0.5, 0.7]},
            lambda drawn: {"area": (_area(drawn["window"]), 0.2), "aspect": (_aspect(drawn["window"]), 0.7)},
        ),
        (
            {"name": "random_erasing", "scale": [0.1, 0.2], "ratio": [0.5, 0.7]},
            lambda drawn: {"area": (_area(drawn["box"]), 0.2), "aspect": (1 / _aspect(drawn["box"]), 0.7)},
        ),
    ],
)
def test_each_of_two_settings_governs_its_own_parameter(raw: dict[str, Any], reached: Any) -> None:
    (spec,) = load.experiment(None, [f"strategy=[{raw}]"]).strategy
    drawn = strategy.op(spec).sample(SEED, tf.constant(3000), tf.constant(200), tf.constant(300))
    applied = drawn["applied"].numpy() if "applied" in drawn else slice(None)
    for values, most in reached({name: values.numpy()[applied] for name, values in drawn.items()}).values():
        assert 0.97 * most < values.max() < 1.03 * most


def _area(box: NDArray[Any]) -> NDArray[Any]:
    """Shares of an image of 200 x 300."""
    area: NDArray[Any] = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) / (200 * 300)
    return area


def _aspect(box: NDArray[Any]) -> NDArray[Any]:
    aspect: NDArray[Any] = (box[:, 3] - box[:, 1]) / (box[:, 2] - box[:, 0])
    return aspect


def test_the_settings_of_the_policies_are_not_mixed_up() -> None:
    size = (tf.constant(2), tf.constant(9), tf.constant(12))
    drawn = strategy.op(RandAugment(num_ops=4, magnitude=0)).sample(SEED, *size)
    assert drawn["op"].shape == (2, 4)
    drawn = strategy.op(AugMix(severity=1, mixture_width=2, chain_depth=5)).sample(SEED, *size)
    assert drawn["op"].shape == (2, 2, 5)


def _bytes(params: Mapping[str, tf.Tensor]) -> dict[str, bytes]:
    return {name: values.numpy().tobytes() for name, values in params.items()}


UINT8 = {
    "flip_left_right", "flip_up_down", "random_crop", "jpeg_quality", "posterize", "solarize", "equalize", "invert",
    "rand_augment", "trivial_augment", "cutmix", "cutout", "random_erasing",
    "rotate90", "d4", "channel_shuffle", "coarse_dropout", "grid_mask", "ricap", "resizemix", "gridmix", "fmix",
    "saliencymix",
    "auto_augment",
}  # fmt: skip
MIXED = {name for name, spec in OPS.items() if any(one.mixes for one in spec().alternatives())}


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 7, 4), (5, 3, 8)])
def test_every_op_keeps_the_contract(name: str, dtype: str, size: tuple[int, int, int]) -> None:
    op = strategy.op(OPS[name]())
    images, labels = tensors(*size, dtype)
    params = op.sample(SEED, *(tf.constant(side) for side in size))
    assert {values.shape[0] for values in params.values()} <= {size[0]}
    mixed, soft = op.apply(images, labels, params)
    assert (mixed.shape, soft.shape, soft.dtype) == (images.shape, labels.shape, tf.float32)
    assert mixed.dtype == (dtype if name in UINT8 else "float32")
    assert 0 <= mixed.numpy().min() <= mixed.numpy().max() <= 255
    np.testing.assert_allclose(soft.numpy().sum(1), 1, rtol=0, atol=1e-6)
    if name not in MIXED:
        np.testing.assert_array_equal(soft, labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
def test_a_spec_says_whether_its_op_changes_labels(name: str) -> None:
    op, images, labels = strategy.op(OPS[name]()), tf.zeros([64, 4, 6, 3], tf.uint8), tf.eye(64)
    _, soft = op.apply(images, labels, op.sample(SEED, *map(tf.constant, (64, 4, 6))))
    assert bool((soft.numpy() != labels.numpy()).any()) == (name in MIXED)


@pytest.mark.parametrize("name", [name for name in OPS if name not in MIXED])
def test_an_example_is_told_from_its_own_row_of_the_parameters_alone(name: str) -> None:
    op = strategy.op(OPS[name]())
    images, _ = make_batch(5, 6, 11)
    params = {name: v.numpy() for name, v in op.sample(SEED, *(tf.constant(side) for side in (5, 6, 11))).items()}
    together = changed(op, images, **params)
    for i in range(5):
        row = {name: values[i : i + 1] for name, values in params.items()}
        np.testing.assert_allclose(together[i], changed(op, images[i : i + 1], **row)[0], rtol=0, atol=1e-3)


@pytest.mark.slow
def test_an_op_that_xla_cannot_compile_runs_between_those_it_can() -> None:
    chain = strategy.build([FlipLeftRight(), CutMix(), JpegQuality(prob=0.7), Brightness(), MixUp()])
    assert [op.compiled for op in chain.ops] == [True, True, False, True, True]
    for dtype in DTYPES:
        images, labels = tensors(6, dtype=dtype)
        params = chain.sample(SEED, images)
        mixed, soft = chain.apply(images, labels, params)
        for op, drawn in zip(chain.ops, params, strict=True):
            images, labels = op.apply(images, labels, drawn)
        np.testing.assert_allclose(mixed, images, rtol=0, atol=1e-3)
        np.testing.assert_allclose(soft, labels, rtol=0, atol=1e-6)


# --- randomness ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("written", "dtype"), [("cutmix", "uint8"), ("mixup", "float32"), (WRITTEN[-1], "uint8")])
def test_eager_graph_and_tf_data_give_the_same_bytes(written: str, dtype: str) -> None:
    chain = build(written)
    images, labels = tensors(dtype=dtype)
    unknown = [
        tf.TensorSpec([None, None, None, 3], images.dtype),
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([2], tf.int64),
    ]
    graph = tf.function(chain, input_signature=unknown)
    steps = tf.data.Dataset.range(3).map(
        lambda step: chain(images, labels, tf.stack([tf.constant(3, tf.int64), step])), num_parallel_calls=2
    )
    for step, from_data in enumerate(steps):
        eager = chain(images, labels, seed_of(3, step))
        for parts in zip(eager, graph(images, labels, seed_of(3, step)), from_data, strict=True):
            assert len({part.numpy().tobytes() for part in parts}) == 1


CHAIN = "[flip_left_right, cutmix, jpeg_quality, {name: rotate, fill_mode: reflect}, mixup]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "dtype"),
    [(f"[{name}]", DTYPES[i % 2]) for i, name in enumerate(OPS)] + [(CHAIN, dtype) for dtype in DTYPES],
)
def test_every_op_gives_the_same_bytes_everywhere(written: str, dtype: str) -> None:
    chain = build(written)
    images, labels = tensors(3, dtype=dtype)
    graph = tf.function(chain)

    def at(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return chain(images, labels, tf.stack([tf.constant(3, tf.int64), step]))

    traced = tf.function(at, input_signature=[tf.TensorSpec([], tf.int64)])

    def from_data(threads: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
        steps = tf.data.Dataset.range(4).map(traced, num_parallel_calls=threads)
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        return list(steps.with_options(options))

    one, eight = from_data(1), from_data(8)
    for step in range(4):
        eager = chain(images, labels, seed_of(3, step))
        others = [one[step], eight[step]]
        if written == CHAIN:  # XLA takes seconds, and anew for each function; tf.data is a graph too
            others.append(graph(images, labels, seed_of(3, step)))
        for parts in zip(eager, *others, strict=True):
            assert len({part.numpy().tobytes() for part in parts}) == 1


@pytest.mark.slow
def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "from augexp.network import device; device.configure()\n"
        "from tests.augment.test_strategy import fingerprint; print(fingerprint())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1", "TF_NUM_INTRAOP_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert other.stdout.strip() == fingerprint(), other.stderr


@pytest.mark.parametrize("written", MIXING)
def test_another_seed_or_step_gives_another_batch(written: str) -> None:
    chain = build(written)
    images, labels = tensors(batch=32)
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2**31 - 1, 10**9), (10**9, 2**31 - 1)]
    batches = {chain(images, labels, seed_of(*pair))[0].numpy().tobytes() for pair in pairs}
    assert len(batches) == len(pairs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "name"), [(MixUp(alpha=1.0), "lam"), (MixUp(alpha=1.0, per="batch"), "lam"), (Brightness(), "delta")]
)
def test_no_draw_repeats_in_a_thousand_steps(spec: OpSpec, name: str) -> None:
    chain = strategy.build([spec])
    images = tensors(4, 2, 2)[0]
    draw = tf.function(lambda step: chain.sample(tf.stack([tf.constant(5, tf.int64), step]), images)[0][name])
    draws = np.stack([draw(tf.constant(step, tf.int64)).numpy() for step in range(1000)])
    assert len(np.unique(draws, axis=0)) == 1000
    if name == "delta" or spec == MixUp(alpha=1.0):
        assert len(np.unique(draws)) > 3990  # of 4,000 numbers, of which float32 may give two alike


def test_cutmix_cuts_the_same_boxes_alone_and_in_company() -> None:
    images = tensors(16)[0]
    (alone,) = build("cutmix").sample(SEED, images)
    for written in ("basic+cutmix", "cutmix+basic", "mixup+cutmix"):
        chain = build(written)
        together = chain.sample(SEED, images)[chain.names.index("cutmix")]
        for name, values in alone.items():
            np.testing.assert_array_equal(together[name], values)


def test_ops_draw_independently_of_each_other_and_of_their_twin() -> None:
    images = tensors(16)[0]
    cutmix, twin, mixup = build("cutmix+cutmix+mixup").sample(SEED, images)
    for one, other in ((cutmix, twin), (cutmix, mixup), (twin, mixup)):
        for name in ("lam", "partner"):
            assert (one[name].numpy() != other[name].numpy()).any()


def test_a_setting_of_one_op_leaves_the_draws_of_the_others() -> None:
    images = tensors(16)[0]
    weak, strong = (build(f"[{{name: brightness, max_delta: {delta}}}, mixup]") for delta in (0.1, 0.3))
    np.testing.assert_array_equal(weak.sample(SEED, images)[1]["lam"], strong.sample(SEED, images)[1]["lam"])
    np.testing.assert_allclose(
        strong.sample(SEED, images)[0]["delta"], 3 * weak.sample(SEED, images)[0]["delta"], rtol=1e-5
    )


# --- compiled ------------------------------------------------------------------------------------------------------


def build_and_note(written: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Strategy, list[tuple[Any, list[str]]]]:
    """A strategy, and the functions that it calls in turn beside the ops in each."""
    runs: list[tuple[int, Any]] = []
    compile_run = strategy._compile

    def note(chain: Sequence[Op], *, jit: bool) -> tuple[int, strategy.Apply]:
        runs.append(compile_run(chain, jit=jit))
        return runs[-1]

    monkeypatch.setattr(strategy, "_compile", note)
    chain = build(written)
    names = iter(chain.names)
    return chain, [(function, list(itertools.islice(names, count))) for count, function in runs]


@pytest.mark.parametrize("written", MIXING)
def test_the_chain_is_one_xla_computation(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, runs = build_and_note(written, monkeypatch)
    ((function, names),) = runs
    images, labels = tensors()
    params = chain.sample(SEED, images)
    assert names == list(chain.names)
    # Raises for a function that is not marked for XLA, and where XLA can't compile it.
    assert function.experimental_get_compiler_ir(images, labels, params)(stage="hlo").startswith("HloModule")


def test_a_chain_is_parted_only_where_xla_cannot_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    written = "[flip_left_right, cutmix, jpeg_quality, jpeg_quality, brightness, mixup]"
    _, runs = build_and_note(written, monkeypatch)
    assert [names for _, names in runs] == [
        ["flip_left_right", "cutmix"], ["jpeg_quality", "jpeg_quality"], ["brightness", "mixup"],
    ]  # fmt: skip
    assert [function._jit_compile for function, _ in runs] == [True, False, True]


@pytest.mark.slow
def test_a_short_last_batch_and_another_size_compile_anew() -> None:
    chain = build("basic+cutmix")
    for size in ((8, 6, 6), (3, 6, 6), (8, 6, 6), (3, 7, 5)):
        images, labels = tensors(*size)
        assert chain(images, labels, SEED)[0].shape == images.shape


# --- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["none", "basic", "cutmix", "mixup"])
@pytest.mark.parametrize(
    ("labels", "came"),
    [
        (tf.constant([0, 1, 2]), "int32 of shape (3,)"),
        (tf.constant([[0, 1], [1, 0], [0, 1]]), "int32 of shape (3, 2)"),
        (tf.constant([0.0, 1.0, 2.0]), "float32 of shape (3,)"),
        (tf.constant([[0.0, 1.0]] * 3, tf.float64), "float64 of shape (3, 2)"),
    ],
)
def test_labels_that_are_not_one_hot_float32_are_refused(written: str, labels: tf.Tensor, came: str) -> None:
    chain = build(written)
    images = tensors(3)[0]
    with pytest.raises(ValueError) as called:  # noqa: PT011 - the whole message is compared
        chain(images, labels, SEED)
    with pytest.raises(ValueError) as applied:  # noqa: PT011
        chain.apply(images, labels, [])
    message = f"labels must be one-hot float32 of shape (B, K), not {came}; use tf.one_hot(labels, num_classes)"
    assert [str(called.value), str(applied.value)] == [message, message]


@pytest.mark.parametrize("written", ["none", "cutmix"])
@pytest.mark.parametrize("shape", [(8, 8, 3), (2, 8, 8, 1), (2, 8, 8, 4), (2, 8, 8), (1, 2, 8, 8, 3)])
def test_images_that_are_no_rgb_batch_are_refused(written: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        build(written)(tf.zeros(shape, tf.uint8), tf.one_hot([0, 1], 2), SEED)
    assert str(caught.value) == f"images of shape (B, H, W, 3) are needed, not {shape}"
