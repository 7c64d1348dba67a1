"""The words for every state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.fakes import NOW, backend, console
from tui import words
from tui.format import ago, byte_count, shorten, sparkline, until
from tui.model import ViewStatus
from tui.state import ConsoleMark, GuestState, Link, LinkState, PeerState, Size
from tui.words import ViewFacts


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "listening"),
        ({"type": "pty"}, "nobody there"),
        ({"type": "file", "peers": (PeerState("f/1"),)}, "open"),
        ({"peers": (PeerState("s/1"),)}, "connected"),
        ({"peers": (PeerState("s/1"), PeerState("s/2"))}, "2 connected"),
        ({"peers": (PeerState("s/1"), PeerState("s/2", state="lagging"))}, "lagging"),
        ({"type": "file", "lag": 65_535, "peers": (PeerState("f", state="lagging"),)}, "open"),
        ({"type": "file", "lag": 65_536, "peers": (PeerState("f", state="lagging"),)}, "lagging"),
        ({"peers": (PeerState("s/1", state="skipped", skipped=2048),)}, "skipped 2.0 KB"),
        ({"state": "failed", "reason": "no"}, "failed"),
        ({"state": "retrying", "retry_at": NOW + 4}, "retrying in 4 s"),
        ({"state": "connecting"}, "connecting"),
        ({"state": "waiting"}, "listening"),
        ({"state": "waiting", "reason": "not accepted yet by x"}, "waiting"),
        ({"paused": True, "peers": (PeerState("s/1"),)}, "paused"),
    ],
)
def test_a_backends_state_in_a_word(more: dict[str, object], word: str) -> None:
    type = str(more.pop("type", "socket"))
    assert words.backend_status(backend("s", type, **more), NOW).word == word


def test_what_a_backend_lost_and_why_it_failed_is_said() -> None:
    lost = backend("s", skipped=48_212, gaps=2, state="failed", reason="Broken pipe")
    assert words.backend_trouble(lost) == "Broken pipe; skipped 47 KB in 2 gaps"


def test_what_a_backend_waits_for_is_said() -> None:
    waits = backend("s", state="waiting", reason="not accepted yet by x[7]: another client?")
    assert words.backend_trouble(waits) == "not accepted yet by x[7]: another client?"


@pytest.mark.parametrize(
    ("count", "room", "text"),
    [
        (0, 80, ""),
        (1, 24, "1 surplus answer removed"),
        (3, 25, "3 surplus answers removed"),
        (3, 24, "3 surplus answers"),
        (3, 16, "3 surplus"),
        (3, 1, "3 surplus"),
    ],
)
def test_removed_surplus_answers_are_said_in_the_room_there_is(
    count: int, room: int, text: str
) -> None:
    assert words.surplus(backend("s", surplus=count), room) == text


@pytest.mark.parametrize(
    ("guest", "word"),
    [
        (None, "no guest"),
        (GuestState(since=NOW - 60), "open since 07:59:00"),
        (
            GuestState(state="retrying", since=NOW - 9, retry_at=NOW + 4),
            "guest closed 07:59:51, retrying in 4 s",
        ),
        (
            GuestState(state="closed", since=NOW, exit_status=3),
            "guest ended 08:00:00, exit status 3",
        ),
        (
            GuestState(state="closed", since=NOW, exit_status=-9, reason="killed by SIGKILL"),
            "guest ended 08:00:00, killed by SIGKILL",
        ),
        (
            GuestState(state="failed", since=NOW, reason="No such file or directory"),
            "guest failed 08:00:00: No such file or directory",
        ),
        (GuestState(state="waiting", waiting_for="s0"), "guest waits for a client of s0"),
        (GuestState(state="waiting", since=NOW), "guest waiting since 08:00:00"),
        (
            GuestState(state="waiting", since=NOW, reason="not accepted yet by x[7]"),
            "guest waiting since 08:00:00: not accepted yet by x[7]",
        ),
    ],
)
def test_a_guests_state_with_its_time(guest: GuestState | None, word: str) -> None:
    assert words.guest_status(guest, NOW).word == word


def test_what_to_know_before_typing() -> None:
    status = ViewStatus(None, None, readonly=True, held=True, discarded=17)
    assert [text for text, _ in words.notes(console(), status)] == [
        "read-only",
        "held: a slow peer",
        "17 B typed in vain",
    ]


def test_a_bell_is_marked_before_output_and_trouble_before_both() -> None:
    well = console("a")
    assert well.guest is not None
    ill = replace(well, guest=replace(well.guest, state="retrying"))
    assert words.console_mark(well, ConsoleMark(output=True, bells=2))[0] == "♪2"
    assert words.console_mark(well, ConsoleMark(bells=100))[0] == "♪+"
    assert words.console_mark(well, ConsoleMark(output=True))[0] == "◆"
    assert words.console_mark(ill, ConsoleMark(bells=1))[0] == "○"


def test_the_guests_size_is_said_as_it_believes_it() -> None:
    fixed, told = GuestState(), GuestState(can_resize=True)
    room = Size(49, 152)
    assert words.size_words(Size(24, 80), None, fixed, room) == "guest knows no size, drawn 80x24"
    assert words.size_words(Size(40, 120), Size(40, 120), fixed, room) == "guest believes 120x40"
    assert words.size_words(Size(49, 152), Size(49, 152), told, room) == "152x49"


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (Size(22, 80), "rows 3-24/24"),
        (Size(24, 79), "columns 2-80/80"),
        (Size(22, 79), "rows 3-24/24, columns 2-80/80"),
    ],
)
def test_what_is_seen_of_a_larger_screen_is_said(room: Size, text: str) -> None:
    drawn = Size(24, 80)
    assert words.size_words(drawn, None, GuestState(), room, top=2, left=1) == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (ViewFacts(), ""),
        (ViewFacts(lines_back=1), "▲ 1 line back"),
        (ViewFacts(lines_back=40, new_lines=123), "▲ 40 lines back, 123 new lines"),
        (ViewFacts(lines_back=9, fetching=True), "▲ 9 lines back, fetching older lines"),
        (ViewFacts(lines_back=9, at_start=True), "▲ 9 lines back, start of history"),
        (ViewFacts(lines_back=0, new_lines=1), "‖ held, 1 new line"),
        (ViewFacts(skipped=2048), "2.0 KB skipped"),
        (
            ViewFacts(skipped=2048, doubtful=True),
            "2.0 KB skipped, state may be wrong since the gap",
        ),
        (ViewFacts(doubtful=True), "state may be wrong since the gap"),
        (ViewFacts(bell=True), "♪ bell"),
        (ViewFacts(note="vm1 set the clipboard"), "vm1 set the clipboard"),
        (ViewFacts(title="vim"), "vim"),
        (ViewFacts(trouble="engine restarted"), "engine restarted"),
        (ViewFacts(problem="no such console"), "no such console"),
    ],
)
def test_what_is_to_be_known_of_the_view(facts: ViewFacts, text: str) -> None:
    assert "".join(note for note, _ in words.view_notes(facts)) == text


def test_a_lost_link_says_when_why_and_what_next() -> None:
    lost = LinkState(Link.LOST, NOW, "killed", NOW + 2)
    assert words.link_words(lost, NOW) == (
        "The daemon is gone since 08:00:00",
        "killed; trying again in 2 s",
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (48_212, "47 KB"), (5 << 30, "5.0 GB")],
)
def test_bytes_are_short(count: int, text: str) -> None:
    assert byte_count(count) == text


@pytest.mark.parametrize(
    ("gone", "text"),
    [(0, "now"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")],
)
def test_times_gone_by_get_coarser(gone: float, text: str) -> None:
    assert ago(NOW - gone, NOW) == text


def test_a_time_that_has_come_is_now() -> None:
    assert until(NOW - 1, NOW) == "now"
    assert until(NOW + 3.6, NOW) == "in 4 s"


def test_a_sparkline_is_scaled_to_its_top() -> None:
    assert sparkline([0, 50, 100], 5) == "▁▁▁▅█"
    assert sparkline([0, 0], 2) == "▁▁"


def test_a_long_text_keeps_both_ends() -> None:
    assert shorten("/very/long/path", 9) == "/ver…path"
