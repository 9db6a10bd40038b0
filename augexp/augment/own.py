"""Ops that aren't augexp's, as tensors: functions of the user's, and those of other libraries, one image at a time.

Whatever they return is looked at: another shape, type or range, NaN, labels that were to stay, another answer for the
same seed are refused by name, on a few images before anything is trained and on every batch after that.
"""

import inspect
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from augexp.augment.op import Op, Params, grey_levels, on_images
from augexp.config.ops import OwnOp, Spec
from augexp.config.ops.own import Source
from augexp.config.ops.ownfile import told
from augexp.errors import UserError, cut, first_line

Image = NDArray[np.uint8]  # (H, W, 3)
PROBED = 8  # images
MIXED = 8  # batches of them, of which some are mixed if any ever is
SPOT = 2  # pixels a side, by which others are changed
FAULTS = (Exception, SystemExit)  # of others' code
SEED = (0, 0)  # that they are changed by
BEYOND = 0.01  # of a grey level, that rounding may leave the range
ROWS = 1e-4  # how far a row of labels may sum from 1
MARK = "own op "


def op(spec: OwnOp) -> Op:
    """The op of a spec whose file was read.

    Raises:
        UserError: if it wasn't, or its library refuses it.
    """
    source = spec.source
    if source is None:
        raise UserError(f"{MARK}{spec.name}: its file was not read; it can be trained with a configuration only")
    if source.kind == "batches":
        return _of_batches(spec, source)
    if source.kind == "keras":
        return _of_keras(spec, source)
    makers: dict[str, Callable[[OwnOp, Source], Callable[[Image, NDArray[np.uint32]], Any]]] = {
        "images": _function, "albumentations": _albumentations, "torchvision": _torchvision,
    }  # fmt: skip
    return _of_images(spec, makers[source.kind](spec, source))


# --- batches -------------------------------------------------------------------------------------------------------


def _of_batches(spec: OwnOp, source: Source) -> Op:
    """params: `seed` (B, 2) int64, the same in every row."""
    call = partial(_called, spec, source)
    # A graph of its own: AutoGraph, which the user's `if` and loops may need, is off around it.
    traced = tf.function(call, jit_compile=True if source.compiled else None)

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"seed": tf.repeat(tf.cast(seed, tf.int64)[None], batch, axis=0)}

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        changed, soft = traced(images, labels, params["seed"][0])
        return _looked_at(spec, images, labels, changed, soft)

    # XLA would leave out what looks at the results; the function alone is compiled.
    return Op(sample, apply, compiled=False)


def _called(
    spec: OwnOp, source: Source, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    given = {name: value for name, value in (("seed", seed), ("labels", labels)) if name in source.given}
    found = source.call(images, **given, **spec.parameters)
    changed, soft = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    if soft is None and spec.mixes:
        raise UserError(f"{MARK}{spec.name}: it mixes, and returns no labels; return images, labels")
    changed = _tensor(spec, "images", changed)
    _refuse_form(spec, "images", changed, images.shape, (tf.uint8, tf.float32))
    soft = labels if soft is None else _tensor(spec, "labels", soft)
    _refuse_form(spec, "labels", soft, labels.shape, (tf.float32,))
    return changed, soft


def _tensor(spec: OwnOp, what: str, value: Any) -> tf.Tensor:
    try:
        return tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        raise UserError(f"{MARK}{spec.name}: it returned {type(value).__name__} in the place of {what}") from None


def _refuse_form(spec: OwnOp, what: str, found: tf.Tensor, shape: tf.TensorShape, dtypes: tuple[tf.DType, ...]) -> None:
    if not found.shape.is_compatible_with(shape):
        raise UserError(
            f"{MARK}{spec.name}: it returned {what} of shape {tuple(found.shape)}, and {tuple(shape)} is needed"
        )
    if found.dtype not in dtypes:
        names = " or ".join(dtype.name for dtype in dtypes)
        raise UserError(f"{MARK}{spec.name}: it returned {what} of {found.dtype.name}, and {names} is needed")


def _looked_at(
    spec: OwnOp, images: tf.Tensor, labels: tf.Tensor, changed: tf.Tensor, soft: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The results, once they are known to be images and labels."""
    checks = [
        tf.debugging.Assert(ok, [f"{MARK}{spec.name}: {fault}"]) for ok, fault in _faults(spec, labels, changed, soft)
    ]
    with tf.control_dependencies(checks if not tf.executing_eagerly() else []):
        changed = tf.ensure_shape(tf.identity(changed), images.shape)
        return changed, tf.identity(soft)


def _faults(spec: OwnOp, labels: tf.Tensor, changed: tf.Tensor, soft: tf.Tensor) -> Iterator[tuple[tf.Tensor, str]]:
    """What must be true of results, and what is to be said where it isn't."""
    if changed.dtype == tf.float32:
        yield ~tf.reduce_any(tf.math.is_nan(changed)), "it returned NaN"
        within = (tf.reduce_min(changed) >= -BEYOND) & (tf.reduce_max(changed) <= 255 + BEYOND)
        yield within, "it returned values outside of [0, 255]; clip them with tf.clip_by_value"
    if spec.mixes:
        rows = tf.reduce_max(tf.abs(tf.reduce_sum(soft, axis=1) - tf.reduce_sum(labels, axis=1))) <= ROWS
        yield rows & tf.reduce_all(soft >= 0), "rows of its labels are not shares that sum to 1"
    elif soft is not labels:
        yield tf.reduce_all(soft == labels), "it changed labels and doesn't say so; declare it with @own_op(mixes=True)"


# --- images --------------------------------------------------------------------------------------------------------


def _of_images(spec: OwnOp, change: Callable[[Image, NDArray[np.uint32]], Any]) -> Op:
    """An op that changes each image outside of TensorFlow; uint8.

    params: `key` (B, 2) uint32, from which the image's own generator comes.
    """

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"key": tf.random.stateless_uniform([batch, 2], seed, None, None, tf.uint32)}

    def all_of(images: NDArray[np.uint8], keys: NDArray[np.uint32]) -> NDArray[np.uint8]:
        changed = np.empty_like(images)
        for number, (image, key) in enumerate(zip(images, keys, strict=True)):
            changed[number] = _image(spec, change(image.copy(), key), image.shape)
        return changed

    def of_batch(images: tf.Tensor, params: Params) -> tf.Tensor:
        changed = tf.numpy_function(all_of, [grey_levels(images), params["key"]], tf.uint8)
        return tf.ensure_shape(changed, images.shape)

    return on_images(sample, of_batch, compiled=False)


def _image(spec: OwnOp, found: Any, shape: tuple[int, ...]) -> Image:
    if not isinstance(found, np.ndarray):
        raise UserError(f"{MARK}{spec.name}: it returned {type(found).__name__}, and a NumPy array is needed")
    if found.shape != shape:
        raise UserError(f"{MARK}{spec.name}: it returned an image of shape {found.shape}, and {shape} is needed")
    if found.dtype != np.uint8:
        hint = "; round, clip to [0, 255] and return image.astype(np.uint8)" if found.dtype.kind in "fiu" else ""
        raise UserError(f"{MARK}{spec.name}: it returned an image of {found.dtype}, and uint8 is needed{hint}")
    return found


def _function(spec: OwnOp, source: Source) -> Callable[[Image, NDArray[np.uint32]], Any]:
    draws, parameters = "rng" in source.given, spec.parameters

    def change(image: Image, key: NDArray[np.uint32]) -> Any:
        given = {"rng": np.random.default_rng(key)} if draws else {}
        try:
            return source.call(image, **given, **parameters)
        except FAULTS as error:
            raise UserError(f"{MARK}{spec.name}: {told(error, source.path)}") from None

    return change


def _whole(key: NDArray[np.uint32]) -> int:
    """A key as one number of 63 bits."""
    return (int(key[0]) << 31) ^ int(key[1])


def _albumentations(spec: OwnOp, source: Source) -> Callable[[Image, NDArray[np.uint32]], Any]:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else its import asks the network for a newer version
    import albumentations

    try:
        pipeline = albumentations.from_dict(source.call)
    except FAULTS as error:  # whatever the file asks for
        raise UserError(f"{MARK}{spec.name}: Albumentations can't build it ({told(error)})") from None
    lock = threading.Lock()  # one pipeline, whose generator is seeded for each image

    def change(image: Image, key: NDArray[np.uint32]) -> Any:
        try:
            with lock:
                pipeline.set_random_seed(_whole(key))
                return pipeline(image=image)["image"]
        except FAULTS as error:  # its transforms raise all kinds
            raise UserError(f"{MARK}{spec.name}: {told(error)}") from None

    return change


_TORCH = threading.Lock()  # one generator for all of PyTorch


def _torchvision(spec: OwnOp, source: Source) -> Callable[[Image, NDArray[np.uint32]], Any]:
    import torch

    def change(image: Image, key: NDArray[np.uint32]) -> Any:
        try:
            with _TORCH:
                torch.manual_seed(_whole(key))
                found = source.call(torch.from_numpy(image).movedim(-1, 0))
            return found.movedim(0, -1).contiguous().numpy() if isinstance(found, torch.Tensor) else found
        except FAULTS as error:  # its transforms raise all kinds
            raise UserError(f"{MARK}{spec.name}: {told(error, source.path)}") from None

    return change


# --- Keras ---------------------------------------------------------------------------------------------------------


def _of_keras(spec: OwnOp, source: Source) -> Op:
    """A Keras layer, a new one for each batch, whose generator begins with the batch's seed; float32.

    params: `seed` (B, 2) uint32, the same in every row.
    """
    parameters = {name: tuple(value) if isinstance(value, list) else value for name, value in spec.parameters.items()}

    if "seed" in inspect.signature(source.call.__init__).parameters:
        parameters["seed"] = 0

    def layer() -> Any:
        return source.call(**parameters, dtype="float32")

    try:
        layer()
    except FAULTS as error:  # layers raise all kinds
        raise UserError(f"{MARK}{spec.name}: Keras refuses it ({first_line(error)[:200]})") from None

    def sample(seed: tf.Tensor, batch: tf.Tensor, _height: tf.Tensor, _width: tf.Tensor) -> dict[str, tf.Tensor]:
        drawn = tf.random.stateless_uniform([1, 2], seed, None, None, tf.uint32)
        return {"seed": tf.repeat(drawn, batch, axis=0)}

    def of_array(images: NDArray[np.float32], seed: NDArray[np.uint32]) -> NDArray[np.float32]:
        try:
            with tf.device("CPU:0"):
                made = layer()
                generator = getattr(made, "generator", None)
                if generator is not None:
                    generator.state.assign(seed)
                found = np.asarray(made(images, training=True))
        except FAULTS as error:  # layers raise all kinds
            raise UserError(f"{MARK}{spec.name}: {told(error)}") from None
        if found.shape != images.shape:
            raise UserError(f"{MARK}{spec.name}: it returned images of shape {found.shape}, not {images.shape}")
        return found.astype(np.float32)

    def apply(images: tf.Tensor, labels: tf.Tensor, params: Params) -> tuple[tf.Tensor, tf.Tensor]:
        given = [tf.cast(images, tf.float32), params["seed"][0]]
        changed = tf.ensure_shape(tf.numpy_function(of_array, given, tf.float32), images.shape)
        return _looked_at(spec, images, labels, changed, labels)

    return Op(sample, apply, compiled=False)


# --- before anything is trained --------------------------------------------------------------------------------------


def prove_all(specs: Sequence[Spec], size: int) -> None:
    """`prove` of each own op of a strategy."""
    for spec in specs:
        for one in spec.alternatives():
            if isinstance(one, OwnOp):
                prove(one, size)


def prove(spec: OwnOp, size: int) -> None:
    """Has the op change a few images of a size, of both types, twice each.

    Raises:
        UserError: if it fails, returns anything but images and labels, or another answer for the same seed.
    """
    for images, first in zip(_noise(size), refuse_fault(spec, size), strict=True):
        again = _plainly(spec, images) or _asked(spec, op(spec), images)
        if any(one.tobytes() != other.tobytes() for one, other in zip(first, again, strict=True)):
            ours = "seed" if spec.source is not None and spec.source.kind == "batches" else "rng"
            raise UserError(
                f"{MARK}{spec.name}: it gave another answer for the same seed, so it draws from elsewhere, "
                f"such as np.random or tf.random.uniform; draw from its argument `{ours}`"
            )


def idle(specs: Sequence[Spec], size: int) -> list[str]:
    """A line for each own op of a strategy that leaves every one of a few images as it is, whatever is drawn."""
    own = [one for spec in specs for one in spec.alternatives() if isinstance(one, OwnOp)]
    return [
        f"{MARK}{spec.name} changed none of {PROBED * MIXED} images that it was tried on: are its parameters right?"
        for spec in own
        if changes_nothing(spec, size)
    ]


def changes_nothing(spec: OwnOp, size: int) -> bool:
    """Whether a few batches of noise come back as they were."""
    made, images = op(spec), _noise(size)[0]
    with explained():
        return all(np.array_equal(_changed(made, images, step), images) for step in range(MIXED))


def refuse_fault(spec: OwnOp, size: int) -> list[tuple[NDArray[Any], NDArray[np.float32]]]:
    """What the op makes of a few images of a size, as uint8 and as float32.

    Raises:
        UserError: if it fails, or returns anything but images and labels.
    """
    made = op(spec)
    answers = [_asked(spec, made, images) for images in _noise(size)]
    if not spec.mixes:
        _refuse_partners(spec, made, size)
    for images, _ in answers:
        if images.max() <= 1:
            raise UserError(
                f"{MARK}{spec.name}: it returned values of at most {images.max():g} for images with values up to 255; "
                "return values in [0, 255]"
            )
    return answers


def _refuse_partners(spec: OwnOp, made: Op, size: int) -> None:
    """Refuses images that take pixels from others, whose labels they would have to take, too."""
    half, images = PROBED // 2, _noise(size)[0].numpy()
    for step in range(MIXED):
        row, column = np.random.default_rng(step).integers(0, size - SPOT, 2, endpoint=True)
        others = images.copy()
        spot = others[half:, row : row + SPOT, column : column + SPOT]
        spot[...] = np.where(spot < 128, 255, 0)
        with explained():
            before, after = (_changed(made, tf.constant(given), step)[:half] for given in (images, others))
        unlike = (before != after).any(axis=3).sum(axis=(1, 2))
        # More of them, and it is what is measured of the whole batch that has changed, such as its mean.
        if ((unlike > 0) & (unlike <= 2 * SPOT**2)).any():
            raise UserError(
                f"{MARK}{spec.name}: images take pixels from others of their batch, and keep their own labels; take "
                "augexp's own mixup or cutmix, or a function with @own_op(mixes=True) that returns labels, too"
            )


def _changed(made: Op, images: tf.Tensor, step: int) -> NDArray[Any]:
    params = made.sample(tf.constant((0, step), tf.int64), *(tf.constant(length) for length in images.shape[:3]))
    changed: NDArray[Any] = made.apply(images, tf.eye(len(images)), params)[0].numpy()
    return changed


def _noise(size: int) -> tuple[tf.Tensor, tf.Tensor]:
    levels = np.random.default_rng(size).integers(0, 256, (PROBED, size, size, 3), np.uint8)
    return tf.constant(levels), tf.constant(levels, tf.float32)


def _asked(spec: OwnOp, made: Op, images: tf.Tensor) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """The answer for one seed, and whether it comes in the way in which it will be asked for, too."""
    source, labels = spec.source, tf.eye(len(images))
    plain = _plainly(spec, images)
    with explained():
        params = made.sample(tf.constant(SEED, tf.int64), *(tf.constant(length) for length in images.shape[:3]))
        try:
            changed, soft = made.apply(images, labels, params)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if source is None or not source.compiled or MARK in str(error):
                raise
            lacking = re.search(r"on XLA_\w+: (\w+) \(No registered", str(error))
            why = f"it has no {lacking[1]}" if lacking else first_line(error)[:160]
            raise UserError(
                f"{MARK}{spec.name}: XLA can't compile it ({why}); decorate it with @own_op(compiled=False)"
            ) from None
        except (AttributeError, TypeError, NotImplementedError) as error:
            if source is None or source.kind != "batches":
                raise
            why = str(error).strip().splitlines()[-1].strip()  # before it stand the lines that AutoGraph went through
            raise UserError(
                f"{MARK}{spec.name}: TensorFlow can't make a graph of it ({cut(why, 160)}); do without .numpy() and "
                "NumPy's functions, which need values"
            ) from None
    # A graph would hold what the function drew elsewhere when it was traced, and give it again.
    return plain or (changed.numpy(), soft.numpy())


def _plainly(spec: OwnOp, images: tf.Tensor) -> tuple[NDArray[Any], NDArray[np.float32]] | None:
    """The answer of a function of batches without a graph, so that errors name the user's lines; None of others."""
    source, labels = spec.source, tf.eye(len(images))
    if source is None or source.kind != "batches":
        return None
    try:
        changed, soft = _called(spec, source, images, labels, tf.constant(SEED, tf.int64))
    except UserError:
        raise
    except FAULTS as error:  # it is the user's code
        raise UserError(f"{MARK}{spec.name}: {told(error, source.path)}") from None
    for ok, fault in _faults(spec, labels, changed, soft):
        if not ok:
            raise UserError(f"{MARK}{spec.name}: {fault}")
    return changed.numpy(), soft.numpy()


@contextmanager
def explained() -> Iterator[None]:
    """Turns what TensorFlow makes of an own op's fault into the fault."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(rf"{MARK}.+", str(error))
        if found is None:
            raise
        raise UserError(_without_frame(found[0]).strip().strip("'\"")) from None


def _without_frame(message: str) -> str:
    """A message up to what TensorFlow puts behind it: ` [Op:PyFunc]`, ` [[{{node ...`, or the end of a bracket."""
    message = re.split(r" \[(?:Op:|\[\{)", message)[0]
    opened = 0
    for place, character in enumerate(message):
        opened += (character == "[") - (character == "]")
        if opened < 0:
            return message[:place]
    return message
