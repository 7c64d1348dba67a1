"""The README's table of fidelity, from the recorded references and the engines as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fidelity.cases import cases
from tests.fidelity.compare import compared, measured
from tests.fidelity.engines import ENGINES
from tests.fidelity.references import recorded, references, xterm_reference
from tests.fidelity.streams import streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.compare import Comparison
    from tests.fidelity.screen import State

_NAMES = {"ghostty": "libghostty-vt", "bittty": "bittty"}


def fidelity_table() -> str:
    """Return the table in Markdown; it takes about as long as showing everything twice."""
    versions = recorded()["versions"]
    titles = [f"{name} {versions[name]}" for name in ("tmux", "xterm.js", "xterm")]
    columns = [f"as {title}" for title in titles]
    head = ["", "compared", *columns, "as tmux or xterm.js", "listed", "listed, but as xterm"]
    lines = [head, ["---"] * len(head)]
    results = {_NAMES[engine]: measured(engine) for engine in ENGINES}
    for at, title in enumerate(titles):
        results[title] = {name: compared(_shown(name)[at], name) for name in cases() | streams()}
    for kind, names in (("cases", cases()), ("screens of sessions", streams())):
        for terminal, found in results.items():
            chosen = [found[name] for name in names]
            lines.append([terminal, f"{len(chosen)} {kind}", *_counts(chosen, terminal, titles)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(name: str) -> tuple[State, State, State]:
    return (*references(name), xterm_reference(name))


def _counts(found: Sequence[Comparison], terminal: str, titles: Sequence[str]) -> list[str]:
    """Return how many states are as each reference's, as the first two's, and the rest."""
    shared = [
        sum(item.tmux for item in found),
        sum(item.xterm_js for item in found),
        sum(item.xterm for item in found),
    ]
    if terminal in titles:
        # A reference is compared with the other ones only.
        return ["" if name == terminal else str(count)
                for name, count in zip(titles, shared, strict=True)] + [""] * 3  # fmt: skip
    listed = [item for item in found if not item.equal]
    counts = (*shared, len(found) - len(listed), len(listed), sum(item.xterm for item in listed))
    return [str(count) for count in counts]
