"""Lines older than the engine's scrollback stay, on their text, when the screen is resized."""

from __future__ import annotations

import random

import pytest

from muxcore.screen.items import Attached, Output
from muxcore.screen.screen import Screen

_CHANCE = random.Random(1)
LINES = [f"line {n}" + " word" * _CHANCE.randint(0, 40) for n in range(4000)]
DATA = "".join(f"{line}\r\n" for line in LINES).encode()
PIECE = 50_000
WIDTHS = (40, 60, 100, 132, 200)


def replayed(size: int, scrollback: int = 10_000) -> Screen:
    """A screen of 80 columns that was given the end of the history, from a line's begin on."""
    start = DATA.index(b"\n", len(DATA) - size) + 1 if size < len(DATA) else 0
    screen = Screen(scrollback=scrollback)
    screen.obey([Attached("vm1", "", start, len(DATA)), Output(start, DATA[start:])])
    return screen


def fetch(screen: Screen, pieces: int = 2) -> None:
    """Put older lines in front."""
    for _ in range(pieces):
        end = screen.junction()
        assert end is not None
        begin = max(0, end - PIECE)
        assert screen.add_older(DATA[begin:end], begin)


def text(screen: Screen, line: int) -> str:
    return screen.texts(line, line + 1)[0][0]


def resize(screen: Screen, cols: int, *lines: int) -> list[int | None]:
    """Resize, and follow the beginnings of lines."""
    screen.resize(30, cols, screen.engine.epoch, [(line, 0) for line in lines])
    return [place and place[0] for place in screen.frame().moved[1]]


def beginnings(screen: Screen) -> list[int]:
    """The lines at hand that begin one, some of each piece."""
    numbers = range(screen.oldest_line, screen.engine.end_line)
    texts = screen.texts(numbers.start, numbers.stop)
    begun = [n for n, (text, _) in zip(numbers, texts, strict=True) if text.startswith("line ")]
    return begun[:: len(begun) // 20]


@pytest.mark.parametrize("cols", WIDTHS)
def test_places_in_older_lines_are_followed_through_a_resize(cols: int) -> None:
    screen = replayed(PIECE)
    fetch(screen)
    lines = beginnings(screen)
    words = [text(screen, line).split()[1] for line in lines]
    moved = [line for line in resize(screen, cols, *lines) if line is not None]
    assert [text(screen, line).split()[1] for line in moved] == words


@pytest.mark.parametrize("cols", WIDTHS)
def test_older_lines_after_a_resize_are_as_if_they_were_fetched_after_it(cols: int) -> None:
    screen, other = replayed(PIECE), replayed(PIECE)
    fetch(screen)
    resize(screen, cols, screen.oldest_line)
    resize(other, cols)
    fetch(other)
    ends = screen.oldest_line, screen.engine.end_line
    assert ends == (other.oldest_line, other.engine.end_line)
    assert screen.lines(*ends) == other.lines(*ends)
    assert screen.offsets(*ends) == other.offsets(*ends)
    assert screen.junction() == other.junction()


def test_a_place_in_older_lines_is_followed_through_one_resize_after_the_other() -> None:
    screen = replayed(PIECE)
    fetch(screen)
    line = beginnings(screen)[3]
    word = text(screen, line).split()[1]
    for cols in WIDTHS:
        (moved,) = resize(screen, cols, line)
        assert moved is not None
        assert text(screen, moved).split()[1] == word
        line = moved


def test_a_scrollback_that_was_full_still_ends_where_older_lines_do_in_more_width() -> None:
    screen = replayed(len(DATA), scrollback=200)
    fetch(screen)
    (moved,) = resize(screen, 120, beginnings(screen)[1])
    assert moved is not None
    numbers = range(screen.oldest_line, screen.engine.end_line)
    texts = [text for text, _ in screen.texts(numbers.start, numbers.stop)]
    whole = [text.split()[1] for text in texts if text.startswith("line ")]
    assert whole == [str(n) for n in range(int(whole[0]), len(LINES))]
    for line, offset in zip(numbers, screen.offsets(numbers.start, numbers.stop), strict=True):
        if offset is not None and text(screen, line).startswith("line "):
            assert DATA[offset:].startswith(text(screen, line).encode()[:20])


def test_older_lines_are_forgotten_where_those_behind_them_became_too_many() -> None:
    screen = replayed(len(DATA), scrollback=200)
    fetch(screen)
    assert resize(screen, 40, beginnings(screen)[1]) == [None]
    assert screen.oldest_line == screen.engine.first_line
    fetch(screen)
    assert screen.oldest_line < screen.engine.first_line


def test_older_lines_that_nobody_looks_at_are_forgotten_in_a_resize() -> None:
    screen = replayed(PIECE)
    fetch(screen)
    resize(screen, 60, screen.engine.first_line)
    assert screen.oldest_line == screen.engine.first_line


def test_only_the_pieces_that_are_looked_at_are_kept_in_a_resize() -> None:
    screen = replayed(PIECE)
    fetch(screen, 1)
    nearer = screen.oldest_line
    fetch(screen, 1)
    (moved,) = resize(screen, 60, nearer)
    assert moved == screen.oldest_line
