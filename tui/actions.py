"""Everything a user can do on the console screen: one table.

The prefix dispatch, the hint line, the command palette, the pane's buttons and
the help screen are all made from it. An action `id` is carried out by the
console screen's method `do_ID`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_PREFIX = "ctrl+]"

Group = Literal["console", "view", "pane", "muxtui"]

GROUPS: dict[Group, str] = {
    "console": "Consoles",
    "view": "This view",
    "pane": "The focused pane",
    "muxtui": "muxtui",
}


@dataclass(frozen=True)
class Action:
    """One thing to do; `key` is pressed after the prefix, named as `muxcore.vt.keys` names keys."""

    id: str
    key: str
    title: str
    help: str
    group: Group
    hinted: bool = True
    """Whether the hint line after the prefix shows it."""


ACTIONS: tuple[Action, ...] = (
    Action("leave", "d", "leave", "close this view; daemon, guests and backends go on", "muxtui"),
    Action("help", "?", "help", "this list", "muxtui"),
    Action("palette", ":", "commands", "search for an action by name", "muxtui"),
    Action("quit", "q", "stop all", "stop the daemon, after a question that names it", "muxtui"),
    Action("next", "n", "next", "show the next console", "console"),
    Action("previous", "p", "previous", "show the previous console", "console"),
    Action("consoles", "w", "list", "choose a console from a list (or press its digit)", "console"),
    Action(
        "new_console", "c", "new", "make a console on a shell, socket, port or command", "console"
    ),
    Action(
        "add_backend",
        "a",
        "add backend",
        "give this console another backend, or one that was detached",
        "console",
    ),
    Action("send_break", "b", "break", "send a break to the guest", "console"),
    Action("search", "/", "search", "search what was printed (regular expressions)", "view"),
    Action(
        "copy_mode", "[", "copy mode", "move with vi's keys, select with v, copy with y", "view"
    ),
    Action("edit", "e", "editor", "open all lines in $VISUAL or $EDITOR", "view"),
    Action("save", "S", "save", "save the screen, a picture of it, or all lines", "view"),
    Action("stamps", "t", "times", "tell when each line was printed, in three ways", "view"),
    Action("reset", "r", "reset", "reset a garbled terminal, redraw it from history", "view"),
    Action(
        "size",
        "z",
        "size",
        "80x24 or the whole view, for a guest that cannot be told its size",
        "view",
    ),
    Action(
        "scroll_up", "pageup", "older", "scroll back one page (also shift+pageup)", "view", False
    ),
    Action("scroll_down", "pagedown", "newer", "scroll forward one page", "view", False),
    *(
        Action(
            f"pan_{way}",
            f"shift+{way}",
            "pan",
            f"see more of a larger screen, {where}",
            "view",
            False,
        )
        for way, where in (
            ("up", "above"),
            ("down", "below"),
            ("left", "to the left"),
            ("right", "to the right"),
        )
    ),
    Action("theme", "T", "theme", "the next colour theme", "view", False),
    Action("focus_next", "tab", "panes", "go to the next pane; escape returns", "pane"),
    Action("focus_previous", "shift+tab", "back", "go to the previous pane", "pane", False),
    Action("pause", "u", "pause", "hold its output back, or let it go on", "pane"),
    Action("readonly", "o", "read-only", "refuse what its peers type, or let it through", "pane"),
    Action("copy", "y", "copy", "copy the command that connects to it", "pane"),
    Action("disconnect", "x", "disconnect", "end a peer's connection", "pane"),
    Action("detach", "h", "detach", "take it off this console; add backend puts it back", "pane"),
    Action("remove", "k", "remove", "close it for good", "pane"),
)

_PAN = Action("pan", "shift+arrows", "pan", "see more of a larger screen", "view", False)


def _listed() -> tuple[Action, ...]:
    """The actions, with those of the four arrows as one."""
    pans = [action for action in ACTIONS if action.id.startswith("pan_")]
    return tuple(
        _PAN if action is pans[0] else action for action in ACTIONS if action not in pans[1:]
    )


LISTED = _listed()
"""What a list for reading has: `ACTIONS`, but one line for what each of four arrows does."""

PANE_ACTIONS = tuple(
    action for action in ACTIONS if action.group == "pane" and not action.id.startswith("focus_")
)
"""What a pane can be asked; without the prefix while the pane has the focus."""

_BY_KEY = {action.key: action for action in ACTIONS}
_ARROWS = {"right": "tab", "down": "tab", "left": "shift+tab", "up": "shift+tab"}


def by_key(key: str) -> Action | None:
    """The action behind the prefix and `key`."""
    return _BY_KEY.get(_ARROWS.get(key, key))


def hints(*, pane: bool) -> tuple[Action, ...]:
    """What the hint line after the prefix shows; a pane's actions only while one has the focus."""
    return tuple(
        action for action in ACTIONS if action.hinted and (pane or action not in PANE_ACTIONS)
    )
