"""Making a garbled terminal usable, with what it shows left as it is. Pure.

A stream's replay brings back what garbled it: binary output sets modes as well as any program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muxcore.vt.engine import Engine

_LOOKS = (
    # G0 to G3 ASCII, G0 in force (ECMA-35); left and right margins off, no margins (DECLRMM,
    # DECSTBM); keyboard action, insert and line feed modes off (ECMA-48 7.2).
    *(b"\x1b(B\x1b)B\x1b*B\x1b+B\x0f", b"\x1b[?69l\x1b[r", b"\x1b[2;4;20l"),
    # Light background, origin mode, reverse wrap and an unfinished frame off; wrapping on; the
    # cursor visible (DECSCNM, DECOM, DECAWM, DECTCEM, modes 45 and 2026).
    *(b"\x1b[?5;6;45;2026l\x1b[?7h", b"\x1b[?25h\x1b[0 q"),
    # Rendition, protection (DECSCA), link, palette and the colours of text, ground and cursor.
    *(b"\x1b[m", b'\x1b[0"q', b"\x1b]8;;\x07", b"\x1b]104\x07\x1b]110\x07\x1b]111\x07\x1b]112\x07"),
)
"""What may be wrong with what is drawn; a program that draws sets it anew each time."""

_KEYS = (
    # Cursor keys, keypad, backarrow key (DECCKM, DECKPNM, DECBKM); mouse, focus and paste.
    *(b"\x1b[?1;67l\x1b>", b"\x1b[?9;1000;1001;1002;1003;1005;1006;1015;1016l"),
    *(b"\x1b[?1004;2004;2031;2048l", b"\x1b[?1007h"),
    # Kitty's protocol, popped and set to nothing; modifyOtherKeys.
    *(b"\x1b[<99u\x1b[=0u", b"\x1b[>4m\x1b[>4f"),
    # A tab stop every eight columns (DECST8C).
    b"\x1b[?5W",
)
"""What a program sets once, and a shell is not helped by."""

_LEAVE = b"\x1b[?1049l"


def soft_reset(engine: Engine, *, leave: bool) -> None:
    """Bring a terminal into a state that output and keys come out right in.

    On the alternate screen a program runs that has set its modes, or garbage has chosen it: unless
    told to `leave` it, only what is drawn is seen to there.
    """
    engine.abort()
    if leave and engine.modes.alternate_screen:
        engine.feed(_LEAVE)
    cursor = engine.cursor
    engine.feed(b"".join(_LOOKS))
    if not engine.modes.alternate_screen:
        engine.feed(b"".join(_KEYS))
    # Margins and origin mode send the cursor home.
    engine.feed(b"\x1b[%d;%dH" % (cursor.row + 1, cursor.col + 1))
    engine.take_replies()
    engine.take_requests()
