"""Keys that are typed while the guest prints: their way to the guest and back, every byte compared.

The guest prints dots at a rate and echoes letters among them, so that both are told apart.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from tests.bench.compare import KEY_PAUSE, SILENCE, Result, quantiles
from tests.bench.rig import READ_SIZE, MismatchError

if TYPE_CHECKING:
    from tests.bench.rig import Reader, Rig

LETTERS = bytes(range(97, 123))
FILLER = (b"." * 79 + b"\n") * 51
"""What the guest prints at once, just below the 4095 bytes that a tty gives in one read."""

_FILLERS = FILLER * (READ_SIZE // len(FILLER) + 2)
_NO_LETTERS = bytes(code for code in range(256) if code not in LETTERS)


class _Heard:
    """What one reader has got: so much filler, and these letters."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.filler = 0
        self.letters = bytearray()

    def read(self) -> None:
        chunk = bytes(self.reader.read())
        rest = chunk.translate(None, LETTERS)
        if not _FILLERS.startswith(rest, self.filler % len(FILLER)):
            raise MismatchError(f"{self.reader.name} differs near {self.filler}")
        self.filler += len(rest)
        self.letters += chunk.translate(None, _NO_LETTERS)


class _Guest:
    """The printing and echoing guest."""

    def __init__(self, rig: Rig, rate: float) -> None:
        self._end = rig.guest
        self._rate = rate
        self._start = time.monotonic()
        self.printed = 0
        self.echo = b""
        self.heard = bytearray()

    def hear(self) -> None:
        keys = self._end.recv(64)
        self.heard += keys
        self.echo += keys

    def print(self) -> None:
        """Echo what was typed; else print if it is time to."""
        due = self.printed < self._rate * (time.monotonic() - self._start)
        at = self.printed % len(FILLER)
        data = self.echo or (FILLER[at:] if due else b"")
        if not data:
            return
        try:
            taken = self._end.send(data)
        except BlockingIOError:
            return
        if self.echo:
            self.echo = self.echo[taken:]
        else:
            self.printed += taken


def keystroke_beside(rig: Rig, keys: int, rate: float, seconds: float) -> Result:
    """Type up to `keys` letters, for `seconds` at most, while the guest prints `rate` bytes/s."""
    heard = {reader.sock.fileno(): _Heard(reader) for reader in rig.readers}
    mine = heard[rig.readers[0].sock.fileno()]
    guest = _Guest(rig, rate)
    poller = select.poll()
    for fd in (*heard, rig.guest.fileno()):
        poller.register(fd, select.POLLIN)
    typed = bytearray()
    samples: list[float] = []
    started = rested = moved = time.perf_counter()
    asked: float | None = None
    while True:
        now = time.perf_counter()
        ending = len(samples) == keys or now > started + seconds
        if asked is None and not ending and now > rested + KEY_PAUSE:
            typed.append(LETTERS[len(typed) % 26])
            asked = time.perf_counter()
            rig.readers[0].sock.send(typed[-1:])
        # Spinning, as at KEY_PAUSE.
        for fd, _ in poller.poll(0):
            moved = now
            if fd in heard:
                heard[fd].read()
            else:
                guest.hear()
            if asked is not None and len(mine.letters) == len(typed):
                rested = time.perf_counter()
                samples.append(rested - asked)
                asked = None
        guest.print()
        if ending and asked is None:
            break
        if now > moved + SILENCE:
            raise TimeoutError(f"{rig.system.NAME}: no byte for {SILENCE:g} s")
    for each in (guest.heard, *(item.letters for item in heard.values())):
        assert typed.startswith(each), f"{rig.system.NAME} garbled what was typed"
    return {**quantiles(samples), "mb_per_s": mine.filler / (rested - started) / 1e6}
