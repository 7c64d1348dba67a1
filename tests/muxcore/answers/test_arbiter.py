"""Who may answer, step by step."""

from __future__ import annotations

import pytest

from muxcore.answers.arbiter import HOLD, LONGEST, MOST, WINDOW, Answer, Arbiter, Respondent
from muxcore.answers.queries import Kind
from muxcore.ring import History

CPR = b"\x1b[20;1R"
SHIFT_F3 = b"\x1b[1;2R"


class Desk:
    """An arbiter, and terminals that have all the output."""

    def __init__(self, *names: str) -> None:
        self.now = 100.0
        self.history = History(64 * 1024)
        self.arbiter = Arbiter(self.history, lambda: self.now)
        self.peers = {name: self.join() for name in names}

    def join(self, replay: int = 0) -> Respondent:
        """One more terminal."""
        return Respondent(self.arbiter, self.history.end - replay)

    def print(self, data: bytes, *to: Respondent) -> None:
        """The guest prints `data`, and `to` have got it; everybody if nobody is named."""
        begin = self.history.end
        self.history.append(data, 0.0)
        self.arbiter.printed(begin)
        for peer in to or self.peers.values():
            peer.sent(self.history.end)

    def type(self, name: str, data: bytes) -> bytes:
        """What passes of what a terminal typed."""
        return passed(self.peers[name].take(data))


def passed(items: list[bytes | Answer]) -> bytes:
    return b"".join(item if isinstance(item, bytes) else item.data for item in items)


def test_the_first_answer_passes_and_the_others_are_removed() -> None:
    desk = Desk("a", "b", "c")
    desk.print(b"# \x1b[6n")
    assert desk.type("b", CPR) == CPR
    assert desk.type("a", CPR) == b""
    assert desk.type("c", b"\x1b[7;3R") == b""
    assert [peer.removed for peer in desk.peers.values()] == [1, 0, 1]


def test_what_is_typed_around_an_answer_stays_in_its_order() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[6n")
    assert desk.type("a", b"ls" + CPR + b"\r") == b"ls" + CPR + b"\r"
    assert desk.type("b", b"ls" + CPR + b"\r") == b"ls\r"


def test_an_answer_is_known_from_what_is_typed() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n")
    assert desk.peers["a"].take(b"x" + CPR + b"y") == [b"x", Answer(Kind("cpr"), CPR), b"y"]


def test_nothing_is_looked_at_while_nothing_is_open() -> None:
    desk = Desk("a", "b")
    assert desk.type("a", SHIFT_F3) == SHIFT_F3
    desk.print(b"\x1b[6n")
    desk.type("a", CPR)
    assert desk.type("a", SHIFT_F3 + b"\x1b") == SHIFT_F3 + b"\x1b"
    assert not desk.peers["a"].held


def test_a_question_is_open_for_two_seconds() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[6n")
    desk.type("a", CPR)
    desk.now += WINDOW
    assert desk.type("b", SHIFT_F3) == SHIFT_F3


def test_the_two_seconds_count_from_when_it_was_sent() -> None:
    desk = Desk("a", "slow")
    desk.print(b"\x1b[6n", desk.peers["a"])
    desk.type("a", CPR)
    assert desk.type("slow", SHIFT_F3) == SHIFT_F3
    desk.now += 60
    desk.peers["slow"].sent(desk.history.end)
    desk.now += WINDOW - 0.01
    assert desk.type("slow", CPR) == b""


def test_a_query_is_sent_with_its_last_byte() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n", Desk("x").peers["x"])
    desk.peers["a"].sent(3)
    assert not desk.peers["a"].listens
    desk.peers["a"].sent(4)
    assert desk.peers["a"].listens


@pytest.mark.parametrize("gap", [(0, 8), (5, 8), (8, 9), (9, 20)])
def test_a_query_that_a_gap_swallowed_is_not_open(gap: tuple[int, int]) -> None:
    desk = Desk("a")
    desk.print(b"12345\x1b[6n67890123456789", Desk("x").peers["x"])
    desk.peers["a"].skipped(*gap)
    desk.peers["a"].sent(desk.history.end)
    assert desk.peers["a"].listens == (gap == (9, 20))


def test_a_gap_is_one_also_when_the_query_is_noticed_later() -> None:
    desk = Desk("a")
    desk.history.append(b"\x1b[6n", 0.0)
    desk.peers["a"].skipped(0, 4)
    desk.arbiter.printed(0)
    desk.peers["a"].sent(4)
    assert not desk.peers["a"].listens


def test_each_kind_of_question_has_its_own_answer() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[c\x1b[6n\x1b[?2026$p\x1b[?2027$p")
    assert desk.type("a", b"\x1b[?2027;0$y") == b"\x1b[?2027;0$y"
    assert desk.type("b", b"\x1b[?6c" + CPR) == b"\x1b[?6c" + CPR
    assert desk.type("b", b"\x1b[?2026;1$y\x1b[?2027;2$y") == b"\x1b[?2026;1$y"
    assert desk.type("a", b"\x1b[?6c" + CPR + b"\x1b[?2026;2$y") == b""


def test_what_nobody_asked_passes_between_answers() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[?2026$p")
    desk.type("a", b"\x1b[?2026;1$y")
    keys = b"\x1b[?2027;1$y" + CPR + b"\x1b[A"
    assert desk.type("b", keys + b"\x1b[?2026;1$y") == keys


def test_questions_of_one_kind_are_answered_in_their_order() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[6n")
    desk.print(b"\x1b[6n")
    assert desk.type("a", b"\x1b[1;1R") == b"\x1b[1;1R"
    assert desk.type("b", b"\x1b[1;1R\x1b[2;2R") == b"\x1b[2;2R"
    assert desk.type("a", b"\x1b[2;2R") == b""


def test_an_answer_to_several_questions_counts_for_each() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1bP+q544e;524742\x1b\\")
    whole = b"\x1bP1+r544e=78;524742=38\x1b\\"
    assert desk.type("a", whole) == whole
    assert desk.type("b", b"\x1bP1+r544e=78\x1b\\\x1bP0+r524742\x1b\\") == b""


@pytest.mark.parametrize("answer", [CPR, b"\x1b]11;rgb:0000/0000/0000\x1b\\"])
def test_a_surplus_answer_is_removed_wherever_it_is_split(answer: bytes) -> None:
    for at in range(1, len(answer)):
        desk = Desk("a", "b")
        desk.print(b"\x1b[6n\x1b]11;?\x07")
        desk.type("a", answer)
        assert desk.type("b", b"x" + answer[:at]) == b"x"
        assert desk.type("b", answer[at:] + b"y") == b"y"


def test_an_escape_key_is_held_only_while_it_may_begin_an_answer() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n")
    assert desk.type("a", b"\x1b") == b""
    assert desk.type("a", b"[A") == b"\x1b[A"
    assert desk.type("a", b"\x1b[?") == b"\x1b[?"
    assert desk.type("a", b"\x1b]") == b"\x1b]"
    assert desk.type("a", b"\x1b[1") == b""
    assert desk.peers["a"].release() == b"\x1b[1"
    assert not desk.peers["a"].held
    assert HOLD == 0.1


def test_what_was_released_is_no_longer_part_of_an_answer() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[6n")
    desk.type("a", CPR)
    desk.type("b", CPR[:3])
    assert desk.peers["b"].release() == CPR[:3]
    assert desk.type("b", CPR[3:]) == CPR[3:]


def test_an_answer_that_never_ends_is_held_within_bounds_and_passes() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b]52;c;?\x07")
    typed = b"\x1b]52;c;"
    got = desk.type("a", typed)
    for _ in range(10):
        typed += b"A" * 4000
        got += desk.type("a", b"A" * 4000)
        assert len(desk.peers["a"].held) <= LONGEST
    assert got == typed


def test_a_question_replayed_is_answered_by_nobody() -> None:
    desk = Desk("a")
    desk.print(b"old\x1b[6n text")
    desk.peers["late"] = late = desk.join(replay=12)
    late.sent(desk.history.end)
    assert desk.type("late", CPR) == b""
    assert desk.type("late", SHIFT_F3) == SHIFT_F3
    desk.print(b"\x1b[6n")
    assert desk.type("late", CPR) == CPR
    assert desk.type("a", CPR) == CPR  # to the first of the two
    assert desk.type("a", CPR) == b""


def test_what_is_replayed_is_looked_at_as_it_is_sent() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n\x1b[5n")
    late = desk.join(replay=8)
    for cursor, families in ((3, []), (5, ["cpr"]), (8, ["cpr", "status"])):
        late.sent(cursor)
        assert [item.question.kind.family for item in late._open] == families


def test_a_gap_in_a_replay_is_not_answered() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n\x1b[5n\x1b[c")
    late = desk.join(replay=11)
    late.skipped(2, 8)
    late.sent(desk.history.end)
    assert [item.question.kind.family for item in late._open] == ["da1"]


def test_a_gap_in_a_replay_joins_nothing() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[12346n")
    late = desk.join(replay=8)
    late.sent(2)
    late.skipped(2, 6)
    late.sent(desk.history.end)
    assert not late.listens


def test_a_query_whose_beginning_a_peer_missed_is_not_open() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[")
    desk.peers["late"] = desk.join()
    desk.print(b"6n")
    assert desk.type("late", CPR) == CPR
    assert desk.type("a", CPR) == CPR


def test_a_peer_that_answers_no_replay_itself_answers_what_comes() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n")
    framed = Respondent(desk.arbiter, 0, replays=False)
    framed.sent(desk.history.end)
    assert not framed.listens
    desk.print(b"\x1b[6n", framed)
    assert passed(framed.take(CPR)) == CPR


def test_whose_turn_it_is_not_settles_nothing() -> None:
    desk = Desk("a")
    watcher = Respondent(desk.arbiter, 0, may_answer=lambda: False)
    desk.print(b"\x1b[6n", watcher, desk.peers["a"])
    assert passed(watcher.take(CPR)) == b""
    assert desk.type("a", CPR) == CPR


def test_an_answer_to_a_guest_that_is_gone_is_removed() -> None:
    desk = Desk("a")
    desk.print(b"\x1b[6n")
    desk.arbiter.settle_all()
    assert desk.type("a", CPR) == b""


def test_a_claim_answers_in_advance_once() -> None:
    desk = Desk("a", "link")
    desk.print(b"\x1b[6n")
    link = desk.peers["link"]
    assert link.claim(Kind("cpr"), comes=True)
    assert not link.claim(Kind("cpr"), comes=True)
    assert desk.type("a", CPR) == b""
    assert link.take(CPR[:3]) == []
    assert link.take(CPR[3:]) == [Answer(Kind("cpr"), CPR)]
    assert desk.type("link", SHIFT_F3) == SHIFT_F3
    desk.print(b"\x1b[6n")
    assert link.claim(Kind("cpr"), comes=False)
    assert not link.listens


def test_whoever_asks_without_end_fills_no_memory() -> None:
    desk = Desk("a")
    for _ in range(10):
        desk.print(b"\x1b[6n\x1b]4;1;?\x07" * 1000)
    assert len(desk.arbiter.asked) == MOST
    assert len(desk.peers["a"]._open) == MOST
    slow = desk.join()
    for _ in range(10):
        desk.print(b"\x1b[6n" * 1000, desk.peers["a"])
    slow.sent(desk.history.end)
    assert len(slow._open) == MOST


def test_t10_half_typed_escapes_of_two_users_never_combine() -> None:
    desk = Desk("a", "b")
    desk.print(b"\x1b[6n")
    assert desk.type("a", CPR) == CPR
    desk.print(b"\x1b[6n")
    assert desk.type("a", b"\x1b[20") == b""
    assert desk.type("b", b";1R") == b";1R"
    assert desk.type("b", b"\x1b") == b""
    assert desk.type("a", b"X") == b"\x1b[20X"
    assert desk.peers["b"].release() == b"\x1b"
