from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.chardev.heard import Break, Heard, WindowSize
from muxcore.chardev.layers import telnet
from muxcore.chardev.layers.telnet import Telnet
from muxcore.errors import StreamError

IAC, DONT, DO, WONT, WILL, SB, SE = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb", b"\xfa", b"\xf0"
BINARY, ECHO, SGA, NAWS = b"\x00", b"\x01", b"\x03", b"\x1f"
QEMU = IAC + WILL + ECHO + IAC + WILL + SGA + IAC + WILL + BINARY + IAC + DO + BINARY


def server() -> Telnet:
    layer = Telnet(server=True)
    layer.begin()
    layer.take()
    return layer


def binary_server() -> Telnet:
    layer = server()
    layer.receive(IAC + DO + BINARY + IAC + WILL + BINARY)
    assert layer.take() == b""
    return layer


def client() -> Telnet:
    layer = Telnet(server=False)
    layer.begin()
    assert layer.take() == b""
    return layer


def sent(layer: Telnet, data: bytes) -> bytes:
    layer.send(data)
    return layer.take()


# Negotiation.


def test_a_server_begins_as_qemus_does_and_asks_for_the_window_size() -> None:
    layer = Telnet(server=True)
    assert layer.take() == b""
    layer.begin()
    assert layer.ready
    assert layer.take() == QEMU + IAC + DO + NAWS


def test_agreement_to_what_was_asked_is_not_answered() -> None:
    layer = server()
    agreed = b"".join(IAC + DO + option for option in (ECHO, SGA, BINARY))
    assert layer.receive(agreed + IAC + WILL + BINARY + IAC + WILL + NAWS) == b""
    assert layer.take() == b""


def test_a_refusal_of_what_was_asked_is_not_answered() -> None:
    layer = server()
    layer.receive(IAC + DONT + ECHO + IAC + WONT + NAWS)
    assert layer.take() == b""


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (IAC + DO + b"\x18", IAC + WONT + b"\x18"),
        (IAC + WILL + b"\x22", IAC + DONT + b"\x22"),
        (IAC + WILL + SGA, IAC + DO + SGA),
        (IAC + DONT + b"\x18", b""),
        (IAC + WONT + b"\x18", b""),
        (IAC + DO + ECHO + IAC + DONT + ECHO, IAC + WONT + ECHO),
    ],
)
def test_every_request_has_one_answer(asked: bytes, answer: bytes) -> None:
    layer = server()
    layer.receive(asked)
    assert layer.take() == answer


def test_two_ends_agree_and_fall_silent() -> None:
    near, far = Telnet(server=True), Telnet(server=False)
    near.begin()
    far.begin()
    for _ in range(10):
        words = near.take()
        assert far.receive(words) == b""
        answers = far.take()
        assert near.receive(answers) == b""
        if not words and not answers:
            break
    else:
        raise AssertionError("they never stop")
    assert sent(near, b"\r") == sent(far, b"\r") == b"\r"


def test_a_client_gives_its_size_when_it_is_asked_and_when_it_changes() -> None:
    layer = client()
    layer.tell(WindowSize(24, 80))
    assert layer.take() == b""
    layer.receive(IAC + DO + NAWS)
    told = IAC + SB + NAWS + b"\x00\x50\x00\x18" + IAC + SE
    assert layer.take() == IAC + WILL + NAWS + told
    layer.receive(IAC + DO + NAWS)
    assert layer.take() == b""
    layer.tell(WindowSize(255, 1 << 20))
    expected = IAC + SB + NAWS + b"\xff\xff\xff\xff\x00\xff\xff" + IAC + SE
    assert layer.take() == expected


# Bytes.


def test_t12_a_byte_255_is_doubled_both_ways() -> None:
    layer = binary_server()
    assert sent(layer, b"a\xff\xffb") == b"a\xff\xff\xff\xffb"
    assert layer.receive(b"a\xff\xff\xff\xffb") == b"a\xff\xffb"


def test_binary_both_ways_changes_no_byte() -> None:
    data = bytes(range(255)) + b"\r\n\r\0\r\r\n\n"
    layer = binary_server()
    assert sent(layer, data) == data
    assert layer.receive(data) == data


@pytest.mark.parametrize("enter", [b"\r\0", b"\r\n"])
def test_enter_of_a_client_that_is_not_binary_is_one_carriage_return(enter: bytes) -> None:
    layer = server()
    assert layer.receive(b"ls" + enter + enter) == b"ls\r\r"
    assert layer.receive(enter[:1]) + layer.receive(enter[1:] + b"x") == b"\rx"


def test_a_servers_line_end_stays_and_its_lone_carriage_return_loses_the_nul() -> None:
    layer = client()
    assert layer.receive(b"a\r\nb\r\0c\r") == b"a\r\nb\rc\r"
    assert layer.receive(b"\0d\r") == b"d\r"
    assert layer.receive(b"\ne") == b"\ne"


def test_no_carriage_return_stands_alone_to_a_client_that_is_not_binary() -> None:
    layer = server()
    assert sent(layer, b"a\r\nb\rc\r") == b"a\r\nb\r\0c\r"
    assert sent(layer, b"\nd\r") == b"\nd\r"
    assert sent(layer, b"") == b""
    assert sent(layer, b"e") == b"\0e"


def test_a_key_typed_to_a_server_that_is_not_binary_is_not_taken_for_a_line_end() -> None:
    assert sent(client(), b"ls\r\n") == b"ls\r\0\n"


# Commands.


def test_a_break_is_heard_and_told() -> None:
    layer = server()
    assert layer.receive(b"a\xff\xf3b") == b"ab"
    assert layer.hear() == [Break()]
    assert layer.hear() == []
    guest = client()
    guest.tell(Break())
    assert guest.take() == b"\xff\xf3"


@pytest.mark.parametrize(
    ("command", "key"), [(244, b"\x03"), (247, b"\x7f"), (248, b"\x15"), (236, b"\x04")]
)
def test_a_command_for_a_key_is_that_key(command: int, key: bytes) -> None:
    assert server().receive(bytes((255, command))) == key
    assert client().receive(bytes((255, command))) == b""


def test_are_you_there_is_answered_with_something_to_see() -> None:
    layer = server()
    assert layer.receive(b"\xff\xf6") == b""
    assert b"muxtui" in layer.take()


@pytest.mark.parametrize("command", [239, 240, 241, 242, 245, 249])
def test_other_commands_mean_nothing_here(command: int) -> None:
    layer = server()
    assert layer.receive(b"a" + bytes((255, command)) + b"b") == b"ab"
    assert layer.take() == b""
    assert layer.hear() == []


def test_a_window_size_is_heard() -> None:
    layer = server()
    data = IAC + SB + NAWS + b"\x00\x78\x00\xff\xff" + IAC + SE
    assert layer.receive(b"a" + data + b"b") == b"ab"
    assert layer.hear() == [WindowSize(255, 120)]


@pytest.mark.parametrize(
    "value",
    [b"", b"\x1f", b"\x1f\0\x50\0", b"\x1f\0\x50\0\x18\0", b"\x1f\0\0\0\x18", b"\x18\0\x50\0\x18"],
)
def test_a_window_size_that_is_none_is_not_heard(value: bytes) -> None:
    layer = server()
    assert layer.receive(IAC + SB + value + IAC + SE + b"x") == b"x"
    assert layer.hear() == []


def test_a_nested_subnegotiation_ends_the_one_it_is_in() -> None:
    layer = server()
    inner = IAC + SB + NAWS + b"\0\x50\0\x18" + IAC + SE
    assert layer.receive(IAC + SB + b"\x18\x00abc" + inner + b"x" + IAC + SE + b"y") == b"xy"
    assert layer.hear() == [WindowSize(24, 80)]


def test_a_break_within_a_subnegotiation_is_heard() -> None:
    layer = server()
    assert layer.receive(IAC + SB + b"\x18\x00" + b"\xff\xf3" + b"x") == b"x"
    assert layer.hear() == [Break()]


def test_a_long_subnegotiation_is_survived_and_an_endless_one_is_not_waited_out() -> None:
    layer = server()
    assert layer.receive(IAC + SB + b"\x27" + b"v" * 4000 + IAC + SE + b"x") == b"x"
    layer.receive(IAC + SB)
    for _ in range(telnet.LONGEST):
        layer.receive(b"v")
        assert len(layer._sub) <= telnet.KEPT
    with pytest.raises(StreamError, match="without an end"):
        layer.receive(b"v")


# Whatever comes.

COMMANDS = st.integers(236, 255).map(lambda byte: bytes((255, byte)))
OPTIONS = st.sampled_from([BINARY, ECHO, SGA, NAWS, b"\x18", b"\xff"])
PARTS = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"\r", b"\n", b"\0", b"\r\n", b"\r\0", b"\xff\xff"]),
    COMMANDS,
    st.tuples(st.sampled_from([DO, DONT, WILL, WONT]), OPTIONS).map(lambda t: IAC + t[0] + t[1]),
    st.binary(max_size=8).map(lambda value: IAC + SB + NAWS + value + IAC + SE),
)
STREAMS = st.lists(PARTS, max_size=40).map(b"".join)


def fed(layer: Telnet, chunks: list[bytes]) -> tuple[bytes, list[Heard], bytes]:
    layer.begin()
    plain, heard, words = b"", [], layer.take()
    for chunk in chunks:
        plain += layer.receive(chunk)
        heard += layer.hear()
        words += layer.take()
    return plain, heard, words


def split(data: bytes, at: list[int]) -> list[bytes]:
    cuts = [0, *sorted(min(cut, len(data)) for cut in at), len(data)]
    return [data[start:end] for start, end in pairwise(cuts)]


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_it_does_not_matter_how_a_stream_is_split(
    data: bytes, cuts: list[int], is_server: bool
) -> None:
    whole = fed(Telnet(server=is_server), [data])
    assert fed(Telnet(server=is_server), split(data, cuts)) == whole
    assert fed(Telnet(server=is_server), [bytes((byte,)) for byte in data]) == whole


@pytest.mark.soak
@settings(max_examples=200_000)
@given(STREAMS, st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_it_does_not_matter_how_very_many_streams_are_split(
    data: bytes, cuts: list[int], is_server: bool
) -> None:
    whole = fed(Telnet(server=is_server), [data])
    assert fed(Telnet(server=is_server), split(data, cuts)) == whole


@given(STREAMS)
def test_what_comes_out_is_bounded_by_what_went_in(data: bytes) -> None:
    plain, heard, words = fed(Telnet(server=True), [data])
    assert len(plain) + len(heard) <= len(data)
    assert len(words) <= 15 + len(data) * len(telnet.HERE)


@given(
    st.lists(st.binary(max_size=20) | st.sampled_from([b"\r", b"\n", b"\r\n", b"\xff"])),
    st.booleans(),
    st.booleans(),
)
def test_bytes_survive_the_way_from_end_to_end(
    chunks: list[bytes], binary: bool, typed: bool
) -> None:
    near, far = Telnet(server=not typed), Telnet(server=typed)
    near.begin()
    far.begin()
    if binary:
        both = IAC + DO + BINARY + IAC + WILL + BINARY
        near.receive(both)
        far.receive(both)
    near.take()
    arrived = bytearray()
    for chunk in chunks:
        near.send(chunk)
        arrived += far.receive(near.take())
    data = b"".join(chunks)
    if typed and not binary and b"\r\n" in data:
        return
    assert arrived == data
