"""Where the characters of a line stand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.columns import columns, text_width


def test_narrow_characters_stand_side_by_side() -> None:
    assert list(columns("abc")) == [0, 1, 2, 3]
    assert list(columns("über")) == [0, 1, 2, 3, 4]


def test_a_wide_character_covers_two_columns() -> None:
    assert list(columns("a中b")) == [0, 1, 3, 4]


def test_a_combining_character_covers_none() -> None:
    assert list(columns("e\u0301x")) == [0, 1, 1, 2]


@given(st.text(max_size=40))
def test_columns_never_go_back(text: str) -> None:
    found = list(columns(text))
    assert found == sorted(found)
    assert len(found) == len(text) + 1
    assert found[-1] == text_width(text)
