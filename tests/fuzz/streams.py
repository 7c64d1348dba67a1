"""The parsers of byte streams: each is told the same however the stream is split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muxcore.chardev.heard import Heard, Item
from muxcore.chardev.layers import telnet
from muxcore.chardev.layers.base import Layer
from muxcore.chardev.layers.comport import ComPortClient, ComPortServer
from muxcore.chardev.layers.telnet import Telnet
from muxcore.chardev.layers.websocket import MAX_FRAME, WebsocketServer
from muxcore.console.mux_keys import Key, MuxKeys
from muxcore.errors import CommandError, ProtocolError, StreamError
from muxcore.vt import guard, watch
from muxcore.vt.guard import Guard
from muxcore.vt.requests import MAX_REQUESTS, RequestWatcher
from muxcore.wire import frames, qmp
from tests.fuzz.target import Target

# Telnet and RFC 2217.

Check = Callable[[int], None]


def _run_layer(
    layer: Layer, stream: Sequence[bytes], check: Check
) -> tuple[bytes, bytes, list[Heard], str]:
    """What a layer makes of a stream: plain bytes, its answers, what it heard, its complaint.

    Args:
        check: called after every piece with the count of bytes so far.
    """
    layer.begin()
    plain, words, heard, trouble, count = bytearray(), bytearray(layer.take()), [], "", 0
    for piece in stream:
        count += len(piece)
        try:
            plain += layer.receive(piece)
        except StreamError as error:
            # What came before in the same piece is lost with the stream.
            trouble = str(error)
            plain.clear()
        words += layer.take()
        heard += layer.hear()
        check(count)
        if trouble:
            assert trouble.isprintable()
            break
    return bytes(plain), bytes(words), heard, trouble


def _run_telnet(layer: Telnet, stream: Sequence[bytes]) -> object:
    def check(count: int) -> None:
        assert len(layer._sub) <= telnet.KEPT
        assert layer._sub_length <= telnet.LONGEST + 1

    result = _run_layer(layer, stream, check)
    total = sum(map(len, stream))
    assert len(result[0]) + len(result[2]) <= total + 1
    assert len(result[1]) <= 100 + total * len(telnet.HERE)
    return result, layer.ready, layer.suspended


def _telnet(stream: Sequence[bytes]) -> object:
    return [_run_telnet(Telnet(server=server), stream) for server in (True, False)]


def _com_port(stream: Sequence[bytes]) -> object:
    wishes: dict[Item, int | str] = {Item.SPEED: 9600, Item.BITS: 8, Item.DTR: 1}
    told: list[Heard] = []
    layers = [
        Telnet(server=True, com_port=ComPortServer()),
        Telnet(server=False, com_port=ComPortClient(wishes, told.append)),
    ]
    return [_run_telnet(layer, stream) for layer in layers], told


_TELNET = (
    *(bytes((255, command)) for command in range(236, 256)),
    *(bytes((255, verb, option)) for verb in (251, 252, 253, 254) for option in (0, 1, 3, 31, 44)),
    b"\xff\xfd\xff",
    b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0",
    b"\xff\xfa\x1f\xff\xff\x50\xff\xff\xff\xff\xff\xf0",
    b"\xff\xfa\x1f",
    b"\xff\xfa\xff\xff",
    *(b"\r", b"\n", b"\0", b"\r\n", b"\r\0", b"\xff", b"a", b"\xff\xff", b"long" * 20),
)

_COM_PORT = (
    *(b"\xff\xfa\x2c" + bytes((code,)) for code in (*range(13), *range(100, 113))),
    *(b"\xff\xfa\x2c\x05" + bytes((value,)) + b"\xff\xf0" for value in range(20)),
    *(b"\xff\xfa\x2c" + bytes((code, 0, 0, 37, 128, 255, 240)) for code in (1, 101, 7, 10, 107)),
    *(b"\xff\xf0", b"\xff\xfd\x2c", b"\xff\xfb\x2c", b"\xff\xfe\x2c", b"\xff\xfc\x2c"),
    *(b"\xff\xff", b"\x08", b"\0", b"\0\0\0\0", b"a", b"\xff\xfa", b"\xff\xf3"),
)

# Websocket.

_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def _masked(first: int, payload: bytes) -> bytes:
    return bytes((first, 0x80 | len(payload))) + bytes(4) + payload


def _websocket(stream: Sequence[bytes]) -> object:
    layer = WebsocketServer()

    def check(count: int) -> None:
        assert len(layer._protocol.reader.buffer) <= MAX_FRAME + 64

    total = sum(map(len, stream))
    # What does not begin as a request may begin where the handshake is over.
    upgraded = b"".join(stream[:1]) >= b"a"
    begun = [_UPGRADE, *stream] if upgraded else stream
    plain, words, _, trouble = _run_layer(layer, begun, check)
    assert len(plain) <= total
    # The answer to a handshake has a date, and may name what it had of a line.
    return plain, len(words) if layer.ready else 0, bool(trouble), layer.closed


_WEBSOCKET = (
    _UPGRADE,
    *(b"GET / HTTP/1.1\r\n", b"Host: h\r\n", b"\r\n", b"Origin: http://x\r\n", b"\r", b": "),
    *(b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n", b"Sec-WebSocket-Version: 13\r\n"),
    *(_masked(first, b"ls\r") for first in (0x81, 0x82, 0x80, 0x01, 0x89, 0x8A, 0x88, 0xC2, 0x83)),
    _masked(0x81, "\N{EURO SIGN}".encode()[:2]),
    _masked(0x88, b"\x03\xe8bye"),
    *(b"\x82\x03abc", b"\x82\xfe\x00\x03\0\0\0\0abc", b"\x82\xff" + bytes(5) + b"\x03"),
    *(b"\x82\xff\x7f" + b"\xff" * 7, b"\x82\xfe", b"\x00", b"a" * 30, b"\xff", b"\x80"),
)

# The control socket.


def _qmp(stream: Sequence[bytes]) -> object:
    parser = qmp.Parser()
    results = []
    for piece in stream:
        for item in parser.feed(piece):
            if isinstance(item, ProtocolError):
                results.append(str(item))
                assert qmp.error_reply(None, str(item)).endswith(b"}\r\n")
                continue
            results.append(repr(item.value))
            assert _answer(item.value).isascii()
        assert parser._size + len(parser._partial) <= qmp.MAX_VALUE + len(piece)
        assert len(parser._tokens) <= qmp.MAX_TOKENS
        assert parser._braces + parser._brackets <= qmp.MAX_DEPTH
    return results, parser.over


def _answer(value: object) -> bytes:
    try:
        request = qmp.request(value)
    except CommandError as error:
        return qmp.error_reply(value, str(error))
    return qmp.reply(value, dict(request.arguments))


_QMP = (
    *(b"{", b"}", b"[", b"]", b":", b",", b'"', b"'", b" ", b"\n", b"\0", b"\xff", b"\\"),
    *(b'"execute":"quit"', b'"id":', b'"arguments":{', b'"execute"', b'{"execute":"a"}'),
    *(b"1", b"-", b"1e999", b"0.5", b"true", b"null", b"nul", b"9" * 400, b"-0", b"+"),
    *(b"\\u", b"\\ud800", b"\\udc00", b"d83d", b"\xc3", b"\xa9", b"[[[[[[[[[[", b"{" * 70),
)


def _decoded(decoder: frames.FrameDecoder, stream: Sequence[bytes]) -> object:
    got: list[frames.Frame] = []
    try:
        for piece in stream:
            got += decoder.feed(piece)
            assert decoder.pending < frames.HEADER.size + 64
    except ProtocolError as error:
        # What came before in the same piece is lost with the stream.
        return str(error)
    return got


def _frames(stream: Sequence[bytes]) -> object:
    results: list[object] = []
    for kinds in (frames.TO_DAEMON, frames.TO_CLIENT):
        decoder = frames.FrameDecoder(kinds, 64)
        results.append(_decoded(decoder, stream))
    return results


_FRAMES = (
    *(frames.encode(kind, b"abcd") for kind in (b"I", b"W", b"K", b"D", b"G", b"S", b"N")),
    *(b"I\0\0\0\x40", b"I\0\0\0\x41", b"W\0\0\0\0", b"K\0\0\0\0", b"I\xff\xff\xff\xff", b"\0"),
    *(b"I", b"W", b"D\0\0\0\x08" + bytes(8), b"\0\0\0\x05", b"x" * 64, frames.resize(24, 80)),
)

# Keys, and what a guest says to a terminal.


def _mux_keys(stream: Sequence[bytes]) -> object:
    results = []
    for escape in (0x01, 0x14, 0xFF):
        keys, items = MuxKeys(escape), []
        for piece in stream:
            items += keys.feed(piece)
        assert len(items) <= sum(map(len, stream))
        typed, acts = b"", []
        for item in items:
            if isinstance(item, Key):
                acts.append((len(typed), item))
            else:
                typed += item
        assert len(typed) + len(acts) <= sum(map(len, stream))
        results.append((typed, acts))
    return results


_MUX_KEYS = (*(bytes((1, key)) for key in b"hxsbctqy?\x01"), b"\x01", b"\x14", b"x", b"y", b"\xff")


def _terminal(stream: Sequence[bytes]) -> object:
    watcher = RequestWatcher()
    filters = [Guard(), Guard(links=False)]
    passed = [bytearray(), bytearray()]
    for piece in stream:
        watcher.feed(piece)
        assert len(watcher._requests) <= MAX_REQUESTS
        for each, out in zip(filters, passed, strict=True):
            seen = each.filter(piece)
            assert b"".join(part for part, _, _ in watch.split(seen)) == seen
            out += seen
            assert len(each._held) <= guard.MAX_SEQUENCE + 8
    return watcher.take(), [bytes(out) for out in passed]


_TERMINAL = (
    *(b"\x1b", b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b\\", b"\x07", b"\x18", b"\x1a", b";"),
    *(b"\x1b]52;c;", b"aGk=", b"?", b"\x1b]9;", b"\x1b]777;notify;", b"\x1b]8;", b"\x1b]8;;u\x07"),
    *(b"\x1b[c", b"\x1b[>c", b"\x1b[6n", b"\x1b[>q", b"\x1b[?u", b"\x1b[18t", b"\x1b[?2026$p"),
    *(b"\x1bP+q544e\x1b\\", b"\x1bP$qm\x1b\\", b"\x1b]10;?\x07", b"\x1b[?69h", b"\x1b[3b", b"b"),
    *(b"\x1b[!p", b"\x1b[>4;2m", b"\x1b[38:2::1:2:3m", b"1" * 40, b"1;", b"m", b"\xc2", b"\x9b"),
    *(b"P12345", b"R", b"\x7f", b"\0", b"a", "\N{EURO SIGN}".encode(), b"\x1b#8", b"\x1b(0"),
)

STREAMS = (
    Target("telnet", _TELNET, _telnet, 5000),
    Target("com port", _COM_PORT, _com_port, 5000),
    Target("websocket", _WEBSOCKET, _websocket),
    Target("qmp", _QMP, _qmp),
    Target("frames", _FRAMES, _frames),
    Target("mux keys", _MUX_KEYS, _mux_keys),
    Target("terminal", _TERMINAL, _terminal),
)
