"""The ops that mix or erase and can be checked: augexp's, and those of other libraries that are installed.

Each is a black box that is asked as its users would ask it: the same questions, answers in the same form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from augexp.augment import strategy
from augexp.config.ops import OPS, Partner, Per, Spec, Targets
from augexp.errors import UserError

Library = Literal["augexp", "keras", "keras_cv", "timm", "torchvision"]
RIVALS: tuple[Library, ...] = ("keras", "keras_cv", "timm", "torchvision")
SHARED = ("cutmix", "mixup")  # the mixing ops that other libraries have too
FILLING = 255.0  # what erasing is asked to fill with

# (images (B, H, W, 3), labels (B, K) float32, step) -> (images, labels); arrays or tensors, by the implementation.
Mix = Callable[[Any, Any, Any], tuple[Any, Any]]


def checked_ops() -> tuple[str, ...]:
    """The ops that mix or erase, in the order of `augexp ops`."""
    return tuple(name for name, spec in OPS.items() if spec.mixes or spec.erases_with)


class Setting(NamedTuple):
    """What an implementation is asked for."""

    alpha: float | None = 1.0  # None: the implementation's own default
    prob: float = 1.0
    per: Per = "example"
    correct_lam: bool = True  # False: labels weigh by lam as drawn, although the box is clipped
    partner: Partner = "permutation"
    labels: Targets = "soft"


@dataclass(frozen=True)
class Implementation:
    """One library's op.

    `start(setting, seed)` begins a run: the function that mixes batch after batch, or None where the library has no
    such setting.
    """

    library: Library
    op: str
    start: Callable[[Setting, int], Mix | None]
    in_graph: bool = True  # runs inside tf.data
    takes_class_numbers: bool = False  # wants integer labels
    images: type = np.uint8  # the type of the images it is made for
    draw_lam: Callable[[Setting, int, int], Any] | None = None  # lam of the first `count` steps of a run, where known


def libraries(against: Sequence[str]) -> list[Library]:
    """Ours, and the named others, once each; `all` stands for those that are installed."""
    named = [library for library in RIVALS if library in against or ("all" in against and _installed(library))]
    return ["augexp", *named]


def _installed(library: Library) -> bool:
    return find_spec(library) is not None


def implementation(library: Library, op: str) -> Implementation:
    """The op of a library.

    Raises:
        UserError: if the library isn't installed.
    """
    if not _installed(library):
        raise UserError(f"--against {library}: {library} is not installed; pip install {library.replace('_', '-')}")
    match library:
        case "augexp":
            return Implementation(library, op, lambda setting, seed: _ours(op, setting, seed), draw_lam=_draw_ours(op))
        case "keras":
            return Implementation(library, op, _usual(op, _keras))
        case "keras_cv":
            return Implementation(library, op, _usual(op, _keras_cv))
        case "timm":
            start = _usual(op, _timm)
            return Implementation(library, op, start, in_graph=False, takes_class_numbers=True, images=np.float32)
        case "torchvision":
            return Implementation(library, op, _usual(op, _torchvision), in_graph=False)


def _usual(op: str, start: Callable[[str, Setting, int], Mix | None]) -> Callable[[Setting, int], Mix | None]:
    """Of another library, none of which chooses partners by class, or joins labels."""

    def start_usual(setting: Setting, seed: int) -> Mix | None:
        is_usual = (setting.partner, setting.labels) == ("permutation", "soft")
        return start(op, setting, seed) if is_usual else None

    return start_usual


# --- ours ----------------------------------------------------------------------------------------------------------


def _spec(op: str, setting: Setting) -> Spec | None:
    """The op as it is asked for; None where it has no such setting."""
    kind, usual = OPS[op], Setting()._asdict()
    asked = {name: value for name, value in setting._asdict().items() if value is not None}
    missing = {name for name, value in asked.items() if name not in kind.model_fields and value != usual[name]}
    if missing - {"correct_lam"}:  # without it, lam is always the label's weight
        return None
    filling = {kind.erases_with: FILLING} if kind.erases_with else {}
    return kind.model_validate({name: asked[name] for name in asked.keys() & kind.model_fields.keys()} | filling)


def _ours(op: str, setting: Setting, seed: int) -> Mix | None:
    spec = _spec(op, setting)
    if spec is None:
        return None
    augment = strategy.build([spec])

    def mix(images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return augment(images, labels, _key(seed, step))

    return _compiled(mix)


def _draw_ours(op: str) -> Callable[[Setting, int, int], Any]:
    def draw(setting: Setting, seed: int, count: int) -> Any:
        spec = _spec(op, setting)
        if spec is None:
            raise ValueError(f"{op} has no such setting: {setting}")
        augment, images = strategy.build([spec]), tf.zeros([2, 4, 6, 3], tf.uint8)

        def of_step(step: tf.Tensor) -> tf.Tensor:
            return augment.sample(_key(seed, step), images)[0]["lam"][0]

        # A compiled loop: a call from Python for each draw would take minutes.
        def of_steps() -> tf.Tensor:
            return tf.map_fn(of_step, tf.range(count, dtype=tf.int64), fn_output_signature=tf.float32)

        return tf.function(of_steps)().numpy()

    return draw


def _key(seed: int, step: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), step])


def _compiled(mix: Mix) -> Mix:
    graph = tf.function(mix, reduce_retracing=True)

    def call(images: Any, labels: Any, step: Any) -> tuple[Any, Any]:
        # A Python number would be a constant of the graph, and each step a new one.
        mixed, soft = graph(tf.convert_to_tensor(images), tf.convert_to_tensor(labels), tf.cast(step, tf.int64))
        return mixed, soft

    return call


# --- Keras ---------------------------------------------------------------------------------------------------------


def _keras(op: str, setting: Setting, seed: int) -> Mix | None:
    if op == "random_erasing" and setting.per == "example":
        chance = (setting.prob, setting.prob)
        return _layer(keras.layers.RandomErasing(factor=chance, fill_value=FILLING, seed=seed))
    if op not in SHARED or setting.prob != 1 or setting.per == "batch":
        return None
    if setting.alpha is None:
        return _layer(keras.layers.CutMix(seed=seed) if op == "cutmix" else keras.layers.MixUp(seed=seed))
    if op == "mixup":
        return _layer(keras.layers.MixUp(alpha=setting.alpha, seed=seed))
    # `factor` is the range that alpha is drawn from, within [0, 1].
    return None if setting.alpha > 1 else _layer(keras.layers.CutMix(factor=(setting.alpha, setting.alpha), seed=seed))


def _keras_cv(op: str, setting: Setting, seed: int) -> Mix | None:
    from keras_cv import layers

    if op not in SHARED or setting.prob != 1 or setting.per == "batch":
        return None
    create = layers.CutMix if op == "cutmix" else layers.MixUp
    given = {} if setting.alpha is None else {"alpha": setting.alpha}
    # Its layers draw from TensorFlow's global seed, whatever `seed` they are given.
    tf.random.set_seed(seed)
    return _layer(create(seed=seed, **given))


def _layer(layer: keras.layers.Layer) -> Mix:
    def mix(images: tf.Tensor, labels: tf.Tensor, _step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = layer({"images": images, "labels": labels}, training=True)
        return mixed["images"], mixed["labels"]

    return _compiled(mix)


# --- PyTorch -------------------------------------------------------------------------------------------------------


def _timm(op: str, setting: Setting, seed: int) -> Mix | None:
    from timm.data.mixup import Mixup

    if op not in SHARED or setting.alpha is None:
        return None  # one class for both: it has no default for cutmix
    np.random.seed(seed)  # noqa: NPY002  # timm draws from NumPy's global state
    mixer = Mixup(
        mixup_alpha=setting.alpha if op == "mixup" else 0.0,
        cutmix_alpha=setting.alpha if op == "cutmix" else 0.0,
        prob=setting.prob,
        mode="batch" if setting.per == "batch" else "elem",
        correct_lam=setting.correct_lam,
        label_smoothing=0.0,
    )

    def mix(images: Any, labels: Any, _step: Any) -> tuple[Any, Any]:
        mixer.num_classes = labels.shape[1]
        mixed, soft = mixer(_channels_first(images), _tensor(labels).argmax(1))
        return mixed.movedim(1, -1).numpy(), soft.numpy()

    return mix


def _torchvision(op: str, setting: Setting, seed: int) -> Mix | None:
    import torch
    from torchvision.transforms import v2

    if op not in SHARED or setting.prob != 1 or setting.per == "example":
        return None
    if op == "cutmix" and not setting.correct_lam:
        return None
    torch.manual_seed(seed)
    create = v2.CutMix if op == "cutmix" else v2.MixUp
    mixer = create() if setting.alpha is None else create(alpha=setting.alpha)

    def mix(images: Any, labels: Any, _step: Any) -> tuple[Any, Any]:
        mixed, soft = mixer(_channels_first(images), _tensor(labels))
        return mixed.movedim(1, -1).numpy(), soft.numpy()

    return mix


def _channels_first(images: Any) -> Any:
    return _tensor(images).movedim(-1, 1).contiguous()


def _tensor(array: Any) -> Any:
    import torch

    # A copy, for timm mixes in place.
    return torch.from_numpy(np.array(array))
