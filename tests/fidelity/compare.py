"""Engines compared with the references."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from tests.fidelity.engines import states_of
from tests.fidelity.references import pieces, references, xterm_reference
from tests.fidelity.screen import State, differences


class Comparison(NamedTuple):
    """What a terminal's state after a piece of output shares with those of the references."""

    tmux: bool
    xterm_js: bool
    xterm: bool
    facts: tuple[str, ...]
    """What differs from tmux and xterm.js, or the fewer facts that differ from one of them."""

    @property
    def equal(self) -> bool:
        """Whether it is as tmux or xterm.js has it."""
        return self.tmux or self.xterm_js


def compared(state: State, name: str) -> Comparison:
    """Compare a state after the piece of that name.

    What tmux cannot be asked is compared with xterm.js even where all the rest is as in tmux.
    """
    tmux, xterm_js = references(name)
    from_tmux, from_xterm_js = differences(state, xterm_js | tmux), differences(state, xterm_js)
    fewest = min(from_tmux, from_xterm_js, key=len)
    as_xterm = not differences(state, xterm_reference(name))
    return Comparison(not from_tmux, not from_xterm_js, as_xterm, tuple(fewest))


@cache
def measured(engine: str) -> dict[str, Comparison]:
    """Compare an engine after every piece."""
    states = states_of(engine, pieces())
    return {name: compared(state, name) for name, state in states.items()}
