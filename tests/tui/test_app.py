"""How the app behaves: keys, replay, consoles, what is said of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from muxcore.errors import CommandError
from muxcore.screen.items import Gap
from muxcore.settings import Settings
from muxcore.vt.keys import Key, Paste
from tests.support import eventually
from tests.tui.driving import PREFIX, app_for, on_console, press, screen_text, settle
from tests.tui.fakes import NOW, FakeSession, backend, console, full_console
from tui.actions import ACTIONS, LISTED
from tui.model import BUFFER, ViewStatus
from tui.screens.help import HelpScreen
from tui.screens.welcome import WelcomeScreen
from tui.state import GuestState, PeerState, Size

SIZE = (80, 24)
WIDE = (200, 50)


async def test_every_key_but_the_prefix_goes_to_the_guest() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, "a", "ctrl+c", "ctrl+q", "ctrl+p", "alt+backspace", "f1", "tab", "escape")
        await settle(pilot)
    assert session.typed == b"a\x03\x11\x10\x1b\x7f\x1bOP\t\x1b"


@pytest.mark.timeout(30)
async def test_two_sizes_at_once_do_not_chase_each_other_for_ever() -> None:
    """Each was told behind the other, again and again, and the app took no key any more."""
    app = app_for(FakeSession(full_console()))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        for size in (WIDE, SIZE):
            app.screen.post_message(events.Resize.from_dimensions(size, None))
            # What stands between them keeps Textual from taking them for one.
            app.screen.call_later(lambda: None)
        await settle(pilot)
        assert app.screen.size == SIZE


async def test_the_prefix_pressed_twice_is_sent() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX)
        assert session.typed == b""
        press(app, PREFIX, "x")
    assert session.typed == b"\x1dx"


async def test_what_means_nothing_after_the_prefix_goes_nowhere() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "ctrl+x", "y")
        await settle(pilot)
    assert session.typed == b"y"
    assert session.calls == []


def test_every_action_can_be_done() -> None:
    app = app_for(FakeSession())
    assert all(hasattr(app.commands, f"do_{action.id}") for action in ACTIONS)


def test_no_two_actions_share_a_key() -> None:
    assert len({action.key for action in ACTIONS}) == len(ACTIONS)


async def test_a_paste_is_bracketed_when_the_guest_asked() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        app.take_input(Paste(b"one\ntwo"))
        assert session.typed == b"one\rtwo"
        session.attach()
        session.print(b"\x1b[?2004h")
        await settle(pilot)
        app.take_input(Paste(b"three"))
    assert session.typed == b"one\rtwo\x1b[200~three\x1b[201~"


async def test_replayed_queries_are_not_answered_and_live_ones_are() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        replay = b"\x1b[6n" * 100
        session.attach(offset=0, end=len(replay))
        session.print(replay + b"ab")
        await settle(pilot)
        assert session.typed == b""
        session.print(b"\x1b[6n")
        await settle(pilot)
    assert session.typed == b"\x1b[1;3R"


async def test_a_gap_is_shown_until_the_next_stream() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        session.put(Gap(0, 48_212))
        await settle(pilot)
        app._update()
        await settle(pilot)
        assert "47 KB skipped, state may be wrong since the gap" in screen_text(app)
        press(app, PREFIX, "r")
        await settle(pilot)
        assert ("show", "vm1") in session.calls
        session.attach()
        await settle(pilot)
        app._update()
        await settle(pilot)
        assert "skipped" not in screen_text(app)


async def test_a_flood_is_drawn_in_frames_and_ends_up_whole() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        for _ in range(3):
            session.print(b"x" * 79 + b"\r\n" + b"y" * (BUFFER // 4))
        session.print(b"\x1b[2J\x1b[Hdone")
        await settle(pilot)
        assert app.console_screen.view.terminal.fed == 3 * (81 + BUFFER // 4) + 11
        assert screen_text(app).startswith("done")


async def test_what_comes_with_a_size_is_drawn_for_that_size() -> None:
    guest = GuestState(type="process", since=NOW, can_resize=True)
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        await settle(pilot)
        session.status = ViewStatus(guest=guest, size=Size(40, 200))
        session._changed()
        session.print(b"\x1b[40;190Hfar out")
        await settle(pilot)
        terminal = app.console_screen.view.terminal
        assert (terminal.rows, terminal.cols) == (40, 200)
        assert "".join(run.text for run in terminal.row(39)).strip() == "far out"


async def test_nothing_is_drawn_before_the_view_knows_its_own_size() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        app.console_screen._laid_out = False
        session.attach()
        session.print(b"early")
        await pilot.pause()
        assert session.items
        assert "early" not in screen_text(app)
        app.console_screen._settle()
        await settle(pilot)
        assert screen_text(app).startswith("early")


async def test_the_view_tells_its_size_and_follows_what_the_guest_was_told() -> None:
    guest = GuestState(type="process", since=NOW, can_resize=True)
    session = FakeSession(replace(full_console(), guest=guest, size=Size(30, 100)))
    app = app_for(session)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert set(session.sizes) == {(49, 152)}
        assert app.console_screen.drawn == Size(30, 100)
        session.status = ViewStatus(guest, Size(49, 152))
        app._update()
        await settle(pilot)
        assert app.console_screen.drawn == Size(49, 152)


async def test_a_guest_that_knows_no_size_is_drawn_80x24_until_asked_otherwise() -> None:
    app = app_for(FakeSession(full_console()))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert app.console_screen.drawn == Size(24, 80)
        assert "guest knows no size, drawn 80x24" in screen_text(app)
        press(app, PREFIX, "z")
        await settle(pilot)
        assert app.console_screen.drawn == Size(49, 152)


async def test_scrolling_back_is_marked_and_typing_returns_to_the_end() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        session.print(b"".join(b"line %d\r\n" % number for number in range(100)))
        await settle(pilot)
        press(app, "shift+pageup")
        await settle(pilot)
        assert "lines back" in screen_text(app)
        assert session.typed == b""
        press(app, "x")
        await settle(pilot)
        assert "lines back" not in screen_text(app)
    assert session.typed == b"x"


async def test_the_wheel_scrolls_unless_the_guest_asked_for_the_mouse() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        session.print(b"".join(b"line %d\r\n" % number for number in range(100)))
        await settle(pilot)
        view = app.console_screen.view
        await pilot._post_mouse_events([_wheel_up()], widget=view)
        await settle(pilot)
        assert view.port.lines_back == 3
        session.print(b"\x1b[?1000h\x1b[?1006h")
        await settle(pilot)
        await pilot._post_mouse_events([_wheel_up()], widget=view)
        await settle(pilot)
        assert view.port.lines_back == 6, "where the mouse is, the guest has nothing"
        view.scroll_to_end()
        await pilot._post_mouse_events([_wheel_up()], widget=view)
        await settle(pilot)
    assert session.typed.startswith(b"\x1b[<64;")


def _wheel_up() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_a_console_has_as_long_a_scrollback_as_is_set() -> None:
    short = replace(full_console(), settings=Settings(scrollback=0))
    session = FakeSession(short)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert session.calls == [("reattach",)]
        session.attach()
        session.print(b"line\r\n" * 100)
        await settle(pilot)
        terminal = app.console_screen.view.terminal
        assert terminal.end_line - terminal.first_line == terminal.rows


async def test_consoles_are_switched_by_digit_and_by_turns() -> None:
    session = FakeSession(console("a"), console("b"), console("c"))
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        for keys in ((PREFIX, "3"), (PREFIX, "n"), (PREFIX, "p"), (PREFIX, "9")):
            press(app, *keys)
            await settle(pilot)
    assert session.calls == [("show", "c"), ("show", "a"), ("show", "c")]


async def test_output_and_bells_of_other_consoles_are_marked() -> None:
    session = FakeSession(console("a"), console("b"), console("c"))
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        session.change(console("a", end=9), console("b", end=9), console("c", bells=1))
        await settle(pilot)
        assert screen_text(app).splitlines()[0].split() == [
            "1",
            "a",
            "●",
            "2",
            "b",
            "◆",
            "3",
            "c",
            "♪1",
        ]


async def test_escape_gives_the_keys_back_to_the_guest() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab", "z", "escape", "z")
        await settle(pilot)
    assert session.typed == b"z"


async def test_leaving_ends_the_app_and_nothing_else() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "d")
    assert not session.running
    assert app.return_value == 0
    assert session.calls == []


async def test_stopping_all_names_what_ends_and_asks() -> None:
    shell = replace(console("sh"), guest=GuestState(type="process", since=NOW))
    session = FakeSession(full_console(), shell)
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "q")
        await settle(pilot)
        text = screen_text(app)
        assert "vm1: the console is removed; its guest at /run/vm1.sock goes on" in text
        assert "sh: its program is hung up" in text
        assert "2 other clients" in text
        assert session.calls == []
        await pilot.press("right", "right", "enter")
        await eventually(lambda: session.calls)
    assert not session.running
    assert session.calls == [("stop_daemon",)]


async def test_no_words_of_the_help_are_cut_off_on_80_columns() -> None:
    app = app_for(FakeSession(full_console()))
    async with app.run_test(size=(80, 90)) as pilot:
        await settle(pilot)
        press(app, PREFIX, "?")
        await settle(pilot)
        shown = " ".join(screen_text(app).split())
        assert [action.id for action in LISTED if action.help not in shown] == []


async def test_help_lists_every_action() -> None:
    app = app_for(FakeSession(full_console()))
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        press(app, PREFIX, "?")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        shown = screen_text(app)
        columns = {
            next(line.index(action.help) for line in shown.splitlines() if action.help in line)
            for action in LISTED
        }
        assert len(columns) == 1, "a key is too long for its column"
        assert shown.count("  pan  ") == 1
        ways = {action.id for action in ACTIONS} - {action.id for action in LISTED}
        assert ways == {"pan_up", "pan_down", "pan_left", "pan_right"}


async def test_keys_on_another_screen_are_left_to_textual() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "?")
        await settle(pilot)
        assert not app.take_input(Key("x", text="x"))
    assert session.typed == b""


async def test_rows_that_are_hidden_are_said_and_never_in_place_of_the_guests_state() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert "open since 07:00:00  rows 1-22/24" in screen_text(app)
        session.change(full_console(), console("b"))
        await settle(pilot)
        assert "rows 1-21/24" in screen_text(app)
    guest = GuestState(type="process", since=NOW, can_resize=True)
    long = replace(full_console(), name="n" * 46, guest=guest, size=Size(22, 80))
    app = app_for(FakeSession(long))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert "open since" not in screen_text(app)
        assert "80x22" not in screen_text(app)


async def test_a_break_is_sent_and_a_refusal_is_shown() -> None:
    session = FakeSession(full_console())
    session.refusals["send_break"] = CommandError("guest 'g' has no [break]")
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        press(app, PREFIX, "b")
        await settle(pilot)
        assert "guest 'g' has no [break]" in screen_text(app)


async def test_without_a_console_the_welcome_screen_starts_a_shell() -> None:
    session = FakeSession()
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, WelcomeScreen)
        await pilot.press("1")
        await settle(pilot)
        assert ("add_console", "shell", "process,id=shell.guest,command=/bin/sh") in session.calls
        session.recover(console("shell"))
        await settle(pilot)
        assert on_console(app)


async def test_a_console_that_is_removed_makes_room_for_another() -> None:
    session = FakeSession(console("a"), console("b"))
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        session.change(console("b"))
        await settle(pilot)
        assert session.calls == [("show", "b")]
        assert "There is no console a." in screen_text(app)


@pytest.mark.parametrize("size", [SIZE, WIDE])
async def test_hostile_names_are_text_and_nothing_else(size: tuple[int, int]) -> None:
    evil = backend(
        "[bold]x[/]",
        reason="[@click=app.quit]no[/]",
        state="failed",
        connect="[red]run[/red]",
        peers=(PeerState("p", "[link=x]me"),),
    )
    app = app_for(FakeSession(console("[b]evil[/b]", evil), console("two")))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        press(app, PREFIX, "tab")
        await settle(pilot)
        text = screen_text(app)
        for words in ("[bold]x[/]", "[@click=app.quit]no[/]", "[red]run[/red]", "[b]evil[/b]"):
            assert words in text
        press(app, "k")
        await settle(pilot)
        assert "Remove [bold]x[/]?" in screen_text(app)


async def test_why_the_guest_is_closed_is_cut_before_it_is_left_out() -> None:
    closed = GuestState(state="retrying", since=NOW, retry_at=NOW + 4, reason="no such thing " * 9)
    app = app_for(FakeSession(replace(full_console(), guest=closed)))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert "guest closed 08:00:00, retrying in 4 s: no such" in screen_text(app)


async def test_what_a_mux_says_to_this_view_is_shown() -> None:
    session = FakeSession(full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        session.notices = ["C-a h    print this help\nC-a x    exit emulator"]
        session.change(full_console())
        await eventually(lambda: session.notices == [])
        assert [note.message for note in app._notifications][-1].endswith("exit emulator")
