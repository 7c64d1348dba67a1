"""The daemon's log never holds up who logs."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator

import pytest

from muxcore.daemon import journal as journals
from muxcore.daemon.journal import MOST, Journal
from tests.support import eventually_sync


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("muxcore.daemon.journal.test")
    logger.propagate = False
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def test_what_is_logged_is_written_in_order_before_the_end(log: logging.Logger) -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    journal = Journal(logging.StreamHandler(stream))
    log.addHandler(journal)
    for number in range(50):
        log.warning("line %d", number)
    assert journal.end()
    stream.close()
    with os.fdopen(reading) as lines:
        assert lines.read().splitlines() == [f"line {number}" for number in range(50)]


def test_a_log_that_nobody_reads_holds_up_nobody(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon whose standard error was a full pipe stood still in the midst of a write."""
    monkeypatch.setattr(journals, "END", 0.01)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    stream = os.fdopen(writing, "w")
    journal = Journal(logging.StreamHandler(stream))
    log.addHandler(journal)
    for number in range(3 * MOST):
        log.warning("line %d", number)
    assert not journal.end()
    text = b""

    def told() -> bool:
        nonlocal text
        text += os.read(reading, 1 << 16)
        return b"left out" in text

    eventually_sync(told)
    assert text.startswith(b"line 0\n")
    count = int(text.split(b" lines of this log were left out")[0].rsplit(b"\n", 1)[1])
    assert 0 < count < 3 * MOST

    def ended() -> bool:
        os.set_blocking(reading, False)
        with contextlib.suppress(BlockingIOError):
            os.read(reading, 1 << 16)
        return journal.end()

    eventually_sync(ended)
    os.close(reading)
    stream.close()


def test_without_a_thread_lines_wait_for_one(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    journal = Journal(logging.StreamHandler(stream))
    log.addHandler(journal)
    with monkeypatch.context() as patched:
        patched.setattr(journals, "start_thread", lambda *_: False)
        log.warning("first")
    log.warning("second")
    assert journal.end()
    stream.close()
    with os.fdopen(reading) as lines:
        assert lines.read() == "first\nsecond\n"
