"""RandAugment, TrivialAugment and AugMix: what is drawn, and what it does to pixels."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage, stats

from augexp.augment import policies
from augexp.augment.op import Op
from augexp.augment.pairs import PAIRS, Policy
from augexp.augment.policies import NAMES, OPERATIONS
from tests.batches import DRAWS, DTYPES, changed, make_images, sample

HEIGHT, WIDTH = 17, 24
SIGNED = (
    "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast", "sharpness",
)  # fmt: skip
FILL = 40


def affine(*coefficients: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.transform(
        image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.NEAREST, fillcolor=(FILL,) * 3
    )


# The papers' code: each op of Pillow, by the level that `operate` takes.
PILLOW: dict[str, Callable[[float], Callable[[Image.Image], Any]]] = {
    "identity": lambda _: lambda image: image,
    "shear_x": lambda level: affine(1, level, 0, 0, 1, 0),
    "shear_y": lambda level: affine(1, 0, 0, level, 1, 0),
    "translate_x": lambda level: affine(1, 0, level, 0, 1, 0),
    "translate_y": lambda level: affine(1, 0, 0, 0, 1, level),
    "rotate": lambda level: lambda image: image.rotate(level, fillcolor=(FILL,) * 3),
    "brightness": lambda level: lambda image: ImageEnhance.Brightness(image).enhance(1 + level),
    "color": lambda level: lambda image: ImageEnhance.Color(image).enhance(1 + level),
    "contrast": lambda level: lambda image: ImageEnhance.Contrast(image).enhance(1 + level),
    "sharpness": lambda level: lambda image: ImageEnhance.Sharpness(image).enhance(1 + level),
    "posterize": lambda level: lambda image: ImageOps.posterize(image, int(level)),
    "solarize": lambda level: lambda image: ImageOps.solarize(image, math.ceil(level)),
    "autocontrast": lambda _: ImageOps.autocontrast,
    "equalize": lambda _: ImageOps.equalize,
    "invert": lambda _: ImageOps.invert,
}
LEVELS: dict[str, list[float]] = {
    "shear_x": [0.99, -0.99, 0.31, -0.07, 0],
    "shear_y": [0.99, -0.99, 0.31, -0.07, 0],
    "translate_x": [32, -32, 5, -3.3, 7.7, 0],
    "translate_y": [32, -32, 5, -3.3, 7.7, 0],
    "rotate": [135, -135, 30, -9.3, 0],
    "posterize": [1, 2, 4, 7, 8],
    "solarize": [0, 1, 127.5, 128, 255, 256],
    **{name: [0.99, -0.99, 0.27, -0.6, 0] for name in ("brightness", "color", "contrast", "sharpness")},
}
EXACT = {"identity", "posterize", "solarize", "equalize", "invert"}
MOVING = {"shear_x", "shear_y", "translate_x", "translate_y", "rotate"}


def operate(name: str, images: NDArray[Any], level: float, fill: float = FILL) -> NDArray[Any]:
    found: NDArray[Any] = policies.operate(name, tf.constant(images), tf.constant(level, tf.float32), fill).numpy()
    assert (found.shape, found.dtype.name) == (images.shape, "uint8")
    return found


def pictures(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Noise, a soft picture in the middle of the range, and one colour."""
    noise = make_images(2, height, width)
    noise[1] = ndimage.gaussian_filter(noise[1], (2, 2, 0)).clip(90, 170)
    return np.concatenate([noise, np.full_like(noise[:1], 123)])


def through_pillow(name: str, images: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    return np.stack([np.asarray(PILLOW[name](level)(Image.fromarray(image))) for image in images])


@pytest.mark.parametrize(("name", "level"), [(name, level) for name in NAMES for level in LEVELS.get(name, [0])])
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (1, 1), (2, 9)])
def test_each_operation_is_pillows_to_one_grey_level(name: str, level: float, size: tuple[int, int]) -> None:
    images = pictures(*size)
    found, expected = operate(name, images, level), through_pillow(name, images, level)
    if name in MOVING:
        # Pillow's fixed-point positions may fall on the other side of a pixel's edge.
        assert (found == expected).all(-1).mean() > 0.995
    else:
        np.testing.assert_allclose(found.astype(int), expected, rtol=0, atol=0 if name in EXACT else 1)


@pytest.mark.parametrize("name", [*SIGNED, "identity"])
def test_no_level_leaves_the_image(name: str) -> None:
    np.testing.assert_array_equal(operate(name, pictures(), 0), pictures())


def test_no_bit_and_no_threshold_taken_leave_the_image() -> None:
    np.testing.assert_array_equal(operate("posterize", pictures(), 8), pictures())
    np.testing.assert_array_equal(operate("solarize", pictures(), 256), pictures())


@pytest.mark.slow
@given(
    name=st.sampled_from(NAMES),
    size=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    share=st.floats(-1, 1),
)
@settings(max_examples=60, deadline=None)
def test_an_operation_sees_each_image_alone(name: str, size: tuple[int, int, int], share: float) -> None:
    low, high = min(LEVELS.get(name, [0])), max(LEVELS.get(name, [0]))
    level = low + (high - low) * (share + 1) / 2
    images = make_images(*size)
    together = operate(name, images, level)
    for i in range(len(images)):
        alone = operate(name, images[i : i + 1], level)[0]
        # A mean over other pixels may be summed in another order.
        np.testing.assert_allclose(together[i].astype(int), alone, rtol=0, atol=1 if name == "contrast" else 0)


def test_no_other_operation_is_known() -> None:
    with pytest.raises(ValueError, match="no such operation: cutout"):
        operate("cutout", pictures(), 0)


# --- magnitudes ----------------------------------------------------------------------------------------------------


def torchvision_space(height: int, width: int, *, wide: bool) -> dict[str, NDArray[np.float64]]:
    """The magnitudes of `RandAugment` and, wide, of `TrivialAugmentWide`, as torchvision documents them; 31 bins."""
    bins = np.arange(31)
    shear, degrees, factor, bits = (0.99, 135, 0.99, 6) if wide else (0.3, 30, 0.9, 4)
    shift = (32.0, 32.0) if wide else (150 / 331 * width, 150 / 331 * height)
    return {
        "shear_x": shear * bins / 30, "shear_y": shear * bins / 30,
        "translate_x": shift[0] * bins / 30, "translate_y": shift[1] * bins / 30,
        "rotate": degrees * bins / 30,
        **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), factor * bins / 30),
        "posterize": 8 - np.round(bins / (30 / bits)),
        "solarize": 255 * (30 - bins) / 30,
    }  # fmt: skip


def by_name(params: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The levels drawn for each operation."""
    return {name: params["level"][params["op"] == number] for number, name in enumerate(OPERATIONS)}


def test_the_operations_are_torchvisions() -> None:
    names = {"identity", *torchvision_space(1, 1, wide=True), "autocontrast", "equalize"}
    assert (len(OPERATIONS), set(OPERATIONS)) == (14, names)


@pytest.mark.parametrize("magnitude", [0, 1, 9, 22, 30])
def test_rand_augments_levels_are_torchvisions(magnitude: int) -> None:
    params = sample(policies.rand_augment(2, magnitude, 0), 2000, 200, 300)
    space = torchvision_space(200, 300, wide=False)
    for name, levels in by_name(params).items():
        expected = space.get(name, np.zeros(31))[magnitude]
        np.testing.assert_allclose(np.abs(levels), expected, rtol=1e-5, atol=1e-6)
        assert name in SIGNED or (levels >= 0).all()


def test_trivial_augments_levels_are_torchvisions() -> None:
    params = sample(policies.trivial_augment(0), 40_000, 200, 300)
    space = torchvision_space(200, 300, wide=True)
    for name, levels in by_name(params).items():
        expected = np.sort(space.get(name, np.zeros(31)))
        nearest = np.abs(np.abs(levels)[:, None] - expected).argmin(1)
        np.testing.assert_allclose(np.abs(levels), expected[nearest], rtol=1e-5, atol=1e-5)
        values, counts = np.unique(np.round(expected, 6), return_counts=True)
        found = np.array([np.isclose(np.abs(levels), value, rtol=1e-4, atol=1e-4).sum() for value in values])
        assert found.sum() == len(levels)
        assert len(values) == 1 or stats.chisquare(found, len(levels) * counts / 31).pvalue > 1e-4


@pytest.mark.parametrize(
    ("op", "numbers"),
    [
        (policies.rand_augment(2, 9, 0), range(14)),
        (policies.trivial_augment(0), range(14)),
        (policies.aug_mix(3, 3, 2, 1.0, 0), [OPERATIONS.index(name) for name in policies.AUG_MIX]),
    ],
)
def test_every_operation_is_drawn_equally_often_and_signs_are_fair(op: Op, numbers: Any) -> None:
    params = sample(op, DRAWS // 2, 64, 64)
    drawn, counts = np.unique(params["op"], return_counts=True)
    assert sorted(numbers) == drawn.tolist()
    assert stats.chisquare(counts).pvalue > 1e-4
    for name, levels in by_name(params).items():
        if name in SIGNED and len(levels):
            assert stats.binomtest(int((levels < 0).sum()), len(levels)).pvalue > 1e-4


@pytest.mark.parametrize("policy", PAIRS)
def test_auto_augment_draws_the_pairs_of_its_policy_at_torchvisions_levels(policy: Policy) -> None:
    params = sample(policies.auto_augment(policy, 0), DRAWS, 200, 300)
    assert {name: values.shape for name, values in params.items()} == dict.fromkeys(("op", "level"), (DRAWS, 2))
    assert (params["level"][params["op"] == 0] == 0).all()
    # torchvision's ten bins.
    bins = np.arange(10)
    space = {
        "shear_x": 0.3 * bins / 9, "shear_y": 0.3 * bins / 9,
        "translate_x": 150 / 331 * 300 * bins / 9, "translate_y": 150 / 331 * 200 * bins / 9,
        "rotate": 30 * bins / 9, "posterize": 8 - np.round(bins / (9 / 4)), "solarize": 255 - 255 * bins / 9,
        **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), 0.9 * bins / 9),
    }  # fmt: skip
    for slot in (0, 1):
        # How often each op comes at each level, signs aside.
        expected: dict[tuple[str, float], float] = {}
        for pair in PAIRS[policy]:
            one = pair[slot]
            level = float(space[one.op][one.magnitude]) if one.op in space else 0.0
            for key, chance in (((one.op, round(level, 2)), one.prob), (("identity", 0.0), 1 - one.prob)):
                expected[key] = expected.get(key, 0) + chance / 25
        levels = np.round(np.abs(params["level"][:, slot].astype(np.float64)), 2)
        seen = list(zip((NAMES[op] for op in params["op"][:, slot]), levels.tolist(), strict=True))
        expected = {key: chance for key, chance in expected.items() if chance > 0}
        assert set(seen) == set(expected)
        counts = [seen.count(key) for key in expected]
        assert stats.chisquare(counts, [DRAWS * chance for chance in expected.values()]).pvalue > 1e-4
    for name in SIGNED:
        levels = params["level"][(params["op"] == NAMES.index(name)) & (params["level"] != 0)]
        assert not len(levels) or stats.binomtest(int((levels < 0).sum()), len(levels)).pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_auto_augment_does_what_it_drew(dtype: str) -> None:
    images = make_images(40, 7, 9, dtype)
    op = policies.auto_augment("svhn", FILL)
    params = sample(op, 40, 7, 9)
    found = changed(op, images, **params)
    assert found.dtype == dtype
    for image, numbers, levels, one in zip(images, params["op"], params["level"], found, strict=True):
        expected = image[None] if dtype == "uint8" else image[None].round().astype(np.uint8)
        for number, level in zip(numbers, levels, strict=True):
            expected = operate(NAMES[number], expected, float(level))
        np.testing.assert_array_equal(one, expected[0])


@pytest.mark.parametrize("num_ops", [1, 2, 5])
def test_rand_augment_draws_num_ops_independently(num_ops: int) -> None:
    params = sample(policies.rand_augment(num_ops, 9, 0), DRAWS, 64, 64)
    assert {name: values.shape for name, values in params.items()} == dict.fromkeys(("op", "level"), (DRAWS, num_ops))
    if num_ops > 1:
        pairs = np.bincount(14 * params["op"][:, 0] + params["op"][:, 1], minlength=196)
        assert stats.chisquare(pairs).pvalue > 1e-4


# --- AugMix --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [1, 3, 10])
def test_aug_mixs_levels_are_the_papers(severity: int) -> None:
    params = sample(policies.aug_mix(severity, 3, 3, 1.0, 0), DRAWS // 4, 90, 60)
    n = (0.01, severity / 10)  # level / 10 of the paper's code
    slopes = {"rotate": 30, "shear_x": 0.3, "shear_y": 0.3, "translate_x": 60 / 3, "translate_y": 90 / 3}
    for name, levels in by_name(params).items():
        if name in slopes:
            low, high = slopes[name] * n[0], slopes[name] * n[1]
            law = stats.uniform(low, high - low)
            assert low * 0.999 <= np.abs(levels).min() < low + 0.02 * (high - low)
            assert high - 0.02 * (high - low) < np.abs(levels).max() <= high * 1.001
            assert stats.kstest(np.abs(levels), law.cdf).pvalue > 1e-4
        elif name == "solarize":
            assert stats.kstest(levels, stats.uniform(256 - 256 * n[1], 256 * (n[1] - n[0])).cdf).pvalue > 1e-4
        elif name == "posterize":  # 4 - int(level * 4 / 10)
            law_of_bits = 4 - np.floor(4 * np.random.default_rng(0).uniform(*n, 100_000))
            values, counts = np.unique(law_of_bits, return_counts=True)
            assert set(levels) == set(values)
            found = np.array([(levels == value).sum() for value in values])
            assert len(values) == 1 or stats.chisquare(found, counts * len(levels) / 100_000).pvalue > 1e-4


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_aug_mixs_shares_are_dirichlet_and_beta(alpha: float) -> None:
    params = sample(policies.aug_mix(3, 3, 1, alpha, 0), DRAWS, 8, 8)
    weights, m = params["weights"].astype(np.float64), params["m"].astype(np.float64)
    assert (weights.shape, m.shape) == ((DRAWS, 3), (DRAWS,))
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    # Each share of a Dirichlet of three is Beta(alpha, 2 alpha). No KS test: float32 rounds shares close to 1 to 1.
    for share, law in [(m, stats.beta(alpha, alpha)), *((share, stats.beta(alpha, 2 * alpha)) for share in weights.T)]:
        for edge in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
            assert stats.binomtest(int((share < edge).sum()), DRAWS, law.cdf(edge)).pvalue > 1e-4
    assert stats.pearsonr(weights[:, 0], m).pvalue > 1e-4


def test_a_fixed_depth_is_the_length_of_every_chain() -> None:
    for depth in (1, 2, 5):
        params = sample(policies.aug_mix(3, 4, depth, 1.0, 0), 500)
        assert params["op"].shape == params["level"].shape == (500, 4, depth)
        assert (params["op"] != OPERATIONS.index("identity")).all()


def test_a_drawn_depth_is_1_to_3_equally_often() -> None:
    params = sample(policies.aug_mix(3, 3, -1, 1.0, 0), DRAWS // 4)
    assert params["op"].shape == (DRAWS // 4, 3, 3)
    idle = params["op"] == OPERATIONS.index("identity")
    assert (np.diff(idle.astype(int)) >= 0).all()  # once a chain has ended, nothing follows
    counts = np.bincount((~idle).sum(-1).ravel())
    assert (counts[0], len(counts)) == (0, 4)
    assert stats.chisquare(counts[1:]).pvalue > 1e-4


def simulate_aug_mix(image: NDArray[Any], params: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The paper's algorithm on one image, with Pillow: (1 - m) * image + m * sum of weight * chain(image)."""
    mixture = np.zeros(image.shape)
    for numbers, levels, weight in zip(params["op"], params["level"], params["weights"], strict=True):
        chain = Image.fromarray(image)
        for number, level in zip(numbers, levels, strict=True):
            chain = PILLOW[OPERATIONS[number]](float(level))(chain)
        mixture += weight * np.asarray(chain, np.float64)
    blended: NDArray[np.float64] = (1 - params["m"]) * image + params["m"] * mixture
    return blended


@pytest.mark.parametrize("dtype", DTYPES)
def test_aug_mix_is_the_papers_formula(dtype: str) -> None:
    images = pictures()
    op = policies.aug_mix(3, 2, 2, 1.0, FILL)
    params = sample(op, 3, HEIGHT, WIDTH)
    # Ops that agree with Pillow to the last bit.
    names = [
        [["posterize", "equalize"], ["solarize", "translate_x"]],
        [["translate_y", "posterize"], ["identity", "equalize"]],
        [["equalize", "solarize"], ["posterize", "identity"]],
    ]
    params["op"] = np.array([[[OPERATIONS.index(name) for name in c] for c in image] for image in names], np.int32)
    levels = {"posterize": 3, "solarize": 150, "translate_x": -5, "translate_y": 4}
    params["level"] = np.array([[[levels.get(name, 0) for name in c] for c in image] for image in names], np.float32)
    mixed = changed(op, images.astype(dtype), **params)
    assert mixed.dtype == np.float32
    for i, image in enumerate(images):
        expected = simulate_aug_mix(image, {name: values[i] for name, values in params.items()})
        np.testing.assert_allclose(mixed[i], expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_aug_mix_without_a_share_leaves_every_value(dtype: str) -> None:
    images = make_images(3, 5, 6, dtype)
    op = policies.aug_mix(10, 2, 2, 1.0, FILL)
    params = sample(op, 3, 5, 6) | {"m": np.zeros(3, np.float32)}
    np.testing.assert_array_equal(changed(op, images, **params), images)


# --- whole policies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_image_goes_through_its_own_operations_in_turn(dtype: str) -> None:
    images = make_images(6, 9, 7, dtype)
    op = policies.rand_augment(3, 20, FILL)
    params = sample(op, 6, 9, 7)
    params["op"][0] = [OPERATIONS.index(name) for name in ("posterize", "rotate", "equalize")]
    params["level"][0] = [3, 30, 0]
    found = changed(op, images, **params)
    assert found.dtype == dtype
    for i in range(6):
        one = np.round(images[i : i + 1]).astype(np.uint8)
        for number, level in zip(params["op"][i], params["level"][i], strict=True):
            one = operate(OPERATIONS[number], one, level)
        np.testing.assert_array_equal(found[i], one[0])


@pytest.mark.parametrize(
    "op",
    [
        policies.rand_augment(2, 30, FILL),
        policies.trivial_augment(FILL),
        policies.aug_mix(10, 2, -1, 0.3, FILL),
    ],
)
@pytest.mark.parametrize("size", [(1, 1, 1), (4, 1, 3), (3, 8, 2)])
def test_any_size_keeps_shape_and_range_and_every_parameter_has_a_row_an_image(
    op: Op, size: tuple[int, int, int]
) -> None:
    params = sample(op, *size)
    assert {values.shape[0] for values in params.values()} == {size[0]}
    for dtype in DTYPES:
        changed(op, make_images(*size, dtype), **params)


@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_the_fill_value_reaches_what_moves_in(fill: float) -> None:
    images = np.full((1, 6, 6, 3), 100, np.uint8)
    params = {"op": np.array([[OPERATIONS.index("translate_x")]], np.int32), "level": np.array([[2]], np.float32)}
    for op in (policies.rand_augment(1, 9, fill), policies.trivial_augment(fill)):
        found = changed(op, images, **params)
        assert (found[:, :, :4] == 100).all()
        assert (found[:, :, 4:] == fill).all()
    shares = {"weights": np.ones((1, 1), np.float32), "m": np.ones(1, np.float32)}
    chain = {name: values[:, None] for name, values in params.items()}
    found = changed(policies.aug_mix(3, 1, 1, 1.0, fill), images, **chain, **shares)
    assert (found[:, :, 4:] == fill).all()
