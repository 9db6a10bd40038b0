"""Text that a figure can hold."""

from hypothesis import given
from hypothesis import strategies as st

from augexp.draw.style import drawable, shorten


@given(st.text(max_size=30))
def test_drawable_keeps_the_length_and_needs_no_other_font(text: str) -> None:
    drawn = drawable(text)
    assert len(drawn) == len(text)
    assert drawable(drawn) == drawn


@given(st.text(max_size=60), st.integers(5, 40))
def test_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= width
    assert short == text or (short[0] == text[0] and short[-1] == text[-1])
