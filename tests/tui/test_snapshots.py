"""How the screens look. A changed picture is looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from muxcore.errors import CommandError
from muxcore.screen.items import Gap
from tests.tui.driving import PREFIX, app_for, press, settle
from tests.tui.fakes import NOW, FakeSession, console, full_console
from tui.app import make_app
from tui.colour_depth import Depth
from tui.state import BackendRate, ConsoleState
from tui.terminal import Terminal
from tui.themes import DAY, STARK

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.theme import Theme

SMALL = (80, 24)
LARGE = (200, 50)

BOOT = (
    b"U-Boot 2023.01 (Mar 04 2023)\r\n\r\nDRAM:  32 MiB\r\n"
    b"[\x1b[32m  OK  \x1b[0m] Started \x1b[1mSerial Getty\x1b[0m on hvc0.\r\n"
    b"\x1b[31mred\x1b[0m \x1b[33myellow\x1b[0m \x1b[34mblue\x1b[0m \x1b[38;5;208m256\x1b[0m "
    b"\x1b[38;2;120;200;160mtrue\x1b[0m \x1b[7mreverse\x1b[0m \xe4\xb8\xad\xe6\x96\x87\r\n"
    b"login: root\r\n# ls\r\n\x1b[1;34mbin\x1b[0m  \x1b[1;34mdev\x1b[0m  \x1b[1;36minit\x1b[0m\r\n"
    b"# "
)

SPARK = BackendRate(1843, (0, 0, 10, 200, 900, 1800, 400, 100, 600, 1700, 2000, 1843))

Compare = Callable[..., bool]


def booted(*consoles: ConsoleState) -> FakeSession:
    """A session whose console on view has printed something."""
    session = FakeSession(*(consoles or (full_console(),)))
    session.set_rate("sock0", SPARK)
    session.attach(end=len(BOOT))
    session.print(BOOT)
    return session


def troubled() -> ConsoleState:
    """A console that lags, skips, fails and retries all at once."""
    well = full_console()
    sock, pty, log, view = well.backends
    assert well.guest is not None
    behind = replace(sock.peers[0], state="skipped", skipped=48_212, lag=90_000)
    idle = replace(
        sock.peers[0], id="sock0/2", label="nc[4712]", user="carl", state="lagging", lag=512
    )
    return replace(
        well,
        backends=(
            replace(sock, skipped=48_212, gaps=2, lag=90_000, peers=(behind, idle)),
            replace(pty, state="retrying", reason="Permission denied", retry_at=NOW + 4, peers=()),
            replace(log, state="failed", reason="No space left on device", peers=()),
            replace(view, paused=True),
        ),
    )


def closed() -> ConsoleState:
    """A console whose guest went away nine seconds ago."""
    well = full_console()
    assert well.guest is not None
    return replace(
        well,
        guest=replace(
            well.guest,
            state="retrying",
            reason="Connection refused",
            since=NOW - 9,
            retry_at=NOW + 4,
        ),
        discarded=17,
    )


def after(*keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press keys before the picture is taken."""

    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        press(pilot.app, *keys)  # type: ignore[arg-type]
        await settle(pilot)

    return run


def test_welcome(snap_compare: Compare) -> None:
    assert snap_compare(app_for(FakeSession()), terminal_size=SMALL, run_before=after())


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_several_consoles_and_backends(snap_compare: Compare, size: tuple[int, int]) -> None:
    session = booted(full_console(), console("board", end=5), closed_named("shell"))
    assert snap_compare(app_for(session), terminal_size=size, run_before=after())


def closed_named(name: str) -> ConsoleState:
    return replace(closed(), name=name)


def test_lagging_failed_and_skipped(snap_compare: Compare) -> None:
    assert snap_compare(app_for(booted(troubled())), terminal_size=LARGE, run_before=after())


def test_guest_closed_and_retrying(snap_compare: Compare) -> None:
    assert snap_compare(app_for(booted(closed())), terminal_size=SMALL, run_before=after())


def test_daemon_gone(snap_compare: Compare) -> None:
    session = booted()

    async def lose(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        session.lose()
        await settle(pilot)

    assert snap_compare(app_for(session), terminal_size=SMALL, run_before=lose)


def test_prefix_hint(snap_compare: Compare) -> None:
    assert snap_compare(app_for(booted()), terminal_size=SMALL, run_before=after(PREFIX))


def test_pane_with_the_focus(snap_compare: Compare) -> None:
    app = app_for(booted(troubled()))
    assert snap_compare(app, terminal_size=SMALL, run_before=after(PREFIX, "tab"))


def test_help(snap_compare: Compare) -> None:
    assert snap_compare(app_for(booted()), terminal_size=LARGE, run_before=after(PREFIX, "?"))


def test_palette(snap_compare: Compare) -> None:
    assert snap_compare(app_for(booted()), terminal_size=SMALL, run_before=after(PREFIX, ":"))


def test_add_backend_with_an_error(snap_compare: Compare) -> None:
    session = booted()
    session.refusals["add_backend"] = CommandError(
        "Invalid parameter 'path': too long for a socket"
    )

    async def fill(pilot: Pilot[Any]) -> None:
        await after(PREFIX, "a")(pilot)
        await pilot.press("x", "enter")
        await settle(pilot)

    assert snap_compare(app_for(session), terminal_size=SMALL, run_before=fill)


def test_question_before_all_is_stopped(snap_compare: Compare) -> None:
    assert snap_compare(app_for(booted()), terminal_size=SMALL, run_before=after(PREFIX, "q"))


@pytest.mark.parametrize(("theme", "size"), [(DAY, LARGE), (STARK, SMALL)], ids=["day", "stark"])
def test_other_themes(snap_compare: Compare, theme: Theme, size: tuple[int, int]) -> None:
    async def change(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        pilot.app.theme = theme.name
        await settle(pilot)

    assert snap_compare(app_for(booted()), terminal_size=size, run_before=change)


def test_sixteen_colours(snap_compare: Compare) -> None:
    app = make_app(booted(full_console(), console("board")), depth=Depth.SIXTEEN)
    assert snap_compare(app, terminal_size=SMALL, run_before=after())


# The guest view's states.


def test_scrolled_back(snap_compare: Compare) -> None:
    session = booted()
    log = b"".join(b"[%12.6f] usb 1-1: reset\r\n" % (number / 7) for number in range(90))
    session.print(log)

    async def scroll(pilot: Pilot[Any]) -> None:
        await after("shift+pageup", "shift+pageup")(pilot)
        session.print(b"one more\r\n" * 12)
        await settle(pilot)

    assert snap_compare(app_for(session), terminal_size=SMALL, run_before=scroll)


def test_after_a_gap(snap_compare: Compare) -> None:
    session = booted()
    session.put(Gap(session.offset, session.offset + 48_212))
    session.offset += 48_212
    session.print(b"...and so on\r\n# ")
    assert snap_compare(app_for(session), terminal_size=SMALL, run_before=after())


def test_engine_restarted(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = "terminal engine restarted; bytes 120034..124130 left out"
    monkeypatch.setattr(Terminal, "trouble", trouble)
    assert snap_compare(app_for(booted()), terminal_size=SMALL, run_before=after())


def test_searching(snap_compare: Compare) -> None:
    session = booted()
    session.print(
        b"".join(b"%3d usb 1-1: %s\r\n" % (n, (b"reset", b"ok")[n % 3 > 0]) for n in range(60))
    )
    keys = (PREFIX, "/", *"1-1: (r|f)")
    assert snap_compare(app_for(session), terminal_size=SMALL, run_before=after(*keys))


def test_selecting_in_copy_mode(snap_compare: Compare) -> None:
    keys = (PREFIX, "[", "4", "k", "2", "w", "v", "2", "j", "e")
    assert snap_compare(app_for(booted()), terminal_size=SMALL, run_before=after(*keys))
