"""Who may answer the guest's queries: one terminal each, the others' answers are taken out. No I/O.

A terminal answers by typing. With N of them on a console the guest would get N answers, and take
what it did not wait for for keys. So each query that the guest printed is a question, open for
every peer from the moment its bytes were sent to it until that peer has answered it or `WINDOW`
seconds have passed. The first answer of its kind settles it and passes; those of the others are
removed. What is typed by a peer for whom nothing is open is not even looked at.

A terminal answers in the order in which it was asked, so an answer is for the oldest open question
of its kind. Shift-F3 is `ESC [ 1 ; 2 R` to many terminals, which is also a cursor's position: while
such a question is open for a peer, the first of either is its answer.

Questions that were printed before a peer came, and are replayed to it, are settled from the start:
its terminal answers them, but nobody waits for that any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from muxcore.answers.inquiry import ESC, Inquiry
from muxcore.answers.queries import FAMILIES, Kind, key_of
from muxcore.answers.queries import LONGEST as LONGEST_QUERY
from muxcore.ring import History

WINDOW = 2.0
"""Seconds that a peer has to answer."""

HOLD = 0.1
"""Seconds that what may be the beginning of an answer waits for its rest at most."""

LONGEST = 16 * 1024
"""Bytes of an answer at most, a clipboard's among them; what is longer passes as typed."""

MOST = 512
"""Questions of one console kept at most; the oldest are forgotten first."""


@dataclass(slots=True, eq=False)
class Question:
    """A query, and whether anybody has answered it."""

    start: int
    end: int
    kind: Kind
    settled: bool = False


class Open(NamedTuple):
    """A question that a peer may answer until `until`."""

    question: Question
    until: float


class Answer(NamedTuple):
    """An answer that may pass."""

    kind: Kind
    data: bytes


class Arbiter:
    """The questions of one console.

    Args:
        history: what the guest printed.
        clock: seconds that never go back.
    """

    def __init__(self, history: History, clock: Callable[[], float]) -> None:
        self.history = history
        self.clock = clock
        self.asked: list[Question] = []
        self.total = 0
        """Questions ever asked; the last of them are `asked`."""
        self._inquiry = Inquiry()

    def missed(self, begin: int) -> None:
        """What was printed before `begin` was not looked at; a query may have begun in it."""
        self._inquiry.break_off()
        self._inquiry.look(self.history, max(self.history.start, begin - LONGEST_QUERY), begin)

    def printed(self, begin: int) -> bool:
        """The guest printed what is in the history from `begin` on; whether that asks anything."""
        if not self._inquiry.begun and self.history.find(ESC, begin) is None:
            return False
        found = self._inquiry.look(self.history, begin, self.history.end)
        if not found:
            return False
        self.asked += [Question(*query) for query in found]
        del self.asked[:-MOST]
        self.total += len(found)
        return True

    def settle_all(self) -> None:
        """Whoever asked is gone; nobody waits for an answer any more."""
        for question in self.asked:
            question.settled = True


class Respondent:
    """A peer as one who may answer.

    Args:
        arbiter: of its console.
        cursor: where its output begins.
        replays: whether it may answer what is replayed to it.
        may_answer: whether it is its turn to answer at all, as far as others are concerned.
    """

    def __init__(
        self,
        arbiter: Arbiter,
        cursor: int,
        *,
        replays: bool = True,
        may_answer: Callable[[], bool] = lambda: True,
    ) -> None:
        self.removed = 0
        """Answers that were not let through."""
        self.held = b""
        """What may be the beginning of an answer."""
        self._arbiter = arbiter
        self._may_answer = may_answer
        self._next = arbiter.total
        self._floor = cursor
        """What lies before it was not sent, or was asked before."""
        self._open: list[Open] = []
        self._claimed: list[Open] = []
        """Questions whose answers pass because they were asked for leave before they came."""
        end = arbiter.history.end
        self._replay = _Replay(arbiter.history, cursor, end) if replays and cursor < end else None

    # Output.

    def sent(self, cursor: int) -> None:
        """All output up to `cursor` was sent, but for what was skipped."""
        if self._replay is not None:
            for question in self._replay.sent(cursor):
                self._ask(question)
            if self._replay.done:
                self._replay = None
        if self._next < self._arbiter.total:
            self._meet(cursor)

    def skipped(self, start: int, end: int) -> None:
        """The output from `start` up to `end` is not sent."""
        self.sent(start)
        self._floor = end
        if self._replay is not None:
            self._replay.skipped(end)
        if self._next < self._arbiter.total:
            self._meet(end)

    def _meet(self, cursor: int) -> None:
        """Go on to the questions up to `cursor`, and open those that were sent whole."""
        arbiter = self._arbiter
        first = arbiter.total - len(arbiter.asked)
        self._next = max(self._next, first)
        while self._next < arbiter.total:
            question = arbiter.asked[self._next - first]
            sent = question.start >= self._floor
            if sent and question.end > cursor:
                break
            if sent:
                self._ask(question)
            self._next += 1

    def _ask(self, question: Question) -> None:
        now = self._arbiter.clock()
        self._forget(now)
        if len(self._open) < MOST:
            self._open.append(Open(question, now + WINDOW))

    # Input.

    @property
    def listens(self) -> bool:
        """Whether what is typed is looked at."""
        return bool(self._open or self._claimed or self.held)

    def claim(self, kind: Kind, *, comes: bool) -> bool:
        """Answer a question of `kind` for those behind this peer; whether the answer may pass.

        Args:
            kind: what is answered.
            comes: whether the answer's bytes come through this peer, then or later.
        """
        self._forget(self._arbiter.clock())
        if not self._settles(kind):
            return False
        if comes:
            until = self._arbiter.clock() + WINDOW
            self._claimed.append(Open(Question(0, 0, kind), until))
        return True

    def take(self, data: bytes) -> list[bytes | Answer]:
        """What passes of what the peer typed, in order; the rest is held, or gone."""
        data = self.held + data
        self.held = b""
        self._forget(self._arbiter.clock())
        items: list[bytes | Answer] = []
        start = 0
        at = data.find(b"\x1b")
        while at >= 0 and (self._open or self._claimed):
            end = self._answer_at(data, at, start, items)
            if end > at:
                start = end
            elif len(data) - at <= LONGEST and self._may_begin(data, at):
                self.held = data[at:]
                data = data[:at]
                break
            at = data.find(b"\x1b", max(end, at + 1))
        if start < len(data):
            items.append(data[start:])
        return items

    def release(self) -> bytes:
        """What was held, which has waited for long enough."""
        held, self.held = self.held, b""
        return held

    def _answer_at(self, data: bytes, at: int, start: int, items: list[bytes | Answer]) -> int:
        """Deal with the answer at `at`, behind what is typed from `start`; returns its end."""
        for name in self._families():
            family = FAMILIES[name]
            match = family.whole.match(data, at)
            if match is None:
                continue
            kind = Kind(name, key_of(match))
            verdicts = [self._answers(kind) for _ in range(family.count(match))]
            if not verdicts or verdicts[0] is None:
                continue
            if start < at:
                items.append(data[start:at])
            if any(verdicts):
                items.append(Answer(kind, match.group()))
            else:
                self.removed += 1
            return match.end()
        return at

    def _answers(self, kind: Kind) -> bool | None:
        """An answer of `kind` came: whether it passes; None where no question is open for it."""
        return True if _take(self._claimed, kind) else self._settles(kind)

    def _settles(self, kind: Kind) -> bool | None:
        question = _take(self._open, kind)
        if question is None:
            return None
        if question.settled or not self._may_answer():
            return False
        question.settled = True
        return True

    def _may_begin(self, data: bytes, at: int) -> bool:
        return any(FAMILIES[name].part.match(data, at) for name in self._families())

    def _families(self) -> Iterable[str]:
        return dict.fromkeys(item.question.kind.family for item in (*self._claimed, *self._open))

    def _forget(self, now: float) -> None:
        for items in (self._open, self._claimed):
            if items and items[0].until <= now:
                items[:] = [item for item in items if item.until > now]


def _take(items: list[Open], kind: Kind) -> Question | None:
    """Take the oldest of `items` that is of `kind` out of them."""
    for at, (question, _) in enumerate(items):
        if question.kind == kind:
            del items[at]
            return question
    return None


class _Replay:
    """The questions in what was printed before a peer came: found as it is sent, and settled."""

    def __init__(self, history: History, cursor: int, end: int) -> None:
        self._history = history
        self._cursor = cursor
        self._end = end
        self._inquiry = Inquiry()

    @property
    def done(self) -> bool:
        """Whether all of it was sent, or skipped."""
        return self._cursor >= self._end

    def sent(self, cursor: int) -> list[Question]:
        """The questions in what was sent since the last call, up to `cursor`."""
        self.skipped(self._history.start)
        begin, self._cursor = self._cursor, max(self._cursor, min(cursor, self._end))
        if begin == self._cursor:
            return []
        found = self._inquiry.look(self._history, begin, self._cursor)
        return [Question(*query, settled=True) for query in found]

    def skipped(self, end: int) -> None:
        """What lies before `end` is not sent."""
        if end > self._cursor:
            self._cursor = end
            self._inquiry.break_off()
