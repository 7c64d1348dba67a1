"""Frames: cut anywhere they come out whole, and what is no frame is refused at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import ProtocolError
from muxcore.wire import frames
from muxcore.wire.frames import Frame, FrameDecoder

FRAMES = st.lists(
    st.tuples(st.sampled_from([b"D", b"G", b"S"]), st.binary(max_size=300)), max_size=12
)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` in pieces."""
    places = sorted({min(at, len(data)) for at in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@given(FRAMES, st.lists(st.integers(0, 4000), max_size=40))
def test_frames_come_out_of_a_stream_cut_anywhere(
    sent: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    decoder = FrameDecoder(frames.TO_CLIENT)
    stream = b"".join(frames.encode(kind, payload) for kind, payload in sent)
    got: list[Frame] = []
    for piece in cut(stream, cuts):
        got += decoder.feed(piece)
    assert got == [Frame(kind, payload) for kind, payload in sent]
    assert decoder.pending == 0


def test_a_frame_is_its_type_a_big_endian_length_and_the_payload() -> None:
    assert frames.encode(b"I", b"ls\r") == b"I\x00\x00\x00\x03ls\r"
    assert frames.encode(b"K") == b"K\x00\x00\x00\x00"


def test_the_numbers_of_a_frame_are_big_endian() -> None:
    assert frames.gap(1, 258) == b"G\x00\x00\x00\x10" + bytes(7) + b"\x01" + bytes(6) + b"\x01\x02"
    assert frames.resize(24, 300) == b"W\x00\x00\x00\x04\x00\x18\x01\x2c"
    header = frames.output_header(5, 2)
    assert header + b"ab" == frames.encode(b"D", bytes(7) + b"\x05ab")


def test_offsets_have_all_their_64_bits() -> None:
    last = (1 << 64) - 1
    assert frames.SPAN.unpack(frames.gap(last - 1, last)[5:]) == (last - 1, last)


@pytest.mark.parametrize("kind", [b"I", b"x", b"\x00", b"\xff"])
def test_an_unknown_type_is_refused_before_its_length_is_believed(kind: bytes) -> None:
    with pytest.raises(ProtocolError, match=f"0x{kind[0]:02x}"):
        FrameDecoder(frames.TO_CLIENT).feed(kind + b"\xff\xff\xff\xff")


def test_a_frame_that_is_too_long_is_refused_at_its_header() -> None:
    decoder = FrameDecoder(frames.TO_DAEMON, 1024)
    assert decoder.feed(frames.HEADER.pack(b"I", 1024)) == []
    with pytest.raises(ProtocolError, match="1025"):
        FrameDecoder(frames.TO_DAEMON, 1024).feed(frames.HEADER.pack(b"I", 1025))


def test_the_error_says_nothing_that_could_harm_a_terminal() -> None:
    with pytest.raises(ProtocolError) as caught:
        FrameDecoder(frames.TO_DAEMON).feed(b"\x1b]0;x")
    assert str(caught.value).isprintable()


def test_a_decoder_keeps_no_more_than_one_frame() -> None:
    decoder = FrameDecoder(frames.TO_DAEMON, 1000)
    stream = frames.encode(b"I", b"x" * 1000) * 50
    for at in range(0, len(stream), 333):
        decoder.feed(stream[at : at + 333])
        assert decoder.pending < frames.HEADER.size + 1000
    assert decoder.pending == 0


def test_a_payload_over_the_limit_is_not_encoded() -> None:
    assert len(frames.encode(b"D", bytes(frames.MAX_PAYLOAD))) == 5 + frames.MAX_PAYLOAD
    with pytest.raises(ValueError, match="at most"):
        frames.encode(b"D", bytes(frames.MAX_PAYLOAD + 1))


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10))
def test_garbage_gives_frames_or_one_protocol_error(data: bytes, cuts: list[int]) -> None:
    decoder = FrameDecoder(frames.TO_DAEMON, 64)
    try:
        for piece in cut(data, cuts):
            for frame in decoder.feed(piece):
                assert frame.kind in (b"I", b"W", b"K")
                assert len(frame.payload) <= 64
            assert decoder.pending < frames.HEADER.size + 64
    except ProtocolError:
        return
