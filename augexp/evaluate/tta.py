"""Test-time augmentation: the network sees several views of each image, and its probabilities are averaged.

flip     the image and its mirror image
crops    the centre and the four corners: of the decoded image where it is larger than what the network sees, else
         windows of 7/8 of the side, resized (Krizhevsky et al., 2012)
OPS      a strategy as in a configuration (`rotate`, `[flip_left_right, {name: brightness, max_delta: 0.1}]`), drawn
         several times
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from augexp.config import load
from augexp.config.ops import Spec
from augexp.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    from augexp.data.pipeline import View


FLIP, CROPS = "flip", "crops"
WINDOW = 7 / 8
CORNERS = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))  # where the free margin lies: above, to the left


@dataclass(frozen=True)
class Tta:
    """Which views are averaged; `ops` is empty for `flip` and `crops`."""

    label: str  # different for different views, so that nothing else is compared with it
    ops: tuple[Spec, ...] = ()
    draws: int = 1


def read_tta(text: str, draws: int) -> Tta:
    """What `--tta` was given.

    Args:
        text: `flip`, `crops`, or ops.
        draws: how often ops are drawn.

    Raises:
        UserError: if there is no such op, or one that mixes images.
    """
    label = text.strip()
    if label in (FLIP, CROPS):
        return Tta(label)
    try:
        ops = load.strategy(label)
    except UserError as error:
        told = str(error).replace("strategy", "ops")
        raise UserError(f"--tta {label}: flip, crops or ops are needed; {told}") from None
    if not ops:
        raise UserError(f"--tta {label}: there is no op in it; give flip, crops, or ops such as rotate")
    if mixing := [one.name for op in ops for one in op.alternatives() if one.mixes]:
        raise UserError(f"--tta {label}: {mixing[0]} mixes images, whose labels then differ; leave it out")
    if some := [one.name for op in ops for one in (op, *op.alternatives()) if one.only]:
        raise UserError(
            f"--tta {label}: {some[0]} is for some classes only, which a network can't know; leave only out"
        )
    return Tta(f"{', '.join(''.join(label.split()).split(','))} x{draws}", ops, draws)


def views(tta: Tta, image_size: int) -> "list[View]":
    """The functions from decoded images to what the network sees, one a view."""
    from augexp.data.pipeline import centre

    middle = centre(image_size)
    if tta.label == FLIP:
        return [middle, lambda decoded, numbers: middle(decoded, numbers)[:, :, ::-1]]
    if tta.label == CROPS:
        return [partial(_window, image_size=image_size, place=place) for place in CORNERS]
    return [_drawn(tta.ops, middle, draw) for draw in range(tta.draws)]


def _window(decoded: "tf.Tensor", _numbers: "tf.Tensor", *, image_size: int, place: tuple[float, float]) -> "tf.Tensor":
    import tensorflow as tf

    size = decoded.shape[1]
    side = image_size if size > image_size else round(WINDOW * size)
    top, left = (round(share * (size - side)) for share in place)
    window = decoded[:, top : top + side, left : left + side]
    return window if side == image_size else tf.image.resize(window, (image_size, image_size))


def _drawn(ops: tuple[Spec, ...], middle: "View", draw: int) -> "View":
    import tensorflow as tf

    from augexp.augment import strategy

    chain = strategy.build(ops)

    def view(decoded: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        images = middle(decoded, numbers)
        seed = tf.stack([tf.constant(draw, tf.int64), numbers[0]])
        return chain.apply(images, tf.zeros([tf.shape(images)[0], 1]), chain.sample(seed, images))[0]

    return view
