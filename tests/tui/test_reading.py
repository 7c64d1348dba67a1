"""Whose a key is while one searches, selects or copies, and what is seen of it."""

from __future__ import annotations

import pytest

from muxcore.vt.keys import Key, Paste
from tests.tui.driving import key
from tests.tui.screens import Background, Screen, View
from tui.input_queue import InputQueue
from tui.paint import Span
from tui.reading import Reading
from tui.rows import Place
from tui.selection import Selection

TEXT = ("zero", "one mark", "two", "three", "four mark", "five 中", "six", "$ ")


class Rig:
    def __init__(self, *texts: str) -> None:
        self.screen = Screen(*(texts or TEXT))
        self.view = View(self.screen)
        self.background = Background()
        self.copied: list[Selection] = []
        self.typed: list[str] = []
        self.input = InputQueue(self.press_one, lambda: self.reading.busy, lambda: None)
        self.reading = Reading(
            self.view,
            run=self.background.run,
            later=self.background.later,
            changed=lambda: None,
            copy=self.copied.append,
            ready=self.input.go_on,
        )

    def press_one(self, pressed: Key | Paste) -> None:
        assert isinstance(pressed, Key)
        if not self.reading.press(pressed):
            self.typed.append(pressed.name)

    async def press(self, *names: str) -> None:
        for name in names:
            self.input.put(key(name))
        await self.background.idle()

    async def search(self, pattern: str) -> None:
        self.reading.searching.type(pattern)
        await self.background.idle()
        self.reading.accept()
        await self.background.idle()

    def mode(self) -> str:
        return self.reading.mode

    def cursor(self) -> tuple[int, int] | None:
        for line in range(self.screen.end_line):
            for span in self.reading.spans(line):
                if span.kind == "cursor":
                    return line, span.start
        return None


async def test_keys_are_the_guests_unless_something_is_done() -> None:
    rig = Rig()
    await rig.press("a", "n", "escape")
    assert rig.typed == ["a", "n", "escape"]


async def test_copy_mode_begins_where_the_guests_cursor_is() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.background.idle()
    assert rig.mode() == "copy"
    assert rig.cursor() == (7, 0)
    assert rig.view.held


async def test_copy_mode_begins_in_the_view_when_that_is_scrolled_back() -> None:
    rig = Rig()
    rig.view.go_to(0)
    rig.reading.copy_mode()
    await rig.background.idle()
    assert rig.cursor() == (3, 0)
    assert rig.view.first_line == 0


async def test_copy_mode_selects_copies_and_follows_the_guest_again() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("3", "k", "0", "v", "e")
    assert rig.reading.spans(4) == [Span(0, 4, "selection"), Span(3, 4, "cursor")]
    assert rig.reading.note == "copy mode visual"
    await rig.press("y", "x")
    assert [selection.area for selection in rig.copied] == [((4, 0), (4, 4))]
    assert rig.mode() == ""
    assert rig.typed == ["x"]
    assert not rig.view.held
    assert rig.reading.spans(4) == []


async def test_keys_typed_ahead_of_the_end_of_copy_mode_are_the_guests() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("k", "q", "l", "s", "enter")
    assert rig.typed == ["l", "s", "enter"]


async def test_keys_behind_a_search_wait_for_what_it_finds() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("g", "/", *"mark", "enter", "n", "v", "l", "y", "x")
    assert [selection.area for selection in rig.copied] == [((4, 5), (4, 7))]
    assert rig.typed == ["x"]


async def test_a_line_is_copied_by_one_key() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("k", "k", "Y")
    assert [selection.area for selection in rig.copied] == [((5, 0), (5, 10))]


async def test_the_cursor_covers_a_wide_character() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("k", "k", "$")
    assert rig.reading.spans(5) == [Span(5, 7, "cursor")]


async def test_the_view_scrolls_with_the_cursor_and_the_wheel_takes_it_along() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("g")
    assert (rig.view.first_line, rig.cursor()) == (0, (0, 0))
    assert rig.reading.scroll(2)
    await rig.background.idle()
    assert (rig.view.first_line, rig.cursor()) == (2, (2, 0))


async def test_older_lines_are_fetched_at_the_top() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("k")
    assert not rig.view.fetched
    await rig.press("g")
    assert rig.view.fetched


async def test_the_wheel_scrolls_by_itself_outside_copy_mode() -> None:
    assert not Rig().reading.scroll(1)


async def test_a_search_is_accepted_and_stepped_through() -> None:
    rig = Rig()
    rig.reading.search()
    assert rig.mode() == "typing"
    await rig.search("mark")
    assert rig.mode() == "found"
    assert rig.reading.spans(4) == [Span(5, 9, "current")]
    await rig.press("n")
    assert rig.reading.spans(1) == [Span(4, 8, "current")]
    await rig.press("N", "x")
    assert rig.reading.spans(4) == [Span(5, 9, "current")]
    assert rig.typed == []


async def test_escape_returns_and_enter_stays() -> None:
    rig = Rig()
    rig.reading.search()
    await rig.search("one")
    await rig.press("escape")
    assert (rig.mode(), rig.view.held) == ("", False)
    rig.reading.search()
    await rig.search("one")
    await rig.press("enter", "x")
    assert (rig.mode(), rig.view.held) == ("", True)
    assert rig.typed == ["x"]


async def test_escape_while_typing_returns() -> None:
    rig = Rig()
    rig.reading.search()
    rig.reading.searching.type("one")
    await rig.background.idle()
    assert rig.view.held
    rig.reading.give_up()
    assert (rig.mode(), rig.view.held) == ("", False)


async def test_nothing_typed_searches_for_the_last_again_or_ends() -> None:
    rig = Rig()
    rig.reading.search()
    await rig.search("")
    assert rig.mode() == ""
    rig.reading.search()
    await rig.search("one")
    await rig.press("escape")
    rig.reading.search()
    await rig.search("")
    assert rig.reading.spans(1) == [Span(0, 3, "current")]


async def test_keys_scroll_among_what_was_found() -> None:
    rig = Rig()
    rig.reading.search()
    await rig.search("mark")
    top = rig.view.first_line
    await rig.press("up")
    assert rig.view.first_line == top - 1
    await rig.press("pagedown")
    assert rig.view.first_line == min(top + 3, 4)


async def test_searching_in_copy_mode_moves_its_cursor() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("g", "/")
    assert rig.mode() == "typing"
    await rig.search("mark")
    assert rig.mode() == "copy"
    assert rig.cursor() == (1, 4)
    await rig.press("n")
    assert rig.cursor() == (4, 5)
    await rig.press("v", "N")
    assert rig.cursor() == (1, 4)
    assert rig.copied == []
    await rig.press("y")
    assert [selection.area for selection in rig.copied] == [((1, 4), (4, 6))]
    assert rig.reading.spans(1) == []


async def test_giving_up_in_copy_mode_returns_to_its_cursor() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("?")
    rig.reading.searching.type("zero")
    await rig.background.idle()
    assert rig.view.first_line == 0
    rig.reading.give_up()
    assert (rig.mode(), rig.view.first_line, rig.cursor()) == ("copy", 4, (7, 0))


async def test_n_in_copy_mode_searches_for_the_last_pattern() -> None:
    rig = Rig()
    rig.reading.search()
    await rig.search("mark")
    await rig.press("escape")
    rig.reading.copy_mode()
    await rig.press("g", "n")
    await rig.background.idle()
    assert rig.cursor() == (1, 4)


async def test_a_click_puts_copy_modes_cursor_there() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    rig.reading.click(Place(5, 6), block=False)
    await rig.background.idle()
    assert rig.cursor() == (5, 5)


async def test_a_selection_with_the_mouse_is_seen_until_a_key_is_typed() -> None:
    rig = Rig()
    rig.reading.click(Place(4, 0), block=False)
    rig.reading.selecting.drag(Place(4, 3))
    rig.reading.selecting.release()
    await rig.background.idle()
    assert rig.reading.spans(4) == [Span(0, 4, "selection")]
    assert len(rig.copied) == 1
    await rig.press("x")
    assert rig.reading.spans(4) == []
    assert rig.typed == ["x"]


async def test_other_numbers_end_copy_mode() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("v", "k")
    rig.screen.epoch += 1
    assert not rig.reading.follow({})
    assert rig.mode() == ""
    assert not rig.view.held


def one_lower(rig: Rig) -> dict[str, Place]:
    """Where everything is when a line comes in front of all others."""
    places = rig.reading.places()
    rig.screen.epoch += 1
    rig.screen.texts = ("", *rig.screen.texts)
    rig.screen.end_line += 1
    return {name: Place(place.line + 1, place.col) for name, place in places.items()}


async def test_copy_mode_and_its_selection_follow_their_text() -> None:
    rig = Rig()
    rig.reading.copy_mode()
    await rig.press("3", "k", "0", "v", "e")
    assert rig.reading.follow(one_lower(rig))
    await rig.background.idle()
    assert rig.reading.spans(5) == [Span(0, 4, "selection"), Span(3, 4, "cursor")]
    await rig.press("y")
    assert [selection.area for selection in rig.copied] == [((5, 0), (5, 4))]
    assert rig.copied[0].epoch == rig.screen.epoch


async def test_a_selection_with_the_mouse_follows_its_text() -> None:
    rig = Rig()
    rig.reading.click(Place(4, 0), block=False)
    rig.reading.selecting.drag(Place(5, 5))
    rig.reading.selecting.release()
    await rig.background.idle()
    assert rig.reading.follow(one_lower(rig))
    assert rig.reading.spans(5) == [Span(0, 10, "selection")]
    assert rig.reading.spans(6) == [Span(0, 7, "selection")]
    assert not rig.reading.follow({})
    assert rig.reading.selection is None


@pytest.mark.parametrize("older", [True, False])
async def test_a_search_looks_at_the_same_match_when_lines_have_other_numbers(
    older: bool,
) -> None:
    rig = Rig()
    rig.reading.search(older=older)
    await rig.search("mark")
    await rig.press("n")
    before = rig.reading.searching.search
    assert before is not None
    assert before.match is not None
    line = before.match.line
    assert rig.reading.follow(one_lower(rig))
    await rig.background.idle()
    assert before.match.line == line + 1
    assert rig.reading.spans(line + 1)[0].kind == "current"
