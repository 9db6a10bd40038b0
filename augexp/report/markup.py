"""The pieces of HTML that a page is made of. All text is escaped here, and nowhere else."""

from collections.abc import Iterable, Sequence
from html import escape

from matplotlib.figure import Figure

from augexp.compare.groups import Group
from augexp.compare.summary import Spread
from augexp.draw.style import COLOURS, LINES, MARKERS
from augexp.errors import printable
from augexp.report import figures

SHAPES = {
    "o": '<circle cx="19" cy="7" r="4"/>',
    "s": '<rect x="15" y="3" width="8" height="8"/>',
    "^": '<path d="M14 11h10l-5-9z"/>',
    "D": '<path d="M19 2l5 5-5 5-5-5z"/>',
    "v": '<path d="M14 3h10l-5 9z"/>',
    "P": '<path d="M17 2h4v3h3v4h-3v3h-4v-3h-3v-4h3z"/>',
    "X": '<path d="M15 2l4 3 4-3 1 2-3 3 3 3-1 2-4-3-4 3-1-2 3-3-3-3z"/>',
    "*": '<path d="M19 1l2 4h4l-3 3 1 5-4-3-4 3 1-5-3-3h4z"/>',
    "<": '<path d="M14 7l9-5v10z"/>',
    ">": '<path d="M24 7l-9-5v10z"/>',
}
DASHES = dict(zip(LINES, ("", "6 3", "6 3 2 3", "2 3"), strict=True))


def text(value: object) -> str:
    """Any value as text that is safe in HTML."""
    return escape(printable(str(value)))


def section(heading: str, *parts: str) -> str:
    """Nothing where all parts are empty."""
    body = "".join(parts)
    return f"<section>\n<h2>{text(heading)}</h2>\n{body}</section>\n" if body else ""


def table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells of `rows` are HTML."""
    head = "".join(f"<th>{text(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n'


def spread(over: Spread | None, scale: float = 100, digits: int = 2) -> str:
    """A cell: mean ± standard deviation; small, the 95 % interval and the lowest and highest seed."""
    if over is None:
        return "-"
    mean = f"{scale * over.mean:.{digits}f}"
    if over.sd is None or over.interval is None:
        return f"{mean}<small>one seed</small>"
    ends = " to ".join(f"{scale * end:.{digits}f}" for end in over.interval)
    lowest, highest = f"{scale * over.lowest:.{digits}f}", f"{scale * over.highest:.{digits}f}"
    return f"{mean} ± {scale * over.sd:.{digits}f}<small>{ends}</small><small>{lowest}, {highest}</small>"


def figure(drawn: Figure, title: str, caption: str) -> str:
    """A figure and what stands beneath it; no two titles of a page may have the same letters."""
    drawing = figures.svg(drawn, text(title), salt="".join(filter(str.isalpha, title)))
    beneath = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return f"<figure>{drawing}{beneath}</figure>\n"


def legend(groups: Sequence[Group]) -> str:
    """The colours and marks of the groups."""
    items = "".join(f"<li>{_swatch(index)}{text(group.label)}</li>" for index, group in enumerate(groups))
    return f'<ul class="legend">{items}</ul>\n'


def _swatch(index: int) -> str:
    colour = figures.colour_of(index)
    dash = DASHES[LINES[index // len(COLOURS) % len(LINES)]]
    line = f'<path d="M0 7h38" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"/>'
    shape = SHAPES[MARKERS[index % len(MARKERS)]]
    return f'<svg viewBox="0 0 38 14" aria-hidden="true" fill="{colour}">{line}{shape}</svg>'
