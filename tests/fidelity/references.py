"""What tmux, xterm.js and xterm showed, as recorded: `recorded.json`.

Each output has what tmux and xterm.js both tell, and what each of the three tells otherwise or
alone; what all terminals begin with is left out. xterm is asked last: where tmux and xterm.js
differ, or an engine shows neither's state, it tells which is right.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fidelity.cases import cases
from tests.fidelity.screen import Cell, State, anonymous, ordered, picture
from tests.fidelity.streams import streams
from tests.fidelity.tmux import Piece, Tmux
from tests.fidelity.xterm import Xterm

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDED = Path(__file__).parent / "recorded.json"
XTERM_JS = "@xterm/headless@6.0.0"
WIDTHS = "@xterm/addon-unicode11@0.9.0"

_SCRIPT = Path(__file__).with_name("xterm.mjs")
_BEGINNING: State = {
    "text": [],
    "ends": {},
    "style": {},
    "cursor": [0, 0],
    "visible": True,
    "shape": "block",
    "application_cursor": False,
    "application_keypad": False,
    "bracketed_paste": False,
    "focus_events": False,
    "synchronized_output": False,
    "mouse": "off",
    "mouse_format": "x10",
    "alternate_screen": False,
    "title": "",
    "replies": "",
    "bells": 0,
}
_UNTOLD_BY_TMUX = frozenset(
    {"shape", "bracketed_paste", "focus_events", "synchronized_output", "bells"}
)
_UNTOLD_BY_XTERM = frozenset({"synchronized_output", "bells"})


def pieces() -> dict[str, Piece]:
    """Return all output that is shown to every terminal: small cases and sessions."""
    return cases() | streams()


@cache
def recorded() -> dict[str, Any]:
    """Return what was recorded: the `versions`, and for each piece's name its two states."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def references(name: str) -> tuple[State, State]:
    """Return what tmux and what xterm.js shows after the piece of that name."""
    states = recorded()["states"][name]
    both = _BEGINNING | states.get("both", {})
    tmux = both | states.get("tmux", {})
    return (
        {fact: value for fact, value in tmux.items() if fact not in _UNTOLD_BY_TMUX},
        both | states.get("xterm.js", {}),
    )


def xterm_reference(name: str) -> State:
    """Return what xterm shows after the piece of that name."""
    states = recorded()["states"][name]
    told = _BEGINNING | states.get("both", {}) | states.get("xterm", {})
    return {fact: value for fact, value in told.items() if fact not in _UNTOLD_BY_XTERM}


def record() -> None:
    """Show everything to the tmux and xterm installed and to xterm.js; write what they show."""
    names, shown = zip(*pieces().items(), strict=True)
    with tempfile.TemporaryDirectory() as directory:
        tmux, tmux_version = _tmux_states(shown, Path(directory))
        xterm_js = _xterm_js_states(shown, Path(directory))
    xterm, xterm_version = _xterm_states(shown)
    versions = {"tmux": tmux_version, "xterm.js": xterm_js["version"], "xterm": xterm_version}
    theirs = [_of_xterm_js(state) for state in xterm_js["states"]]
    lines = [
        f"  {json.dumps(name)}: {_dumped(_packed(*states))}"
        for name, *states in zip(names, tmux, theirs, xterm, strict=True)
    ]
    text = f'{{"versions": {json.dumps(versions)},\n "states": {{\n' + ",\n".join(lines) + "\n}}\n"
    RECORDED.write_text(text, encoding="utf-8")


def _tmux_states(shown: Sequence[Piece], directory: Path) -> tuple[list[State], str]:
    server = Tmux(directory)
    try:
        return server.states(shown), server.version
    finally:
        server.close()


def _xterm_states(shown: Sequence[Piece]) -> tuple[list[State], str]:
    xterm = Xterm()
    try:
        return [xterm.state(piece) for piece in shown], xterm.version
    finally:
        xterm.close()


def _xterm_js_states(shown: Sequence[Piece], directory: Path) -> dict[str, Any]:
    """Ask xterm.js, installed by npm into `directory`."""
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(directory)]
    subprocess.run([*install, XTERM_JS, WIDTHS], check=True, stdout=subprocess.DEVNULL)
    asked = [{**piece._asdict(), "data": base64.b64encode(piece.data).decode()} for piece in shown]
    done = subprocess.run(
        ["node", str(_SCRIPT), str(directory)],
        input=json.dumps(asked).encode(),
        check=True,
        stdout=subprocess.PIPE,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _of_xterm_js(state: dict[str, Any]) -> State:
    rows = [[Cell(text, width, ordered(look)) for text, width, look in row]
            for row in state["rows"]]  # fmt: skip
    replies = anonymous(state["facts"].pop("replies").encode("latin-1"))
    return {**picture(rows), **state["facts"], "replies": replies}


def _packed(tmux: State, xterm_js: State, xterm: State) -> State:
    both = {
        name: value
        for name, value in xterm_js.items()
        if tmux.get(name, value) == value and value != _BEGINNING[name]
    }
    packed: State = {"both": both} if both else {}
    for terminal, state in (("tmux", tmux), ("xterm.js", xterm_js), ("xterm", xterm)):
        own = {name: value for name, value in state.items()
               if (_BEGINNING | both)[name] != value}  # fmt: skip
        if own:
            packed[terminal] = own
    return packed


def _dumped(value: State) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
