"""Anything may happen in any order: a peer's stream is the source minus its declared gaps."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Who
from muxcore.options.sets import AttachOptions
from muxcore.wire import frames
from tests.muxcore.consoles import (
    RING,
    Bench,
    Recorder,
    Scripted,
    ScriptedChardev,
    bench,
    check_framed,
    expected_raw,
    pattern,
    turns,
    virtually,
)

What = Literal["print", "take", "stop", "go", "pause", "resume", "fail", "recover", "break", "wait"]
Step = tuple[What, int, int]

PEERS = 4
SOURCE = pattern(24 * RING)

STEP = st.one_of(
    st.tuples(st.just("print"), st.just(0), st.integers(1, 2 * RING)),
    st.tuples(st.just("take"), st.integers(0, PEERS - 1), st.integers(1, RING)),
    st.tuples(
        st.sampled_from(["stop", "go", "pause", "resume", "fail", "recover", "break"]),
        st.integers(0, PEERS - 1),
        st.just(0),
    ),
    st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 49, 200, 6000])),
)
PLAYS = st.lists(STEP, max_size=30)
POLICIES = st.sampled_from(["drop", "block"])


class FramedEnd(AttachChardev):
    """An attach stream whose far end is scripted."""

    def __init__(self, id: str) -> None:
        super().__init__(id, AttachOptions(), -1, Who("framed"), "frames")
        self.scripted = Scripted()

    async def open(self) -> None:
        self.add_stream(self.scripted)


@given(PLAYS, POLICIES, st.integers(0, 3))
@settings(max_examples=120)
def test_every_peer_gets_the_source_minus_its_declared_gaps(
    steps: list[Step], policy: str, burst: int
) -> None:
    virtually(lambda: _play(steps, policy, burst))


async def _play(steps: list[Step], policy: str, burst: int) -> None:
    raw = ScriptedChardev("b", policy=policy)
    framed = FramedEnd("f")
    async with bench(raw, framed) as made:
        ends = [*(raw.connect() for _ in range(PEERS - 1)), framed.scripted]
        broken: set[int] = set()
        for what, who, count in steps:
            _act(made, ends[who], who, what, count, broken)
            if what == "wait":
                await asyncio.sleep(count / 1000)
            await turns(1 + burst * 3)
            assert made.console.history.end <= len(SOURCE)
        await _finish(made, ends)
        printed = SOURCE[: made.console.history.end]
        for who, end in enumerate(ends):
            _check(made.heard, who, end, printed, who in broken)


def _act(made: Bench, end: Scripted, who: int, what: What, count: int, broken: set[int]) -> None:
    console = made.console
    if what == "print":
        at = console.history.end + len(made.guest.fed)
        made.guest.feed(SOURCE[at : at + count])
    elif what in ("take", "stop", "go"):
        end.allow({"take": count, "stop": 0, "go": None}[what])
    elif what in ("pause", "resume"):
        console.set_backend("f" if who == PEERS - 1 else "b", paused=what == "pause")
    elif what in ("fail", "recover"):
        end.failed = "No space left on device" if what == "fail" else None
    elif what == "break":
        broken.add(who)
        end.break_writing(OSError(errno.EIO, os.strerror(errno.EIO)))


async def _finish(made: Bench, ends: list[Scripted]) -> None:
    """Everybody takes everything, until nothing is left to print or to send."""
    for id in list(made.console.backends):
        made.console.set_backend(id, paused=False)
    for end in ends:
        end.failed = None
        end.allow(None)
    while made.guest.fed:  # noqa: ASYNC110 - the passing of time is the point
        await asyncio.sleep(0.01)
    await turns(100)
    assert not made.console.held


def _check(heard: Recorder, who: int, end: Scripted, printed: bytes, broken: bool) -> None:
    peer = "f/1" if who == PEERS - 1 else f"b/{who + 1}"
    gaps = heard.gaps(peer)
    if who < PEERS - 1:
        expected = expected_raw(printed, gaps)
        assert end.got == (expected[: len(end.got)] if broken else expected)
        return
    decoder = frames.FrameDecoder(frames.TO_CLIENT)
    at, told = check_framed(decoder.feed(bytes(end.got)), printed, 0)
    if not broken:
        assert decoder.pending == 0
        assert (at, told) == (len(printed), gaps)
    assert told == gaps[: len(told)]
