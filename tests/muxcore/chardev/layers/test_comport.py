from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.chardev.heard import Item, LineValue
from muxcore.chardev.layers.comport import ComPortClient, ComPortServer, agree, decode, encode
from muxcore.chardev.layers.telnet import LONGEST, Telnet
from muxcore.errors import StreamError

IAC, DONT, DO, WONT, WILL, SB, SE = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb", b"\xfa", b"\xf0"
PORT = b"\x2c"
WISHES: dict[Item, int | str] = {
    Item.SPEED: 65280,
    Item.BITS: 8,
    Item.PARITY: "none",
    Item.STOP: 1,
    Item.FLOW: "none",
}
ASKED = [b"\x01\x00\x00\xff\xff\x00", b"\x02\x08", b"\x03\x01", b"\x04\x01", b"\x05\x01"]
ANSWERS = [b"\x65\x00\x00\xff\xff\x00", b"\x66\x08", b"\x67\x01", b"\x68\x01"]


def sub(said: bytes) -> bytes:
    return IAC + SB + PORT + said + IAC + SE


def server() -> Telnet:
    layer = Telnet(server=True, com_port=ComPortServer())
    layer.begin()
    assert PORT not in layer.take()
    layer.receive(IAC + WILL + PORT)
    assert layer.take() == IAC + DO + PORT
    assert layer.hear() == [LineValue(Item.MODEM, None)]
    return layer


def client(told: Callable[[LineValue], None] = lambda _: None) -> Telnet:
    layer = Telnet(server=False, com_port=ComPortClient(WISHES, told))
    layer.begin()
    assert not layer.ready
    assert layer.take().startswith(IAC + WILL + PORT + IAC + WILL + b"\x00")
    return layer


def ready_client(told: Callable[[LineValue], None] = lambda _: None) -> Telnet:
    layer = client(told)
    layer.receive(IAC + DO + PORT + b"".join(map(sub, ANSWERS)))
    assert layer.ready
    layer.take()
    return layer


def said(layer: Telnet, value: LineValue) -> bytes:
    layer.tell(value)
    return layer.take()


# What the codes mean.


@pytest.mark.parametrize(
    ("code", "payload", "value"),
    [
        (1, b"\x00\x00\x25\x80", LineValue(Item.SPEED, 9600)),
        (1, b"\x00\x00\x00\x00", LineValue(Item.SPEED, None)),
        (2, b"\x07", LineValue(Item.BITS, 7)),
        (3, b"\x02", LineValue(Item.PARITY, "odd")),
        (3, b"\x03", LineValue(Item.PARITY, "even")),
        (3, b"\x09", LineValue(Item.PARITY, None)),
        (4, b"\x02", LineValue(Item.STOP, 2)),
        (5, b"\x02", LineValue(Item.FLOW, "xonxoff")),
        (5, b"\x05", LineValue(Item.BREAK, 1)),
        (5, b"\x08", LineValue(Item.DTR, 1)),
        (5, b"\x0c", LineValue(Item.RTS, 0)),
        (5, b"\x11", LineValue(Item.FLOW, None)),
        (12, b"\x03", LineValue(Item.PURGE, 3)),
    ],
)
def test_codes_mean_what_the_rfc_says(code: int, payload: bytes, value: LineValue) -> None:
    assert decode(code, payload) == value


@pytest.mark.parametrize(("code", "payload"), [(1, b"\x00\x25\x80"), (2, b""), (99, b"\x01")])
def test_what_is_short_or_unknown_means_nothing(code: int, payload: bytes) -> None:
    assert decode(code, payload) is None


@given(st.integers(1, 12), st.binary(min_size=4, max_size=4))
def test_what_is_encoded_is_decoded_as_it_was(code: int, payload: bytes) -> None:
    value = decode(code, payload)
    if value is not None and code not in (6, 7):
        assert decode(*encode(value)) == value


@pytest.mark.parametrize(("is_now", "same"), [(115200, True), (115384, True), (117600, False)])
def test_a_speed_within_two_percent_is_the_speed(is_now: int, same: bool) -> None:
    assert agree(Item.SPEED, 115200, is_now) is same


# A server.


def test_wishes_are_heard_and_answered_when_the_line_is_so() -> None:
    layer = server()
    layer.receive(sub(b"\x01\x00\x00\xff\xff\x00"))
    assert layer.hear() == [LineValue(Item.SPEED, 65280)]
    assert layer.take() == b""
    assert said(layer, LineValue(Item.SPEED, 65280)) == sub(b"\x65\x00\x00\xff\xff\x00")
    assert said(layer, LineValue(Item.PARITY, "even")) == sub(b"\x67\x03")
    assert said(layer, LineValue(Item.DTR, 0)) == sub(b"\x69\x09")
    assert said(layer, LineValue(Item.FLOW_IN, "dsrdtr")) == sub(b"\x69\x12")


def test_a_signature_is_given_to_who_asks_and_taken_from_who_gives() -> None:
    layer = server()
    layer.receive(sub(b"\x00"))
    assert layer.take() == sub(b"\x64muxtui")
    layer.receive(sub(b"\x00" + b"pySerial" * 100))
    assert layer.take() == b""


def test_a_plain_telnet_client_is_told_nothing_of_the_line() -> None:
    layer = Telnet(server=True, com_port=ComPortServer())
    layer.begin()
    layer.receive(IAC + WONT + PORT)
    layer.take()
    assert layer.ready
    assert layer.hear() == []
    assert said(layer, LineValue(Item.MODEM, 128)) == b""


def test_the_modems_lines_are_told_when_they_change_with_what_did() -> None:
    layer = server()
    assert said(layer, LineValue(Item.MODEM, 0b1011_0000)) == sub(b"\x6b\xb0")
    assert said(layer, LineValue(Item.MODEM, 0b1011_0000)) == b""
    assert said(layer, LineValue(Item.MODEM, 0b0010_0000)) == sub(b"\x6b\x29")
    # A bell that begins to ring has no bit of its own, one that ends has.
    assert said(layer, LineValue(Item.MODEM, 0b0110_0000)) == sub(b"\x6b\x60")
    assert said(layer, LineValue(Item.MODEM, 0b0010_0000)) == sub(b"\x6b\x24")


def test_only_the_modems_lines_that_were_asked_for_are_told() -> None:
    layer = server()
    layer.receive(sub(b"\x0b\x10"))
    assert layer.take() == sub(b"\x6f\x10")
    assert said(layer, LineValue(Item.MODEM, 0xB0)) == sub(b"\x6b\x10")
    assert said(layer, LineValue(Item.MODEM, 0x30)) == b""
    assert said(layer, LineValue(Item.MODEM, 0x20)) == sub(b"\x6b\x00")
    layer.receive(sub(b"\x07"))
    assert layer.hear() == [LineValue(Item.MODEM, None)]
    assert said(layer, LineValue(Item.MODEM, 0x20)) == sub(b"\x6b\x00")


def test_errors_are_told_to_who_asks_alone() -> None:
    layer = server()
    assert said(layer, LineValue(Item.ERRORS, 16)) == b""
    layer.receive(sub(b"\x06"))
    assert layer.hear() == [LineValue(Item.ERRORS, None)]
    assert said(layer, LineValue(Item.ERRORS, 0)) == sub(b"\x6a\x00")
    layer.receive(sub(b"\x0a\x10"))
    assert layer.take() == sub(b"\x6e\x10")
    assert said(layer, LineValue(Item.ERRORS, 8)) == b""
    assert said(layer, LineValue(Item.ERRORS, 24)) == sub(b"\x6a\x10")


def test_a_client_suspends_and_resumes_the_output() -> None:
    layer = server()
    layer.receive(sub(b"\x08"))
    assert layer.suspended
    layer.receive(sub(b"\x09"))
    assert not layer.suspended


# A client.


def test_a_line_is_ready_once_it_is_as_wished_for() -> None:
    layer = client()
    layer.receive(IAC + DO + PORT)
    assert layer.take() == b"".join(map(sub, ASKED))
    for answer in ANSWERS:
        assert not layer.ready
        layer.receive(sub(answer))
    assert layer.ready


def test_a_server_without_the_option_is_an_error() -> None:
    with pytest.raises(StreamError, match=r"^the far end does not speak RFC 2217$"):
        client().receive(IAC + DONT + PORT)


def test_a_line_that_is_not_as_wished_for_is_an_error() -> None:
    layer = client()
    with pytest.raises(StreamError, match=r"^bits 8 was asked for and the port has 7$"):
        layer.receive(IAC + DO + PORT + sub(b"\x66\x07"))


def test_later_answers_and_notices_are_told() -> None:
    told: list[LineValue] = []
    layer = ready_client(told.append)
    told.clear()
    layer.receive(sub(b"\x66\x07") + sub(b"\x6b\xb3") + sub(b"\x6a\x11") + sub(b"\x69\x08"))
    assert told == [
        LineValue(Item.BITS, 7),
        LineValue(Item.MODEM, 0xB0),
        LineValue(Item.ERRORS, 16),
        LineValue(Item.DTR, 1),
    ]


@pytest.mark.parametrize(("suspend", "resume"), [(b"\x6c", b"\x6d"), (b"\x08", b"\x09")])
def test_a_server_suspends_and_resumes_the_input(suspend: bytes, resume: bytes) -> None:
    layer = ready_client()
    layer.receive(sub(suspend))
    assert layer.suspended
    layer.receive(sub(resume))
    assert not layer.suspended


def test_a_server_may_ask_for_our_signature() -> None:
    layer = ready_client()
    layer.receive(sub(b"\x64"))
    assert layer.take() == sub(b"\x00muxtui")


def test_the_two_sides_understand_each_other() -> None:
    told: list[LineValue] = []
    near, far = client(told.append), Telnet(server=True, com_port=ComPortServer())
    far.begin()
    near.receive(far.take())
    near.begin()
    for _ in range(4):
        far.receive(near.take())
        for wish in far.hear():
            if isinstance(wish, LineValue) and wish.item is not Item.MODEM:
                far.tell(wish)
        near.receive(far.take())
    assert near.ready
    assert {value.item: value.value for value in told} == WISHES


# What a hostile far end says.

wire = st.lists(
    st.one_of(
        st.sampled_from([IAC, SB, SE, PORT, DO, DONT, WILL, WONT, IAC + SB + PORT, IAC + SE]),
        st.builds(sub, st.binary(max_size=8)),
        st.binary(max_size=8),
    ),
    max_size=40,
).map(b"".join)


def both() -> list[Telnet]:
    return [server(), client()]


@given(wire)
def test_no_garbage_does_more_than_end_the_stream(data: bytes) -> None:
    for layer in both():
        try:
            layer.receive(data)
        except StreamError:
            continue
        assert len(layer.take()) <= 8 * len(data) + 100
        assert len(layer.hear()) <= len(data) + 1
        for item in Item:
            layer.tell(LineValue(item, None if item in ("flow", "flow-in") else item == "none"))


@given(wire, st.lists(st.integers(0, 400), max_size=6))
def test_where_it_is_split_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    for whole, pieces in zip(both(), both(), strict=True):
        points = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        assert run(whole, [data]) == run(pieces, [data[a:b] for a, b in pairwise(points)])


def run(layer: Telnet, pieces: list[bytes]) -> tuple[str, bytes, list[object], bool, bool]:
    plain, failure = bytearray(), ""
    for piece in pieces:
        try:
            plain += layer.receive(piece)
        except StreamError as error:
            failure = str(error)
            plain.clear()
            break
    return failure, layer.take(), list(layer.hear()), layer.ready, layer.suspended


def test_an_endless_subnegotiation_is_an_error() -> None:
    with pytest.raises(StreamError, match="without an end"):
        server().receive(IAC + SB + PORT + b"\x00" * (LONGEST + 1))


def test_a_subnegotiation_within_another_is_the_one_that_counts() -> None:
    layer = server()
    layer.receive(IAC + SB + PORT + b"\x02" + sub(b"\x02\x07"))
    assert layer.hear() == [LineValue(Item.BITS, 7)]
