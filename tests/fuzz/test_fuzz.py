"""Hostile input of every parser: nothing but the parser's own errors, no growth, linear time.

An ordinary run tries each target's number of cases. The long form goes on for
`MUXTUI_FUZZ_MINUTES` in all, from a seed that it prints, or from that of `MUXTUI_FUZZ_SEED`.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.streams import STREAMS
from tests.fuzz.target import LITERAL, Target, cut, drawn_bytes
from tests.fuzz.texts import TEXTS

TARGETS = (*STREAMS, *TEXTS)
LONGEST_CASE = 12
"""Words of a case at most."""

SHORT, LONG = 2 * 1024, 16 * 1024
"""Bytes of the two streams that are compared."""

SUPERLINEAR = 32
"""How many times the time of the short one the long one may take: 8 is linear, 64 quadratic."""

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)

ordinary = settings(
    # Nothing is kept between runs: a failure's case becomes a test of its own.
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@each_target
def test_whatever_comes_is_taken_or_refused(target: Target) -> None:
    assert try_cases(target, target.cases, LONGEST_CASE) >= target.cases


def try_cases(target: Target, count: int, longest: int, turn: int | None = None) -> int:
    """Try `count` cases or some more, of at most `longest` bytes; returns how many it were.

    `turn` is the seed of the draws; None for whatever comes.
    """
    size = drawn_bytes(longest)
    tried = 0

    @settings(ordinary, max_examples=-(-count // (longest + 1)))
    @given(st.binary(min_size=size, max_size=size))
    def try_draw(drawn: bytes) -> None:
        nonlocal tried
        for case in cut(drawn, longest):
            target.check(case)
            tried += 1

    (try_draw if turn is None else seed(turn)(try_draw))()
    return tried


def test_a_draw_is_cut_into_cases_of_every_length() -> None:
    drawn = bytes(range(drawn_bytes(LONGEST_CASE)))
    cases = cut(drawn, LONGEST_CASE)
    assert [len(case) for case in cases] == list(range(LONGEST_CASE + 1))
    assert b"".join(cases) == drawn


@each_target
def test_what_goes_on_and_on_costs_no_more_than_its_length(target: Target) -> None:
    for word in target.words:
        assert_linear(target, [word])


def assert_linear(target: Target, words: Sequence[bytes], begun: bytes = b"") -> None:
    """Compare what a stream of nothing but `words` costs with what one of eight times costs.

    The clock is that of this thread's work, and the least of several is what counts: a busy
    machine makes neither longer.
    """
    stream = begun + b"".join(words) * (LONG // len(b"".join(words)))
    ratio = 0.0
    for _ in range(4):
        short = min(_cost(target, stream[:SHORT]) for _ in range(2))
        ratio = _cost(target, stream) / max(short, 50e-6)
        if ratio <= SUPERLINEAR:
            return
    pytest.fail(f"{target.name}: {words!r} eight times as long takes {ratio:.0f} times as long")


def _cost(target: Target, stream: bytes) -> float:
    """Seconds of work for a stream, as it comes from a socket."""
    parts = [stream[at : at + 1000] for at in range(0, len(stream), 1000)]
    gc.disable()
    try:
        start = time.thread_time()
        target.run(parts)
        return time.thread_time() - start
    finally:
        gc.enable()


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_much_of_whatever_comes_is_taken_or_refused() -> None:
    start = int(os.environ.get("MUXTUI_FUZZ_SEED") or random.SystemRandom().getrandbits(32))
    end = time.monotonic() + 60 * float(os.environ.get("MUXTUI_FUZZ_MINUTES") or 30)
    print(f"MUXTUI_FUZZ_SEED={start}", flush=True)
    rounds = dict.fromkeys((target.name for target in TARGETS), 0)
    for turn in itertools.count(start):
        for target in TARGETS:
            if time.monotonic() > end:
                print(f"cases: {rounds}", flush=True)
                return
            rounds[target.name] += _round(target, turn)


def _round(target: Target, turn: int) -> int:
    """Cases that hypothesis draws, longer ones drawn blindly, and long streams; how many."""
    tried = try_cases(target, 2000, 4 * LONGEST_CASE, turn)
    chance = random.Random(turn)
    for _ in range(2000):
        case = chance.randbytes(chance.randrange(16 * LONGEST_CASE))
        if chance.random() < 0.5:
            case = bytes(byte % LITERAL for byte in case)
        target.check(case)
    for _ in range(10):
        words = chance.choices(target.words, k=chance.randint(1, 4))
        assert_linear(target, words, b"".join(chance.choices(target.words, k=3)))
    return tried + 2010
