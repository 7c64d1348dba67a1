"""Keys typed in a real tmux reach a guest in the app as they reach it without the app.

tmux stands for the user's terminal. One window of it runs the guest alone, the other one the app
with the same guest on a console. What a terminal cannot tell apart reaches neither.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.control import Control
from tests.muxcore.daemons import ROOT, SLOW, served
from tests.support import eventually_sync, unix_path
from tests.tui.key_guest import READY

pytestmark = pytest.mark.needs("tmux")

MARK = b"z"
"""Typed after each key, so that one that got lost is seen to be it."""

HELD = ["", "S-", "M-", "M-S-", "C-", "C-S-", "C-M-", "C-M-S-"]
CURSOR = ["Up", "Down", "Right", "Left", "Home", "End", "IC", "DC", "PPage", "NPage"]
FUNCTION = [f"F{number}" for number in range(1, 13)]
KEYPAD = ["KP/", "KP*", "KP-", "KP+", "KPEnter", "KP.", *(f"KP{digit}" for digit in range(10))]
PRINTABLE = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in ";z"]
"""But tmux's own separator, and the mark."""

PREFIX = "C-]"
"""The app's own key; typed twice it is the guest's."""

NAMED = [
    *(held + key for key in [*CURSOR, *FUNCTION] for held in HELD),
    *(held + key for key in ["Enter", "Tab", "BSpace", "Space"] for held in ["", "M-"]),
    *("BTab", "Escape", "M-Escape"),
    *KEYPAD,
    *PRINTABLE,
    *(f"M-{key}" for key in PRINTABLE),
    *(f"C-{chr(code)}" for code in range(ord("a"), ord("z") + 1)),
    *(f"C-M-{chr(code)}" for code in range(ord("a"), ord("z") + 1)),
    *("C-Space", "C-@", "C-\\", "C-^", "C-_"),
]
"""Keys as tmux calls them."""

OTHERWISE = {
    "Home": (b"\x1b[1~", b"\x1b[H"),
    "End": (b"\x1b[4~", b"\x1b[F"),
    "S-PPage": (b"\x1b[5;2~", b""),
    "S-NPage": (b"\x1b[6;2~", b""),
}
"""What tmux sends in its own way, and a guest of TERM=xterm gets in xterm's; and, with none, the
keys that scroll the view."""

TELLS_NO_MORE = {
    "C-i": "Tab",
    "C-m": "Enter",
    "C-[": "Escape",
    "C-h": "\b",
    "C-/": "C-_",
    "C-2": "C-@",
}
"""Keys that a terminal in its legacy mode sends as it sends another one."""

TEXT = ["é", "你", "ß", "e\u0301", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u3053\u3093"]
"""Composed and IME text: several code points in one read."""

BYTES = [byte for byte in range(0x80) if byte not in (0x1D, MARK[0])]
"""All of ASCII but the app's own key and the mark."""
AMBIGUOUS = ["Escape", "M-[", "M-]", "M-O", "M-P", "M-_", "M-Escape"]
"""Keys that might be the beginning of a sequence: each is waited for."""


class Desk:
    """A tmux server with the guest alone in one window, and in the app in another."""

    def __init__(self, directory: Path) -> None:
        self._tmux_socket = unix_path(directory, "tmux")
        self.logs = [directory / "alone.log", directory / "app.log"]
        self.orders = [directory / "alone.orders", directory / "app.orders"]
        self.config = directory / "config.toml"
        self.socket = unix_path(directory, "s")

    def tmux(self, *words: str) -> str:
        """The output of a tmux command."""
        command = ["tmux", "-S", self._tmux_socket, "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def guest(self, which: int) -> str:
        """The command line of a guest."""
        program = str(Path(__file__).with_name("key_guest.py"))
        return shlex.join([sys.executable, program, str(self.logs[which]), str(self.orders[which])])

    def configure(self, settings: str) -> None:
        """Write the daemon's configuration: the console, with these settings."""
        guest = f"process,command={self.guest(1).replace(',', ',,')}"
        self.config.write_text(f'[console.keys]\nguest = """{guest}"""\n{settings}\n')

    def until(self, sent: bytes, *words: str) -> None:
        """Type keys into the app until they arrive as `sent`.

        What the app has to know of first, a mode or a setting, reaches it a moment later.
        """

        def arrives() -> bool:
            self.tmux("send-keys", "-t", "app", *words)
            return self.got()[1].endswith(sent)

        eventually_sync(arrives, SLOW, repr(sent))
        # What was typed too often is still on its way.
        self.tmux("send-keys", "-t", "app", MARK.decode())
        marks = (MARK, b"\x1b[122;;122u")
        eventually_sync(lambda: self.got()[1].endswith(marks), SLOW, "the last of it")

    def type(self, *words: str) -> None:
        """Have tmux send keys to both windows."""
        self.tmux("send-keys", "-t", "alone", *words, ";", "send-keys", "-t", "app", *words)

    def got(self) -> list[bytes]:
        """What either guest got so far."""
        return [log.read_bytes() for log in self.logs]

    def order(self, sequences: str) -> None:
        """Have both guests print, and wait until both terminals have obeyed."""
        before = [len(log) for log in self.got()]
        for path in self.orders:
            with open(path, "wb") as orders:
                # The answer to a query says that what came before it was obeyed.
                orders.write(sequences.encode() + b"\x1b[5n")
        eventually_sync(
            lambda: all(
                log[start:].endswith(b"\x1b[0n")
                for log, start in zip(self.got(), before, strict=True)
            ),
            SLOW,
            "the terminals' answers",
        )
        for log in self.logs:
            os.truncate(log, 0)

    def compare(self, keys: Sequence[str], *options: str) -> dict[str, tuple[bytes, bytes]]:
        """Type keys with a mark behind each; what arrived otherwise in the app than alone."""
        for log in self.logs:
            os.truncate(log, 0)
        words = [word for key in keys for word in (key, *self._mark(options))]
        for at in range(0, len(words), 100):
            self.type(*options, *words[at : at + 100])
        eventually_sync(
            lambda: all(log.count(MARK) >= len(keys) for log in self.got()), SLOW, "all marks"
        )
        alone, app = (log.split(MARK) for log in self.got())
        assert len(alone) == len(app) == len(keys) + 1
        found = zip(keys, alone, app, strict=False)
        return {key: (direct, through) for key, direct, through in found if direct != through}

    def _mark(self, options: Sequence[str]) -> list[str]:
        return [f"{MARK[0]:02x}"] if "-H" in options else [MARK.decode()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("k")
    desk = Desk(directory)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(directory))
        patch.setenv("MUXTUI_SOCKET", desk.socket)
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.delenv("TMUX", raising=False)
        for path in desk.orders:
            os.mkfifo(path)
        desk.configure("")
        stack.enter_context(served(desk.socket, "-c", str(desk.config)))
        app = shlex.join([sys.executable, "-m", "tui", "keys"])
        stack.callback(desk.tmux, "kill-server")
        desk.tmux("new-session", "-d", "-x", "100", "-y", "30", "-s", "alone", desk.guest(0))
        desk.tmux("new-session", "-d", "-x", "100", "-y", "30", "-s", "app", app)
        for name in ("alone", "app"):
            eventually_sync(
                lambda name=name: READY in desk.tmux("capture-pane", "-p", "-t", name),  # type: ignore[misc]
                SLOW,
                f"the guest in {name}",
            )
        yield desk


def test_every_key_arrives_as_it_does_without_the_app(desk: Desk) -> None:
    assert desk.compare(NAMED) == OTHERWISE


def test_they_do_in_application_modes_but_for_a_keypad_a_terminal_does_not_tell(desk: Desk) -> None:
    desk.order("\x1b[?1h\x1b=")
    desk.until(b"\x1bOA", "Up")
    assert desk.compare([key for key in NAMED if key not in KEYPAD]).keys() == OTHERWISE.keys()
    assert desk.compare(KEYPAD).keys() == set(KEYPAD)
    desk.order("\x1b[?1l\x1b>")
    desk.until(b"\x1b[A", "Up")


def test_every_byte_arrives(desk: Desk) -> None:
    assert desk.compare([f"{byte:02x}" for byte in BYTES], "-H") == {}


def test_composed_text_arrives(desk: Desk) -> None:
    assert desk.compare(TEXT, "-l") == {}


@pytest.mark.parametrize("key", AMBIGUOUS)
def test_a_key_that_could_begin_a_sequence_arrives_alone(desk: Desk, key: str) -> None:
    desk.order("")
    desk.type(key)
    eventually_sync(lambda: desk.got()[0] and desk.got()[1] == desk.got()[0], SLOW, key)


def test_what_the_terminal_does_not_tell_apart_is_as_listed(desk: Desk) -> None:
    for key, other in TELLS_NO_MORE.items():
        sent = []
        for name in (key, other):
            desk.order("")
            desk.type(name, MARK.decode())
            eventually_sync(lambda: all(log.endswith(MARK) for log in desk.got()), SLOW, name)
            alone, app = desk.got()
            assert app == alone
            sent.append(alone)
        assert sent[0] == sent[1], key


def test_the_apps_own_key_pressed_twice_arrives_once(desk: Desk) -> None:
    desk.order("")
    desk.tmux("send-keys", "-t", "app", PREFIX, PREFIX, MARK.decode())
    eventually_sync(lambda: desk.got()[1].endswith(MARK), SLOW, "the key")
    assert desk.got()[1] == b"\x1d" + MARK


@pytest.mark.parametrize("mode", ["\x1b[?2004h", "\x1b[?2004l"])
def test_a_paste_arrives_in_the_guests_mode(desk: Desk, mode: str) -> None:
    desk.order(mode)
    desk.tmux("set-buffer", "one\ntwo\tand é\n")
    desk.tmux("paste-buffer", "-p", "-t", "alone")
    eventually_sync(lambda: "é\r".encode() in desk.got()[0], SLOW, "the paste")

    def arrives() -> bool:
        desk.tmux("paste-buffer", "-p", "-t", "app")
        return desk.got()[1].endswith(desk.got()[0])

    eventually_sync(arrives, SLOW, "the same paste")


@pytest.mark.parametrize(
    ("ask", "unask", "sent"),
    [
        ("\x1b[>4;2m", "\x1b[>4;0m", b"a|\x1b[27;5;97~|\x1b[27;3;97~|\x1b[27;5;32~|\r|"),
        ("\x1b[>4;1m", "\x1b[>4;0m", b"a|\x01|\x1ba|\x00|\r|"),
        ("\x1b[>1u", "\x1b[<u", b"a|\x1b[97;5u|\x1b[97;3u|\x1b[32;5u|\r|"),
        ("\x1b[>31u", "\x1b[<u", b"\x1b[97;;97u|\x1b[97;5u|\x1b[97;3u|\x1b[32;5u|\x1b[13u|"),
    ],
)
def test_a_guest_that_asks_for_more_than_tmux_knows_gets_it(
    desk: Desk, ask: str, unask: str, sent: bytes
) -> None:
    desk.order(ask)
    desk.until(sent.replace(b"|", b""), "a", "C-a", "M-a", "C-Space", "Enter")
    desk.order(unask)
    desk.until(b"a\x01\x1ba\x00\r", "a", "C-a", "M-a", "C-Space", "Enter")


def test_settings_that_are_reloaded_are_those_of_the_next_key(desk: Desk) -> None:
    chosen = 'newline = "lf"\nbackspace = "bs"\ndelete = "del"'
    with Control(desk.socket) as control:
        for settings, sent in [(chosen, b"\n\x08\x7f"), ("", b"\r\x7f\x1b[3~")]:
            desk.configure(settings)
            assert control.execute("mux-reload")["changed"] == ["keys"]
            desk.until(sent, "Enter", "BSpace", "DC")
