"""Searching, selecting, copying and time stamps in the app."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key, MouseScrollUp
from textual.keys import _character_to_key
from textual.widgets import Input

from muxcore.vt.keys import Paste
from tests.support import eventually
from tests.tui.desks import BOOT, desk
from tests.tui.driving import PREFIX, press, screen_text, settle
from tests.tui.fakes import NOW, console, full_console
from tui.screens.help import HelpScreen


def key_event(name: str) -> Key:
    """A key as Textual's parser gives it."""
    return Key(name if len(name) > 1 else _character_to_key(name), name if len(name) == 1 else None)


async def test_a_search_goes_on_while_one_types() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/")
        await on.press("e", "r", "r")
        assert on.bottom.startswith("?err")
        assert " 4/4 " in on.bottom
        assert on.kinds() == {"current": [on.kinds()["current"][0]]}
        assert " 97 error here" in screen_text(on.app)
        await on.press("enter")
        await on.press("n")
        assert " 3/4 " in on.bottom
        assert " 67 error here" in screen_text(on.app)
        await on.press("N", "x")
        assert " 4/4 " in on.bottom
        assert on.session.typed == b""
        await on.press("escape", "x")
        assert on.session.typed == b"x"
        assert " 99 all is well" in screen_text(on.app)


async def test_keys_typed_at_once_are_those_of_the_line_and_then_of_what_was_found() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/", *"err0", "backspace", *"or", "enter", "n")
        assert on.bottom.startswith("?error")
        assert " 3/4 " in on.bottom
        assert on.session.typed == b""


async def test_a_paste_is_typed_where_one_searches() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/")
        on.app.take_input(Paste(b"err\nor"))
        await settle(on.pilot)
        assert on.bottom.startswith("?error")
        assert on.session.typed == b""


async def test_output_is_searched_while_the_view_stays() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/")
        await on.press(*"error", "enter")
        shown = [line[:79] for line in screen_text(on.app).splitlines()[1:-2]]
        on.session.print(b"\r\none more error")
        await settle(on.pilot)
        await eventually(lambda: " 4/5 " in on.bottom, what="another search")
        await settle(on.pilot)
        assert [line[:79] for line in screen_text(on.app).splitlines()[1:-2]] == shown


async def test_half_a_pattern_is_said_to_be_one() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/")
        await on.press("(")
        assert "missing )" in on.bottom


async def test_switches_and_earlier_patterns() -> None:
    async with desk("a.c", "abc", "ABC") as on:
        await on.press(PREFIX, "/")
        await on.press("a", ".", "c")
        assert " 3/3 " in on.bottom
        await on.press("alt+r")
        assert " 1/1 " in on.bottom
        assert "text" in on.bottom
        await on.press("alt+r", "alt+c")
        assert " 2/2 " in on.bottom
        await on.press("enter")
        await on.press("escape", PREFIX, "/")
        await on.press("up")
        assert on.bottom.startswith("?a.c")
        assert " 2/2 " in on.bottom


async def test_the_prefix_still_works_while_one_types() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/", PREFIX, "T")
        assert on.desk.reading.mode == "typing"
        await on.press("7")
        assert on.bottom.startswith("?7")


async def test_what_follows_keys_of_copy_mode_waits_for_them(tmp_path: Path) -> None:
    async with desk("first line", "second line", "$ ") as on:
        given: list[str] = []
        on.app.give_input = lambda typed: given.append(getattr(typed, "name", "paste"))
        on.session.change(full_console(), console("vm2"))
        await on.press(PREFIX, "[", "k", "0", "v", "e", "y", PREFIX, "n", "z")
        assert on.app.clipboard == "second"
        assert ("show", "vm2") in on.session.calls
        assert on.session.typed == b"z"
        await on.press(PREFIX, "[", "k", "v", PREFIX, "?", "x", "y")
        assert isinstance(on.app.screen, HelpScreen)
        assert given == ["x", "y"]
        assert on.desk.reading.mode == "copy"


async def test_a_paste_behind_keys_of_copy_mode_is_the_guests() -> None:
    async with desk("first line", "$ ") as on:
        press(on.app, PREFIX, "[", "k", "q")
        on.app.take_input(Paste(b"pasted"))
        await settle(on.pilot)
        assert on.session.typed == b"pasted"


async def test_copy_mode_is_named_and_copies() -> None:
    async with desk("first line", "second line", "$ ") as on:
        await on.press(PREFIX, "[")
        assert "copy mode" in on.bottom
        await on.press("k", "k", "0", "v", "e")
        assert "copy mode visual" in on.bottom
        assert on.kinds()["selection"] == [0]
        await on.press("y", "x")
        assert on.app.clipboard == "first"
        assert "Copied 5 characters" in screen_text(on.app)
        assert "copy mode" not in on.bottom
        assert on.session.typed == b"x"


async def test_a_drag_selects_and_copies_at_its_end() -> None:
    async with desk("first line", "second line", "$ ") as on:
        view = on.app.console_screen.view
        await on.pilot.mouse_down(view, offset=(6, 0))
        await on.pilot.hover(view, offset=(5, 1))
        await settle(on.pilot)
        assert on.kinds() == {"selection": [0, 1]}
        assert on.app.clipboard == ""
        await on.pilot.mouse_up(view, offset=(5, 1))
        await settle(on.pilot)
        assert on.app.clipboard == "line\nsecond"
        await on.pilot.click(view, offset=(5, 1), button=2)
        assert on.session.typed == b"line\rsecond"
        await on.press("x")
        assert on.kinds() == {}


async def test_a_drag_held_beyond_the_view_goes_on_scrolling() -> None:
    # It scrolls a line at a time: few lines, or a busy machine takes long for them.
    lines = BOOT[:35]
    async with desk(*lines) as on:
        view = on.app.console_screen.view
        last = view.size.height - 1
        await on.pilot.mouse_down(view, offset=(2, last))
        await on.pilot.hover(view, offset=(2, 0))
        await eventually(lambda: view.first_line == 0, what="the first line")
        await on.pilot.hover(view, offset=(2, last + 1))
        await eventually(lambda: not view.held, what="the last line")
        await on.pilot.hover(view, offset=(2, 0))
        await eventually(lambda: view.first_line == 0, what="the first line")
        await on.pilot.mouse_up(view, offset=(2, 0))
        await settle(on.pilot)
        assert on.app.clipboard.splitlines()[0] == "0 all is well"
        assert len(on.app.clipboard.splitlines()) == len(lines)


async def test_what_is_printed_does_not_move_lines_away_under_the_mouse() -> None:
    async with desk(*BOOT) as on:
        view = on.app.console_screen.view
        await on.pilot.mouse_down(view, offset=(0, 5))
        await on.pilot.hover(view, offset=(2, 5))
        on.session.print(b"\r\nmore\r\nand more")
        await settle(on.pilot)
        await on.pilot.hover(view, offset=(2, 6))
        await on.pilot.mouse_up(view, offset=(2, 6))
        await settle(on.pilot)
        assert on.app.clipboard == " 83 all is well\n 84"
        assert not view.held


async def test_copy_mode_begins_on_the_match_that_is_looked_at() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "/", *"error", "enter", "n", PREFIX, "[", "v", "e", "y")
        assert on.app.clipboard == "error"
        await on.press(PREFIX, "/", *"error", "enter", PREFIX, "[", "n", "Y")
        assert on.app.clipboard == " 67 error here"


async def test_a_drag_along_the_first_row_does_not_scroll() -> None:
    async with desk(*BOOT) as on:
        view = on.app.console_screen.view
        top = view.first_line
        await on.pilot.mouse_down(view, offset=(0, 0))
        await on.pilot.hover(view, offset=(9, 0))
        await on.pilot.mouse_up(view, offset=(9, 0))
        await settle(on.pilot)
        assert view.first_line == top


async def test_a_screen_that_comes_up_ends_the_scrolling_of_a_drag() -> None:
    async with desk(*(f"{number}" for number in range(5000))) as on:
        view = on.app.console_screen.view
        await on.pilot.mouse_down(view, offset=(2, 9))
        await on.pilot.hover(view, offset=(2, 0))
        await eventually(lambda: view.held, what="scrolling")
        press(on.app, PREFIX, "?")
        await eventually(lambda: not any(t.name == "edge" for t in view._timers), what="an end")


async def test_the_wheel_takes_the_cursor_of_copy_mode_along() -> None:
    async with desk(*BOOT) as on:
        view = on.app.console_screen.view
        await on.press(PREFIX, "[")
        top = view.first_line
        for _ in range(9):
            await on.pilot._post_mouse_events([MouseScrollUp], view, offset=(2, 2))
        await settle(on.pilot)
        assert view.first_line == top - 27
        await on.press("shift+pageup", "h")
        assert view.first_line < top - 27
        assert on.kinds()["cursor"]


async def test_a_wrapped_line_is_copied_as_one() -> None:
    async with desk("x" * 100, "$ ") as on:
        await on.press(PREFIX, "[", "k", "Y")
        assert on.app.clipboard == "x" * 100


async def test_a_mouse_that_the_guest_asked_for_selects_with_shift() -> None:
    async with desk("first line") as on:
        on.session.print(b"\x1b[?1002h\x1b[?1006h")
        await settle(on.pilot)
        view = on.app.console_screen.view
        await on.pilot.mouse_down(view, offset=(0, 0))
        await on.pilot.hover(view, offset=(4, 0))
        await on.pilot.mouse_up(view, offset=(4, 0))
        await settle(on.pilot)
        assert on.app.clipboard == ""
        assert on.session.typed.startswith(b"\x1b[<0;1;1M")
        await on.pilot.mouse_down(view, offset=(0, 0), shift=True)
        await on.pilot.hover(view, offset=(4, 0))
        await on.pilot.mouse_up(view, offset=(4, 0), shift=True)
        await settle(on.pilot)
        assert on.app.clipboard == "first"


async def test_too_much_for_a_clipboard_goes_to_a_file() -> None:
    async with desk(*("x" * 79 for _ in range(1200))) as on:
        await on.press(PREFIX, "[", "g", "V", "G", "y")
        assert on.app.clipboard == ""
        assert "more than terminals copy" in screen_text(on.app).replace("\n", " ")


async def test_lines_are_stamped_and_the_guest_keeps_its_size() -> None:
    async with desk("one", "two", "three") as on:
        on.session.history = b"one\r\ntwo\r\nthree"
        on.session.times = [(0, NOW + 1), (5, NOW + 2.25), (10, NOW + 4)]
        drawn, told = on.app.console_screen.drawn, on.session.sizes[-1]
        for stamps in (
            ["08:00:01.000 one", "08:00:02.250 two", "08:00:04.000 three"],
            ["3601.000 one", "3602.250 two", "3604.000 three"],
            ["one", "+1.250 two", "+1.750 three"],
        ):
            await on.press(PREFIX, "t")
            assert "times: " in on.bottom
            await eventually(lambda: on.lines()[-1] == stamps[2], what=stamps[2])  # noqa: B023
            assert on.lines() == stamps
        await on.press(PREFIX, "t")
        assert on.lines() == ["one", "two", "three"]
        assert set(on.session.sizes) == {told}
        assert on.app.console_screen.drawn == drawn


async def test_stamps_stay_with_their_lines_when_numbers_change() -> None:
    async with desk("one", "two") as on:
        on.session.history = b"one\r\ntwo"
        on.session.times = [(0, NOW + 1)]
        await on.press(PREFIX, "t")
        await eventually(lambda: on.lines()[0].startswith("08:"), what="a stamp")
        on.session.attach()
        on.session.print(b"one\r\ntwo")
        await settle(on.pilot)
        await eventually(lambda: on.lines()[0].startswith("08:"), what="the stamp again")


async def test_a_reset_makes_a_garbled_terminal_usable_at_once_or_at_the_second_time() -> None:
    garbage = b"$ \x1b[?1049h\x1b[?1002h\x1b(0"
    async with desk() as on:
        for replayed, alternate in ((0, True), (len(garbage), True), (len(garbage), False)):
            on.session.attach(end=replayed)
            on.session.print(garbage)
            await settle(on.pilot)
            assert on.app.console_screen.view.terminal.modes.alternate_screen is alternate
            await on.press(PREFIX, "r")
        assert screen_text(on.app).count("Redrawn from history") == 1


async def test_the_screen_is_saved_and_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    path = tmp_path / "screen.txt"
    path.write_text("something")
    async with desk("one", "two") as on:
        await on.press(PREFIX, "S")
        await on.pilot.press("enter")
        await settle(on.pilot)
        on.app.screen.query_one(Input).value = str(path)
        await on.pilot.press("enter")
        await settle(on.pilot)
        assert "enter again writes over it" in screen_text(on.app)
        assert path.read_text() == "something"
        await on.pilot.press("enter")
        await settle(on.pilot)
        assert path.read_text().startswith("one\ntwo\n")
        assert "Saved in" in screen_text(on.app)


@pytest.mark.parametrize(("choice", "begins"), [(1, "<svg "), (3, "\x1b[0;31mone\x1b[m\ntwo")])
async def test_lines_are_saved_with_their_colours(tmp_path: Path, choice: int, begins: str) -> None:
    async with desk("\x1b[31mone\x1b[m", "two") as on:
        await on.press(PREFIX, "S")
        await on.pilot.press(*["down"] * choice, "enter")
        await settle(on.pilot)
        on.app.screen.query_one(Input).value = str(tmp_path / "saved")
        await on.pilot.press("enter")
        await settle(on.pilot)
        assert (tmp_path / "saved").read_text().startswith(begins)


async def test_keys_and_text_of_one_burst_are_taken_in_their_order(tmp_path: Path) -> None:
    async with desk("one") as on:
        await on.press(PREFIX, "S")
        await on.pilot.press("enter")
        await settle(on.pilot)
        burst = ["ctrl+u", *str(tmp_path / "savef"), "backspace", *"d!", "left", "delete", "end"]
        for name in [*burst, "s", "enter"]:
            on.app.post_message(key_event(name))
        await settle(on.pilot)
        await eventually(lambda: (tmp_path / "saveds").exists(), what="a file")


async def test_what_cannot_be_saved_is_said_and_asked_again(tmp_path: Path) -> None:
    async with desk("one") as on:
        await on.press(PREFIX, "S")
        await on.pilot.press("enter")
        await settle(on.pilot)
        on.app.screen.query_one(Input).value = str(tmp_path / "no" / "such" / "place")
        await on.pilot.press("enter")
        await settle(on.pilot)
        assert "No such file or directory" in screen_text(on.app)
        await on.pilot.press("escape")
        await settle(on.pilot)
        assert on.app.screen is on.app.console_screen


async def test_what_is_selected_can_be_saved(tmp_path: Path) -> None:
    async with desk("first line", "$ ") as on:
        await on.press(PREFIX, "[", "k", "0", "v", "e")
        await on.press(PREFIX, "S")
        await on.pilot.press("enter")
        await settle(on.pilot)
        on.app.screen.query_one(Input).value = str(tmp_path / "saved")
        await on.pilot.press("enter")
        await settle(on.pilot)
        assert (tmp_path / "saved").read_text() == "first\n"


async def test_an_editor_that_is_missing_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor -x")
    async with desk("one") as on:
        await on.press(PREFIX, "e")
        assert "There is no editor" in screen_text(on.app)


async def test_another_console_ends_what_one_did_on_the_last() -> None:
    async with desk(*BOOT) as on:
        await on.press(PREFIX, "[", "v", "k")
        on.session.on_view = "other"
        on.session.attach()
        await settle(on.pilot)
        assert on.desk.reading.mode == ""
