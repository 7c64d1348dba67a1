"""What reaches the user's own terminal of what guests ask for."""

from __future__ import annotations

import base64

import pytest

from muxcore.vt.requests import Clipboard, Notification
from tui.clipboard import MAX_COPY
from tui.desktop import Desktop

XTERM = {"TERM": "xterm-256color"}


def desktop(environ: dict[str, str] = XTERM) -> tuple[Desktop, list[str]]:
    written: list[str] = []
    return Desktop(written.append, environ), written


def test_a_title_is_shown_with_its_console_and_the_old_one_given_back() -> None:
    own, written = desktop()
    own.set_title("vm1", "vim")
    own.set_title("vm1", "vim")
    own.set_title("vm2", "less")
    own.leave()
    own.leave()
    assert written == [
        "\x1b[22;2t\x1b]2;vm1: vim\x07",
        "\x1b]2;vm2: less\x07",
        "\x1b[23;2t",
    ]


def test_a_title_cannot_end_its_sequence() -> None:
    own, written = desktop()
    own.set_title("vm1", "a\x07\x1b]52;c;!\x9c\u202eb")
    assert written == ["\x1b[22;2t\x1b]2;vm1: a]52;c;!b\x07"]


@pytest.mark.parametrize(("selection", "target"), [("c", "c"), ("", "c"), ("p", "p"), ("ps", "c")])
def test_the_clipboard_is_set_and_said(selection: str, target: str) -> None:
    own, written = desktop()
    own.ask("vm1", Clipboard(selection, "zw\u00f6lf\n".encode()))
    assert own.settle() == "vm1 set the clipboard (7 bytes)"
    encoded = base64.b64encode("zw\u00f6lf\n".encode()).decode()
    assert written == [f"\x1b]52;{target};{encoded}\x07"]
    assert own.settle() == ""


def test_control_characters_never_get_into_the_clipboard() -> None:
    own, written = desktop()
    own.ask("vm1", Clipboard("c", b"rm\x1b[201~ -rf\r\x00\tx\x9b\xc2\x85"))
    own.settle()
    encoded = written[0].removeprefix("\x1b]52;c;").removesuffix("\x07")
    assert base64.b64decode(encoded).decode() == "rm[201~ -rf\tx\ufffd"


def test_the_newest_of_many_requests_counts() -> None:
    own, written = desktop()
    for number in range(100):
        own.ask("vm1", Clipboard("c", b"%d" % number))
    assert own.settle() == "vm1 set the clipboard (2 bytes)"
    assert len(written) == 1


def test_what_is_too_large_for_the_clipboard_is_said_and_not_set() -> None:
    own, written = desktop()
    own.ask("vm1", Clipboard("c", b"x" * (MAX_COPY + 1)))
    assert own.settle() == "vm1: 73 KB are too much for the clipboard"
    assert written == []


def test_a_notification_is_passed_on_with_its_console() -> None:
    own, written = desktop()
    own.ask("vm1", Notification("build", "4;1 done\x07"))
    assert own.settle() == "vm1: build: 4;1 done"
    assert written == ["\x1b]9;vm1: build: 4;1 done\x07"]


def test_a_terminal_that_would_print_a_title_gets_none() -> None:
    own, written = desktop({"TERM": "linux"})
    own.set_title("vm1", "vim")
    own.ask("vm1", Notification("", "done"))
    assert own.settle() == "vm1: done"
    own.leave()
    assert written == []
