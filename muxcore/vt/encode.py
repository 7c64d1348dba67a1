"""Keys, mouse and pastes as xterm would send them to the guest (xterm ctlseqs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muxcore.vt.engine import Modes
    from muxcore.vt.keys import Key, Mouse


def encode_key(key: Key, modes: Modes) -> bytes:
    """Return what xterm sends for `key` to a guest in `modes`; empty for what sends nothing."""
    raise NotImplementedError


def encode_mouse(mouse: Mouse, modes: Modes) -> bytes:
    """Return the report of `mouse`, or nothing where the guest did not ask for such an event.

    `mouse.x` and `mouse.y` are cells of the guest's screen. In X10 form coordinates beyond 222
    cannot be said and give nothing.
    """
    raise NotImplementedError


def encode_paste(data: bytes, modes: Modes, *, start: bool = True, end: bool = True) -> bytes:
    """Return a pasted piece as the guest gets it.

    Between brackets (mode 2004) when the guest asked for them, the opening one where `start` and
    the closing one where `end`; otherwise with line feeds as the carriage returns a keyboard would
    send. Control characters that act on a terminal or a line editor become spaces, so no paste can
    leave its brackets.
    """
    raise NotImplementedError


def encode_focus(gained: bool, modes: Modes) -> bytes:
    """Return CSI I or CSI O where the guest asked for focus events (mode 1004), else nothing."""
    raise NotImplementedError
