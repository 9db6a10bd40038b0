"""The study that fits some hours of this machine: networks are timed until one is found that fits well."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from augexp.config import load
from augexp.config.schema import Experiment, Model, Train
from augexp.errors import UserError
from augexp.network import device
from augexp.study import design as designs
from augexp.study import forkserver
from augexp.study.design import GOOD, LADDER, SMALL, Cost, Design, Photos, Recipe
from augexp.train import rates
from augexp.train.rates import Rates

SPARE = 1.25  # times the hours that are said to be enough: timed again, a machine may be slower
KEPT_BACK = 0.1  # of the hours: no run takes just what another one took
FORKED, FRESH = 2.0, 10.0  # seconds: the process of a run, its pictures and its result


@dataclass(frozen=True)
class Proposal:
    """A study, and what was measured for it.

    Attributes:
        design: the study.
        timed: its network, at each size that it was timed at.
        seconds: that all its runs may take.
        note: what stands in the way of a better one, and what to do; empty where nothing does.
    """

    design: Design
    timed: tuple[Rates, ...]
    seconds: float
    note: str = ""

    @property
    def rates(self) -> Rates:
        """At the size that is nearest to the study's."""
        return _nearest(self.timed, self.design.image_size)

    def of(self, photos: Photos) -> "Proposal":
        """The same network with other numbers of images; as it is where nothing of it fits any more."""
        recipe = _recipe(photos, self.design.recipe.model)
        cost = _cost(photos, recipe, self.timed)
        found = designs.fitting(photos, recipe, cost, self.seconds, self.design.image_size)
        return self if found is None else replace(self, design=found)


def propose(photos: Photos, hours: float, model: Model | None, *, decoding: float) -> Proposal:
    """The richest study that fits; TensorFlow must be loaded. Takes about a minute.

    Args:
        photos: what it is about.
        hours: of this machine.
        model: with its weights; None: one that suits the photos, with ImageNet weights where they can be had.
        decoding: seconds that are spent before the first run.

    Raises:
        UserError: if nothing sensible fits, with the hours that it takes.
    """
    seconds = 3600 * hours * (1 - KEPT_BACK) - decoding
    found, too_long = list[Proposal](), list[Design]()
    for recipe, timed, note in _timed(photos, _models(photos) if model is None else [model]):
        cost = _cost(photos, recipe, (timed,))
        design = designs.fitting(photos, recipe, cost, seconds)
        if design is None:
            too_long.append(designs.smallest(photos, recipe, cost))
            continue
        found.append(_at_its_size(photos, Proposal(design, (timed,), seconds, note)))
        if LADDER.index(found[-1].design.rung) >= LADDER.index(GOOD):
            break
    if not found:
        raise _too_few_hours(hours, min(too_long, key=lambda one: one.seconds), decoding)
    return max(found, key=lambda one: LADDER.index(one.design.rung))


def _timed(photos: Photos, models: Sequence[Model]) -> Iterator[tuple[Recipe, Rates, str]]:
    """Networks, the one to be wished for first, each timed at its smallest size; those whose weights can be had."""
    why, any_had = "", False
    for model in models:
        recipe = _recipe(photos, model)
        try:
            timed = _measured(photos, recipe, recipe.sizes[0])
        except UserError as error:
            if model.weights != "imagenet":
                raise
            why = str(error).partition(";")[0]
            continue
        any_had = True
        yield recipe, timed, ""
    if not any_had:
        recipe = _recipe(photos, SMALL)
        note = (
            f"{why}. So the study trains {SMALL.backbone} from random weights, and its verdict is about that: no "
            "network to go by for photos of this size. Fetch the file elsewhere, and type the same with --weights FILE."
        )
        yield recipe, _measured(photos, recipe, recipe.sizes[0]), note


def _models(photos: Photos) -> list[Model]:
    if photos.is_tiny:
        return [SMALL]
    if device.find().kind == "gpu":
        return [Model(backbone="ResNet50"), Model(backbone="MobileNetV2")]
    return [Model(backbone="MobileNetV2"), Model(backbone="MobileNetV2", backbone_args={"alpha": 0.35})]


def _recipe(photos: Photos, model: Model) -> Recipe:
    return designs.recipe(photos, model, gpu=device.find().kind == "gpu")


def experiment(photos: Photos, recipe: Recipe, image_size: int, epochs: int) -> Experiment:
    """A run that stands for all of a study: its strategy takes neither the least nor the most."""
    settings = designs.settings(photos, recipe, image_size, epochs) | {"strategy": "cutmix"}
    return load.experiment(None, settings=settings)


def _measured(photos: Photos, recipe: Recipe, image_size: int) -> Rates:
    return rates.measure(experiment(photos, recipe, image_size, recipe.epochs.least), photos.classes)


def _cost(photos: Photos, recipe: Recipe, timed: Sequence[Rates]) -> Cost:
    process = FORKED if forkserver.is_usable() else FRESH

    def seconds(image_size: int, epochs: int) -> float:
        train = Train(epochs=epochs, head_epochs=recipe.head_epochs, batch_size=recipe.batch_size)
        examples = photos.train, photos.val, photos.test
        return process + _nearest(timed, image_size).seconds(train, image_size, examples)

    return seconds


def _nearest(timed: Sequence[Rates], image_size: int) -> Rates:
    return min(timed, key=lambda one: abs(one.image_size - image_size))


def _at_its_size(photos: Photos, proposal: Proposal) -> Proposal:
    """Timed at the size that was chosen, too; where that is slower than it was taken to be, at a smaller one."""
    while (size := proposal.design.image_size) != proposal.rates.image_size:
        try:
            timed = _measured(photos, proposal.design.recipe, size)
        except UserError:  # some weights are of one size, and memory may be short
            smallest = proposal.design.recipe.sizes[0]
            proposal = replace(proposal, design=replace(proposal.design, image_size=smallest)).of(photos)
        else:
            proposal = replace(proposal, timed=(*proposal.timed, timed)).of(photos)
    return proposal


def _too_few_hours(hours: float, smallest: Design, decoding: float) -> UserError:
    runs = smallest.runs[1]
    needed = SPARE * (runs * smallest.seconds + decoding) / (1 - KEPT_BACK) / 3600
    digits = 1 - math.floor(math.log10(needed))
    enough = math.ceil(needed * 10**digits) / 10**digits
    return UserError(
        f"--hours {hours:g}: no study that is worth it fits; the smallest, {runs} runs of {smallest.epochs} epochs of "
        f"{smallest.recipe.model.backbone} at {smallest.image_size} px ({', '.join(smallest.candidates)}; looks at "
        f"{' and '.join(map(str, smallest.looks))} seeds), takes --hours {enough:g} here"
    )
