"""The README's table of fidelity, from the recorded references and the engines as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fidelity.cases import cases
from tests.fidelity.compare import compared, measured
from tests.fidelity.engines import ENGINES
from tests.fidelity.references import recorded, references
from tests.fidelity.streams import streams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fidelity.compare import Comparison

_NAMES = {"ghostty": "libghostty-vt", "bittty": "bittty"}


def fidelity_table() -> str:
    """Return the table in Markdown; it takes about as long as showing everything twice."""
    versions = recorded()["versions"]
    tmux, xterm = f"tmux {versions['tmux']}", f"xterm.js {versions['xterm.js']}"
    lines = [
        ["", "compared", f"as {tmux}", f"as {xterm}", "as either", "listed"],
        ["---"] * 6,
    ]
    results = {_NAMES[engine]: measured(engine) for engine in ENGINES}
    results[tmux] = {name: compared(references(name)[0], name) for name in cases() | streams()}
    results[xterm] = {name: compared(references(name)[1], name) for name in cases() | streams()}
    for kind, names in (("cases", cases()), ("screens of sessions", streams())):
        for terminal, found in results.items():
            chosen = {name: found[name] for name in names}
            lines.append(
                [terminal, f"{len(chosen)} {kind}", *_counts(chosen, terminal, (tmux, xterm))]
            )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _counts(
    found: Mapping[str, Comparison], terminal: str, references: tuple[str, str]
) -> list[str]:
    """Return how many states are as tmux's, as xterm.js's, as either's, and as neither's."""
    equal = sum(item.equal for item in found.values())
    shared = [sum(item.tmux for item in found.values()), sum(item.xterm for item in found.values())]
    if terminal in references:
        # A reference is compared with the other one only.
        return ["" if name == terminal else str(count)
                for name, count in zip(references, shared, strict=True)] + ["", ""]  # fmt: skip
    return [str(count) for count in (*shared, equal, len(found) - equal)]
