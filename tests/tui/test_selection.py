"""What a selection covers, however it was drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.rows import Extent, Place
from tui.selection import Selection

places = st.builds(Place, st.integers(-5, 5), st.integers(0, 9))


def cell(line: int, col: int, width: int = 1) -> Extent:
    return Extent(Place(line, col), Place(line, col + width))


def spans(selection: Selection) -> list[tuple[int, int] | None]:
    return [selection.span(line, 10) for line in range(5)]


def test_text_is_covered_from_one_end_to_the_other() -> None:
    down = Selection(cell(1, 4), cell(3, 2), 0)
    assert spans(down) == [None, (4, 10), (0, 10), (0, 3), None]
    assert spans(Selection(cell(3, 2), cell(1, 4), 0)) == spans(down)


def test_a_block_covers_its_columns_only() -> None:
    block = Selection(cell(3, 2), cell(1, 4, 2), 0, block=True)
    assert spans(block) == [None, (2, 6), (2, 6), (2, 6), None]
    assert block.area == Extent(Place(1, 2), Place(3, 6))


def test_words_stay_whole_when_it_is_drawn_back_over_its_beginning() -> None:
    word = cell(1, 4, 3)
    assert spans(Selection(word, cell(1, 8, 2), 0))[1] == (4, 10)
    assert spans(Selection(word, cell(1, 0, 2), 0))[1] == (0, 7)


@given(places, places, st.booleans())
def test_both_ends_are_always_covered(one: Place, other: Place, block: bool) -> None:
    selection = Selection(cell(*one), cell(*other), 0, block)
    for place in (one, other):
        span = selection.span(place.line, 10)
        assert span is not None
        assert span[0] <= place.col < span[1]
