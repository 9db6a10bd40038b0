"""A study as a commented file: each value with why it was chosen."""

import math
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from augexp.config import yamlfile
from augexp.config.schema import SMALL_CNN
from augexp.errors import counted, cut, printable
from augexp.study import design as designs
from augexp.study import watch
from augexp.study.design import Design, Photos

BASE = "none.yaml"  # shipped
WIDTH = 100  # columns of a comment that stands alone
COLUMN = 44  # where comments beside values begin

Line = tuple[str, Any, str]  # key, value, why


def text(design: Design, photos: Photos, *, hours: float, machine: str, out: Path, runs_dir: str) -> str:
    """The file.

    Args:
        design: the study.
        photos: what it is about.
        hours: that it was to fit.
        machine: that was timed.
        out: where it will lie.
        runs_dir: for its runs.
    """
    sections = [
        _comment(f"augexp sweep --study {shlex.quote(str(out))}"),
        _comment(" ".join(_head(design, photos, hours, machine))),
        f"config: {BASE}",
        _section("grid", _grid(design, photos, runs_dir)),
        _section("candidates", _candidates(design)),
        _section("decide", _decide(design, photos)),
    ]
    return "\n".join(sections) + "\n"


def _head(design: Design, photos: Photos, hours: float, machine: str) -> Iterator[str]:
    least, most = design.runs
    yield f"Which augmentation on {cut(photos.source)}?"
    yield f"Written by augexp init --hours {hours:g}, on {machine}."
    yield (
        f"{counted(photos.classes, 'class')}; {photos.train:,} train, {photos.val:,} val and {photos.test:,} test "
        f"images. A run takes about {watch.duration(design.seconds)} here, so {least} runs, the fewest, "
        f"{watch.duration(least * design.seconds)} and {most}, the most, {watch.duration(most * design.seconds)}, one "
        "after the other."
    )
    yield settles(design, photos)
    yield "Once the first run is trained, another plan is another study: change what you like before."


def settles(design: Design, photos: Photos) -> str:
    """The smallest difference that the study is expected to tell, and what that rests on."""
    seeds, images = design.reach(photos.test)
    limit = "" if images < seeds else "; the test set is what limits it, so more test images tell more, not more seeds"
    return (
        f"Smallest difference it is expected to settle: about {math.hypot(seeds, images):.1f} points, in half of such "
        f"studies, and twice that surely; with runs that spread by {designs.spread(photos.test):.1f} points over "
        f"seeds, as trainings like this one do on {counted(photos.test, 'test image')}, and less where nearly all are "
        f"right{limit}."
    )


def _grid(design: Design, photos: Photos, runs_dir: str) -> Iterator[Line]:
    told = designs.settings(photos, design.recipe, design.image_size, design.epochs)
    why = _why(design, photos)
    for key, value in (told | {"runs_dir": runs_dir}).items():
        yield key, value, why.get(key, "")


def _why(design: Design, photos: Photos) -> dict[str, str]:
    """By setting."""
    recipe, model = design.recipe, design.recipe.model
    small = model.backbone == SMALL_CNN
    steps = counted(photos.train // recipe.batch_size, "step")
    return {
        "data.source": "as seen from the folder where augexp is started" if _is_path(photos) else "",
        "data.image_size": _why_size(design, photos),
        "model.backbone": _why_network(design, photos),
        "model.backbone_args": "as its weights are",
        "model.weights": _why_weights(model.weights),
        "model.backbone_lr": "one rate for all of it" if small else "its body learns at a tenth of the head's rate",
        "model.batch_norm": "its statistics are learnt, too" if small else "few images would spoil its statistics",
        "train.epochs": _why_epochs(design),
        "train.head_epochs": "nothing learnt before can be spoilt" if small else "the new head alone, at first",
        "train.batch_size": f"{steps} an epoch; mixing takes partners from a batch",
        "train.optimizer": "with momentum" if small else "bears frozen statistics",
        "train.learning_rate": "usual for this network, and the same for all",
        "runs_dir": "of this study alone, a folder for each run",
    }


def _is_path(photos: Photos) -> bool:
    return photos.source.partition(":")[0] in ("folder", "csv")


def _why_size(design: Design, photos: Photos) -> str:
    sizes = design.recipe.sizes
    if len(sizes) == 1:
        return f"pixels; the photos have {photos.short:.0f} on their shorter side" if photos.is_tiny else "pixels"
    larger = [size for size in sizes if size > design.image_size]
    return f"pixels; {larger[0]} sees more and takes more hours" if larger else "pixels; the photos hold hardly more"


def _why_network(design: Design, photos: Photos) -> str:
    if design.recipe.model.backbone != SMALL_CNN:
        return "fast enough here for so many runs"
    return "small photos need no large network" if photos.is_tiny else "without ImageNet weights nothing larger learns"


def _why_weights(weights: str | None) -> str:
    if weights is None:
        return "random, drawn by each seed"
    return "of ImageNet, downloaded on first use" if weights == "imagenet" else "of ImageNet, from this file"


def _why_epochs(design: Design) -> str:
    epochs = design.recipe.epochs
    if design.epochs == epochs.most:
        return "more would teach little"
    fewest = ", the fewest that teach enough" if design.epochs == epochs.least else ""
    return f"as many as fit the hours{fewest}; mixing needs many to pay"


WHY: Mapping[str, str] = {
    "none": "the photos as they are: the baseline",
    "basic": "mirrored and brightened; no candidate where mirroring changes the class",
    "cutmix": "a box of another photo pasted in, labels by area",
    "mixup": "two photos blended, labels too",
    "crop": "another part of the photo each time, mirrored",
    "crop+cutmix": "both",
    "crop+mixup": "both",
    "crop+trivial": "and one random change of colour or shape",
}


def _candidates(design: Design) -> Iterator[Line]:
    for name, strategy in design.candidates.items():
        yield name, strategy, WHY[name]


def _decide(design: Design, photos: Photos) -> Iterator[Line]:
    least, most = design.runs
    yield "baseline", "none", "what the winner must beat"
    yield "looks", list(design.looks), f"seeds of each at each look: {least} to {most} runs, as soon as it is clear"
    yield (
        "margin",
        designs.margin(math.hypot(*design.reach(photos.test))),
        "points that don't matter; smaller ones can't be told apart",
    )


def _section(name: str, lines: Iterator[Line]) -> str:
    return "\n".join([f"{name}:", *(_line(*line) for line in lines)])


def _line(key: str, value: Any, why: str) -> str:
    told = f"  {key}: {scalar(value)}"
    return f"{told:<{COLUMN}}  # {why}" if why else told


def scalar(value: Any) -> str:
    """A value in one line of YAML, that is read back as it was."""
    if isinstance(value, str) and not _is_plain(value):
        return yaml.dump(value, default_style='"', allow_unicode=True, width=math.inf).strip()
    if isinstance(value, str):
        return value
    return yaml.dump(value, default_flow_style=True, width=math.inf).removesuffix("\n...\n").strip()


def _is_plain(value: str) -> bool:
    if not value.isascii() or " " in value:
        return False
    try:
        return bool(yamlfile.parse(value) == value and yamlfile.parse(f"{{a: {value}}}") == {"a": value})
    except yaml.YAMLError:
        return False


def _comment(words: str) -> str:
    folded = textwrap.wrap(printable(words), WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in folded)
