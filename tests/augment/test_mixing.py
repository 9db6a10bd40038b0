"""Cutmix and mixup against NumPy, and the laws of lam, box and partner."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import mixing, strategy
from augexp.augment.op import Op
from augexp.config import load
from augexp.config.ops import OPS, MixingSpec, Per

DTYPES = [np.uint8, np.float32]
PERS: list[Per] = ["example", "batch"]
ALPHAS = [0.1, 0.2, 0.4, 1.0, 3.0]
DRAWS = 100_000
CLASSES = 7

sizes = st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
seeds = st.integers(0, 2**31 - 1)


def a_cutmix(alpha: float = 1.0, prob: float = 1.0, *, correct_lam: bool = True, per: Per = "example") -> Op:
    return mixing.cutmix(alpha, prob, correct_lam=correct_lam, per=per)


def sample(op: Op, batch: int, height: int = 16, width: int = 16, seed: int = 0) -> dict[str, NDArray[Any]]:
    drawn = op.sample(tf.constant([seed, 7], tf.int64), tf.constant(batch), tf.constant(height), tf.constant(width))
    return {name: value.numpy() for name, value in drawn.items()}


def make_batch(batch: int, height: int, width: int, dtype: Any = np.uint8) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Random images in [0, 255], and soft labels whose rows sum to 1."""
    random = np.random.default_rng([batch, height, width])
    images = random.uniform(0, 255, (batch, height, width, 3)).astype(dtype)
    return images, random.dirichlet(np.ones(CLASSES), batch).astype(np.float32)


def apply(
    op: Op, images: NDArray[Any], labels: NDArray[np.float32], params: dict[str, NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    tensors = {name: tf.constant(value) for name, value in params.items()}
    mixed, soft = op.apply(tf.constant(images), tf.constant(labels), tensors)
    return mixed.numpy(), soft.numpy()


# --- lam -----------------------------------------------------------------------------------------------------------


def draw_lam(alpha: float, prob: float = 1.0, per: Per = "example", batch: int = DRAWS) -> NDArray[np.float32]:
    drawn: NDArray[np.float32] = mixing.draw_lam(tf.constant([3, 4]), tf.constant(batch), alpha, prob, per).numpy()
    return drawn


@pytest.mark.parametrize("alpha", ALPHAS)
def test_lam_follows_beta(alpha: float) -> None:
    lam = draw_lam(alpha)
    # float32 rounds what is within 6e-8 of 1 to 1, so the two laws are compared short of both ends.
    low, high = 1e-6, 1 - 1e-6
    inner = np.sort(lam[(lam > low) & (lam < high)]).astype(np.float64)
    beta = stats.beta(alpha, alpha)
    inside = beta.cdf(high) - beta.cdf(low)
    assert stats.binomtest(len(inner), DRAWS, min(inside, 1.0)).pvalue > 1e-4
    assert stats.kstest(inner, lambda x: (beta.cdf(x) - beta.cdf(low)) / inside).pvalue > 1e-4


@pytest.mark.parametrize("alpha", ALPHAS)
def test_lam_has_the_variance_of_beta(alpha: float) -> None:
    lam = draw_lam(alpha).astype(np.float64)
    variance = 1 / (4 * (2 * alpha + 1))
    fourth = variance**2 * (stats.beta(alpha, alpha).stats("k") + 3)
    assert abs(lam.mean() - 0.5) < 5 * np.sqrt(variance / DRAWS)
    assert abs(lam.var() - variance) < 5 * np.sqrt((fourth - variance**2) / DRAWS)


@pytest.mark.parametrize("alpha", [1e-6, 0.01, 0.05, 1000.0])
def test_lam_is_a_share_for_extreme_alpha(alpha: float) -> None:
    lam = draw_lam(alpha)
    assert lam.dtype == np.float32
    assert np.isfinite(lam).all()
    assert (lam.min() >= 0) & (lam.max() <= 1)
    assert abs(lam.mean() - 0.5) < 5 * 0.5 / np.sqrt(DRAWS)


@pytest.mark.parametrize("prob", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_the_share_of_mixed_examples_is_prob(prob: float) -> None:
    mixed = int((draw_lam(1.0, prob) < 1).sum())
    assert stats.binomtest(mixed, DRAWS, min(prob, 1 - 3e-8)).pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("op", [a_cutmix(prob=0.3, per="batch"), mixing.mixup(1.0, 0.3, per="batch")])
def test_per_batch_a_share_prob_of_the_batches_is_mixed_whole(op: Op) -> None:
    batch = tf.constant(3)
    draw = tf.function(lambda seed: op.sample(tf.stack([seed, 7]), batch, tf.constant(4), tf.constant(4))["lam"])
    lam = np.stack([draw(tf.constant(seed)).numpy() for seed in range(400)])
    assert (lam == lam[:, :1]).all()
    assert len(np.unique(lam[lam < 1])) == (lam[:, 0] < 1).sum()
    assert stats.binomtest(int((lam[:, 0] < 1).sum()), 400, 0.3).pvalue > 1e-4


def test_per_example_every_example_has_its_own_lam_and_box() -> None:
    params = sample(a_cutmix(), 64, 200, 300)
    assert len(np.unique(params["lam"])) == 64
    assert len(np.unique(params["box"], axis=0)) > 60


def test_per_batch_one_lam_and_one_box_stand_for_all() -> None:
    params = sample(a_cutmix(per="batch"), 64, 200, 300)
    assert len(np.unique(params["lam"])) == 1
    assert len(np.unique(params["box"], axis=0)) == 1
    assert sorted(params["partner"]) == list(range(64))


# --- partners ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 2, 3, 64, 257])
@pytest.mark.parametrize("op", [a_cutmix(), mixing.mixup(0.2, 1.0, per="batch")])
def test_partners_are_a_permutation_of_the_batch(op: Op, batch: int) -> None:
    partner = sample(op, batch)["partner"]
    assert partner.dtype == np.int32
    np.testing.assert_array_equal(np.sort(partner), np.arange(batch))


def test_every_permutation_is_equally_likely() -> None:
    draws = tf.function(
        lambda: tf.map_fn(lambda step: mixing.draw_partner(tf.stack([5, step]), tf.constant(4)), tf.range(12_000))
    )
    _, counts = np.unique(draws().numpy(), axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-4


# --- cutmix --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("correct_lam", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@given(size=sizes, seed=seeds, alpha=st.floats(0.05, 5), per=st.sampled_from(PERS))
@settings(max_examples=30, deadline=None)
def test_cutmix_pastes_exactly_the_box_of_the_partner(
    correct_lam: bool, dtype: Any, size: tuple[int, int, int], seed: int, alpha: float, per: Per
) -> None:
    op = a_cutmix(alpha, correct_lam=correct_lam, per=per)
    images, labels = make_batch(*size, dtype)
    params = sample(op, *size, seed)
    expected = images.copy()
    weight = params["lam"].astype(np.float64)
    for i, (y1, x1, y2, x2) in enumerate(params["box"]):
        expected[i, y1:y2, x1:x2] = images[params["partner"][i], y1:y2, x1:x2]
        if correct_lam:
            weight[i] = 1 - (y2 - y1) * (x2 - x1) / (size[1] * size[2])
    mixed, soft = apply(op, images, labels, params)
    assert mixed.dtype == dtype
    np.testing.assert_array_equal(mixed, expected)
    np.testing.assert_allclose(params["weight"], weight, rtol=0, atol=1e-6)
    blend = weight[:, None] * labels + (1 - weight[:, None]) * labels[params["partner"]]
    assert soft.dtype == np.float32
    np.testing.assert_allclose(soft, blend, rtol=0, atol=1e-6)
    np.testing.assert_allclose(soft.sum(1), 1, rtol=0, atol=1e-6)


@given(size=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_a_labels_weight_is_the_share_of_pixels_seen_in_the_image(size: tuple[int, int, int], seed: int) -> None:
    batch = size[0]
    images = np.broadcast_to(np.arange(batch, dtype=np.uint8)[:, None, None, None], (*size, 3))  # image i is all i
    params = sample(a_cutmix(), *size, seed)
    mixed, soft = apply(a_cutmix(), images, np.eye(batch, dtype=np.float32), params)
    shares = [[np.mean(image == source) for source in range(batch)] for image in mixed]
    np.testing.assert_allclose(soft, shares, rtol=0, atol=1e-6)


def test_without_correction_lam_as_drawn_weighs_the_label() -> None:
    drawn, exact = (sample(a_cutmix(correct_lam=yes), 256, 32, 48) for yes in (False, True))
    np.testing.assert_array_equal(drawn["weight"], drawn["lam"])
    np.testing.assert_array_equal(drawn["box"], exact["box"])
    assert (exact["weight"] > drawn["weight"] + 0.1).mean() > 0.2  # clipped boxes keep more than lam


def test_an_unmixed_example_has_an_empty_box_and_its_own_label() -> None:
    params = sample(a_cutmix(prob=0.0), 32, 20, 30)
    images, labels = make_batch(32, 20, 30)
    mixed, soft = apply(a_cutmix(prob=0.0), images, labels, params)
    assert (params["lam"] == 1).all()
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_array_equal(soft, labels)


@given(size=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_a_box_is_a_rounded_rectangle_around_a_pixel_of_the_image(size: tuple[int, int, int], seed: int) -> None:
    params = sample(a_cutmix(), *size, seed)
    for lam, box in zip(params["lam"], params["box"], strict=True):
        for start, end, side in ((box[0], box[2], size[1]), (box[1], box[3], size[2])):
            length = round(float(np.float32(side) * np.sqrt(np.float32(1) - lam)))
            around = {(max(c - length // 2, 0), min(c - length // 2 + length, side)) for c in range(side)}
            assert (start, end) in around


HEIGHT, WIDTH = 2000, 3000  # so large that the rounding of the two laws doesn't show


def simulate_paper(alpha: float, count: int) -> NDArray[np.int64]:
    """`rand_bbox` of the paper's code, on an image of HEIGHT x WIDTH: (count, 4) y1, x1, y2, x2."""
    random = np.random.default_rng(1)
    ratio = np.sqrt(1 - random.beta(alpha, alpha, count))
    edges = []
    for side in (HEIGHT, WIDTH):
        cut = (side * ratio).astype(np.int64)
        centre = random.integers(side, size=count)
        edges.append((np.clip(centre - cut // 2, 0, side), np.clip(centre + cut // 2, 0, side)))
    (y1, y2), (x1, x2) = edges
    return np.stack([y1, x1, y2, x2], axis=1)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
def test_boxes_follow_the_papers_law(alpha: float) -> None:
    count = 20_000
    ours, paper = sample(a_cutmix(alpha), count, HEIGHT, WIDTH)["box"], simulate_paper(alpha, count)
    for edge in range(4):
        assert stats.ks_2samp(ours[:, edge], paper[:, edge]).pvalue > 1e-4
    for one, other in zip(_laws(ours), _laws(paper), strict=True):
        assert stats.ks_2samp(one, other).pvalue > 1e-4


def _laws(box: NDArray[Any]) -> list[NDArray[Any]]:
    """Heights, widths, areas and middles of boxes."""
    height, width = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    return [height, width, height * width, box[:, 0] + box[:, 2], box[:, 1] + box[:, 3]]


def test_centres_are_uniform_over_the_pixels_and_independent_of_each_other_and_of_lam() -> None:
    height, width = 10, 14
    params = sample(a_cutmix(), 60_000, height, width)
    small = params["lam"] > 0.8  # less than half a side long, so one end at least is not clipped and tells the centre
    box, lam = params["box"][small], params["lam"][small]
    row, column = _centre(box[:, 0], box[:, 2], lam, height), _centre(box[:, 1], box[:, 3], lam, width)
    counts = np.histogram2d(row, column, bins=(range(height + 1), range(width + 1)))[0]
    assert stats.chisquare(counts.ravel()).pvalue > 1e-4
    assert stats.pearsonr(row, lam).pvalue > 1e-4


def _centre(start: NDArray[Any], end: NDArray[Any], lam: NDArray[Any], side: int) -> NDArray[np.int64]:
    length = np.round(np.float32(side) * np.sqrt(np.float32(1) - lam)).astype(np.int64)
    return np.where(start > 0, start + length // 2, end - length + length // 2)


# --- mixup ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(size=sizes, seed=seeds, alpha=st.floats(0.05, 5), per=st.sampled_from(PERS))
@settings(max_examples=20, deadline=None)
def test_mixup_blends_pixels_and_labels_by_the_same_lam_in_float32(
    policy: str, dtype: Any, size: tuple[int, int, int], seed: int, alpha: float, per: Per
) -> None:
    op = mixing.mixup(alpha, 1.0, per=per)
    images, labels = make_batch(*size, dtype)
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        params = sample(op, *size, seed)
        mixed, soft = apply(op, images, labels, params)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    lam, partner = params["lam"].astype(np.float64), params["partner"]
    share = lam[:, None, None, None]
    assert {array.dtype.name for array in (params["lam"], mixed, soft)} == {"float32"}
    # 255 * 2^-23 is one unit in the last place of float32; float16 would be off by a tenth.
    np.testing.assert_allclose(mixed, share * images + (1 - share) * images[partner].astype(float), rtol=0, atol=6e-5)
    np.testing.assert_allclose(soft, lam[:, None] * labels + (1 - lam[:, None]) * labels[partner], rtol=0, atol=3e-7)


@given(value=st.integers(0, 255), lam=st.floats(0, 1, width=32))
@settings(max_examples=30, deadline=None)
def test_a_blend_of_equal_images_is_that_image(value: int, lam: float) -> None:
    images = np.full((2, 3, 3, 3), value, np.uint8)
    params: dict[str, NDArray[Any]] = {"lam": np.array([lam, lam], np.float32), "partner": np.array([1, 0], np.int32)}
    mixed, _ = apply(mixing.mixup(1.0, 1.0, per="example"), images, np.eye(2, dtype=np.float32), params)
    np.testing.assert_allclose(mixed, images, rtol=0, atol=6e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_unmixed_example_is_left_as_it_is(dtype: Any) -> None:
    op = mixing.mixup(0.2, 0.0, per="example")
    images, labels = make_batch(16, 5, 6, dtype)
    mixed, soft = apply(op, images, labels, sample(op, 16))
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_array_equal(soft, labels)


# --- both ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [a_cutmix(), a_cutmix(per="batch"), mixing.mixup(0.2, 1.0, per="batch")])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_every_parameter_has_a_row_an_example(op: Op, batch: int) -> None:
    assert {values.shape[0] for values in sample(op, batch).values()} == {batch}


@pytest.mark.parametrize("op", [a_cutmix(), mixing.mixup(0.2, 1.0, per="example")])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_of_one_is_mixed_with_itself(op: Op, dtype: Any) -> None:
    images, labels = make_batch(1, 7, 4, dtype)
    mixed, soft = apply(op, images, labels, sample(op, 1, 7, 4))
    np.testing.assert_allclose(mixed, images, rtol=0, atol=6e-5)
    np.testing.assert_allclose(soft, labels, rtol=0, atol=1e-6)


# --- all that mix --------------------------------------------------------------------------------------------------

MIXERS = [name for name, spec in OPS.items() if issubclass(spec, MixingSpec)]


def made(name: str, **settings: Any) -> Op:
    return strategy.op(OPS[name].model_validate(settings))


def sources(params: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """(B, S) whom each image is mixed with."""
    return params["partner"][:, None] if "partner" in params else params["sources"][:, 1:]


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_binary_targets_are_the_largest_of_all_images_that_have_a_weight(name: str, smoothing: float) -> None:
    images, classes = make_batch(24, 16, 12)[0], np.arange(24) % 5
    labels = ((1 - smoothing) * np.eye(5)[classes] + smoothing / 5).astype(np.float32)
    soft, binary = (made(name, labels=kind, prob=0.8) for kind in ("soft", "binary"))
    params = sample(soft, 24, 16, 12)
    for one, other in zip(params.values(), sample(binary, 24, 16, 12).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    weights = apply(soft, images, np.eye(24, dtype=np.float32), params)[1]
    rounding = 0 if name == "mixup" else 1e-6  # its lam may be as small; any other weighs whole pixels
    expected = np.where(weights[..., None] > rounding, labels, 0).max(axis=1)
    mixed, targets = apply(binary, images, labels, params)
    np.testing.assert_array_equal(mixed, apply(soft, images, labels, params)[0])
    np.testing.assert_array_equal(targets, expected)
    assert (targets.sum(axis=1) > 1.5).any()


@pytest.mark.slow
def test_a_chain_of_binary_ops_tells_every_class_in_the_image() -> None:
    chain = strategy.build(load.strategy("[{name: ricap, labels: binary}, {name: mixup, labels: binary}]"))
    images, labels = make_batch(32, 8, 8)[0], np.eye(32, dtype=np.float32)
    targets = chain(tf.constant(images), tf.constant(labels), tf.constant([1, 2], tf.int64))[1].numpy()
    assert set(np.unique(targets)) == {0, 1}
    assert targets.sum(axis=1).max() > 4


@pytest.mark.slow
def test_a_partner_without_a_weight_is_no_target() -> None:
    """XLA's mean of a mask of ones may be a hair below 1: 11 x 11 pixels are such a size."""
    op = made("fmix", labels="binary")
    images, labels = make_batch(4, 11, 11)[0], np.eye(4, dtype=np.float32)
    params = sample(op, 4, 11, 11) | {"share": np.array([1, 0, 1, 0.5], np.float32)}
    params["partner"] = np.array([1, 2, 3, 0], np.int32)
    compiled = tf.function(op.apply, jit_compile=True)
    _, targets = compiled(tf.constant(images), tf.constant(labels), {k: tf.constant(v) for k, v in params.items()})
    np.testing.assert_array_equal(targets, [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 1]])


@pytest.mark.parametrize("name", MIXERS)
def test_per_batch_all_but_the_partners_is_drawn_once(name: str) -> None:
    once, each = (sample(made(name, per=per), 16) for per in ("batch", "example"))
    drawn = once.keys() - {"partner", "sources"}
    assert drawn
    for key in drawn:
        assert (once[key] == once[key][:1]).all()
    assert any((each[key] != each[key][:1]).any() for key in drawn)
    np.testing.assert_array_equal(sources(once), sources(each))


@given(classes=st.lists(st.integers(0, 3), min_size=1, max_size=12), seed=seeds)
@settings(max_examples=60, deadline=None)
def test_a_partner_is_of_another_class_where_there_is_one_and_as_drawn_where_it_fits(
    classes: list[int], seed: int
) -> None:
    of, batch = np.array(classes), len(classes)
    partner = np.random.default_rng(seed).permutation(batch).astype(np.int32)
    found = mixing.other_class(tf.constant(partner), tf.constant(of)).numpy()
    for i in range(batch):
        fitting = [j for j in np.roll(partner, -i) if of[j] != of[i]]
        assert found[i] == (fitting[0] if fitting else partner[i])


@pytest.mark.parametrize("name", MIXERS)
def test_every_op_takes_partners_of_another_class_and_draws_the_same(name: str) -> None:
    classes = np.arange(32) % 2
    op, usual = made(name, partner="other_class", prob=0.9), made(name, prob=0.9)
    drawn = sample(op, 32)
    settled = {k: v.numpy() for k, v in op.settled({k: tf.constant(v) for k, v in drawn.items()}, classes).items()}
    assert (classes[sources(settled)] != classes[:, None]).all()
    assert (classes[sources(drawn)] == classes[:, None]).any()
    for key, values in sample(usual, 32).items():
        np.testing.assert_array_equal(drawn[key], values)
        if key not in ("partner", "sources"):
            np.testing.assert_array_equal(settled[key], values)


def test_the_rule_holds_within_one_of_and_beside_only() -> None:
    ops = "[{name: mixup, partner: other_class, only: [a]}, {name: ricap, partner: other_class}]"
    chain = strategy.build(load.strategy(f"[{{name: one_of, per: example, ops: {ops}}}]"), ("a", "b"))
    classes = tf.constant([0, 1] * 8)
    (params,) = chain.sample(tf.constant([3, 1], tf.int64), tf.zeros([16, 4, 4, 3]), classes)
    of = classes.numpy()
    assert (of[params["0/partner"]] != of).all()
    assert (of[params["1/sources"][:, 1:]] != of[:, None]).all()
    np.testing.assert_array_equal(params["0/chosen"], of == 0)
    with pytest.raises(ValueError, match="the classes of the examples are needed"):
        chain.sample(tf.constant([3, 1], tf.int64), tf.zeros([16, 4, 4, 3]))


@pytest.mark.slow
def test_of_the_other_classes_every_example_is_as_likely() -> None:
    of = np.array([0, 0, 0, 0, 1, 1, 2])
    numbers = tf.range(6000)
    draw = tf.function(
        lambda: tf.map_fn(
            lambda step: mixing.other_class(mixing.draw_partner(tf.stack([5, step]), tf.constant(7)), tf.constant(of)),
            numbers,
        )
    )
    found = draw().numpy()
    for i in range(7):
        counts = np.bincount(found[:, i], minlength=7)
        assert counts[of == of[i]].sum() == 0
        assert stats.chisquare(counts[of != of[i]]).pvalue > 1e-4
