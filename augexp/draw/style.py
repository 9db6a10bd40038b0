"""The house style of every figure: colours, marks, and text that is drawn as it is.

Nothing here imports pyplot (0.4 s, and a global state). Names come from users: they are never read as mathtext, and
characters that no font at hand has become a box, because matplotlib would warn of each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from matplotlib import font_manager, rc_context

DPI = 120
# Okabe and Ito's colours without their yellow, which is lost on white; line styles and markers tell the rest apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Thai", "WenQuanYi Zen Hei"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "PingFang SC", "Hiragino Sans"),
)


@contextmanager
def house_style() -> Iterator[None]:
    """Settings under which figures are made: names are never read as mathtext, every script at hand is drawn."""
    # Text takes parse_math when it is made, so the figure may be drawn outside.
    with rc_context({"text.parse_math": False, "font.family": list(_families()), "font.size": 9, "axes.titlesize": 10}):
        yield


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
    """`text` in at most `width` characters, with an ellipsis in the middle: both ends tell names apart."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
