"""What a guest asks of the desktop."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.requests import (
    MAX_CLIPBOARD,
    MAX_NOTIFICATION,
    MAX_REQUESTS,
    Clipboard,
    Notification,
    Request,
    RequestWatcher,
)


def found(*pieces: bytes) -> list[Request]:
    watcher = RequestWatcher()
    for piece in pieces:
        watcher.feed(piece)
    return watcher.take()


@pytest.mark.parametrize(
    ("output", "request_"),
    [
        (b"\x1b]52;c;aGk=\x07", Clipboard("c", b"hi")),
        (b"\x1b]52;ps;aGk=\x1b\\", Clipboard("ps", b"hi")),
        (b"\x1b]52;;aGk=\x07", Clipboard("c", b"hi")),
        (b"\x1b]52;\x01zq;aGk=\x07", Clipboard("q", b"hi")),
        (b"\x1b]52;c;\x07", Clipboard("c", b"")),
        (b"\x1b]9;done\x07", Notification("", "done")),
        (b"\x1b]9;a\xc2\x9bb\xe2\x80\xaec\x07", Notification("", "abc")),
        (b"\x1b]777;notify;Build;it; works\x1b\\", Notification("Build", "it; works")),
        (b"x\x1b[1m\x1b]0;t\x07\x1b]9;after\x07y", Notification("", "after")),
    ],
)
def test_a_request_is_found_and_cleaned_however_it_is_split(
    output: bytes, request_: Request
) -> None:
    assert found(output) == [request_]
    assert found(*(output[at : at + 1] for at in range(len(output)))) == [request_]


@pytest.mark.parametrize(
    "output",
    [
        b"\x1b]52;c;?\x07",
        b"\x1b]52;c;n*t\x07",
        b"\x1b]52;aGk=\x07",
        b"\x1b]52;c;aGk=",
        b"\x1b]52;c;aGk=\x18",
        b"\x1b]9;4;1;50\x07",
        b"\x1b]9;\x07",
        b"\x1b]99;;hello\x07",
        b"\x1b]777;other;a;b\x07",
        b"\x1b]2;9;no\x07",
        b"52;c;aGk=\x07",
    ],
)
def test_what_is_no_request_is_not_found(output: bytes) -> None:
    assert found(output) == []
    assert found(*(output[at : at + 1] for at in range(len(output)))) == []


def test_requests_are_taken_once_and_the_newest_are_kept() -> None:
    watcher = RequestWatcher()
    for number in range(MAX_REQUESTS + 3):
        watcher.feed(b"\x1b]9;message %d\x07" % number)
    taken = watcher.take()
    assert taken[0] == Notification("", "message 3")
    assert len(taken) == MAX_REQUESTS
    assert watcher.take() == []


def test_sizes_are_bounded() -> None:
    largest = base64.b64encode(bytes(MAX_CLIPBOARD))
    assert found(b"\x1b]52;c;" + largest + b"\x07") == [Clipboard("c", bytes(MAX_CLIPBOARD))]
    too_large = base64.b64encode(bytes(MAX_CLIPBOARD + 1))
    assert found(b"\x1b]52;c;" + too_large + b"\x07") == []
    assert found(b"\x1b]9;" + b"x" * 5000 + b"\x07") == [Notification("", "x" * MAX_NOTIFICATION)]


def test_an_endless_string_takes_no_memory() -> None:
    watcher = RequestWatcher()
    watcher.feed(b"\x1b]52;c;")
    for _ in range(64):
        watcher.feed(b"A" * 65_536)
    assert watcher._string is None
    watcher.feed(b"\x07\x1b]9;next\x07")
    assert watcher.take() == [Notification("", "next")]


def test_an_aborted_string_is_forgotten() -> None:
    watcher = RequestWatcher()
    watcher.feed(b"\x1b]9;half")
    watcher.abort()
    watcher.feed(b" a message\x07\x1b")
    watcher.abort()
    watcher.feed(b"]9;no\x07")
    assert watcher.take() == []


TOKENS = st.lists(
    st.sampled_from(
        [
            b"\x1b",
            b"]",
            b"9",
            b";",
            b"52;c;",
            b"aGk=",
            b"\x07",
            b"\\",
            b"x",
            b"\x18",
            b"777;notify;",
        ]
    ),
    max_size=40,
)


@given(tokens=TOKENS)
def test_splits_change_nothing(tokens: list[bytes]) -> None:
    assert found(*tokens) == found(b"".join(tokens))
