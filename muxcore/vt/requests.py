"""What a guest asks of the desktop by OSC strings: the clipboard, notifications.

An engine has no desktop. Whoever has one decides what is granted; here the requests are only
found, cleaned and bounded, the same way for every engine. Sources: xterm ctlseqs (OSC 52), iTerm2
(OSC 9), rxvt-unicode (OSC 777).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import NamedTuple, TypeAlias

MAX_CLIPBOARD = 1 << 20
"""Bytes of one clipboard write; a larger one is ignored whole."""

MAX_NOTIFICATION = 256
"""Characters of a notification's title, and of its body."""

MAX_REQUESTS = 16
"""Requests kept until they are taken; the oldest go first."""


class Clipboard(NamedTuple):
    """Put `data` into a selection (OSC 52); no data clears it. Reading is never granted."""

    selection: str
    """One or more of xterm's letters: `c` clipboard, `p` primary, `q`, `s`, `0` to `7`."""
    data: bytes


class Notification(NamedTuple):
    """Show a message; the texts are printable."""

    title: str
    body: str


Request: TypeAlias = Clipboard | Notification

_MAX_STRING = MAX_CLIPBOARD // 3 * 4 + 64
_INTRODUCER = b"\x1b]"
_STOP = re.compile(rb"[\x07\x18\x1a\x1b]")
_WANTED = re.compile(rb"(?:52|9|777);")
_PERHAPS_WANTED = re.compile(rb"(?:5|52|7|77|777)?|9")
_CONEMU = re.compile(rb"\d{1,2}(?:;|$)")
"""OSC 9 with a number is ConEmu's: progress, tabs, macros."""
_NOT_SELECTION = re.compile(r"[^cpqs0-7]")


class RequestWatcher:
    """Finds requests in a guest's output, however it is split."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=MAX_REQUESTS)
        self._string: bytearray | None = None
        """The string in progress, if it may be a request."""
        self._escaped = False
        """Whether the output ended in an ESC."""

    def take(self) -> list[Request]:
        """Return, and forget, the requests found, oldest first."""
        requests = list(self._requests)
        self._requests.clear()
        return requests

    def abort(self) -> None:
        """Forget the string in progress."""
        self._string, self._escaped = None, False

    def feed(self, data: bytes) -> None:
        """Look at output."""
        pos = 0
        if self._escaped and data:
            self._escaped = False
            if data[0] == 0x5D:
                self._string, pos = bytearray(), 1
        while True:
            if self._string is not None:
                pos = self._collect(data, pos)
            begin = data.find(_INTRODUCER, pos)
            if self._string is not None or begin < 0:
                break
            self._string, pos = bytearray(), begin + 2
        self._escaped = data.endswith(b"\x1b") or (self._escaped and not data)

    def _collect(self, data: bytes, pos: int) -> int:
        """Take over what belongs to the string at `pos`; return where to go on."""
        assert self._string is not None
        stop = _STOP.search(data, pos)
        end = stop.start() if stop else len(data)
        self._string += data[pos : min(end, pos + _MAX_STRING + 1)]
        head = bytes(self._string[:4])
        if len(self._string) > _MAX_STRING or not (
            _WANTED.match(head) or _PERHAPS_WANTED.fullmatch(head)
        ):
            self._string = None
            return end
        if stop:
            # An ESC ends the string whatever follows; CAN and SUB cancel it.
            if stop[0] in b"\x07\x1b" and (request := _request(bytes(self._string))):
                self._requests.append(request)
            self._string = None
        return end


def _request(string: bytes) -> Request | None:
    """Return what a whole OSC string asks for, if anything."""
    number, _, rest = string.partition(b";")
    if number == b"52":
        return _clipboard(rest)
    if number == b"9" and rest and not _CONEMU.match(rest):
        return Notification("", _clean(rest))
    if number == b"777" and rest.startswith(b"notify;"):
        title, _, body = rest.removeprefix(b"notify;").partition(b";")
        return Notification(_clean(title), _clean(body))
    return None


def _clipboard(rest: bytes) -> Clipboard | None:
    letters, separator, encoded = rest.partition(b";")
    if not separator or encoded == b"?":
        return None
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    if len(data) > MAX_CLIPBOARD:
        return None
    return Clipboard(_NOT_SELECTION.sub("", letters.decode("latin-1"))[:8] or "c", data)


def _clean(text: bytes) -> str:
    characters = text[: 4 * MAX_NOTIFICATION].decode("utf-8", "replace")
    return "".join(filter(str.isprintable, characters))[:MAX_NOTIFICATION]
