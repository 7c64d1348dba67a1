"""Whose input goes next: in turn, in order, nothing lost, nothing piled up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.flow.input import LONGEST, QUEUE, TURN, InputQueue, Lane, unfinished, whole


class Typist:
    """A source without a peer around it."""

    def __init__(self, data: bytes = b"") -> None:
        self.queued = False
        self.inbox = bytearray(data)

    def take(self, limit: int) -> bytes:
        data = bytes(self.inbox[:limit])
        del self.inbox[:limit]
        return data

    def drop_input(self) -> int:
        count = len(self.inbox)
        self.inbox.clear()
        return count


def test_an_empty_queue_is_false_and_gives_nothing() -> None:
    queue = InputQueue()
    assert not queue
    assert queue.fill() == b""


def test_one_source_fills_the_queue_to_its_bound_and_no_further() -> None:
    queue, typist = InputQueue(), Typist(b"a" * 5000)
    queue.add(typist)
    assert len(queue.fill()) == QUEUE
    assert len(typist.inbox) == 5000 - QUEUE
    assert len(queue.fill()) == QUEUE


def test_sources_take_turns_of_a_quarter_of_the_queue() -> None:
    queue = InputQueue()
    for byte in (b"a", b"b"):
        queue.add(Typist(byte * 4000))
    assert queue.fill() == b"a" * TURN + b"b" * TURN + b"a" * TURN + b"b" * TURN


def test_a_single_byte_waits_for_one_queue_and_one_turn_at_most() -> None:
    queue, paste, key = InputQueue(), Typist(b"p" * 100_000), Typist(b"\x03")
    queue.add(paste)
    queue.fill()
    queue.add(key)
    out = bytearray()
    while b"\x03" not in out:
        out += queue.fill()[:7]
        queue.sent(7)
    assert out.index(b"\x03") <= QUEUE + TURN


def test_a_source_added_twice_has_one_turn() -> None:
    queue, first, second = InputQueue(), Typist(b"a" * 600), Typist(b"b" * 600)
    for source in (first, first, second):
        queue.add(source)
    assert queue.fill()[: 2 * TURN] == b"a" * TURN + b"b" * TURN


def test_dropping_counts_every_byte_and_leaves_the_sources_usable() -> None:
    queue, first, second = InputQueue(), Typist(b"a" * 2000), Typist(b"b" * 10)
    queue.add(first)
    queue.add(second)
    queue.fill()
    assert queue.drop() == 2010
    assert not queue
    second.inbox += b"again"
    queue.add(second)
    assert queue.fill() == b"again"


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("type"), st.integers(0, 3), st.integers(1, 700)),
            st.tuples(st.just("send"), st.just(0), st.integers(0, 2 * QUEUE)),
        ),
        max_size=80,
    )
)
def test_any_interleaving_is_fair_and_loses_nothing(steps: list[tuple[str, int, int]]) -> None:
    queue = InputQueue()
    typists = [Typist() for _ in range(4)]
    typed = [bytearray() for _ in typists]
    sent = bytearray()
    for what, who, count in steps:
        if what == "type":
            # Sequence numbers say who typed a byte, and show a byte out of order.
            data = bytes(64 * who + (len(typed[who]) + index) % 64 for index in range(count))
            typed[who] += data
            typists[who].inbox += data
            queue.add(typists[who])
        else:
            data = bytes(queue.fill()[:count])
            assert len(queue.data) < QUEUE + LONGEST
            queue.sent(len(data))
            sent += data
    while queue:
        data = bytes(queue.fill())
        queue.sent(len(data))
        sent += data
        queue.go_on()
    for who, expected in enumerate(typed):
        assert bytes(byte for byte in sent if byte // 64 == who) == expected


KEYS = [
    *(b"\x1b[A", b"\x1b[1;5C", b"\x1bOP", b"\x1b[15;2~", b"\x1b\x1b[B", b"\x1bx", b"\x1b[20;1R"),
    *(b"\x1b]11;rgb:0000/0000/0000\x1b\\", b"\x1bP>|XTerm(390)\x1b\\"),
    *("\u00e4".encode(), "\u20ac".encode(), "\U0001f600".encode(), b"a", b"\r"),
]


def typist(data: bytes) -> Lane:
    """A peer's lane with `data` in it."""
    lane = Lane(lambda: None)
    lane.inbox += data
    return lane


@given(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=300),
    st.integers(1, 30),
    st.integers(20, 200),
)
def test_t10_no_turn_ends_within_a_key(keys: list[bytes], behind: int, sent: int) -> None:
    queue = InputQueue()
    mine, other = typist(b"".join(keys)), typist(b"\x00" * 100 * behind)
    for source in (mine, other):
        queue.add(source)
    out = bytearray()
    while queue:
        data = queue.fill()
        assert len(data) < QUEUE + LONGEST
        out += data[:sent]
        queue.sent(min(sent, len(data)))
    assert out.replace(b"\x00", b"") == b"".join(keys)
    pieces = [piece for piece in bytes(out).split(b"\x00") if piece]
    at = 0
    for piece in pieces:
        rest = piece
        while rest:
            assert rest.startswith(keys[at]), "cut within a key"
            rest = rest.removeprefix(keys[at])
            at += 1


def test_what_is_no_key_is_cut_where_the_turn_ends() -> None:
    assert whole(b"a" * 300, 256) == 256
    assert whole(b"a" * 100, 256) == 100
    assert whole(b"\x1b[" + b"1" * 300, 256) == 256
    assert whole(b"\x1b]" + b"x" * 300, 1) == 1 + LONGEST
    assert whole(b"a\x1b[A", 2) == 1
    assert whole(b"\x1b[A", 1) == 3


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 4)), max_size=40))
def test_t10_half_typed_escapes_of_two_users_never_combine(keys: list[tuple[bytes, int]]) -> None:
    queue, mine, other = InputQueue(), typist(b""), typist(b"")
    out = b""
    for key, at in keys:
        for piece in filter(None, (key[:at], key[at:])):
            mine.inbox += piece
            other.inbox += b"\x00"
            queue.add(mine)
            queue.add(other)
            data = queue.fill()
            assert queue.waits == unfinished(out + data)
            out += data
            queue.sent(len(data))
    pieces = [piece for piece in out.split(b"\x00") if piece]
    typed = [key for key, _ in keys]
    while pieces:
        piece = pieces.pop(0)
        while piece:
            assert piece.startswith(typed[0]), "cut within a key"
            piece = piece.removeprefix(typed.pop(0))
    assert not typed


def test_others_go_on_when_they_have_waited() -> None:
    queue, mine, other = InputQueue(), typist(b"\x1b"), typist(b"[A")
    queue.add(mine)
    queue.add(other)
    assert queue.fill() == b"\x1b"
    assert queue.waits
    queue.go_on()
    assert queue.fill() == b"\x1b[A"
    assert not queue.waits


def test_who_never_finishes_is_alone_undelayed() -> None:
    queue, mine = InputQueue(), typist(b"")
    for _ in range(3):
        mine.inbox += b"\x1b"
        queue.add(mine)
        assert queue.fill() == b"\x1b"
        assert not queue.waits
        queue.sent(1)
