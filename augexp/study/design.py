"""Which study fits some hours: how many candidates, looks and epochs, at which size; and what it can settle.

The ladder goes from the smallest study that is worth its hours to the largest. The highest rung that fits is taken, and
its hours are filled with epochs.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from augexp.compare import critical
from augexp.config.schema import SMALL_CNN, Model

TINY = 48  # pixels: photos whose shorter side is no longer are learnt from random weights by a small network
SMALL = Model(backbone=SMALL_CNN, weights=None, backbone_lr=1.0)
SIZES = (96, 128, 160, 224)  # pixels, for which MobileNetV2 has ImageNet weights of its own
MARGINS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)  # points

# What trainings like these have shown (docs/scoring.md, docs/photos.md), to be expected before any run is trained.
COMMON = 0.5  # points: standard deviation over seeds that no number of test images takes away
FLIPS = 0.1  # variance over seeds of being right, a test image
TASTE = 0.03  # covariance over test images of two seeds' differences between strategies


@dataclass(frozen=True)
class Photos:
    """What is known of a data set.

    Attributes:
        source: `data.source`.
        classes: K.
        train: images, those of val taken away.
        val: likewise.
        test: likewise.
        short: median of the shorter sides, in pixels.
    """

    source: str
    classes: int
    train: int
    val: int
    test: int
    short: float

    @property
    def is_tiny(self) -> bool:
        return self.short <= TINY


class Epochs(NamedTuple):
    """With fewer than `least` nothing is learnt that a verdict could be about; more than `most` teach little."""

    least: int
    usual: int
    most: int


@dataclass(frozen=True)
class Recipe:
    """A network, the sizes that it may be trained at, rising, and how."""

    model: Model
    sizes: tuple[int, ...]
    batch_size: int
    epochs: Epochs
    head_epochs: int
    batch_norm: str
    optimizer: str
    learning_rate: float


class Rung(NamedTuple):
    """Of the ladder: `size` is a place among the sizes from 0, the smallest, to 1, the largest."""

    strategies: int
    looks: tuple[int, ...]
    size: float
    epochs: str


LADDER = (
    Rung(3, (3, 5), 0.0, "least"),
    Rung(4, (3, 5), 0.0, "least"),
    Rung(4, (3, 5, 8), 0.0, "least"),
    Rung(4, (3, 5, 8), 0.0, "usual"),
    Rung(4, (3, 5, 8), 0.5, "usual"),
    Rung(6, (3, 5, 8), 0.5, "usual"),
    Rung(6, (3, 5, 8, 12), 0.5, "usual"),
    Rung(8, (3, 5, 8, 12), 1.0, "usual"),
)
GOOD = LADDER[3]  # below it, a smaller network is worth a try


@dataclass(frozen=True)
class Design:
    """A study.

    Attributes:
        rung: that was reached.
        recipe: of its network.
        image_size: in pixels.
        epochs: of a run.
        candidates: strategies by name, the baseline first.
        seconds: of a run.
    """

    rung: Rung
    recipe: Recipe
    image_size: int
    epochs: int
    candidates: Mapping[str, Any]
    seconds: float

    @property
    def looks(self) -> tuple[int, ...]:
        return self.rung.looks

    @property
    def runs(self) -> tuple[int, int]:
        """At least and at most."""
        return len(self.candidates) * self.looks[0], len(self.candidates) * self.looks[-1]

    def reach(self, test: int) -> tuple[float, float]:
        """As `reach`, with so many test images."""
        return reach(len(self.candidates), self.looks, test)

    @property
    def hours(self) -> tuple[float, float]:
        """Of the runs at least and at most, one after the other."""
        least, most = self.runs
        return least * self.seconds / 3600, most * self.seconds / 3600


Cost = Callable[[int, int], float]
"""Image size in pixels, epochs -> seconds of a run."""


def recipe(photos: Photos, model: Model, *, gpu: bool) -> Recipe:
    """How a network is trained on these photos."""
    small = model.backbone == SMALL_CNN
    batch_size = _batch_size(photos.train, 64 if gpu or photos.is_tiny else 32)
    steps = max(1, photos.train // batch_size)
    # Few images make short epochs: what is learnt in them is counted in steps, too.
    floors, in_steps = ((12, 30, 60), (200, 400, 800)) if small else ((10, 20, 40), (150, 300, 600))
    epochs = Epochs(*(max(floor, math.ceil(some / steps)) for floor, some in zip(floors, in_steps, strict=True)))
    return Recipe(
        model=model,
        sizes=_sizes(photos, small=small),
        batch_size=batch_size,
        epochs=epochs,
        head_epochs=0 if small else 1,
        # Small batches of few images would spoil the statistics of ImageNet (docs/init.md); SGD without them diverges.
        batch_norm="trainable" if small else "frozen",
        optimizer="sgd" if small else "adamw",
        learning_rate=0.05 if small else 0.001,
    )


def _batch_size(train: int, most: int) -> int:
    """The largest that leaves ten steps to an epoch, and never more than there are images."""
    fitting = [size for size in (64, 32, 16) if size <= most and train >= 10 * size]
    return max([*fitting, min(8, train)])


def _sizes(photos: Photos, *, small: bool) -> tuple[int, ...]:
    if photos.is_tiny and small:
        return (max(12, 4 * math.ceil(photos.short / 4)),)
    if small:
        return (64,)
    fitting = [size for size in SIZES if size <= 1.25 * photos.short]
    return tuple(fitting) or SIZES[:1]


MOST = max(rung.strategies for rung in LADDER)


def candidates(photos: Photos, count: int) -> dict[str, Any]:
    """What the field would try first, by name: the baseline, then so many less one."""
    crop = "random_crop" if photos.is_tiny else "random_resized_crop"
    cropped = f"{crop}+flip_left_right"
    every = {
        "none": "none",
        "basic": "basic",
        "cutmix": "cutmix",
        "mixup": "mixup",
        "crop": cropped,
        "crop+cutmix": f"{cropped}+cutmix",
        "crop+mixup": f"{cropped}+mixup",
        "crop+trivial": f"{cropped}+trivial_augment",
    }
    return dict(list(every.items())[:count])


def settings(photos: Photos, recipe: Recipe, image_size: int, epochs: int) -> dict[str, Any]:
    """What all runs have in common, by dotted key."""
    model = recipe.model
    return {
        "data.source": photos.source,
        "data.image_size": image_size,
        "model.backbone": model.backbone,
        **({"model.backbone_args": dict(model.backbone_args)} if model.backbone_args else {}),
        "model.weights": model.weights,
        "model.backbone_lr": model.backbone_lr,
        "model.batch_norm": recipe.batch_norm,
        "train.epochs": epochs,
        "train.head_epochs": recipe.head_epochs,
        "train.batch_size": recipe.batch_size,
        "train.optimizer": recipe.optimizer,
        "train.learning_rate": recipe.learning_rate,
    }


def size_at(recipe: Recipe, rung: Rung) -> int:
    """The image size of a rung, in pixels."""
    return recipe.sizes[round(rung.size * (len(recipe.sizes) - 1))]


def fitting(photos: Photos, recipe: Recipe, cost: Cost, seconds: float, largest: int | None = None) -> Design | None:
    """The highest rung whose runs, all that it may need, fit some seconds; None where none does.

    Args:
        photos: what the study is about.
        recipe: of its network.
        cost: of a run.
        seconds: for all runs.
        largest: image size that was timed, in pixels; None: any.
    """
    found = None
    for rung in LADDER:
        if largest is not None and size_at(recipe, rung) > largest:
            break
        one = _on(rung, photos, recipe, cost)
        if one.seconds * one.runs[1] <= seconds:
            found = one
    return None if found is None else _filled(found, cost, seconds)


def smallest(photos: Photos, recipe: Recipe, cost: Cost) -> Design:
    """The first rung, whatever it takes."""
    return _on(LADDER[0], photos, recipe, cost)


def _on(rung: Rung, photos: Photos, recipe: Recipe, cost: Cost) -> Design:
    size, epochs = size_at(recipe, rung), int(getattr(recipe.epochs, rung.epochs))
    return Design(rung, recipe, size, epochs, candidates(photos, rung.strategies), cost(size, epochs))


def _filled(design: Design, cost: Cost, seconds: float) -> Design:
    """With as many epochs as still fit."""
    epochs = design.epochs
    while epochs < design.recipe.epochs.most and cost(design.image_size, epochs + 1) * design.runs[1] <= seconds:
        epochs += 1
    return replace(design, epochs=epochs, seconds=cost(design.image_size, epochs))


# --- what can be settled -------------------------------------------------------------------------------------------


def spread(test: int) -> float:
    """Points: the standard deviation of a run over seeds that is to be expected with so many test images."""
    return math.sqrt(COMMON**2 + 100**2 * FLIPS / test)


def reach(strategies: int, looks: tuple[int, ...], test: int) -> tuple[float, float]:
    """Points: half the width that the intervals of the last look are expected to have for the seeds, and the images.

    The two are at right angles: together they are their hypotenuse.
    """
    seeds = critical.constants(strategies, looks)[-1] * math.sqrt(2 / looks[-1]) * spread(test)
    return seeds, 100 * critical.of_range(strategies) * math.sqrt(TASTE / test)


def margin(points: float) -> float:
    """The smallest usual margin that intervals of this reach can lie within."""
    return next((one for one in MARGINS if one >= points), MARGINS[-1])
