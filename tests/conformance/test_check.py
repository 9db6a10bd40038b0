"""`augexp check mixing`: augexp's own ops hold, and each property catches the fault that it is there for."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from augexp.conformance import check, determinism, laws, libraries, markers, table
from augexp.conformance.check import Row
from augexp.conformance.libraries import Implementation, Mix, OpName, Setting
from augexp.conformance.mixing import PERS
from augexp.conformance.property import Effort, Finding

QUICK = Effort(draws=4_000, batch_draws=1_000, called_draws=1_000, images=1_000, batches=100, steps=100)
Images = NDArray[Any]
MIXING: tuple[OpName, ...] = ("cutmix", "mixup")


def find(op: OpName, name: str, one: Implementation, effort: Effort = QUICK) -> Finding:
    (asked,) = [row for row in check.properties(op) if row.name == name]
    found = check.find(asked, one, effort)
    assert found is not None
    return found


# --- ours ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("op", libraries.OPS)
def test_every_property_of_augexps_own_ops_holds(op: OpName) -> None:
    ours = libraries.implementation("augexp", op)
    found = {asked.name: check.find(asked, ours, QUICK) for asked in check.properties(op)}
    assert {name: finding for name, finding in found.items() if finding is None or not finding.ok} == {}


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


# --- a right implementation in NumPy, with room for faults ---------------------------------------------------------


class Reference:
    """cutmix or mixup by the papers; a test replaces a step of it by a wrong one."""

    label_shift = 0.0
    pixel_shift = 0.0
    label_type: Any = np.float32
    checks = True

    def __init__(self, op: OpName) -> None:
        self.op, self.random = op, np.random.default_rng(0)

    def implementation(self) -> Implementation:
        return Implementation("augexp", self.op, self.start, in_graph=False, images=np.float32)

    def start(self, setting: Setting, seed: int) -> Mix | None:
        alpha = 1.0 if setting.alpha is None else setting.alpha
        if self.checks and alpha <= 0:
            raise ValueError("alpha must be positive")
        if self.checks and not 0 <= setting.prob <= 1:
            raise ValueError("prob must be in [0, 1]")

        def mix(images: Images, labels: Images, step: int) -> tuple[Images, Images]:
            if self.checks and labels.ndim != 2:
                raise ValueError("labels must be one-hot")
            self.random = np.random.default_rng([seed, self.key(step)])
            batch = len(images)
            count = 1 if setting.per == "batch" else batch
            mixed = self.random.uniform(size=count) < setting.prob
            lam = np.broadcast_to(np.where(mixed, self.beta(max(alpha, 1e-3), count), 1.0), batch)
            return self.apply(images, labels, lam, self.partners(batch), setting)

        return mix

    def beta(self, alpha: float, count: int) -> Images:
        return self.random.beta(alpha, alpha, count)

    def partners(self, batch: int) -> Images:
        return self.random.permutation(batch)

    def limits(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def weight(self, kept: float, _unclipped: float) -> float:
        return kept

    def key(self, step: int) -> int:
        return step

    def apply(
        self, images: Images, labels: Images, lam: Images, partner: Images, setting: Setting
    ) -> tuple[Images, Images]:
        if self.op == "mixup":
            share = lam[:, None, None, None]
            mixed = share * images + (1 - share) * images[partner] + self.pixel_shift
            return mixed.astype(np.float32), self.labels(labels, lam, partner)
        mixed, weight = images.copy(), lam.copy()
        height, width = images.shape[1:3]
        shared = self.random.uniform(size=2)
        for i in range(len(images)):
            y, x = shared if setting.per == "batch" else self.random.uniform(size=2)
            tall, wide = (round(side * np.sqrt(1 - lam[i])) for side in (height, width))
            top, left = int(y * height) - tall // 2, int(x * width) - wide // 2
            rows, columns = self.limits(height, width)
            y1, y2, x1, x2 = max(top, 0), min(top + tall, rows), max(left, 0), min(left + wide, columns)
            mixed[i, y1:y2, x1:x2] = images[partner[i], y1:y2, x1:x2] + self.pixel_shift
            kept = 1 - max(0, min(y2, height) - y1) * max(0, min(x2, width) - x1) / (height * width)
            if setting.correct_lam:
                weight[i] = self.weight(kept, 1 - tall * wide / (height * width))
        return mixed, self.labels(labels, weight, partner)

    def labels(self, labels: Images, weight: Images, partner: Images) -> Images:
        mixed = weight[:, None] * labels + (1 - weight[:, None]) * labels[partner] if labels.ndim == 2 else labels
        shifted: Images = (mixed + self.label_shift).astype(self.label_type)
        return shifted


def reference(op: OpName, **faults: Any) -> Implementation:
    faulty: type[Reference] = type("Faulty", (Reference,), faults)
    return faulty(op).implementation()


# It lives in this process only, and not in TensorFlow's graphs.
ASKABLE = {op: [asked for asked in check.properties(op) if asked.name != "same seed, other process"] for op in MIXING}


@pytest.mark.slow
@pytest.mark.parametrize("op", MIXING)
def test_a_right_implementation_holds(op: OpName) -> None:
    found = {asked.name: check.find(asked, reference(op), QUICK) for asked in ASKABLE[op]}
    assert {name: finding for name, finding in found.items() if finding is not None and not finding.ok} == {}


FAULTS: list[tuple[OpName, str, dict[str, Any]]] = [
    # Beta(1, 1) whatever alpha is
    *(
        (op, f"lam ~ Beta(0.2, 0.2) per {per}", {"beta": lambda self, _alpha, count: self.random.uniform(size=count)})
        for op in MIXING
        for per in PERS
    ),
    # the right mean, another variance
    ("mixup", "  its mean, variance", {"beta": lambda self, alpha, count: self.random.beta(alpha + 1, alpha + 1, count)}),  # noqa: E501
    # coarse: lam in steps of 1/64
    ("mixup", "lam ~ Beta(1, 1) per example", {"beta": lambda self, alpha, count: np.round(64 * self.random.beta(alpha, alpha, count)) / 64}),  # noqa: E501
    # alpha drawn from U(0, 1)
    ("cutmix", "lam ~ Beta(1, 1) by default", {"beta": lambda self, alpha, count: self.random.beta(*2 * [self.random.uniform(1e-6, alpha)], count)}),  # noqa: E501
    # the label's weight by the box before clipping
    ("cutmix", "label weight - pixel share", {"weight": lambda _self, _kept, unclipped: unclipped}),
    ("cutmix", "label weight - pixel share", {"label_shift": 1e-3}),
    ("cutmix", "label rows - 1", {"label_shift": 1e-3}),
    ("mixup", "label weight - pixel weight", {"label_shift": 1e-3}),
    ("mixup", "label rows - 1", {"label_shift": 1e-3}),
    ("cutmix", "pixels from neither source", {"pixel_shift": 0.5}),
    ("mixup", "pixels - blend, grey levels", {"pixel_shift": 0.5}),
    # height and width swapped
    *(
        ("cutmix", f"box {part}: the paper's law", {"limits": lambda _self, height, width: (width, height)})
        for part in ("width", "area", "centre x")
    ),
    # rows are clipped with the width: what stays open below is cut off by the array, so the box is right; not so above
    ("cutmix", "box height: the paper's law", {"limits": lambda _self, height, width: (height // 2, width)}),
    ("cutmix", "box centre y: the paper's law", {"limits": lambda _self, height, width: (height // 2, width)}),
    *((op, "partner uniform", {"partners": lambda _self, batch: np.roll(np.arange(batch), 1)}) for op in MIXING),
    *((op, "repeats in 1,000 steps", {"key": lambda _self, step: step % 99}) for op in MIXING),
    *((op, "same seed again", {"key": lambda _self, _step: np.random.default_rng().integers(2**31)}) for op in MIXING),
    *((op, "class numbers as labels", {"checks": False}) for op in MIXING),
    *((op, "alpha 0 and -1", {"checks": False}) for op in MIXING),
    *((op, "prob -0.1 and 1.1", {"checks": False}) for op in MIXING),
    ("mixup", "prob 0.3 per example", {"beta": lambda _self, _alpha, count: np.ones(count)}),
    ("mixup", "prob 0.3 per batch", {"beta": lambda _self, _alpha, count: np.ones(count)}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "name", "fault"), FAULTS, ids=[f"{op}: {name.strip()}" for op, name, _ in FAULTS])
def test_a_fault_is_caught(op: OpName, name: str, fault: dict[str, Any]) -> None:
    asked = [row for row in check.properties(op) if row.name == name]
    found = [check.find(row, reference(op, **fault), QUICK) for row in asked]
    assert any(finding is not None and not finding.ok for finding in found)


# --- faults that only TensorFlow's functions show ------------------------------------------------------------------


def drawn_from_a_global_state() -> Implementation:
    """Keras's way: each call takes the next state, whoever calls first."""
    return libraries.implementation("keras", "mixup")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_labels_in_half_precision_are_caught(policy: str) -> None:
    found = find("mixup", f"float32 labels, {policy}", drawn_from_a_global_state())
    assert not found.ok


def test_keras_draws_depend_on_the_number_of_threads_and_take_class_numbers() -> None:
    keras = drawn_from_a_global_state()
    assert not find("mixup", "class numbers as labels", keras).ok
    assert find("mixup", "pixels - blend, grey levels", keras).ok


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
    monkeypatch.setattr(determinism, "_fingerprints_elsewhere", lambda _library: ["one", "another"])
    assert not find("mixup", "same seed, other process", reference("mixup")).ok


# --- evidence ------------------------------------------------------------------------------------------------------


def test_marked_images_tell_partner_box_and_share() -> None:
    images = markers.marked(3, 300, 20)
    mixed = images.copy()
    mixed[0, 270:290, 5:9] = images[2, 270:290, 5:9]
    read = markers.read_pasted(mixed)
    np.testing.assert_array_equal(read.partner, [2, 1, 2])
    np.testing.assert_array_equal(read.box, [[270, 5, 290, 9], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(read.share, [80 / 6000, 0, 0])
    assert (read.foreign, read.ragged) == (0, 0)


@pytest.mark.parametrize(
    ("spoil", "foreign", "ragged"),
    [
        (lambda mixed, images: mixed.__setitem__((0, 3, 4), images[1, 4, 4]), 1, 0),  # from another row
        (lambda mixed, images: mixed.__setitem__((0, 3, 4), images[1, 3, 5]), 1, 0),  # from another column
        (lambda mixed, images: mixed.__setitem__((0, slice(2, 5, 2), 4), images[1, 2:5:2, 4]), 0, 1),  # a gap
        (lambda mixed, images: mixed.__setitem__((0, 3, slice(4, 6)), [images[1, 3, 4], images[2, 3, 5]]), 1, 0),
        (lambda mixed, _images: mixed.__setitem__((0, 3, 4), 77), 1, 0),
    ],
)
def test_pixels_of_no_source_and_gaps_are_counted(spoil: Any, foreign: int, ragged: int) -> None:
    images = markers.marked(3, 8, 12)
    mixed = images.copy()
    spoil(mixed, images)
    read = markers.read_pasted(mixed)
    assert (read.foreign, read.ragged) == (foreign, ragged)


def test_uniform_permutations_pass_and_too_even_ones_do_not() -> None:
    random = np.random.default_rng(0)
    draws = np.array([random.permutation(6) for _ in range(600)])
    assert laws.partner_p(draws) > 1e-3
    even = np.array([np.roll(np.arange(6), step) for step in range(600)])
    assert laws.partner_p(even) < 1e-9


def test_p_values_of_right_draws_are_uniform() -> None:
    from scipy import stats

    random = np.random.default_rng(0)
    found = [laws.beta_p(random.beta(0.4, 0.4, 500), 0.4) for _ in range(400)]
    # Twice the smaller of two p values is a little too large at most.
    assert np.mean(np.array(found) < 0.1) < 0.15
    moments = [laws.moments_p(random.beta(0.4, 0.4, 2000), 0.4, own=0.0) for _ in range(400)]
    assert stats.binomtest(int((np.array(moments) < 0.1).sum()), 400, 0.1).pvalue > 1e-4


# --- the table -----------------------------------------------------------------------------------------------------


def rows(ours: Finding | None, theirs: Finding | None = None) -> list[Row]:
    return [Row("cutmix", "label rows - 1", "1e-06", {"augexp": ours, "keras": theirs})]


def test_only_our_failures_decide() -> None:
    good, bad = Finding(ok=True, value="0"), Finding(ok=False, value="0.3")
    assert table.ours_fail(rows(bad, good))
    assert not table.ours_fail(rows(good, bad))
    assert not table.ours_fail(rows(None, bad))
    assert table.summary(rows(good, bad)) == "augexp: 1 of 1 hold; keras: 0 of 1 hold"
    assert table.summary(rows(None, good)) == "augexp: 0 of 0 hold; keras: 1 of 1 hold"


def test_a_third_library_stands_in_a_table_of_its_own_beside_ours() -> None:
    finding = Finding(ok=True, value="0")
    row = Row("cutmix", "label rows - 1", "0", dict.fromkeys(("augexp", "keras", "timm", "torchvision"), finding))
    tables = table.tables([row, row._replace(op="mixup")])
    headings = [[str(column.header) for column in table.columns] for table in tables]
    assert headings == [
        ["cutmix", "limit", "augexp", "keras", "timm"],
        ["cutmix", "limit", "augexp", "torchvision"],
        ["mixup", "limit", "augexp", "keras", "timm"],
        ["mixup", "limit", "augexp", "torchvision"],
    ]
    assert [table.row_count for table in tables] == [1, 1, 1, 1]


def test_an_exception_is_a_finding() -> None:
    def start(_setting: Setting, _seed: int) -> Mix:
        raise RuntimeError("no such thing")

    found = find("mixup", "label rows - 1", Implementation("augexp", "mixup", start))
    assert found == Finding(ok=False, value="RuntimeError")
