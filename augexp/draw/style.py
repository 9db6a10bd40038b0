"""The house style of every figure: colours, marks, and text that is drawn as it is.

Nothing here imports pyplot (0.4 s, and a global state). Pictures are the same whatever a matplotlibrc says. Names come
from users: they are never read as mathtext, and characters that no font at hand has become a box, because matplotlib
would warn of each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager, rc_context, rcParamsDefault
from matplotlib.figure import Figure

from augexp.errors import printable

DPI = 120
# Okabe and Ito's colours without their yellow, which is lost on white; line styles and markers tell the rest apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Thai", "WenQuanYi Zen Hei"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "PingFang SC", "Hiragino Sans"),
)
# Of the screen, which is the user's.
INTERACTIVE = ("backend", "interactive", "toolbar", "webagg.", "tk.", "figure.raise_window", "figure.max_open_warning")

_plain: ContextVar[bool] = ContextVar("plain", default=False)


@contextmanager
def plain_style() -> Iterator[None]:
    """Matplotlib's own settings in place of the user's; inside of it, nothing more."""
    if _plain.get():
        yield
        return
    inside = _plain.set(True)
    try:
        with rc_context(_defaults()):
            yield
    finally:
        _plain.reset(inside)


@cache
def _defaults() -> dict[Any, Any]:
    return {name: value for name, value in rcParamsDefault.items() if not name.startswith(INTERACTIVE)}


@contextmanager
def house_style() -> Iterator[None]:
    """Settings under which figures are made: names are never read as mathtext, every script at hand is drawn."""
    # Text takes parse_math when it is made, so the figure may be drawn outside.
    settings: dict[Any, Any] = {
        "text.parse_math": False,
        "font.family": list(_families()),
        "font.size": 9,
        "axes.titlesize": 10,
    }
    with plain_style(), rc_context(settings):
        yield


def save(figure: Figure, path: Path) -> None:
    """Writes a figure in the format of the file's ending."""
    with plain_style():
        figure.savefig(path)


@cache
def _families() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed))


def drawable(text: str) -> str:
    """`text` with a box in place of every character that no font at hand can draw."""
    return "".join(character if _has_glyph(character) else "\N{WHITE SQUARE}" for character in text)


@cache
def _has_glyph(character: str) -> bool:
    fonts = (font_manager.get_font(font_manager.findfont(family)) for family in _families())
    return character == "\n" or any(font.get_char_index(ord(character)) for font in fonts)


def shorten(text: str, width: int) -> str:
    """A line of at most `width` characters, with an ellipsis in the middle: both ends tell names apart."""
    text = printable(text)
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
