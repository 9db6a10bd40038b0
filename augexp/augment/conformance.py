"""The proofs behind `augexp check mixing`: properties that a library's cutmix, mixup or erasing has, or has not.

Each property is measured from outputs alone, in the same way for every implementation, with fixed seeds. A random
property fails a right implementation with a chance below 1e-4.
"""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy import stats

from augexp.augment import evidence
from augexp.augment.evidence import Boxes, Floats
from augexp.augment.implementations import (
    ERASING,
    FILLING,
    OPS,
    Implementation,
    Library,
    Mix,
    OpName,
    Setting,
    implementation,
)
from augexp.config.ops import Per

SEED = 20_190_513
P_LIMIT = 1e-4
LABEL_LIMIT = 1e-6
GREY_LIMIT = 1e-4  # of a grey level: a few units in the last place of a float32 near 255
ULP_LIMIT = 2.0**-15  # two units in the last place near 255: XLA contracts a multiplication and an addition into one
ALPHAS = (0.1, 0.2, 0.4, 1.0, 3.0)
PERS: tuple[Per, ...] = ("example", "batch")
LAM_BATCH = 1000  # in a random permutation one of them is its own partner
HEIGHT, WIDTH = 128, 192  # large enough that rounding to pixels hides in 10,000 boxes
SIZES = (
    (1, 1, 1), (2, 1, 640), (3, 640, 1), (1, 224, 160), (5, 7, 4), (7, 33, 64), (37, 8, 12), (64, 32, 48),
    (2, 480, 640),
)  # fmt: skip


class Finding(NamedTuple):
    """What was measured, in the words of the table, and whether it is within the limit."""

    ok: bool
    value: str


class Effort(NamedTuple):
    """How much is drawn; the tests of planted faults draw less."""

    draws: int = 100_000  # of lam, per example
    # A draw for a whole batch is a whole step. 20,000 for each of five alphas; other libraries are called from Python.
    batch_draws: int = 20_000
    called_draws: int = 5_000
    images: int = 10_000
    batches: int = 400
    steps: int = 1_000


class Property(NamedTuple):
    """One row: a name, the limit it is held to, and how it is measured; None is a question that can't be asked."""

    name: str
    limit: str
    measure: Callable[[Implementation, Effort], Finding | None]


class Row(NamedTuple):
    """A property of an op, and what each library's implementation showed."""

    op: OpName
    name: str
    limit: str
    findings: dict[str, Finding | None]


def properties(op: OpName) -> list[Property]:
    """The properties of an op, in the order of the table."""
    if op in ERASING:
        return [*ERASURE, *ALL]
    own = CUTMIX if op == "cutmix" else MIXUP
    return [*(lam for per in PERS for alpha in ALPHAS for lam in _lam_rows(alpha, per)), *own, *MIXING, *ALL]


def count() -> int:
    """How many rows `check` yields."""
    return sum(len(properties(op)) for op in OPS)


def check(libraries: Sequence[Library], effort: Effort = Effort()) -> Iterator[Row]:  # noqa: B008
    """Measures every property of each op for each library, a row at a time.

    Raises:
        UserError: if a library isn't installed.
    """
    with _without_tracing_warnings():
        for op in OPS:
            asked_of = [implementation(library, op) for library in libraries]
            for asked in properties(op):
                yield Row(op, asked.name, asked.limit, {one.library: find(asked, one, effort) for one in asked_of})


@contextmanager
def _without_tracing_warnings() -> Iterator[None]:
    # TensorFlow warns of functions that are traced often; here each setting is traced once, and used up.
    logger = tf.get_logger()
    before = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(before)


def find(asked: Property, one: Implementation, effort: Effort) -> Finding | None:
    """Measures one property; an exception is a finding too."""
    try:
        # NaN in the outputs is what is looked for.
        with np.errstate(invalid="ignore"):
            return asked.measure(one, effort)
    except Exception as error:  # other libraries raise all kinds
        return Finding(ok=False, value=type(error).__name__)


def _p_value(p: float) -> Finding:
    return Finding(p >= P_LIMIT, f"p {p:.2g}")


def _at_most(value: float, limit: float) -> Finding:
    return Finding(bool(value <= limit), f"{value:.2g}")


def _none_of(faults: int, of: int) -> Finding:
    return Finding(faults == 0, f"{faults} of {of}")


# --- asking --------------------------------------------------------------------------------------------------------


def _mixed(mix: Mix, images: Any, labels: Any, step: int) -> tuple[NDArray[Any], NDArray[Any]]:
    mixed, soft = mix(images, labels, step)
    return np.asarray(mixed), np.asarray(soft)


def _first_of(one: Implementation, images: Any, labels: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The first batch of a run."""
    mix = _start_any_per(one)
    if mix is None:
        raise ValueError(f"{one.library} has no {one.op}")
    return _mixed(mix, images, labels, 0)


def _identity(batch: int) -> NDArray[np.float32]:
    return np.eye(batch, dtype=np.float32)


def _noise(batch: int, height: int, width: int, dtype: Any = np.float32) -> NDArray[Any]:
    return np.random.default_rng([batch, height, width]).uniform(0, 255, (batch, height, width, 3)).astype(dtype)


# --- lam -----------------------------------------------------------------------------------------------------------


def _lam_rows(alpha: float, per: Per) -> tuple[Property, Property]:
    law, theory = f"lam ~ Beta({alpha:g}, {alpha:g}) per {per}", stats.beta(alpha, alpha).var()
    return (
        Property(law, f"p > {P_LIMIT:.0e}", partial(_lam_law, alpha=alpha, per=per)),
        Property("  its mean, variance", f"0.500 {theory:.3f}", partial(_lam_moments, alpha=alpha, per=per)),
    )


def _lam_law(one: Implementation, effort: Effort, alpha: float, per: Per) -> Finding | None:
    lam = _lam(one, effort, Setting(alpha, per=per, correct_lam=False))
    return None if lam is None else _p_value(evidence.beta_p(lam, alpha))


def _lam_moments(one: Implementation, effort: Effort, alpha: float, per: Per) -> Finding | None:
    lam = _lam(one, effort, Setting(alpha, per=per, correct_lam=False))
    if lam is None:
        return None
    shown = f"{lam.mean(dtype=np.float64):.3f} {lam.var(dtype=np.float64):.3f}"
    own = 1 / LAM_BATCH if per == "example" else 0.0
    return Finding(evidence.moments_p(lam, alpha, own) >= P_LIMIT, shown)


def _default_lam(one: Implementation, effort: Effort) -> Finding | None:
    lam = _lam(one, effort, Setting(alpha=None, correct_lam=False))
    return None if lam is None else _p_value(evidence.beta_p(lam, 1.0))


@cache
def _lam(one: Implementation, effort: Effort, setting: Setting) -> Floats | None:
    """Draws of lam, read from identity labels."""
    mix = one.start(setting, SEED)
    if mix is None:
        return None
    if setting.per == "example":
        return _lam_of_batches(mix, effort.draws)
    if one.draw_lam is not None:
        drawn: Floats = one.draw_lam(setting, SEED, effort.batch_draws)
        return drawn
    return _lam_of_calls(mix, effort.called_draws)


def _lam_of_batches(mix: Mix, count: int) -> Floats:
    images, labels = _noise(LAM_BATCH, 2, 3), _identity(LAM_BATCH)
    return np.concatenate(
        [evidence.read_labels(_mixed(mix, images, labels, step)[1]).lam for step in range(count // LAM_BATCH)]
    )


def _lam_of_calls(mix: Mix, count: int) -> Floats:
    """One lam a batch; that all ten examples are their own partners, and look like lam = 1, is too rare to show."""
    images, labels = _noise(10, 2, 3), _identity(10)
    return np.array([_mixed(mix, images, labels, step)[1].diagonal().min() for step in range(count)])


# --- cutmix --------------------------------------------------------------------------------------------------------


class _Cut(NamedTuple):
    boxes: NDArray[np.int64]  # (N, 4)
    foreign: int
    ragged: int
    label_error: float
    row_error: float


@cache
def _cut(one: Implementation, effort: Effort) -> _Cut | None:
    """Mixes `effort.images` marked images, and reads them."""
    mix = _start_any_per(one)
    if mix is None:
        return None
    # One box a batch would be one draw of the law: it takes as many batches.
    batch = 250 if one.start(Setting(), SEED) is not None else 10
    images, labels = evidence.marked(batch, HEIGHT, WIDTH, one.images), _identity(batch)
    seen = []
    for step in range(effort.images // batch):
        mixed, soft = _mixed(mix, images, labels, step)
        read = evidence.read_pasted(mixed)
        # A batch with one box for all tells its law once, by an example that isn't its own partner.
        boxes = read.box if batch == 250 else read.box[[read.share.argmax()]]
        errors = evidence.label_error(soft, read), evidence.row_error(soft)
        seen.append(_Cut(boxes, read.foreign, read.ragged, *errors))
    return _Cut(
        np.concatenate([cut.boxes for cut in seen]),
        sum(cut.foreign for cut in seen),
        sum(cut.ragged for cut in seen),
        float(np.max([cut.label_error for cut in seen])),
        float(np.max([cut.row_error for cut in seen])),
    )


def _start_any_per(one: Implementation, setting: Setting = Setting()) -> Mix | None:  # noqa: B008
    """A run per example, or per batch where there is nothing else."""
    return one.start(setting, SEED) or one.start(setting._replace(per="batch"), SEED)


def _foreign(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else Finding(cut.foreign == 0, str(cut.foreign))


def _ragged(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else Finding(cut.ragged == 0, str(cut.ragged))


def _label_share(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else _at_most(cut.label_error, LABEL_LIMIT)


def _cut_rows(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else _at_most(cut.row_error, LABEL_LIMIT)


@cache
def _box_p(one: Implementation, effort: Effort) -> Boxes | None:
    cut = _cut(one, effort)
    return None if cut is None else evidence.box_p(cut.boxes, 1.0, HEIGHT, WIDTH)


def _box_law(one: Implementation, effort: Effort, part: str) -> Finding | None:
    p = _box_p(one, effort)
    return None if p is None else _p_value(getattr(p, part))


# --- mixup ---------------------------------------------------------------------------------------------------------


class _Blend(NamedTuple):
    grey_error: float
    label_error: float
    row_error: float


@cache
def _blend(one: Implementation, effort: Effort) -> _Blend | None:
    mix = _start_any_per(one)
    if mix is None:
        return None
    images, labels = _noise(250, 16, 24), _identity(250)
    seen = []
    for step in range(effort.images // len(images)):
        mixed, soft = _mixed(mix, images, labels, step)
        read = evidence.read_labels(soft)
        weight = evidence.blend_weight(images, mixed, read.partner)
        other = read.partner != np.arange(len(images))
        weight_error = float(np.abs(weight - read.lam)[other].max())
        seen.append(_Blend(evidence.blend_error(images, mixed, soft), weight_error, evidence.row_error(soft)))
    return _Blend(*np.max(seen, axis=0).tolist())


def _blend_grey(one: Implementation, effort: Effort) -> Finding | None:
    blend = _blend(one, effort)
    return None if blend is None else _at_most(blend.grey_error, GREY_LIMIT)


def _blend_share(one: Implementation, effort: Effort) -> Finding | None:
    blend = _blend(one, effort)
    return None if blend is None else _at_most(blend.label_error, LABEL_LIMIT)


def _blend_rows(one: Implementation, effort: Effort) -> Finding | None:
    blend = _blend(one, effort)
    return None if blend is None else _at_most(blend.row_error, LABEL_LIMIT)


# --- erasing -------------------------------------------------------------------------------------------------------


class _Erasure(NamedTuple):
    foreign: int
    ragged: int
    label_error: float


@cache
def _erasure(one: Implementation, effort: Effort) -> _Erasure | None:
    mix = one.start(Setting(), SEED)
    if mix is None:
        return None
    images, labels = evidence.marked(250, HEIGHT, WIDTH, one.images), _identity(250)
    seen = []
    for step in range(effort.images // len(images)):
        mixed, soft = _mixed(mix, images, labels, step)
        read = evidence.read_erased(mixed, FILLING)
        seen.append(_Erasure(read.foreign, read.ragged, float(np.abs(soft - labels).max())))
    return _Erasure(
        sum(erasure.foreign for erasure in seen),
        sum(erasure.ragged for erasure in seen),
        float(np.max([erasure.label_error for erasure in seen])),
    )


def _erasure_foreign(one: Implementation, effort: Effort) -> Finding | None:
    erasure = _erasure(one, effort)
    return None if erasure is None else Finding(erasure.foreign == 0, str(erasure.foreign))


def _erasure_ragged(one: Implementation, effort: Effort) -> Finding | None:
    erasure = _erasure(one, effort)
    return None if erasure is None else Finding(erasure.ragged == 0, str(erasure.ragged))


def _erasure_labels(one: Implementation, effort: Effort) -> Finding | None:
    erasure = _erasure(one, effort)
    return None if erasure is None else _at_most(erasure.label_error, 0.0)


def _erasure_prob(one: Implementation, effort: Effort, prob: float = 0.3) -> Finding | None:
    mix = one.start(Setting(prob=prob), SEED)
    if mix is None:
        return None
    # Large enough that every box has a pixel.
    images, labels = evidence.marked(250, 32, 48, one.images), _identity(250)
    shares = [
        evidence.read_erased(_mixed(mix, images, labels, step)[0], FILLING).share
        for step in range(effort.images // len(images))
    ]
    changed = int((np.concatenate(shares) > 0).sum())
    of = sum(map(len, shares))
    return Finding(evidence.share_p(changed, of, prob) >= P_LIMIT, f"{changed / of:.3f}")


# --- partners and prob ---------------------------------------------------------------------------------------------


def _partner(one: Implementation, effort: Effort) -> Finding | None:
    mix = _start_any_per(one)
    if mix is None:
        return None
    images, labels = _noise(16, 32, 48), _identity(16)
    seen = [evidence.read_labels(_mixed(mix, images, labels, step)[1]).partner for step in range(effort.batches)]
    return _p_value(evidence.partner_p(np.array(seen)))


def _prob(one: Implementation, effort: Effort, per: Per, prob: float = 0.3) -> Finding | None:
    mix = one.start(Setting(prob=prob, per=per, correct_lam=False), SEED)
    if mix is None:
        return None
    lam = _lam_of_batches(mix, effort.images) if per == "example" else _lam_of_calls(mix, effort.steps)
    mixed = int((lam < 1).sum())
    return Finding(evidence.share_p(mixed, len(lam), prob) >= P_LIMIT, f"{mixed / len(lam):.3f}")


# --- sizes, types and policies -------------------------------------------------------------------------------------


def _sizes(one: Implementation, _effort: Effort, dtype: Any) -> Finding | None:
    if _start_any_per(one) is None:
        return None
    faults = [size for size in SIZES if not _holds(one, size, dtype)]
    return _none_of(len(faults), len(SIZES))


def _holds(one: Implementation, size: tuple[int, int, int], dtype: Any) -> bool:
    """Whether pixels and labels of one batch agree."""
    op = one.op
    images, labels = (_noise if op == "mixup" else evidence.marked)(*size, dtype), _identity(size[0])
    try:
        # A run for each size: one run for all would trace a graph of unknown sizes, which Keras's layers can't do.
        mixed, soft = _first_of(one, images, labels)
    except Exception:  # other libraries raise all kinds
        return False
    if mixed.shape != images.shape or soft.shape != labels.shape:
        return False
    if op == "mixup":
        return evidence.blend_error(images, mixed, soft) <= GREY_LIMIT
    if op in ERASING:
        erased = evidence.read_erased(mixed, FILLING)
        return erased.foreign == erased.ragged == 0 and bool((soft == labels).all())
    read = evidence.read_pasted(mixed)
    return read.foreign == read.ragged == 0 and evidence.label_error(soft, read) <= LABEL_LIMIT


def _policy(one: Implementation, _effort: Effort, policy: str) -> Finding | None:
    with _dtype_policy(policy):
        mix = _start_any_per(one)
        if mix is None or not one.in_graph:
            return None
        # 300 x 300 pixels are more than float16 can count.
        soft = _mixed(mix, evidence.marked(8, 300, 300), _identity(8), 0)[1]
    error = evidence.row_error(soft)
    if soft.dtype != np.float32:
        return Finding(ok=False, value=soft.dtype.name)
    return _at_most(error, LABEL_LIMIT)


@contextmanager
def _dtype_policy(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


# --- refusals ------------------------------------------------------------------------------------------------------


def _refusal(ask: Callable[[], object], words: Sequence[str]) -> Finding:
    """Whether a question is refused in words that name what is wrong with it."""
    try:
        ask()
    except Exception as error:  # other libraries raise all kinds
        clear = any(word in str(error) for word in words)
        return Finding(clear, "refused" if clear else f"unclear: {type(error).__name__}")
    return Finding(ok=False, value="accepted")


def _class_numbers(one: Implementation, _effort: Effort) -> Finding | None:
    mix = _start_any_per(one)
    if mix is None or one.takes_class_numbers:
        return None
    return _refusal(lambda: mix(_noise(8, 6, 9), np.arange(8, dtype=np.int32), 0), ("label",))


def _alpha_range(one: Implementation, _effort: Effort) -> Finding | None:
    if _start_any_per(one) is None:
        return None
    return _worst([_refusal(lambda alpha=alpha: _use(one, Setting(alpha)), ("alpha", "factor")) for alpha in (0, -1)])  # type: ignore[misc]


def _prob_range(one: Implementation, _effort: Effort) -> Finding | None:
    if one.start(Setting(prob=0.5), SEED) is None:
        return None
    return _worst([_refusal(lambda prob=prob: _use(one, Setting(prob=prob)), ("prob",)) for prob in (-0.1, 1.1)])  # type: ignore[misc]


def _use(one: Implementation, setting: Setting) -> None:
    mix = _start_any_per(one, setting)
    if mix is not None:
        mix(_noise(8, 6, 9), _identity(8), 0)


def _worst(findings: Sequence[Finding]) -> Finding:
    return next((one for one in findings if not one.ok), findings[0])


# --- the same again ------------------------------------------------------------------------------------------------


def _threads(one: Implementation, effort: Effort) -> Finding | None:
    if not one.in_graph or _start_any_per(one) is None:
        return None
    steps = min(effort.steps, 64)
    alone, eight = (_digests_of_data(one, steps, threads) for threads in (1, 8))
    return _none_of(sum(a != b for a, b in zip(alone, eight, strict=True)), steps)


def _digests_of_data(one: Implementation, steps: int, threads: int) -> list[bytes]:
    """What tf.data gets from a run, step by step."""
    mix = _start_any_per(one)
    if mix is None:
        raise ValueError(f"{one.library} has no {one.op}")
    images, labels = tf.constant(_noise(16, 32, 48)), tf.constant(_identity(16))
    numbers = tf.data.Dataset.range(steps)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return mix(images, labels, step)

    batches = numbers.map(batch, num_parallel_calls=threads, deterministic=True)
    return [_digest(*batch) for batch in batches.as_numpy_iterator()]


def _digest(images: NDArray[Any], labels: NDArray[Any]) -> bytes:
    return hashlib.sha256(images.tobytes() + labels.tobytes()).digest()


def _eager(one: Implementation, _effort: Effort, limit: float) -> Finding | None:
    if not one.in_graph or _start_any_per(one) is None:
        return None
    compiled = _first_batch(one)
    tf.config.run_functions_eagerly(True)
    try:
        eager = _first_batch(one)
    finally:
        tf.config.run_functions_eagerly(False)
    pixels, labels = (float(np.abs(a.astype(float) - b).max()) for a, b in zip(compiled, eager, strict=True))
    return Finding(pixels <= limit and labels <= 2.0**-23, f"{pixels:.2g}")


def _first_batch(one: Implementation) -> tuple[NDArray[Any], NDArray[Any]]:
    return _first_of(one, _noise(16, 32, 48), _identity(16))


def fingerprint(one: Implementation) -> str:
    """A hash of the first batch of a run; `-` where the library has no such op."""
    return "-" if _start_any_per(one) is None else _digest(*_first_batch(one)).hex()


def _second_run(one: Implementation, _effort: Effort) -> Finding | None:
    if _start_any_per(one) is None:
        return None
    same = fingerprint(one) == fingerprint(one)
    return Finding(same, "same" if same else "differs")


def _second_process(one: Implementation, _effort: Effort) -> Finding | None:
    if _start_any_per(one) is None:
        return None
    same = fingerprint(one) == _fingerprints_elsewhere(one.library)[OPS.index(one.op)]
    return Finding(same, "same" if same else "differs")


PRINT_FINGERPRINTS = """
import sys
from augexp import device
device.load_tensorflow()
from augexp.augment import conformance, implementations
for op in implementations.OPS:
    print(conformance.fingerprint(implementations.implementation(sys.argv[1], op)))
"""


@cache
def _fingerprints_elsewhere(library: Library) -> list[str]:
    """The fingerprints of a library's ops in a process of their own."""
    command = [sys.executable, "-c", PRINT_FINGERPRINTS, library]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return answer.split()[-len(OPS) :]


def _repeats(one: Implementation, effort: Effort) -> Finding | None:
    mix = _start_any_per(one)
    if mix is None:
        return None
    # So large that neither a box for a whole batch nor the permutation that changes nothing comes twice by chance.
    images, labels = _noise(10, 160, 224), _identity(10)
    repeats = evidence.repeats(lambda step: _digest(*_mixed(mix, images, labels, step)), effort.steps)
    return _none_of(repeats, effort.steps)


# --- the table -----------------------------------------------------------------------------------------------------

_P = f"p > {P_LIMIT:.0e}"

CUTMIX = (
    Property("lam ~ Beta(1, 1) by default", _P, _default_lam),
    Property("pixels from neither source", "0", _foreign),
    Property("images whose paste is no box", "0", _ragged),
    Property("label weight - pixel share", f"≤ {LABEL_LIMIT:.0e}", _label_share),
    Property("label rows - 1", f"≤ {LABEL_LIMIT:.0e}", _cut_rows),
    *(
        Property(f"box {part.replace('_', ' ')}: the paper's law", _P, partial(_box_law, part=part))
        for part in Boxes._fields
    ),
    Property("eager - compiled, grey levels", "0", partial(_eager, limit=0.0)),
)
MIXUP = (
    Property("pixels - blend, grey levels", f"≤ {GREY_LIMIT:.0e}", _blend_grey),
    Property("label weight - pixel weight", f"≤ {LABEL_LIMIT:.0e}", _blend_share),
    Property("label rows - 1", f"≤ {LABEL_LIMIT:.0e}", _blend_rows),
    Property("eager - compiled, grey levels", f"≤ {ULP_LIMIT:.0e}", partial(_eager, limit=ULP_LIMIT)),
)
MIXING = (
    Property("partner uniform", _P, _partner),
    *(Property(f"prob 0.3 per {per}", "0.300", partial(_prob, per=per)) for per in PERS),
    Property("alpha 0 and -1", "refused", _alpha_range),
)
ERASURE = (
    Property("pixels of neither image nor fill", "0", _erasure_foreign),
    Property("images whose erasure is no box", "0", _erasure_ragged),
    Property("label changes", "0", _erasure_labels),
    Property("prob 0.3 per example", "0.300", _erasure_prob),
    Property("eager - compiled, grey levels", "0", partial(_eager, limit=0.0)),
)
ALL = (
    *(
        Property(f"{len(SIZES)} sizes, 1 to 640 px, {dtype.__name__}", "0 wrong", partial(_sizes, dtype=dtype))
        for dtype in (np.uint8, np.float32)
    ),
    *(
        Property(f"float32 labels, {policy}", f"≤ {LABEL_LIMIT:.0e}", partial(_policy, policy=policy))
        for policy in ("mixed_float16", "mixed_bfloat16")
    ),
    Property("class numbers as labels", "refused", _class_numbers),
    Property("prob -0.1 and 1.1", "refused", _prob_range),
    Property("steps unlike, 1 and 8 threads", "0", _threads),
    Property("same seed again", "same", _second_run),
    Property("same seed, other process", "same", _second_process),
    Property("repeats in 1,000 steps", "0", _repeats),
)
