"""A line that is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.driving import key
from tui.line_edit import LineEdit

MOVES = ["left", "right", "home", "end"]
ERASES = ["backspace", "delete", "ctrl+w", "ctrl+u", "ctrl+k"]


def edited(*names: str, text: str = "", limit: int = 20) -> str:
    line = LineEdit(limit)
    line.set(text)
    for name in names:
        line.press(key(name))
    return f"{line.text[: line.cursor]}|{line.text[line.cursor :]}"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("x", "one twox|"),
        ("left x", "one twx|o"),
        ("home x", "x|one two"),
        ("ctrl+a right x end y", "oxne twoy|"),
        ("backspace", "one tw|"),
        ("home backspace", "|one two"),
        ("home delete", "|ne two"),
        ("delete", "one two|"),
        ("ctrl+w", "one |"),
        ("ctrl+w ctrl+w ctrl+w", "|"),
        ("left left ctrl+u", "|wo"),
        ("left left ctrl+k", "one t|"),
        ("ctrl+x alt+z f5 tab", "one two|"),
    ],
)
def test_keys_edit_as_in_a_shell(names: str, expected: str) -> None:
    assert edited(*names.split(), text="one two") == expected


def test_what_is_inserted_is_printable_and_has_a_bound() -> None:
    line = LineEdit(5)
    line.insert("a\x1b[2J\nb")
    assert (line.text, line.cursor) == ("a[2Jb", 5)
    line.insert("more")
    assert line.text == "a[2Jb"
    line.set("123456")
    assert line.text == "12345"


@given(st.lists(st.sampled_from([*MOVES, *ERASES, "a", "é"]), max_size=40))
def test_the_cursor_never_leaves_the_text(names: list[str]) -> None:
    line = LineEdit(6)
    for name in names:
        line.press(key(name))
        assert 0 <= line.cursor <= len(line.text) <= 6
