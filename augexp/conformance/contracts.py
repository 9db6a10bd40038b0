"""Sizes, types, precision policies, and what must be refused."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from augexp.config.ops import OPS
from augexp.conformance import markers
from augexp.conformance.libraries import FILLING, Implementation, Setting
from augexp.conformance.property import (
    GREY_LIMIT,
    LABEL_LIMIT,
    SEED,
    Effort,
    Finding,
    Property,
    at_most,
    first_of,
    identity,
    mix_batch,
    noise,
    none_of,
    start_any_per,
)

Array = NDArray[Any]
_Reading = tuple[Callable[[int, int, int, Any], Array], Callable[[Array, Array, Array], bool]]

SIZES = (
    (1, 1, 1), (2, 1, 640), (3, 640, 1), (1, 224, 160), (5, 7, 4), (7, 33, 64), (37, 8, 12), (64, 32, 48),
    (2, 480, 640),
)  # fmt: skip


def _sizes(one: Implementation, _effort: Effort, dtype: Any) -> Finding | None:
    if start_any_per(one) is None:
        return None
    faults = [size for size in SIZES if not _holds(one, size, dtype)]
    return none_of(len(faults), len(SIZES))


def _holds(one: Implementation, size: tuple[int, int, int], dtype: Any) -> bool:
    """Whether pixels and labels of one batch agree."""
    draw, agree = _READINGS.get(one.op, _ERASED if OPS[one.op].erases_with else _SHARES)
    images, labels = draw(*size, dtype), identity(size[0])
    try:
        # A run for each size: one run for all would trace a graph of unknown sizes, which Keras's layers can't do.
        mixed, soft = first_of(one, images, labels)
    except Exception:  # other libraries raise all kinds
        return False
    return mixed.shape == images.shape and soft.shape == labels.shape and agree(images, mixed, soft)


def _pasted(_images: Array, mixed: Array, soft: Array) -> bool:
    read = markers.read_pasted(mixed)
    return read.foreign == read.ragged == 0 and markers.label_error(soft, read) <= LABEL_LIMIT


def _blended(images: Array, mixed: Array, soft: Array) -> bool:
    return markers.blend_error(images, mixed, soft) <= GREY_LIMIT


def _erased(_images: Array, mixed: Array, soft: Array) -> bool:
    read = markers.read_erased(mixed, FILLING)
    return read.foreign == read.ragged == 0 and bool((soft == identity(len(soft))).all())


def _shared(images: Array, mixed: Array, soft: Array) -> bool:
    return markers.share_error(images, mixed, soft) <= LABEL_LIMIT


# Images to ask with, and whether (images, mixed, labels that were the identity) agree.
_READINGS: dict[str, _Reading] = {"cutmix": (markers.marked, _pasted), "mixup": (noise, _blended)}
_ERASED: _Reading = (markers.marked, _erased)
_SHARES: _Reading = (markers.coloured, _shared)


def _policy(one: Implementation, _effort: Effort, policy: str) -> Finding | None:
    with _dtype_policy(policy):
        mix = start_any_per(one)
        if mix is None or not one.in_graph:
            return None
        # 300 x 300 pixels are more than float16 can count.
        soft = mix_batch(mix, markers.marked(8, 300, 300), identity(8), 0)[1]
    error = markers.row_error(soft)
    if soft.dtype != np.float32:
        return Finding(ok=False, value=soft.dtype.name)
    return at_most(error, LABEL_LIMIT)


@contextmanager
def _dtype_policy(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def refusal(ask: Callable[[], object], words: Sequence[str]) -> Finding:
    """Whether a question is refused in words that name what is wrong with it."""
    try:
        ask()
    except Exception as error:  # other libraries raise all kinds
        clear = any(word in str(error) for word in words)
        return Finding(clear, "refused" if clear else f"unclear: {type(error).__name__}")
    return Finding(ok=False, value="accepted")


def _class_numbers(one: Implementation, _effort: Effort) -> Finding | None:
    mix = start_any_per(one)
    if mix is None or one.takes_class_numbers:
        return None
    return refusal(lambda: mix(noise(8, 6, 9), np.arange(8, dtype=np.int32), 0), ("label",))


def _prob_range(one: Implementation, _effort: Effort) -> Finding | None:
    if one.start(Setting(prob=0.5), SEED) is None:
        return None
    return worst([refusal(lambda prob=prob: use(one, Setting(prob=prob)), ("prob",)) for prob in (-0.1, 1.1)])  # type: ignore[misc]


def use(one: Implementation, setting: Setting) -> None:
    """Mixes one batch with a setting; nothing where the implementation has no such op."""
    mix = start_any_per(one, setting)
    if mix is not None:
        mix(noise(8, 6, 9), identity(8), 0)


def worst(findings: Sequence[Finding]) -> Finding:
    """The first that doesn't hold, or else the first."""
    return next((one for one in findings if not one.ok), findings[0])


CONTRACTS = (
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
)
