"""Searching, selecting, copying and time stamps in the app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from muxcore.vt.keys import Paste
from tests.tui.driving import PREFIX, app_for, press, screen_text, settle
from tests.tui.fakes import FakeSession, full_console

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import MuxApp

SIZE = (80, 24)


class Desk:
    """An app whose guest has printed lines."""

    def __init__(self, app: MuxApp, pilot: Pilot[int], session: FakeSession) -> None:
        self.app = app
        self.pilot = pilot
        self.session = session
        self.desk = app.console_screen.desk

    async def press(self, *names: str) -> None:
        press(self.app, *names)
        await settle(self.pilot)

    @property
    def bottom(self) -> str:
        return screen_text(self.app).splitlines()[-1]

    def kinds(self) -> dict[str, list[int]]:
        """The rows of the view that are marked, by what."""
        view = self.app.console_screen.view
        found: dict[str, list[int]] = {}
        for row in range(view.page):
            for span in self.desk.reading.spans(view.first_line + row):
                found.setdefault(span.kind, []).append(row)
        return found


@asynccontextmanager
async def desk(*lines: str, size: tuple[int, int] = SIZE) -> AsyncIterator[Desk]:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=size, notifications=True) as pilot:
        session.attach()
        session.print("\r\n".join(lines).encode())
        await settle(pilot)
        yield Desk(app, pilot, session)


BOOT = [
    f"{number:3} {'error here' if number % 30 == 7 else 'all is well'}" for number in range(100)
]


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
        await on.pilot.pause(0.3)
        await settle(on.pilot)
        assert " 4/5 " in on.bottom
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


async def test_too_much_for_a_clipboard_goes_to_a_file(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with desk(*("x" * 79 for _ in range(1200))) as on:
        await on.press(PREFIX, "[", "g", "V", "G", "y")
        assert on.app.clipboard == ""
        assert "more than terminals copy" in screen_text(on.app).replace("\n", " ")
