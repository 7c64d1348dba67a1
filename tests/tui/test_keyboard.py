"""Whose a key is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.driving import PREFIX, key
from tui.keyboard import Keyboard, Press

KEYS = st.sampled_from(
    [PREFIX, "a", "d", "1", "0", "tab", "escape", "enter", "up", "ctrl+c", "ctrl+x", "shift+pageup"]
)


def presses(*names: str, pane: bool = False) -> list[Press]:
    keyboard = Keyboard(PREFIX)
    return [keyboard.press(key(name), pane=pane) for name in names]


def test_the_prefix_waits_for_one_key() -> None:
    assert presses(PREFIX, "d", "d") == [
        Press("prefix"),
        Press("action", "leave"),
        Press("guest"),
    ]


def test_twice_it_is_the_guests() -> None:
    assert presses(PREFIX, PREFIX) == [Press("prefix"), Press("guest")]


@pytest.mark.parametrize(
    ("name", "press"),
    [
        ("4", Press("action", "console", "4")),
        ("right", Press("action", "focus_next")),
        ("escape", Press("release")),
        ("0", Press("nobody")),
        ("ctrl+4", Press("nobody")),
    ],
)
def test_what_follows_the_prefix(name: str, press: Press) -> None:
    assert presses(PREFIX, name)[-1] == press


def test_a_pane_takes_its_own_keys_and_gives_the_rest_to_nobody() -> None:
    assert presses("u", "n", "down", "enter", pane=True) == [
        Press("action", "pause"),
        Press("nobody"),
        Press("action", "focus_next"),
        Press("release"),
    ]


def test_another_prefix_frees_the_usual_one() -> None:
    keyboard = Keyboard("ctrl+a")
    assert keyboard.press(key(PREFIX), pane=False) == Press("guest")
    assert keyboard.press(key("ctrl+a"), pane=False) == Press("prefix")


@given(st.lists(KEYS))
def test_an_action_is_only_ever_behind_a_prefix(names: list[str]) -> None:
    keyboard = Keyboard(PREFIX)
    for name in names:
        before = keyboard.pending
        press = keyboard.press(key(name), pane=False)
        if press.whose == "action" and not press.action.startswith("scroll_"):
            assert before
        assert keyboard.pending == (press.whose == "prefix")
