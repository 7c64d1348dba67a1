"""What is done with the backend whose pane has the focus."""

from __future__ import annotations

from tests.tui.driving import PREFIX, app_for, on_console, press, screen_text, settle
from tests.tui.fakes import FakeSession, full_console
from tui.screens.confirm import Confirm

SIZE = (80, 24)
WIDE = (200, 50)


async def test_pane_actions_reach_the_focused_backend() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab")
        for name in "uoxh":
            press(app, name)
            await settle(pilot)
        press(app, "k")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("right", "enter")
        await settle(pilot)
    assert session.typed == b""
    assert session.calls == [
        ("set_backend", "sock0", True, None),
        ("set_backend", "sock0", None, True),
        ("disconnect_peer", "sock0/1"),
        ("detach_backend", "sock0"),
        ("remove_backend", "sock0"),
    ]


async def test_a_pane_is_not_removed_when_the_question_is_left() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab", "k")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert on_console(app)
    assert session.calls == []


async def test_the_connect_command_is_copied() -> None:
    app = app_for(FakeSession(full_console()))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab", "y")
        await settle(pilot)
        assert app.clipboard == "socat -,raw,echo=0 UNIX:/run/vm1/shared.sock"


async def test_this_views_own_pane_cannot_be_removed() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "shift+tab", "k")
        await settle(pilot)
        assert on_console(app)
        assert "your own view" in screen_text(app)


async def test_a_key_typed_right_behind_the_prefix_and_tab_is_the_panes() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab", "x")
        await settle(pilot)
    assert session.typed == b""
    assert session.calls == [("disconnect_peer", "sock0/1")]
