"""What the network will really see: batches of the training pipeline, with the parameters behind them."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from numpy.typing import NDArray

from augexp.augment import own, strategy
from augexp.augment.choice import params_of
from augexp.augment.policies import NAMES
from augexp.config import partners
from augexp.config.ops import OneOf, Spec
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.data.splits import Splits, load_splits
from augexp.draw import images as draw_images
from augexp.network import device
from augexp.train.task import recipe


def of(experiment: Experiment, examples: int) -> Figure:
    """The picture of `augexp preview`; no network is built."""
    device.leave_gpus_alone()
    partners.refuse_alone(experiment)
    splits = load_splits(experiment)
    # Refuses a batch larger than train, as training would.
    pipeline.steps_per_epoch(splits.train, experiment.train.batch_size)
    own.prove_all(experiment.strategy, experiment.data.image_size)
    return picture(splits, recipe(experiment, splits), examples)


DRAWS = 2000
VISIBLE_WEIGHT = 0.005
# Told in words, drawn, or nothing to be read.
ELSEWHERE = {"lam", "weight", "partner", "box", "flip", "op", "level", "applied", "chosen", "seed", "key"}
TOLD = 16  # numbers of one parameter at most; noise and masks are none to be read

Row = Mapping[str, NDArray[Any]]  # the parameters of one op for one example


def picture(splits: Splits, recipe: pipeline.Recipe, examples: int) -> Figure:
    """The first examples of the first training batch: sources, mixed image, label weights, drawn parameters.

    Beneath, the histogram of lam over 2,000 draws beside its Beta density, for every mixing op that draws one.
    """
    with own.explained():
        batch = pipeline.batch_at(splits.train, recipe)(tf.constant(0, tf.int64))
    count = min(examples, recipe.batch_size)
    params = [{name: value.numpy() for name, value in drawn.items()} for drawn in batch.params]
    images, labels, sources = batch.images.numpy(), batch.labels.numpy(), batch.sources.numpy()
    rows = []
    for i in range(count):
        drawn = [{name: value[i] for name, value in op.items()} for op in params]
        rows.append(_row(images[i], labels[i], i, sources, list(zip(recipe.strategy, drawn, strict=True)), splits))
    title = "+".join(spec.name for spec in recipe.strategy) or "none"
    mixing = [op for spec in recipe.strategy for op in spec.alternatives() if op.mixes]
    return draw_images.preview(rows, title, [draws for op in mixing for draws in _lam_draws(op, recipe)])


def first_batch(splits: Splits, recipe: pipeline.Recipe, examples: int = 16) -> Figure:
    """The first images of the first training batch, titled with their label weights."""
    with own.explained():
        batch = pipeline.batch_at(splits.train, recipe)(tf.constant(0, tf.int64))
    count = min(examples, recipe.batch_size)
    weights = [_weights(label, splits.class_names) for label in batch.labels.numpy()[:count]]
    titles = ["\n".join(f"{name} {weight:.2f}" for name, weight in row[:2]) for row in weights]
    return draw_images.batch(batch.images.numpy()[:count], titles)


def _row(
    mixed: NDArray[Any],
    label: NDArray[np.float32],
    index: int,
    sources: NDArray[np.uint8],
    drawn: list[tuple[Spec, Row]],
    splits: Splits,
) -> draw_images.PreviewRow:
    chosen = [_chosen(spec, op) for spec, op in drawn]
    last: dict[str, NDArray[Any]] = {name: value for _, op in chosen for name, value in op.items()}
    return draw_images.PreviewRow(
        source=sources[index],
        mixed=mixed,
        weights=_weights(label, splits.class_names),
        lines=tuple(line for spec, op in chosen for line in textwrap.wrap(_words(spec, op), draw_images.TEXT_WIDTH)),
        partner=sources[int(last["partner"])] if "partner" in last else None,
        box=tuple(map(int, last["box"])) if "box" in last else None,  # type: ignore[arg-type]
    )


def _chosen(spec: Spec, drawn: Row) -> tuple[Spec, Row]:
    """The op that was applied and its parameters, where `one_of` had the choice."""
    if not drawn.get("chosen", True):
        return spec, {"chosen": drawn["chosen"]}
    if not isinstance(spec, OneOf):
        return spec, drawn
    number = int(drawn["choice"])
    return _chosen(spec.ops[number], params_of(number, drawn))


def _weights(label: NDArray[np.float32], class_names: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Classes and weights of a soft label, heaviest first, without those too light to show."""
    heaviest = np.argsort(-label, kind="stable")
    return tuple((class_names[i], float(label[i])) for i in heaviest if label[i] >= VISIBLE_WEIGHT)


def _words(spec: Spec, drawn: Row) -> str:
    if not drawn.get("chosen", True):
        return f"{spec.name} not for this class"
    if not drawn.get("applied", True):
        return f"{spec.name} not applied"
    return " ".join([spec.name, ", ".join(_numbers(drawn))]).rstrip()


def _numbers(drawn: Row) -> Iterator[str]:
    if "lam" in drawn:
        yield f"lam {float(drawn['lam']):.3f} drawn"
        if "weight" in drawn:
            yield f"{float(drawn['weight']):.3f} used"
    if "flip" in drawn:
        yield "flipped" if drawn["flip"] else "as it is"
    if "op" in drawn:
        yield from _operations(drawn)
    for name in sorted(drawn.keys() - ELSEWHERE):
        if np.size(drawn[name]) > TOLD:
            continue
        yield f"{name} {' '.join(f'{value:.3g}' for value in np.ravel(drawn[name]))}"


def _operations(drawn: Row) -> Iterator[str]:
    """The ops of a policy; chains of AugMix are told apart by a slash."""
    for chain, levels in zip(np.atleast_2d(drawn["op"]), np.atleast_2d(drawn["level"]), strict=True):
        named = [_operation(NAMES[op], level) for op, level in zip(chain, levels, strict=True) if op]
        yield " + ".join(named) or NAMES[0]


def _operation(name: str, level: float) -> str:
    return name if name in ("autocontrast", "equalize", "invert") else f"{name} {level:.3g}"


def _lam_draws(spec: Spec, recipe: pipeline.Recipe) -> Iterator[draw_images.LamDraws]:
    """The draws of an op that draws a lam ~ Beta(alpha, alpha), else nothing."""
    # The law of lam itself: `prob` and `per` decide who gets it, and are taken out here.
    everyone = {"prob": 1.0, "per": "example"}
    every = spec.model_copy(update={key: everyone[key] for key in everyone.keys() & type(spec).model_fields.keys()})
    size = tf.constant(recipe.image_size)
    drawn = strategy.op(every).sample(tf.constant([recipe.seed, 0]), tf.constant(DRAWS), size, size)
    alpha = getattr(spec, "alpha", None)
    if "lam" in drawn and alpha is not None:
        yield draw_images.LamDraws(spec.name, alpha, drawn["lam"].numpy())
