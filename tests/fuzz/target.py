"""What is fuzzed: a parser, the words it is tried with, and what must hold whatever comes.

A case is a byte string. Every byte below `LITERAL` stands for one of the parser's own words, any
other for itself: most cases then get past the first check. Bytes are the cheapest that hypothesis
draws, and their number hardly matters: a draw is cut into cases of every length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LITERAL = 200

Run = Callable[[Sequence[bytes]], object]
"""Feeds the pieces to a new parser and returns what came of it, to be compared.

It asserts the parser's bounds after every piece, and lets nothing pass but the errors that the
parser is documented to raise.
"""


@dataclass(frozen=True)
class Target:
    """A parser.

    Args:
        name: what it is.
        words: what its language is made of, in any order.
        run: see `Run`.
        cases: how many an ordinary run tries; those that share a parser add up to 10 000 or more.
    """

    name: str
    words: tuple[bytes, ...]
    run: Run
    cases: int = 10_000

    def spell(self, case: bytes) -> bytes:
        """The stream that a case stands for."""
        words = self.words
        count = len(words)
        return b"".join(
            [words[byte % count] if byte < LITERAL else bytes((byte,)) for byte in case]
        )

    def check(self, case: bytes) -> None:
        """Try one case: whole, and in pieces whose sizes are the case's own bytes."""
        stream = self.spell(case)
        try:
            whole = self.run([stream])
            in_pieces = self.run(pieces(stream, case))
            assert in_pieces == whole, "a split changes it"
        except Exception as error:
            error.add_note(f"{self.name}: {case!r} is {stream!r}")
            raise


def drawn_bytes(longest: int) -> int:
    """Bytes of a draw that is cut into `longest` + 1 cases."""
    return longest * (longest + 1) // 2


def cut(drawn: bytes, longest: int) -> list[bytes]:
    """The cases of a draw: one of each length from 0 to `longest`."""
    ends = [drawn_bytes(length) for length in range(longest + 1)]
    return [drawn[end - length : end] for length, end in enumerate(ends)]


def pieces(stream: bytes, sizes: bytes) -> list[bytes]:
    """`stream` in pieces of 1 to 8 bytes, as `sizes` say."""
    cut = []
    at = turn = 0
    while at < len(stream):
        size = 1 + sizes[turn % len(sizes)] % 8
        cut.append(stream[at : at + size])
        at += size
        turn += 1
    return cut
