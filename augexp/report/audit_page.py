"""What was found in a data set as one HTML page, with the images that are meant.

`audit.html.jinja` says what stands where, `page.css` how it looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from augexp import __version__
from augexp.audit.findings import SHOWN, Findings, Shown
from augexp.data.copies import Group
from augexp.report import advice, audit, pictures
from augexp.report.page import environment
from augexp.report.page_tables import Cell, Table


@dataclass(frozen=True)
class Picture:
    """An image, and the lines beneath it."""

    address: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Together:
    """Images that belong together, and what is said of them."""

    pictures: tuple[Picture, ...]
    said: str = ""


@dataclass(frozen=True)
class Gallery:
    """Some of all that were found."""

    heading: str
    explained: str
    shown: tuple[Together, ...]
    more: int


def html(found: Findings) -> str:
    """The whole page."""
    return environment().get_template("audit.html.jinja").render(content(found))


def content(found: Findings) -> dict[str, Any]:
    """All that the template knows, by the names that it has there."""
    return {
        "title": audit.title(found),
        "version": __version__,
        "doubtful": [sentence[:1].upper() + sentence[1:] for sentence in advice.doubtful(found)],
        "facts": [(what.capitalize(), words) for what, words in audit.facts(found)],
        "counts": Table(
            ("class", *found.counts), tuple(tuple(Cell(cell) for cell in row) for row in audit.rows(found))
        ),
        "galleries": [gallery for gallery in (_copies(found), _near(found), _doubts(found)) if gallery.shown],
        "sheets": [
            (found.class_names[label], int(found.counts["train"][label]), pictures.strip(images))
            for label, images in found.sheets.items()
        ],
        "classes": len(found.class_names),
    }


def _copies(found: Findings) -> Gallery:
    """Of each group one picture, as the others are equal."""
    groups = found.copies.worst_first
    shown = tuple(
        Together((Picture(pictures.of_pixels(found.equal[group[0]]), _members(group, found.class_names)),))
        for group in groups[:SHOWN]
    )
    return Gallery(
        "Equal images", "Pixel by pixel, at the size that they are decoded to.", shown, len(groups) - len(shown)
    )


def _members(group: Group, names: Sequence[str]) -> tuple[str, ...]:
    told = [_named(one.split, one.id, names[one.label]) for one in group[: audit.NAMED]]
    return (*told, *([f"and {len(group) - audit.NAMED:,} more"] if len(group) > audit.NAMED else []))


def _near(found: Findings) -> Gallery:
    pairs, names = found.near.pairs, found.class_names
    shown = tuple(
        Together(
            (_picture(pair.first, names), _picture(pair.second, names)),
            f"likeness {pair.likeness:.2f}{', mirrored' if pair.mirrored else ''}",
        )
        for pair in pairs[:SHOWN]
    )
    explained = (
        "The same picture in another size, compression or brightness, with a margin cut off, or mirrored; pairs in two "
        "splits first. They are only said: training uses both. Likeness: the correlation of their details, laid on "
        "each other."
    )
    return Gallery("Near-copies", explained, shown, len(pairs) - len(shown))


def _doubts(found: Findings) -> Gallery:
    names = found.class_names
    shown = tuple(
        Together(
            (_picture(one.image, names),),
            f"{100 * one.given:.1f} %; the probe says {names[one.said]}, {100 * one.probability:.1f} %",
        )
        for one in found.doubts.found[:SHOWN]
    )
    explained = (
        f"Logistic regression on {found.doubts.probe} finds these labels least probable, for images that it wasn't "
        "fitted to. Hard images are among them."
    )
    return Gallery("Labels in doubt", explained, shown, len(found.doubts.found) - len(shown))


def _picture(image: Shown, names: Sequence[str]) -> Picture:
    return Picture(pictures.of_pixels(image.pixels), (_named(image.split, image.id, names[image.label]),))


def _named(split: str, id_: str, name: str) -> str:
    return f"{name}: {audit.place(split, id_)}"
