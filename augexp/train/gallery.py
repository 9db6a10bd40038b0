"""Every op side by side, each with its defaults, on the same images."""

from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from numpy.typing import NDArray

from augexp.augment import strategy
from augexp.config.ops import OPS, Spec, default_op
from augexp.config.schema import Experiment
from augexp.data import pipeline
from augexp.data.splits import Splits, load_splits
from augexp.draw import images as draw_images
from augexp.network import device
from augexp.train.task import recipe


def of(experiment: Experiment | None) -> Figure:
    """Every op on the first images of an experiment's train split; on two photographs if None."""
    device.leave_gpus_alone()
    if experiment is None:
        return picture(photographs())
    splits = load_splits(experiment)
    return picture(first_images(splits, recipe(experiment, splits)), experiment.seed)


IMAGES = 4
PHOTOGRAPH = 320  # pixels a side, cut out of the photographs
SEED = 12  # its mixup and cutmix mix the two photographs, and not by a hair


def photographs() -> NDArray[np.uint8]:
    """(4, 320, 320, 3): cut out of the two photographs that scikit-learn brings."""
    from sklearn.datasets import load_sample_images

    temple, flower = load_sample_images().images
    side = PHOTOGRAPH
    cuts = (temple[20 : 20 + side, :side], flower[60 : 60 + side, 160 : 160 + side])
    return np.stack([cuts[0], cuts[1], temple[90 : 90 + side, -side:], flower[100 : 100 + side, :side]])


def first_images(splits: Splits, recipe: pipeline.Recipe) -> NDArray[np.uint8]:
    """The first images of the first training batch, before the strategy."""
    sources: NDArray[np.uint8] = pipeline.batch_at(splits.train, recipe)(tf.constant(0, tf.int64)).sources.numpy()
    return sources[:IMAGES]


def picture(images: NDArray[np.uint8], seed: int = SEED) -> Figure:
    """A row an op on the same images (N, H, W, 3), after the images themselves."""
    with device.quiet():  # outside of XLA, oneDNN has no uint8, and says so
        rows = [(name, _augmented(default_op(name), images, seed)) for name in OPS]
    return draw_images.sheet(
        [("as they are", images), *rows], title="every op with its defaults, applied to every image (prob: 1)"
    )


def _augmented(spec: Spec, images: NDArray[np.uint8], seed: int) -> NDArray[Any]:
    every = spec.model_copy(update={"prob": 1.0} if "prob" in type(spec).model_fields else {})
    # Not compiled: each op works once.
    op = strategy.op(every)
    count, height, width = map(tf.constant, images.shape[:3])
    params = op.sample(tf.constant([seed, 0]), count, height, width)
    changed: NDArray[Any] = op.apply(tf.constant(images), tf.eye(len(images)), params)[0].numpy()
    return changed
