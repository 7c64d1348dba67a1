"""A daemon that goes, and comes back or does not."""

from __future__ import annotations

from tests.tui.driving import app_for, press, screen_text, settle
from tests.tui.fakes import FakeSession, full_console
from tui.screens.welcome import WelcomeScreen

SIZE = (80, 24)


async def test_a_lost_daemon_is_said_and_never_shown_as_live() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        session.print(b"\x1b[31mlast words")
        await settle(pilot)
        session.lose("it was killed")
        await settle(pilot)
        text = screen_text(app)
        assert "The daemon is gone since 08:00:00" in text
        assert "it was killed; trying again in 4 s" in text
        assert "not live" in text
        press(app, "x")
        assert session.typed == b""
        press(app, "enter")
        await settle(pilot)
        assert session.calls == [("start_daemon",)]
        assert "Starting the daemon" in screen_text(app)


async def test_a_daemon_that_comes_back_is_shown_again() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        session.lose()
        await settle(pilot)
        session.recover(full_console())
        session.attach()
        session.print(b"back again")
        await settle(pilot)
        text = screen_text(app)
        assert "The daemon is gone" not in text
        assert "back again" in text
        press(app, "x")
    assert session.typed == b"x"


async def test_a_daemon_that_comes_back_empty_leads_to_the_welcome_screen() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        session.lose()
        await settle(pilot)
        session.recover()
        await settle(pilot)
        assert isinstance(app.screen, WelcomeScreen)
        assert "The daemon was started again" in screen_text(app)
