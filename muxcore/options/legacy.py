"""QEMU's `-serial` URIs as `-chardev` has them (chardev/char.c, qemu_chr_parse_compat)."""

from __future__ import annotations

import re

from muxcore.errors import OptionError, printable

_HOST = r"(?:\[(?P<{0}6>[^\]]{{1,64}})\]|(?P<{0}>[^:]{{0,64}}))"
_FAR = _HOST.format("host") + r":(?P<port>[^@,]{1,32})"
_NEAR = _HOST.format("localaddr") + r":(?P<localport>[^,]{1,32})"
_STREAM = re.compile(f"{_FAR}(?P<options>,.*)?", re.DOTALL)
_DATAGRAM = re.compile(f"{_FAR}(?:@{_NEAR})?")
_PIXELS = re.compile(r"([0-9]{1,7})x([0-9]{1,7})")
_CHARACTERS = re.compile(r"([0-9]{1,7})Cx([0-9]{1,7})C")
_NAMED = re.compile(r"[^=,]*=")

_MUX = "mon:"
_PATHS = {"file": "file,path=", "pipe": "pipe,path=", "pty": "pty,path="}
_STREAMS = {"tcp": "", "telnet": ",telnet=on", "tn3270": ",tn3270=on", "websocket": ",websocket=on"}
_SHAPES = {
    **{scheme: f"{scheme}:PATH" for scheme in (*_PATHS, "unix")},
    **{scheme: f"{scheme}:[HOST]:PORT" for scheme in _STREAMS},
    "udp": "udp:[HOST]:PORT[@[LOCALADDR]:LOCALPORT]",
    "vc": "vc:COLSCxROWSC or vc:WIDTHxHEIGHT",
}


def modern(text: str) -> str | None:
    """The URI `text` as `-chardev` takes it, None if it is none.

    `mon:` asks for a mux; there is no monitor for it to share the chardev with.

    Raises:
        OptionError: it begins as a URI and does not go on as one.
    """
    if text.startswith(_MUX):
        rest = text.removeprefix(_MUX)
        shared = "stdio,signal=off" if rest == "stdio" else _modern(rest) or rest
        return f"{shared},mux=on"
    return _modern(text)


def _modern(text: str) -> str | None:
    scheme, colon, rest = text.partition(":")
    if text.startswith("/dev/"):
        return f"serial,path={_escape(text)}"
    if not colon or scheme not in _SHAPES:
        return None
    made = _made(scheme, rest)
    if made is None:
        message = f"could not connect serial device to character backend '{printable(text)}'"
        raise OptionError(message, hint=_SHAPES[scheme])
    return made


def _made(scheme: str, rest: str) -> str | None:
    if scheme in _PATHS:
        return f"{_PATHS[scheme]}{_escape(rest)}"
    if scheme == "unix":
        # The path is the first word of options, which may also be written with its name.
        return f"socket,{rest}" if _NAMED.match(rest) else f"socket,path={rest}"
    if scheme == "udp":
        return _datagram(rest)
    if scheme == "vc":
        return _virtual_console(rest)
    match = _STREAM.fullmatch(rest)
    if match is None:
        return None
    host = match["host6"] or match["host"]
    return f"socket,host={host},port={match['port']}{match['options'] or ''}{_STREAMS[scheme]}"


def _datagram(rest: str) -> str | None:
    match = _DATAGRAM.fullmatch(rest)
    if match is None:
        return None
    far = f"udp,host={_escape(match['host6'] or match['host'])},port={match['port']}"
    if match["localport"] is None:
        return far
    near = _escape(match["localaddr6"] or match["localaddr"])
    return f"{far},localaddr={near},localport={match['localport']}"


def _virtual_console(rest: str) -> str | None:
    if match := _PIXELS.fullmatch(rest):
        return f"vc,width={match[1]},height={match[2]}"
    if match := _CHARACTERS.fullmatch(rest):
        return f"vc,cols={match[1]},rows={match[2]}"
    return None


def _escape(value: str) -> str:
    return value.replace(",", ",,")
