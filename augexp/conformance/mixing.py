"""The properties of ops that mix: the laws of cutmix and mixup, and what holds for any other."""

from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from augexp.config.ops import OPS, MixingSpec, Per
from augexp.conformance import laws, markers
from augexp.conformance.contracts import refusal, use, worst
from augexp.conformance.determinism import eager
from augexp.conformance.laws import Boxes
from augexp.conformance.libraries import Implementation, Mix, Setting
from augexp.conformance.markers import Floats, Ints
from augexp.conformance.property import (
    GREY_LIMIT,
    HEIGHT,
    LABEL_LIMIT,
    P_LIMIT,
    SEED,
    ULP_LIMIT,
    WIDTH,
    Effort,
    Finding,
    P,
    Property,
    at_most,
    identity,
    mix_batch,
    noise,
    p_value,
    start_any_per,
)

ALPHAS = (0.1, 0.2, 0.4, 1.0, 3.0)
PERS: tuple[Per, ...] = ("example", "batch")
MOST_UNMIXED = 0.25  # of images that have a partner: a grid may take no cell from it
LAM_BATCH = 1000  # in a random permutation one of them is its own partner


def lam_rows(alpha: float, per: Per) -> tuple[Property, Property]:
    """That lam follows its Beta law, and has its mean and variance."""
    law, theory = f"lam ~ Beta({alpha:g}, {alpha:g}) per {per}", stats.beta(alpha, alpha).var()
    return (
        Property(law, f"p > {P_LIMIT:.0e}", partial(_lam_law, alpha=alpha, per=per)),
        Property("  its mean, variance", f"0.500 {theory:.3f}", partial(_lam_moments, alpha=alpha, per=per)),
    )


def _lam_law(one: Implementation, effort: Effort, alpha: float, per: Per) -> Finding | None:
    lam = _lam(one, effort, Setting(alpha, per=per, correct_lam=False))
    return None if lam is None else p_value(laws.beta_p(lam, alpha))


def _lam_moments(one: Implementation, effort: Effort, alpha: float, per: Per) -> Finding | None:
    lam = _lam(one, effort, Setting(alpha, per=per, correct_lam=False))
    if lam is None:
        return None
    shown = f"{lam.mean(dtype=np.float64):.3f} {lam.var(dtype=np.float64):.3f}"
    own = 1 / LAM_BATCH if per == "example" else 0.0
    return Finding(laws.moments_p(lam, alpha, own) >= P_LIMIT, shown)


def _default_lam(one: Implementation, effort: Effort) -> Finding | None:
    lam = _lam(one, effort, Setting(alpha=None, correct_lam=False))
    return None if lam is None else p_value(laws.beta_p(lam, 1.0))


@cache
def _lam(one: Implementation, effort: Effort, setting: Setting) -> Floats | None:
    """Draws of lam, read from identity labels."""
    mix = one.start(setting, SEED)
    if mix is None:
        return None
    if setting.per == "example":
        return lam_of_batches(mix, effort.draws)
    if one.draw_lam is not None:
        drawn: Floats = one.draw_lam(setting, SEED, effort.batch_draws)
        return drawn
    return lam_of_calls(mix, effort.called_draws)


def lam_of_batches(mix: Mix, count: int) -> Floats:
    """(count,) lam in [0, 1], read from the labels of batches that draw one an example."""
    images, labels = noise(LAM_BATCH, 2, 3), identity(LAM_BATCH)
    return np.concatenate(
        [markers.read_labels(mix_batch(mix, images, labels, step)[1]).lam for step in range(count // LAM_BATCH)]
    )


def lam_of_calls(mix: Mix, count: int) -> Floats:
    """One lam a batch; that all ten examples are their own partners, and look like lam = 1, is too rare to show."""
    images, labels = noise(10, 2, 3), identity(10)
    return np.array([mix_batch(mix, images, labels, step)[1].diagonal().min() for step in range(count)])


class _Cut(NamedTuple):
    boxes: NDArray[np.int64]  # (N, 4)
    foreign: int
    ragged: int
    label_error: float
    row_error: float


@cache
def _cut(one: Implementation, effort: Effort) -> _Cut | None:
    """Mixes `effort.images` marked images, and reads them."""
    mix = start_any_per(one)
    if mix is None:
        return None
    # One box a batch would be one draw of the law: it takes as many batches.
    batch = 250 if one.start(Setting(), SEED) is not None else 10
    images, labels = markers.marked(batch, HEIGHT, WIDTH, one.images), identity(batch)
    seen = []
    for step in range(effort.images // batch):
        mixed, soft = mix_batch(mix, images, labels, step)
        read = markers.read_pasted(mixed)
        # A batch with one box for all tells its law once, by an example that isn't its own partner.
        boxes = read.box if batch == 250 else read.box[[read.share.argmax()]]
        errors = markers.label_error(soft, read), markers.row_error(soft)
        seen.append(_Cut(boxes, read.foreign, read.ragged, *errors))
    return _Cut(
        np.concatenate([cut.boxes for cut in seen]),
        sum(cut.foreign for cut in seen),
        sum(cut.ragged for cut in seen),
        float(np.max([cut.label_error for cut in seen])),
        float(np.max([cut.row_error for cut in seen])),
    )


def _foreign(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else Finding(cut.foreign == 0, str(cut.foreign))


def _ragged(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else Finding(cut.ragged == 0, str(cut.ragged))


def _label_share(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else at_most(cut.label_error, LABEL_LIMIT)


def _cut_rows(one: Implementation, effort: Effort) -> Finding | None:
    cut = _cut(one, effort)
    return None if cut is None else at_most(cut.row_error, LABEL_LIMIT)


@cache
def _box_p(one: Implementation, effort: Effort) -> Boxes | None:
    cut = _cut(one, effort)
    return None if cut is None else laws.box_p(cut.boxes, 1.0, HEIGHT, WIDTH)


def _box_law(one: Implementation, effort: Effort, part: str) -> Finding | None:
    p = _box_p(one, effort)
    return None if p is None else p_value(getattr(p, part))


class _Shares(NamedTuple):
    label_error: float
    row_error: float


@cache
def _shares(one: Implementation, effort: Effort) -> _Shares | None:
    mix = start_any_per(one)
    if mix is None:
        return None
    # The same draws on images of other colours: an op may take from more sources than three channels tell apart.
    colourings, labels = [markers.coloured(250, 16, 24, one.images, number) for number in range(2)], identity(250)
    seen = []
    for step in range(effort.images // len(labels)):
        for images in colourings:
            mixed, soft = mix_batch(mix, images, labels, step)
            seen.append(_Shares(markers.share_error(images, mixed, soft), markers.row_error(soft)))
    return _Shares(*np.max(seen, axis=0).tolist())


def _share_labels(one: Implementation, effort: Effort) -> Finding | None:
    shares = _shares(one, effort)
    return None if shares is None else at_most(shares.label_error, LABEL_LIMIT)


def _share_rows(one: Implementation, effort: Effort) -> Finding | None:
    shares = _shares(one, effort)
    return None if shares is None else at_most(shares.row_error, LABEL_LIMIT)


class _Blend(NamedTuple):
    grey_error: float
    label_error: float
    row_error: float


@cache
def _blend(one: Implementation, effort: Effort) -> _Blend | None:
    mix = start_any_per(one)
    if mix is None:
        return None
    images, labels = noise(250, 16, 24), identity(250)
    seen = []
    for step in range(effort.images // len(images)):
        mixed, soft = mix_batch(mix, images, labels, step)
        read = markers.read_labels(soft)
        weight = markers.blend_weight(images, mixed, read.partner)
        other = read.partner != np.arange(len(images))
        weight_error = float(np.abs(weight - read.lam)[other].max())
        seen.append(_Blend(markers.blend_error(images, mixed, soft), weight_error, markers.row_error(soft)))
    return _Blend(*np.max(seen, axis=0).tolist())


def _blend_grey(one: Implementation, effort: Effort) -> Finding | None:
    blend = _blend(one, effort)
    return None if blend is None else at_most(blend.grey_error, GREY_LIMIT)


def _blend_share(one: Implementation, effort: Effort) -> Finding | None:
    blend = _blend(one, effort)
    return None if blend is None else at_most(blend.label_error, LABEL_LIMIT)


def _blend_rows(one: Implementation, effort: Effort) -> Finding | None:
    blend = _blend(one, effort)
    return None if blend is None else at_most(blend.row_error, LABEL_LIMIT)


def _partner(one: Implementation, effort: Effort) -> Finding | None:
    mix = start_any_per(one)
    if mix is None:
        return None
    images, labels = noise(16, 32, 48), identity(16)
    seen = [markers.read_labels(mix_batch(mix, images, labels, step)[1]).partner for step in range(effort.batches)]
    return p_value(laws.partner_p(np.array(seen)))


def _prob(one: Implementation, effort: Effort, per: Per, prob: float = 0.3) -> Finding | None:
    mix = one.start(Setting(prob=prob, per=per, correct_lam=False), SEED)
    if mix is None:
        return None
    lam = lam_of_batches(mix, effort.images) if per == "example" else lam_of_calls(mix, effort.steps)
    mixed = int((lam < 1).sum())
    return Finding(laws.share_p(mixed, len(lam), prob) >= P_LIMIT, f"{mixed / len(lam):.3f}")


def _alpha_range(one: Implementation, _effort: Effort) -> Finding | None:
    if start_any_per(one, Setting(0.5)) is None:
        return None
    return worst([refusal(lambda alpha=alpha: use(one, Setting(alpha)), ("alpha", "factor")) for alpha in (0, -1)])  # type: ignore[misc]


def _per_batch(one: Implementation, effort: Effort) -> Finding | None:
    mix = one.start(Setting(per="batch"), SEED)
    if mix is None:
        return None
    images, labels = markers.coloured(50, 16, 24, one.images), identity(50)
    unlike, error = 0, 0.0
    for step in range(effort.steps // 10):
        mixed, soft = mix_batch(mix, images, labels, step)
        # Whoever is its own partner too has more of itself than the others, and nobody less.
        kept = soft.diagonal()
        unlike += int((kept < np.median(kept) - LABEL_LIMIT).sum())
        error = max(error, markers.share_error(images, mixed, soft))
    return Finding(unlike == 0 and error <= LABEL_LIMIT, str(unlike))


def _binary(one: Implementation, effort: Effort) -> Finding | None:
    soft, binary = (start_any_per(one, Setting(labels=kind)) for kind in ("soft", "binary"))
    if soft is None or binary is None:
        return None
    images, labels = noise(50, 16, 24), identity(50)
    wrong = 0
    for step in range(effort.steps // 10):
        (mixed, weights), (same, targets) = (mix_batch(mix, images, labels, step) for mix in (soft, binary))
        # A weight as small as rounding says nothing.
        fault = np.where(weights > LABEL_LIMIT, targets != 1, (targets != 0) & ((weights == 0) | (targets != 1)))
        wrong += int((fault.any(axis=1) | (mixed != same).any(axis=(1, 2, 3))).sum())
    return Finding(wrong == 0, str(wrong))


CLASSES = np.repeat(np.arange(4), (7, 5, 3, 1))  # of a batch


@cache
def _of_other_classes(one: Implementation, effort: Effort) -> Ints | None:
    """Partners (N, 16) in batches of `CLASSES`; an example's own number where none shows."""
    mix = start_any_per(one, Setting(partner="other_class"))
    if mix is None:
        return None
    # A label tells the class by its heaviest part, and the example by the rest.
    labels = np.concatenate([0.6 * np.eye(4)[CLASSES], 0.4 * np.eye(len(CLASSES))], axis=1).astype(np.float32)
    images = noise(len(CLASSES), 32, 48)
    seen = [mix_batch(mix, images, labels, step)[1][:, 4:] for step in range(effort.batches)]
    return np.array([markers.read_labels(soft).partner for soft in seen])


def _own_class(one: Implementation, effort: Effort) -> Finding | None:
    partners = _of_other_classes(one, effort)
    if partners is None:
        return None
    shown = partners != np.arange(len(CLASSES))
    own = int((shown & (CLASSES[partners] == CLASSES)).sum())
    return Finding(own == 0, str(own))


def _others_uniform(one: Implementation, effort: Effort) -> Finding | None:
    partners = _of_other_classes(one, effort)
    return None if partners is None else p_value(laws.others_p(partners, CLASSES))


def _own_of_two(one: Implementation, effort: Effort) -> Finding | None:
    """Of two examples of two classes each has the other one; a permutation gives half of them themselves."""
    mix = start_any_per(one, Setting(partner="other_class"))
    if mix is None:
        return None
    images, labels = noise(2, 32, 48), identity(2)
    kept = [mix_batch(mix, images, labels, step)[1].diagonal() for step in range(effort.batches)]
    share = float((np.array(kept) == 1).mean())
    return Finding(share < MOST_UNMIXED, f"{share:.3f}")


CUTMIX = (
    Property("lam ~ Beta(1, 1) by default", P, _default_lam),
    Property("pixels from neither source", "0", _foreign),
    Property("images whose paste is no box", "0", _ragged),
    Property("label weight - pixel share", f"≤ {LABEL_LIMIT:.0e}", _label_share),
    Property("label rows - 1", f"≤ {LABEL_LIMIT:.0e}", _cut_rows),
    *(
        Property(f"box {part.replace('_', ' ')}: the paper's law", P, partial(_box_law, part=part))
        for part in Boxes._fields
    ),
    Property("eager - compiled, grey levels", "0", partial(eager, limit=0.0)),
)
MIXUP = (
    Property("pixels - blend, grey levels", f"≤ {GREY_LIMIT:.0e}", _blend_grey),
    Property("label weight - pixel weight", f"≤ {LABEL_LIMIT:.0e}", _blend_share),
    Property("label rows - 1", f"≤ {LABEL_LIMIT:.0e}", _blend_rows),
    Property("eager - compiled, grey levels", f"≤ {ULP_LIMIT:.0e}", partial(eager, limit=ULP_LIMIT)),
)
ALPHA_RANGE = Property("alpha 0 and -1", "refused", _alpha_range)
PAIRING = (
    Property("partner uniform", P, _partner),
    *(Property(f"prob 0.3 per {per}", "0.300", partial(_prob, per=per)) for per in PERS),
    ALPHA_RANGE,
)
LAM = tuple(lam for per in PERS for alpha in ALPHAS for lam in lam_rows(alpha, per))
# Of any op that pastes or blends, whatever its law.
WEIGHTS = (
    Property("label weight - pixel share", f"≤ {LABEL_LIMIT:.0e}", _share_labels),
    Property("label rows - 1", f"≤ {LABEL_LIMIT:.0e}", _share_rows),
    Property("eager - compiled, grey levels", f"≤ {ULP_LIMIT:.0e}", partial(eager, limit=ULP_LIMIT)),
)
SHARES = (*WEIGHTS, ALPHA_RANGE)
# Of the choices that augexp's own have in common.
CHOICES = (
    Property("binary: no 1 for each weight > 0", "0", _binary),
    Property("other_class: partners of the own", "0", _own_class),
    Property("  partners uniform over others", P, _others_uniform),
    Property("  unmixed, of two classes in two", f"< {MOST_UNMIXED:g}", _own_of_two),
)
PER_BATCH = (Property("per batch: images mixed otherwise", "0", _per_batch),)
LAWS = {
    "cutmix": (*LAM, *CUTMIX, *PAIRING),
    "mixup": (*LAM, *MIXUP, *PAIRING),
    "resizemix": WEIGHTS,  # they have no alpha
    "smoothmix": WEIGHTS,
}


def of_mixing(op: str) -> tuple[Property, ...]:
    """The properties of an op that mixes."""
    asked = LAWS.get(op, SHARES)
    if issubclass(OPS[op], MixingSpec):
        asked += CHOICES
    # LAM asks it of the others.
    return asked if LAM[0] in asked or "per" not in OPS[op].model_fields else asked + PER_BATCH
