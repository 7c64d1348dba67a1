"""The guest view in the app: scrollback, mouse, cursor, what is said of it, what terminals show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from textual import events

from muxcore.screen.items import Gap
from muxcore.settings import Settings
from tests.tui.driving import PREFIX, app_for, press, screen_text, settle
from tests.tui.fakes import FakeSession, console, full_console
from tui.app import make_app
from tui.colour_depth import Depth
from tui.state import Size
from tui.terminal import Terminal

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import MuxApp
    from tui.terminal_cursor import CursorPlace

SIZE = (80, 24)
"""With two lines below, the guest of a full console that was told 80x22 fills the view."""

LINES = b"".join(b"line %d\r\n" % number for number in range(100))


def told(rows: int = 22, cols: int = 80, **settings: object) -> FakeSession:
    """A session whose guest was told a size."""
    chosen = Settings(**settings)  # type: ignore[arg-type]
    return FakeSession(replace(full_console(), size=Size(rows, cols), settings=chosen))


def top_line(app: MuxApp) -> str:
    """The first line on the screen."""
    return screen_text(app).splitlines()[0].rstrip()


def status(app: MuxApp) -> str:
    """The status line."""
    return screen_text(app).splitlines()[-1]


async def printed(pilot: Pilot[int], session: FakeSession, data: bytes) -> None:
    """Have the guest print, and wait until it is seen."""
    if not session.offset:
        session.attach()
    session.print(data)
    await settle(pilot)


async def mouse(
    pilot: Pilot[int], kind: type[events.MouseEvent], at: tuple[int, int], **more: bool
) -> None:
    """Do something with the mouse over the guest's view."""
    app = pilot.app
    event = kind(
        widget=None,
        x=at[0],
        y=at[1],
        delta_x=0,
        delta_y=0,
        button=1 if kind is not events.MouseMove else 0,
        shift=more.get("shift", False),
        meta=more.get("meta", False),
        ctrl=False,
    )
    app.post_message(event)
    await settle(pilot)


# Scrollback.


async def test_a_scrolled_view_stays_put_and_counts_new_lines() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, LINES)
        assert top_line(app) == "line 79"
        press(app, "shift+pageup")
        await settle(pilot)
        assert top_line(app).startswith("line 58 ")
        await printed(pilot, session, LINES)
        assert top_line(app).startswith("line 58 ")
        assert "▲ 121 lines back, 100 new lines" in status(app)
        press(app, "shift+pagedown")
        await settle(pilot)
        assert top_line(app).startswith("line 79 ")
        press(app, "x")
        await settle(pilot)
        assert top_line(app) == "line 79"
        assert "new lines" not in status(app)


async def test_beyond_the_oldest_line_the_history_is_fetched_to_its_start() -> None:
    session = told()
    session.history = LINES
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        session.attach(offset=len(LINES) - 40, end=len(LINES))
        session.print(LINES[-40:])
        await settle(pilot)
        for _ in range(9):
            press(app, "shift+pageup")
            await settle(pilot)
        assert top_line(app).startswith("line 0 ")
        assert "start of history" in status(app)


async def test_the_scroll_bar_is_dragged_and_the_guest_keeps_its_width() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, LINES + b"x" * 80)
        assert "┃" not in screen_text(app)
        await mouse(pilot, events.MouseMove, (79, 5))
        assert "┃" in screen_text(app)
        await mouse(pilot, events.MouseMove, (40, 5))
        assert "┃" not in screen_text(app)
        await mouse(pilot, events.MouseMove, (79, 21))
        await mouse(pilot, events.MouseDown, (79, 21))
        await mouse(pilot, events.MouseMove, (50, 0))
        assert top_line(app).startswith("line 0 ")
        await mouse(pilot, events.MouseUp, (50, 0))
        assert app.console_screen.drawn == Size(22, 80)
        assert session.sizes[-1] == (22, 80)
        press(app, "x")
        await settle(pilot)
        assert "┃" not in screen_text(app)


@pytest.mark.parametrize(("modes", "arrow"), [(b"", b"\x1b[A"), (b"\x1b[?1h", b"\x1bOA")])
async def test_the_wheel_is_arrows_on_an_alternate_screen_that_did_not_ask_for_it(
    modes: bytes, arrow: bytes
) -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"\x1b[?1049h" + modes)
        await mouse(pilot, events.MouseScrollUp, (5, 5))
        assert session.typed == arrow * 3
        await printed(pilot, session, b"\x1b[?1007l")
        await mouse(pilot, events.MouseScrollUp, (5, 5))
        assert session.typed == arrow * 3


async def test_shift_takes_the_mouse_from_a_guest() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"\x1b[?1000h\x1b[?1006h")
        await mouse(pilot, events.MouseDown, (5, 5), shift=True)
        await mouse(pilot, events.MouseUp, (5, 5), shift=True)
        assert session.typed == b""
        await mouse(pilot, events.MouseDown, (5, 6))
        await mouse(pilot, events.MouseUp, (5, 6))
        assert session.typed == b"\x1b[<0;6;7M\x1b[<0;6;7m"


async def test_a_reset_returns_to_the_end() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, LINES)
        press(app, "shift+pageup")
        await settle(pilot)
        await printed(pilot, session, b"\x1bcfresh")
        assert top_line(app) == "fresh"
        assert "back" not in status(app)


# Size.


async def test_a_larger_guest_is_panned_by_its_cursor_and_by_keys() -> None:
    session = told(40, 200)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await printed(pilot, session, b"\x1b[40;150Hhere\x1b[1;1Htop left")
        assert top_line(app).startswith("top left")
        assert "rows 1-22/40, columns 1-80/200" in status(app)
        press(app, PREFIX, "shift+right", PREFIX, "shift+right", PREFIX, "shift+down")
        await settle(pilot)
        assert "columns 81-160/200" in status(app)
        press(app, PREFIX, "shift+down", PREFIX, "shift+down")
        await settle(pilot)
        assert "here" in screen_text(app)
        press(app, "x")
        await settle(pilot)
        assert top_line(app).startswith("top left")


# What is said.


async def test_a_bell_is_said_for_a_moment_unless_it_was_rung_before() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        session.attach(end=1)
        session.print(b"\a")
        await settle(pilot)
        assert "♪" not in status(app)
        await printed(pilot, session, b"\a")
        assert "♪ bell" in status(app)


async def test_a_guests_title_is_said_and_nothing_else_of_it_obeyed() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"\x1b]2;vim \xc2\x9b31m\x07")
        assert "vim" in status(app)
        assert "\x9b" not in screen_text(app)


@pytest.mark.parametrize("allow", [(), ("title", "clipboard", "notifications")])
async def test_only_what_is_allowed_reaches_the_users_terminal(
    allow: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    session = told(allow=allow)
    app = app_for(session)
    written: list[str] = []
    monkeypatch.setattr(app._desktop, "_write", written.append)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"\x1b]2;vim\x07\x1b]52;c;aGk=\x07\x1b]9;done\x07")
        said = status(app)
        assert bool(written) is bool(allow)
        assert ("vm1 set the clipboard (2 bytes)" in said) is bool(allow)
    assert ("\x1b]52;c;aGk=\x07" in written) is bool(allow)


async def test_a_gap_makes_the_state_doubtful_until_the_guest_clears_the_screen() -> None:
    session = told()
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"before")
        session.put(Gap(session.offset, session.offset + 2048))
        session.offset += 2048
        await printed(pilot, session, b"after")
        assert "2.0 KB skipped, state may be wrong since the gap" in status(app)
        await printed(pilot, session, b"\x1b[H\x1b[2Jclean")
        assert "may be wrong" not in status(app)
        assert "2.0 KB skipped" in status(app)


async def test_trouble_with_the_engine_is_said_until_it_is_dismissed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = told()
    app = app_for(session)
    trouble = ["terminal engine restarted; bytes 1..2 left out"]
    monkeypatch.setattr(Terminal, "trouble", property(lambda _: trouble[0]))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert trouble[0] in status(app)
        press(app, PREFIX, "r")
        await printed(pilot, session, b"on it goes")
        assert "engine" not in status(app)
        trouble[0] = "terminal engine restarted; bytes 5..9 left out"
        await printed(pilot, session, b"on it goes")
        assert trouble[0] in status(app)


# The cursor.


async def test_the_terminals_own_cursor_is_where_the_guests_is() -> None:
    session = told()
    app = app_for(session)
    places: list[CursorPlace | None] = []
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.console_screen.view.cursor.put = lambda place, drawing: places.append(place)
        await printed(pilot, session, b"abc\x1b[6 q")
        place = places[-1]
        assert place is not None
        assert (place.x, place.y, place.shape.value) == (3, 0, "bar")
        await printed(pilot, session, b"\x1b[?25l")
        assert places[-1] is None
        await printed(pilot, session, b"\x1b[?25h")
        press(app, PREFIX, "?")
        await settle(pilot)
        assert places[-1] is None
        await pilot.press("escape")
        await settle(pilot)
        assert places[-1] == place


# What terminals show.


@pytest.mark.parametrize("depth", list(Depth))
async def test_it_can_be_read_on_every_terminal(depth: Depth) -> None:
    session = told()
    app = make_app(session, depth=depth)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"\x1b[31;44mcoloured\x1b[0m")
        press(app, PREFIX)
        await settle(pilot)
        assert top_line(app) == "coloured"
        assert "d leave" in screen_text(app)
        press(app, "T")
        await settle(pilot)
        assert top_line(app) == "coloured"
        if depth is Depth.NONE:
            assert set(colours(app)) <= {"default"}


def colours(app: MuxApp) -> list[str]:
    """The names of all colours on the screen."""
    return [
        colour.name
        for strip in app.screen._compositor.render_strips()
        for _, style, _ in strip
        if style
        for colour in (style.color, style.bgcolor)
        if colour
    ]


async def test_a_console_has_its_own_palette() -> None:
    session = told(palette="xterm")
    session.change(*session.consoles, console("b"))
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await printed(pilot, session, b"\x1b[32;40mgreen")
        assert "#00cd00" in colours(app)
