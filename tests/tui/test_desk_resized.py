"""What one reads, selects or is at in the lines when the terminal is resized."""

from __future__ import annotations

from dataclasses import replace

from muxcore.settings import Settings
from tests.tui.desks import SIZE, Desk, desk
from tests.tui.driving import PREFIX, app_for, screen_text, settle
from tests.tui.fakes import NOW, FakeSession, console
from tui.state import GuestState

RESIZED = console(guest=GuestState(type="process", since=NOW, can_resize=True))
LONG = [f"{number:02} {'=' * 96} end" for number in range(60)]


def shown_with(on: Desk, kind: str) -> str:
    """The first line of the view that has something marked."""
    return screen_text(on.app).splitlines()[on.kinds()[kind][0]]


async def test_copy_mode_stays_on_its_text_when_the_terminal_is_resized() -> None:
    async with desk(*LONG, shown=RESIZED) as on:
        await on.press(PREFIX, "[", "g", *"20j", "0", "v", "$")
        assert shown_with(on, "selection").startswith("10 ===")
        for width in (120, 70):
            await on.pilot.resize_terminal(width, 24)
            await settle(on.pilot)
            assert shown_with(on, "selection").startswith("10 ===")
        assert on.desk.reading.mode == "copy"
        await on.press("y")
        assert on.app.clipboard == LONG[10]


async def test_a_view_that_is_scrolled_back_stays_on_its_text_when_resized() -> None:
    async with desk(*LONG, shown=RESIZED) as on:
        view = on.app.console_screen.view
        view.go_to(20)
        await settle(on.pilot)
        on.session.print(b"\r\nmore\r\nand more")
        await settle(on.pilot)
        for width in (120, 200, 60):
            await on.pilot.resize_terminal(width, 24)
            await settle(on.pilot)
            assert screen_text(on.app).startswith("10 ===")
            assert view.port.new_lines == 2
        await on.pilot.resize_terminal(200, 60)
        await settle(on.pilot)
        view.scroll_to_end()
        await on.pilot.resize_terminal(100, 20)
        await settle(on.pilot)
        assert not view.held


async def test_a_view_of_lines_from_the_history_stays_on_its_text_when_resized() -> None:
    history = "".join(f"{line}\r\n" for line in LONG).encode()
    session = FakeSession(RESIZED)
    session.history = history
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        on = Desk(app, pilot, session)
        session.attach(offset=len(history), end=len(history))
        session.print(b"live")
        await settle(pilot)
        on.app.console_screen.view.fetch_older()
        await settle(pilot)
        await on.press(PREFIX, "[", "g", *"20j", "0", "v", "$")
        for width in (120, 70):
            await pilot.resize_terminal(width, 24)
            await settle(pilot)
            assert shown_with(on, "selection").startswith("10 ===")
        await on.press("y")
        assert on.app.clipboard == LONG[10]


async def test_a_view_of_lines_that_are_gone_after_a_resize_is_held_at_the_nearest() -> None:
    shown = replace(RESIZED, settings=Settings(scrollback=100))
    async with desk(*LONG, *LONG, *LONG, shown=shown) as on:
        view = on.app.console_screen.view
        view.go_to(view.terminal.oldest_line)
        await on.pilot.resize_terminal(40, 24)
        await settle(on.pilot)
        assert view.held
        assert view.first_line == view.terminal.oldest_line


async def test_what_a_resize_leaves_nothing_of_is_said() -> None:
    async with desk("\x1b[?1049h", "one", shown=RESIZED) as on:
        await on.press(PREFIX, "[", "v")
        await on.pilot.resize_terminal(70, 24)
        await settle(on.pilot)
        assert on.desk.reading.mode == ""
        said = [note.message for note in on.app._notifications]
        assert said == ["The selection was dropped: the screen was resized."]
