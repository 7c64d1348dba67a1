"""Record what a real xterm sends for every key: `python tests/record/xterm_keys.py`.

It needs xterm, Xvfb, xdotool and xkb-data (Debian: `apt install xterm xvfb xdotool xkb-data`) and
writes tests/muxcore/vt/xterm_keys.tsv, which `test_xterm_keys.py` holds the encoder against. The
keyboard is a US one whose keypad has digits without Num Lock, so that no key needs a modifier
that was not meant; xterm's own shortcuts are off, and Alt prefixes ESC (`metaSendsEscape`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

OUT = Path(__file__).parents[1] / "muxcore/vt/xterm_keys.tsv"
DISPLAY = ":99"
ENVIRONMENT = {**os.environ, "DISPLAY": DISPLAY}
XKB = "/usr/share/X11/xkb"

MODES = {
    "plain": "",
    "application": r"\e[?1h\e=",
    "lnm": r"\e[20h",
    "decbkm": r"\e[?67h",
    "other1": r"\e[>4;1m",
    "other2": r"\e[>4;2m",
    "other1u": r"\e[>4;1m",
    "other2u": r"\e[>4;2m",
    "other2decbkm": r"\e[>4;2m\e[?67h",
}
"""What the program in xterm prints first; those that end in `u` have formatOtherKeys 1."""

MODIFIERS = ["", "shift", "alt", "alt+shift", "ctrl", "ctrl+shift", "ctrl+alt", "ctrl+alt+shift"]

KEYPAD = {
    **{f"KP{digit}": f"KP_{digit}" for digit in range(10)},
    "KPAD": "KP_Add",
    "KPSU": "KP_Subtract",
    "KPMU": "KP_Multiply",
    "KPDV": "KP_Divide",
    "KPEN": "KP_Enter",
    "KPDL": "KP_Decimal",
    "KPEQ": "KP_Equal",
    # Keys of no interest lend their place.
    "I129": "KP_Separator",
    "MUTE": "KP_Begin",
    **{f"FK{number:02}": f"F{number}" for number in range(1, 25)},
}
"""Keysyms by xkb's names of the keys."""

SYMBOLS = {
    **{character: character for character in "abchijlmoqy0123456789"},
    "space": "space",
    "`": "grave",
    "-": "minus",
    "=": "equal",
    "[": "bracketleft",
    "]": "bracketright",
    "\\": "backslash",
    ";": "semicolon",
    "'": "apostrophe",
    ",": "comma",
    ".": "period",
    "/": "slash",
    "enter": "Return",
    "tab": "Tab",
    "backspace": "BackSpace",
    "escape": "Escape",
    **{name: name.title() for name in ("up", "down", "left", "right", "home", "end", "insert")},
    "pageup": "Prior",
    "pagedown": "Next",
    "delete": "Delete",
    "menu": "Menu",
    "begin": "KP_Begin",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
    **{symbol.lower(): symbol for symbol in KEYPAD.values() if symbol.startswith("KP_")},
}
"""xdotool's names of the keys, by ours."""
del SYMBOLS["kp_begin"]

SHORTCUTS = "fullscreen,paging,popup-menu,pointer,reset,scroll-lock,select,shift-fonts,wheel-mouse"
RESOURCES = ("XTerm*metaSendsEscape: true", f"XTerm*omitTranslation: {SHORTCUTS}")

READER = r"""
import os, sys, tty
tty.setraw(0)
os.write(1, sys.argv[1].replace(r"\e", "\x1b").encode())
with open(sys.argv[2], "wb", buffering=0) as log:
    while data := os.read(0, 4096):
        log.write(data)
"""

MARK = "z"
"""Typed after every key: what lies between two of them is what the key sent."""


def main() -> None:
    """Record every mode and write the table."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _keyboard(directory / "xkb")
        server = subprocess.Popen(
            ["Xvfb", DISPLAY, "-xkbdir", str(directory / "xkb")], stderr=subprocess.DEVNULL
        )
        try:
            _wait(lambda: _run("xdotool", "getmouselocation").returncode == 0)
            sent = {mode: _record(mode, directory) for mode in MODES}
        finally:
            server.terminate()
            server.wait()
    version = _run("xterm", "-version").stdout.strip()
    lines = [f"# {version}: bytes by key and mode; = where they are those of plain"]
    lines.append("\t".join(["key", *MODES]))
    for row, key in enumerate(_keys()):
        plain = sent["plain"][row]
        others = ("=" if sent[mode][row] == plain else sent[mode][row] for mode in MODES)
        lines.append("\t".join([key, plain, *list(others)[1:]]))
    OUT.write_text("\n".join(lines) + "\n")


def _keys() -> list[str]:
    return [f"{held}+{key}" if held else key for key in SYMBOLS for held in MODIFIERS]


def _keyboard(directory: Path) -> None:
    """A copy of X's keyboard data whose keypad and function keys have one level each."""
    shutil.copytree(XKB, directory)
    path = directory / "symbols/inet"
    text = path.read_text()
    end = text.index("\n};", text.index('xkb_symbols "evdev"'))
    one_level = 'override key <{}> {{ type[Group1] = "ONE_LEVEL", symbols[Group1] = [ {} ] }};'
    keys = "\n".join(one_level.format(*item) for item in KEYPAD.items())
    path.write_text(f"{text[:end]}\n{keys}{text[end:]}")


def _record(mode: str, directory: Path) -> list[str]:
    """What xterm sends in `mode` for each of `_keys`, escaped."""
    log = directory / mode
    resources = [*RESOURCES, f"XTerm*formatOtherKeys: {int(mode.endswith('u'))}"]
    words = [word for resource in resources for word in ("-xrm", resource)]
    program = [sys.executable, "-c", READER, MODES[mode], str(log)]
    xterm = subprocess.Popen(["xterm", *words, "-e", *program], env=ENVIRONMENT)
    try:
        _wait(log.exists)
        _wait(lambda: _run("xdotool", "search", "--class", "xterm", "windowfocus").returncode == 0)
        # What was typed before the window had the focus went nowhere.
        _wait(lambda: _run("xdotool", "key", MARK).returncode == 0 and bool(log.read_bytes()))
        time.sleep(0.5)
        before = len(log.read_bytes())
        keys = [key.rpartition("+")[0::2] if "+" in key else ("", key) for key in _keys()]
        typed = [
            word
            for held, key in keys
            for word in ("+".join([*filter(None, [held]), SYMBOLS[key]]), MARK)
        ]
        for at in range(0, len(typed), 200):
            _run("xdotool", "key", "--delay", "3", *typed[at : at + 200])
        _wait(lambda: log.read_bytes()[before:].count(MARK.encode()) == len(keys))
    finally:
        xterm.terminate()
        xterm.wait()
    parts = log.read_bytes()[before:].decode("latin-1").split(MARK)[:-1]
    return [part.encode("unicode_escape").decode() for part in parts]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("xterm, or its display, is not there")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
