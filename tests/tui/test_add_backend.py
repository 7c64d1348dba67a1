"""Backends that are put on a console: the form of a new one, and the list of the loose ones."""

from __future__ import annotations

from textual.widgets import Input

from muxcore.errors import CommandError
from tests.tui.driving import PREFIX, app_for, on_console, press, screen_text, settle
from tests.tui.fakes import FakeSession, full_console
from tui.screens.chardev import ChardevScreen
from tui.screens.choice import Choice
from tui.state import LooseChardev
from tui.widgets.option_form import OptionRow

SIZE = (80, 24)


async def test_a_form_is_submitted_in_qemus_syntax() -> None:
    session = FakeSession()
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        await pilot.press(*"a,b", "enter")
        await settle(pilot)
    assert ("add_console", "program", "process,id=program.guest,command=a,,b") in session.calls


async def test_a_missing_option_is_shown_at_its_field() -> None:
    session = FakeSession()
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ChardevScreen)
        assert _wrong(app.screen) == ["command"]
    assert session.calls == [("show", None)]


async def test_the_daemons_refusal_is_shown_at_the_field_it_names() -> None:
    session = FakeSession(full_console())
    session.refusals["add_backend"] = CommandError("Parameter 'port' expects a number")
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "a")
        await settle(pilot)
        await pilot.press("x", "enter")
        await settle(pilot)
        assert isinstance(app.screen, ChardevScreen)
        assert _wrong(app.screen) == ["port"]
        assert isinstance(app.screen.focused, Input)
        del session.refusals["add_backend"]
        await pilot.press("5", "enter")
        await settle(pilot)
        assert on_console(app)
    text = "socket,id=vm1.socket0,path=x,port=5,server=on,wait=off"
    assert session.calls[-1] == ("add_backend", "vm1", text)


async def test_a_backend_that_was_detached_can_be_put_back() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab", "h")
        await settle(pilot)
        assert "To put it back: ctrl+] a" in screen_text(app)
        session.loose = (LooseChardev("[b]sock0", "unix:/run/[i]s,server=on"),)
        press(app, PREFIX, "a")
        await settle(pilot)
        assert isinstance(app.screen, Choice)
        assert "[b]sock0              unix:/run/[i]s,server=on" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert on_console(app)
    assert session.calls == [("detach_backend", "sock0"), ("adopt_backend", "vm1", "[b]sock0")]


async def test_a_digit_chooses_a_row_and_one_that_has_none_nothing() -> None:
    session = FakeSession(full_console())
    session.loose = (LooseChardev("sock1"), LooseChardev("sock2"))
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "a")
        await settle(pilot)
        assert "2  sock2" in screen_text(app)
        await pilot.press("4")
        await settle(pilot)
        assert isinstance(app.screen, Choice)
        await pilot.press("2")
        await settle(pilot)
        assert on_console(app)
    assert session.calls == [("adopt_backend", "vm1", "sock2")]


async def test_a_new_backend_can_be_had_where_others_are_loose() -> None:
    session = FakeSession(full_console())
    session.loose = (LooseChardev("vm1.socket0"), LooseChardev("other"))
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "a")
        await settle(pilot)
        await pilot.press("up", "enter")
        await settle(pilot)
        assert isinstance(app.screen, ChardevScreen)
        assert app.screen.query(OptionRow).first().value == "vm1.socket1"
    assert session.calls == []


async def test_a_list_that_is_left_changes_nothing() -> None:
    session = FakeSession(full_console())
    session.loose = (LooseChardev("sock1"),)
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "a")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert on_console(app)
    assert session.calls == []


async def test_why_a_loose_backend_was_not_taken_is_shown() -> None:
    session = FakeSession(full_console())
    session.loose = (LooseChardev("sock1"),)
    session.refusals["adopt_backend"] = CommandError("chardev 'sock1' is already in use")
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "a")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "chardev 'sock1' is already in use" in screen_text(app)


async def test_a_backend_is_not_added_to_a_console_that_is_not_known() -> None:
    session = FakeSession(full_console())
    session.on_view = None
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        session.on_view = "vm2"
        press(app, PREFIX, "a")
        await settle(pilot)
        assert "No console is on view yet." in screen_text(app)


async def test_a_refusal_that_names_no_field_is_shown_below() -> None:
    session = FakeSession(full_console())
    session.refusals["add_backend"] = CommandError("too many [cooks]")
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "a")
        await settle(pilot)
        await pilot.press("x", "enter")
        await settle(pilot)
        assert "too many [cooks]" in screen_text(app)
        assert _wrong(app.screen) == []


def _wrong(screen: object) -> list[str]:
    assert isinstance(screen, ChardevScreen)
    return [row.option.name for row in screen.query(OptionRow) if row.has_class("-wrong")]
