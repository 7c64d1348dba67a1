"""What is fuzzed: a parser, the words it is tried with, and what must hold whatever comes.

A case is a byte string. Every byte below `LITERAL` stands for one of the parser's own words, any
other for itself: most cases then get past the first check, and one draw of bytes is a case, which
is the cheapest that hypothesis draws.
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
        whole = self.run([stream])
        in_pieces = self.run(pieces(stream, case))
        assert in_pieces == whole, f"{self.name}: a split changes {stream!r}"


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
