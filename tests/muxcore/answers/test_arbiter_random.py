"""Queries, answers, keys, gaps and time in any order and split anywhere."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from muxcore.answers.arbiter import LONGEST, MOST, WINDOW, Answer, Arbiter, Respondent
from muxcore.ring import History

QUERIES = {
    b"\x1b[6n": b"\x1b[%d;%dR",
    b"\x1b[5n": b"\x1b[0n",
    b"\x1b[c": b"\x1b[?62;%d;%dc",
    b"\x1b[?2026$p": b"\x1b[?2026;1$y",
    b"\x1b]11;?\x07": b"\x1b]11;rgb:%04x/%04x/0000\x1b\\",
    b"\x1bP$qm\x1b\\": b"\x1bP1$r%d;%dm\x1b\\",
}
KEYS = [b"ls\r", b"\x1b[A", b"\x1bOR", b"\x1b[1;5C", b"\x1b[15~", b"\xc3\xa4", b"\x1b\x1b[B", b"]"]
TERMINALS = 3

Step = tuple[Literal["print", "text", "send", "skip", "answer", "key", "wait"], int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["print", "text", "send", "skip", "answer", "key", "wait"]),
        st.integers(0, TERMINALS - 1),
        st.integers(0, 5),
    ),
    max_size=60,
)


class Terminal:
    """A terminal that answers what it was sent, when the test lets it, and whose user types keys.

    A model: what it must answer, and what of its input must come through, is kept apart from what
    the arbiter knows.
    """

    def __init__(self, arbiter: Arbiter) -> None:
        self.peer = Respondent(arbiter, arbiter.history.end)
        self.cursor = arbiter.history.end
        self.due: list[tuple[int, float]] = []
        self.typed = b""
        self.passed = b""
        self.answers: list[bytes] = []

    def take(self, items: list[bytes | Answer]) -> None:
        """What came through."""
        for item in items:
            if isinstance(item, Answer):
                self.answers.append(item.data)
            else:
                self.passed += item


class Play:
    """One console with terminals, and what happens to them.

    Args:
        size: bytes of input read at once.
    """

    def __init__(self, size: int) -> None:
        self.now = 0.0
        self.size = size
        self.history = History(64 * 1024)
        self.arbiter = Arbiter(self.history, lambda: self.now)
        self.queries: list[tuple[int, int, bytes]] = []
        self.answered: Counter[int] = Counter()
        self.in_time: set[int] = set()
        self.terminals = [Terminal(self.arbiter) for _ in range(TERMINALS)]

    def do(self, step: Step) -> None:
        """One step."""
        what, who, number = step
        terminal = self.terminals[who]
        if what == "print":
            query = list(QUERIES)[number]
            self.queries.append((self.history.end, self.history.end + len(query), query))
            self._print(query)
        elif what == "text":
            self._print(b"text\x1b[3%dm" % number)
        elif what == "send":
            self._send(terminal, self.history.end - number)
        elif what == "skip":
            self._skip(terminal, number)
        elif what == "answer":
            self._answer(terminal)
        elif what == "key":
            terminal.typed += KEYS[number]
            self._type(terminal, KEYS[number])
        else:
            self.now += number * WINDOW / 4

    def _print(self, data: bytes) -> None:
        for at in range(0, len(data), self.size):
            begin = self.history.end
            self.history.append(data[at : at + self.size], 0.0)
            self.arbiter.printed(begin)

    def _send(self, terminal: Terminal, cursor: int) -> None:
        for at, (_, end, _) in enumerate(self.queries):
            if terminal.cursor < end <= cursor:
                terminal.due.append((at, self.now + WINDOW))
        terminal.cursor = max(terminal.cursor, cursor)
        terminal.peer.sent(terminal.cursor)

    def _skip(self, terminal: Terminal, number: int) -> None:
        """Skip to the end, or to somewhere a little before it, at no query's middle."""
        target = max(terminal.cursor, self.history.end - number * 8)
        starts = [start for start, end, _ in self.queries if start < target < end]
        target = min([target, *starts])
        if target > terminal.cursor and not any(
            start < terminal.cursor < end for start, end, _ in self.queries
        ):
            terminal.peer.skipped(terminal.cursor, target)
            terminal.cursor = target

    def _answer(self, terminal: Terminal) -> None:
        """Answer the oldest query that was sent, in time: what is late is as good as typed."""
        while terminal.due and terminal.due[0][1] <= self.now:
            terminal.due.pop(0)
        if not terminal.due:
            return
        at, _ = terminal.due.pop(0)
        self.in_time.add(at)
        answer = QUERIES[self.queries[at][2]]
        self._type(terminal, answer % (at, at) if b"%" in answer else answer)

    def _type(self, terminal: Terminal, data: bytes) -> None:
        for at in range(0, len(data), self.size):
            piece = data[at : at + self.size]
            untouched = not terminal.peer.listens and not terminal.peer.held
            items = terminal.peer.take(piece)
            assert not untouched or items == [piece]
            terminal.take(items)
            assert terminal.peer.listens or not terminal.peer.held
        held = terminal.peer.release()
        if held:
            terminal.take([held])


def played(steps: list[Step], size: int) -> Play:
    """A play of `steps`."""
    play = Play(size)
    for step in steps:
        play.do(step)
    return play


@given(STEPS, st.sampled_from([1, 2, 3, 7, 4096]))
def test_at_most_one_answer_and_exactly_one_if_anybody_answered_in_time(
    steps: list[Step], size: int
) -> None:
    play = played(steps, size)
    # Terminals may lack questions of a kind, by a gap or by time, and so answer for an older one:
    # by kind, as many answers pass as there were questions answered in time, and never more.
    passed = Counter(kind_of(answer) for each in play.terminals for answer in each.answers)
    answered = Counter(play.queries[at][2] for at in play.in_time)
    asked = Counter(query for _, _, query in play.queries)
    for query in QUERIES:
        assert passed[query] <= asked[query]
        assert bool(passed[query]) == bool(answered[query])
    if all(step[0] not in ("skip", "wait") for step in steps):
        assert passed == answered


@given(STEPS, st.sampled_from([1, 2, 3, 7, 4096]))
def test_what_is_no_answer_arrives_unchanged_and_in_order(steps: list[Step], size: int) -> None:
    for terminal in played(steps, size).terminals:
        assert terminal.passed == terminal.typed


@given(STEPS)
def test_any_split_gives_the_same(steps: list[Step]) -> None:
    whole = played(steps, 4096)
    for size in (1, 2, 5):
        split = played(steps, size)
        for one, other in zip(whole.terminals, split.terminals, strict=True):
            assert one.answers == other.answers
            assert one.passed == other.passed
            assert one.peer.removed == other.peer.removed


@given(st.lists(st.binary(max_size=200) | st.sampled_from([*QUERIES, *KEYS, b"\x1b]11;"])))
def test_memory_is_bounded_whatever_is_printed_and_typed(pieces: list[bytes]) -> None:
    play = Play(4096)
    for piece in pieces:
        play._print(piece * 300)
        for terminal in play.terminals:
            play._send(terminal, play.history.end)
            terminal.peer.take(piece)
            terminal.peer.take(b"\x1b]11;" + b"x" * 4000)
            assert len(terminal.peer.held) <= LONGEST
            assert len(terminal.peer._open) <= MOST
            assert len(terminal.peer._claimed) <= MOST
    assert len(play.arbiter.asked) <= MOST


@given(st.lists(st.sampled_from(KEYS) | st.binary(max_size=20), max_size=20), st.data())
def test_a_peer_with_nothing_open_is_not_looked_at(typed: list[bytes], data: st.DataObject) -> None:
    play = Play(4096)
    play._print(b"\x1b[6n")
    joined = b"".join(typed)
    ends = data.draw(st.lists(st.integers(0, len(joined))))
    for begin, end in pairwise(sorted({0, *ends, len(joined)})):
        piece = joined[begin:end]
        assert play.terminals[0].peer.take(piece) == [piece]


def kind_of(answer: bytes) -> bytes:
    """The query that `answer` is for."""
    for query, shape in QUERIES.items():
        if answer[:3] == shape[:3] and answer[-1:] == shape[-1:]:
            return query
    return {b"R": b"\x1b[6n"}[answer[-1:]]
