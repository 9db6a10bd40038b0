"""Masks, annotations and thumbnails beside the images that they belong to: told by their names, and no examples."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from augexp.data.roles import is_filler

_WORDS = (
    *("masks?", "annotations?", "labels?", "segmentations?", "seg", "gt", "ground[ _-]?truths?", "trimaps?"),
    *("xmls?", "thumb(?:nail)?s?"),
)
_WORD = "|".join(_WORDS)
_FOLDER = re.compile(_WORD, re.IGNORECASE)
# `1_mask.png`, `1_mask_2.png`, and `1-150x150.jpg` as websites write it.
_ENDING = re.compile(rf"(?:[ _.-](?:{_WORD})(?:[ _.-]?\d+)?|[_-]\d{{2,4}}x\d{{2,4}})$", re.IGNORECASE)


def is_of_companions(folder: str) -> bool:
    """Whether a folder is called as those of masks, annotations or thumbnails are: `masks`, `Annotation`."""
    return _FOLDER.fullmatch(folder) is not None


def companions(images: Sequence[Path], folder: Path) -> set[Path]:
    """Those that are called as masks or thumbnails of others: `1_mask.png`, `masks/1.png` beside `1.png`.

    Args:
        images: of one class, in `folder` or beneath it.
        folder: of the class, which may be called anything.
    """
    likely = set(_likely(images, folder))
    if not likely:
        return set()
    others = {(_place(image, folder), image.stem.casefold()) for image in images if image not in likely}
    return {image for image in likely if any((_place(image, folder), stem) in others for stem in _of(image))}


def _likely(images: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Those with a name, or in a folder with a name, of a companion."""
    inside = {os.fspath(folder): False}
    for image in images:
        place, name = os.path.split(image)  # as text: paths would take three times as long, for a million images
        if place not in inside:
            inside[place] = is_of_companions(os.path.basename(place))  # noqa: PTH119
        if inside[place] or _ENDING.search(os.path.splitext(name)[0]):  # noqa: PTH122
            yield image


def _place(image: Path, folder: Path) -> Path:
    """The folder of an image, or the one around `images/` and `masks/`."""
    inner = image.parent
    return inner.parent if inner != folder and (is_of_companions(inner.name) or is_filler(inner.name)) else inner


def _of(image: Path) -> set[str]:
    """What the image that one belongs to may be called."""
    stem = image.stem.casefold()
    return {stem, _ENDING.sub("", stem)}


def annotations(base: Path, names: Collection[str]) -> list[str]:
    """Those of some folders that are called so and hold files called as the images beside: `labels/`, of `images/`."""
    likely = [name for name in names if is_of_companions(name)]
    pictures = [name for name in names if is_filler(name)] if likely else []
    stems = {stem for name in pictures for stem in _stems(base / name)}
    return [name for name in likely if not stems.isdisjoint(_stems(base / name))]


def _stems(folder: Path) -> Iterator[str]:
    for _, _, files in os.walk(folder):
        yield from (Path(file).stem.casefold() for file in files)
