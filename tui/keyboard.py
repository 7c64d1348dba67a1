"""Whose a key is: the guest's, a pane's, or, after the prefix, an action's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui.actions import PANE_ACTIONS, by_key

if TYPE_CHECKING:
    from muxcore.vt.keys import Key

Whose = Literal["guest", "action", "release", "prefix", "nobody"]


@dataclass(frozen=True)
class Press:
    """What a key press means.

    `guest`: the key is typed. `action`: `action` is done, with `argument`.
    `release`: the keys are the guest's again. `prefix`: the next key decides.
    """

    whose: Whose
    action: str = ""
    argument: str = ""


class Keyboard:
    """Follows the prefix.

    Args:
        prefix: its name, as `muxcore.vt.keys` names keys.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.pending = False
        """Whether the prefix was pressed and the next key decides."""

    def press(self, key: Key, *, pane: bool) -> Press:
        """What a key means; `pane` says whether a pane has the focus."""
        if self.pending:
            self.pending = False
            return self._after_prefix(key)
        if key.name == self.prefix:
            self.pending = True
            return Press("prefix")
        if pane:
            return _pane_key(key)
        if key.name in ("shift+pageup", "shift+pagedown"):
            return Press("action", "scroll_up" if key.key == "pageup" else "scroll_down")
        return Press("guest")

    def _after_prefix(self, key: Key) -> Press:
        if key.name == self.prefix:
            return Press("guest")
        if len(key.key) == 1 and key.key in "123456789" and not key.modifiers:
            return Press("action", "console", key.key)
        if action := by_key(key.name):
            return Press("action", action.id)
        return Press("release" if key.key == "escape" else "nobody")


def _pane_key(key: Key) -> Press:
    if key.key in ("escape", "enter"):
        return Press("release")
    action = by_key(key.name)
    if action and (action in PANE_ACTIONS or action.id.startswith("focus_")):
        return Press("action", action.id)
    return Press("nobody")
