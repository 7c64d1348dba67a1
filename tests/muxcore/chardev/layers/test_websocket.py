from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from muxcore.chardev.layers import websocket
from muxcore.chardev.layers.websocket import WebsocketServer
from muxcore.errors import StreamError

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ASKED = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: " + KEY + "\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


def asked(path: str = "/", host: str = "127.0.0.1:5700", **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return ASKED.format(path=path, host=host, more=more).encode()


def server() -> WebsocketServer:
    layer = WebsocketServer()
    layer.begin()
    layer.receive(asked())
    assert layer.ready
    layer.take()
    return layer


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


# The handshake.


def test_a_client_is_answered_as_the_rfc_has_it() -> None:
    layer = WebsocketServer()
    layer.begin()
    assert layer.take() == b""
    assert layer.receive(asked("/any/path")) == b""
    assert layer.ready
    answer = layer.take().decode()
    assert answer.startswith("HTTP/1.1 101 ")
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert "Sec-WebSocket-Protocol" not in answer


@pytest.mark.parametrize(
    ("offered", "chosen"), [("binary", True), ("base64, binary", True), ("chat", False)]
)
def test_binary_is_chosen_of_what_is_offered(offered: str, chosen: bool) -> None:
    layer = WebsocketServer()
    layer.receive(asked(Sec_WebSocket_Protocol=offered))
    assert layer.ready
    assert (b"Sec-WebSocket-Protocol: binary\r\n" in layer.take()) is chosen


def test_nothing_is_compressed() -> None:
    layer = WebsocketServer()
    layer.receive(asked(Sec_WebSocket_Extensions="permessage-deflate"))
    assert layer.ready
    assert b"Extensions" not in layer.take()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"426"),
        (asked().replace(b"Version: 13", b"Version: 12"), b"400"),
        (asked().replace(KEY.encode(), b"short"), b"400"),
        (b"\x16\x03\x01 this is TLS\r\n\r\n", b""),
        (b"x" * 10_000, b""),
    ],
)
def test_what_is_no_websocket_is_refused_in_one_line(request_: bytes, status: bytes) -> None:
    layer = WebsocketServer()
    with pytest.raises(StreamError) as caught:
        layer.receive(request_)
    assert str(caught.value).startswith("websocket: ")
    assert "\n" not in str(caught.value)
    assert layer.take().startswith(b"HTTP/1.1 " + status if status else b"")
    assert not layer.ready


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", asked(Origin="http://evil.example")]
)
def test_a_handshake_is_refused_whatever_came_with_it(request_: bytes) -> None:
    # The package could not answer what was followed by a broken frame in the same read.
    layer = WebsocketServer()
    with pytest.raises(StreamError, match=r"^websocket: "):
        layer.receive(request_ + b"\xff\xff" + request_)
    assert layer.take().startswith(b"HTTP/1.1 4")


def test_a_handshake_is_accepted_before_a_broken_frame_that_came_with_it() -> None:
    layer = WebsocketServer()
    with pytest.raises(StreamError, match=r"^websocket: "):
        layer.receive(asked() + b"\xff\xff")
    answer = layer.take()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"\r\n\r\n\x88" in answer


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1:5700"),
        ("null", "127.0.0.1:5700"),
        ("", "127.0.0.1:5700"),
        ("http://[", "127.0.0.1"),
        ("http://127.0.0.1.evil.example", "127.0.0.1"),
        ("http://localhost:8000", "127.0.0.1:5700"),
    ],
)
def test_a_page_of_another_host_may_not_type(origin: str, host: str) -> None:
    layer = WebsocketServer()
    with pytest.raises(StreamError, match="of another host"):
        layer.receive(asked(host=host, Origin=origin))
    assert layer.take().startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:5700"),
        ("https://Board.lab", "board.lab"),
        ("http://[::1]:80", "[::1]:5700"),
    ],
)
def test_a_page_of_the_same_host_may(origin: str, host: str) -> None:
    layer = WebsocketServer()
    layer.receive(asked(host=host, Origin=origin))
    assert layer.ready


def test_two_origins_are_none() -> None:
    layer = WebsocketServer()
    with pytest.raises(StreamError):
        layer.receive(asked(Origin="http://127.0.0.1\r\nOrigin: http://127.0.0.1"))


# Messages.


def test_text_and_binary_messages_are_input_in_any_pieces() -> None:
    layer = server()
    data = frame(Opcode.TEXT, b"ls") + frame(Opcode.BINARY, b"\xff\0", fin=False)
    data += frame(Opcode.CONT, b"x", fin=False) + frame(Opcode.CONT, b"y")
    assert layer.receive(data) == b"ls\xff\0xy"


def test_output_is_a_binary_message() -> None:
    layer = server()
    layer.send(b"login: \xff")
    assert layer.take() == b"\x82\x08login: \xff"
    layer.send(b"")
    assert layer.take() == b""


def test_a_ping_is_answered_and_a_pong_is_nothing() -> None:
    layer = server()
    assert layer.receive(frame(Opcode.PING, b"hi") + frame(Opcode.PONG, b"ho")) == b""
    assert layer.take() == b"\x8a\x02hi"


def test_a_goodbye_is_answered_and_is_the_end() -> None:
    layer = server()
    assert layer.receive(frame(Opcode.TEXT, b"last") + frame(Opcode.CLOSE, b"\x03\xe8")) == b"last"
    assert layer.closed
    assert layer.take() == b"\x88\x02\x03\xe8"
    layer.send(b"late")
    layer.end()
    assert layer.take() == b""


def test_we_say_goodbye_too() -> None:
    layer = server()
    layer.end()
    assert layer.take() == b"\x88\x02\x03\xe9"


@pytest.mark.parametrize(
    "data",
    [
        Frame(Opcode.TEXT, b"x").serialize(mask=False),
        b"\xf1\x80\0\0\0\0",
        frame(Opcode.CONT, b"x"),
        frame(Opcode.BINARY, bytes(websocket.MAX_FRAME + 1))[:14],
    ],
    ids=["unmasked", "reserved bits", "nothing to continue", "too long"],
)
def test_a_broken_frame_is_the_end_with_a_reason(data: bytes) -> None:
    layer = server()
    with pytest.raises(StreamError, match=r"^websocket: "):
        layer.receive(data)
    assert layer.take().startswith(b"\x88")


def test_a_message_may_be_endless_if_its_frames_are_not() -> None:
    layer = server()
    layer.receive(frame(Opcode.BINARY, b"", fin=False))
    piece = frame(Opcode.CONT, bytes(65536), fin=False)
    assert sum(len(layer.receive(piece)) for _ in range(64)) == 64 * 65536


# Whatever comes.


def fed(chunks: list[bytes]) -> tuple[bytes, bytes, str]:
    layer = WebsocketServer()
    layer.begin()
    plain, words, problem = b"", b"", ""
    for chunk in chunks:
        try:
            plain += layer.receive(chunk)
        except StreamError as error:
            problem = str(error)
            words += layer.take()
            break
        words += layer.take()
    return plain, words, problem


def split(data: bytes, at: list[int]) -> list[bytes]:
    cuts = [0, *sorted(min(cut, len(data)) for cut in at), len(data)]
    return [data[start:end] for start, end in pairwise(cuts) if end > start]


FRAMES = st.tuples(
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]), st.binary(max_size=200)
).map(lambda item: frame(item[0], item[1][:125]))


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(0, 1200), max_size=8))
def test_it_does_not_matter_how_a_sound_stream_is_split(
    frames: list[bytes], cuts: list[int]
) -> None:
    data = asked() + b"".join(frames)
    whole, parts = fed([data]), fed(split(data, cuts))
    # The answer has a date.
    assert (whole[0], len(whole[1]), whole[2]) == (parts[0], len(parts[1]), "")


@pytest.mark.soak
@settings(max_examples=50_000)
@given(st.binary(max_size=600), st.lists(st.integers(0, 900), max_size=8))
def test_nothing_but_a_stream_error_comes_of_much_noise(noise: bytes, cuts: list[int]) -> None:
    plain, _, _ = fed(split(asked() + noise, cuts))
    assert len(plain) <= len(noise)


@given(st.binary(max_size=300), st.booleans(), st.lists(st.integers(0, 400), max_size=4))
def test_nothing_but_a_stream_error_comes_of_noise(
    noise: bytes, upgraded: bool, cuts: list[int]
) -> None:
    plain, _, _ = fed(split((asked() if upgraded else b"") + noise, cuts))
    assert len(plain) <= len(noise)


def test_it_speaks_with_the_packages_own_client() -> None:
    layer = WebsocketServer()
    client = ClientProtocol(parse_uri("ws://127.0.0.1:1/"))
    client.send_request(client.connect())
    layer.receive(b"".join(client.data_to_send()))
    client.receive_data(layer.take())
    client.send_text(b"ls")
    assert layer.receive(b"".join(client.data_to_send())) == b"ls"
    layer.send(b"out")
    client.receive_data(layer.take())
    frames = [event.data for event in client.events_received() if isinstance(event, Frame)]
    assert frames == [b"out"]
