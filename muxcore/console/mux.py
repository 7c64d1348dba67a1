"""The mux of a console: several consoles behind it, one at a time typed to (chardev/char-mux.c).

A mux is a console whose guest is a switch. So its backends are as many as
anybody likes, each of their peers with a cursor and gaps of its own; what they
type goes through their own keys (`mux_keys`) to the console that has the focus.
The keys of peers that reach the mux through hubs are their own as well: a hub's
peer asks its console for the mux at the far end, and types to it directly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from muxcore import events
from muxcore.answers.arbiter import Answer
from muxcore.console.link import Upstream
from muxcore.console.mux_keys import Key, MuxKeys, help_text
from muxcore.console.switch import Frontend, Switch
from muxcore.errors import BreakUnsupported, NotFoundError
from muxcore.flow.feed import Tally
from muxcore.peers.peer import Peer

TERMINATED = b"muxtui: Terminated\n\r"
NOTHING_TO_COMMIT = b"muxtui: nothing to commit, there is no snapshot\n\r"


class Hub(Protocol):
    """What a mux needs of its console."""

    name: str

    @property
    def pump(self) -> Tally:
        """Who counts what is typed."""

    def emit(self, event: events.Event) -> None:
        """Tell the world."""

    def hold_changed(self) -> None:
        """Tell the peers the console's status."""


class Mux:
    """See the module.

    Args:
        hub: the mux's console.
        switch: its guest.
        end: called with the name of a console whose guest is to be ended.
    """

    def __init__(self, hub: Hub, switch: Switch, end: Callable[[str], None]) -> None:
        self.switch = switch
        self._hub = hub
        self._end = end
        self._keys: WeakKeyDictionary[Peer, MuxKeys] = WeakKeyDictionary()
        self._asked: WeakKeyDictionary[Peer, Frontend] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        """The mux's name."""
        return self._hub.name

    @property
    def focus(self) -> str | None:
        """The name of the console that is typed to; None if there is none at all."""
        return self.switch.focus.name if self.switch.focus else None

    def add(self, upstream: Upstream) -> Frontend:
        """Make a place for a console."""
        frontend = self.switch.add(upstream, self._hub.pump)
        self._hub.hold_changed()
        return frontend

    def remove(self, frontend: Frontend) -> None:
        """Give a console's place up; the next one has the focus that it had."""
        before = self.switch.focus
        self.switch.remove(frontend)
        if self.switch.focus is not before:
            self._tell_focus(None)

    def take(self, peer: Peer, data: bytes) -> None:
        """`peer` typed `data`: its keys are obeyed, the rest is typed to who has the focus."""
        keys = self._keys.setdefault(peer, MuxKeys(self.switch.options.escape))
        before = self.switch.focus
        for item in keys.feed(data):
            if isinstance(item, Key):
                self._obey(item, peer)
            elif self.switch.focus is not None:
                peer.type(self.switch.focus.feed, item)
            else:
                self._hub.pump.dropped(len(item))
        # However often the key was struck, where it led to is told once.
        if self.switch.focus is not before:
            self._tell_focus(peer)

    def answer(self, peer: Peer, answer: Answer) -> bool:
        """Type an answer of `peer`'s terminal to whichever console asked; False if none did.

        It need not be the one that has the focus: all of them print, and so ask.
        """
        focus = self.switch.focus
        for frontend in sorted(self.switch.frontends, key=lambda each: each is not focus):
            if frontend.claim(answer.kind):
                peer.type(frontend.feed, answer.data)
                return True
        return False

    def set_focus(self, name: str) -> None:
        """Type to the console `name` from now on. Raises NotFoundError."""
        for frontend in self.switch.frontends:
            if frontend.name == name:
                if frontend is not self.switch.focus:
                    self.switch.focus = frontend
                    self._tell_focus(None)
                return
        raise NotFoundError(f"console '{name}' is not on mux '{self.name}'")

    def _obey(self, key: Key, peer: Peer) -> None:
        focus = self.switch.focus
        if key is Key.HELP:
            peer.say(help_text(self.switch.options.escape))
        elif key is Key.COMMIT:
            peer.say(NOTHING_TO_COMMIT)
        elif key is Key.STAMPS:
            self.switch.stamps.toggle()
        elif key is Key.ASK:
            self._ask(peer)
        elif key in (Key.EXIT, Key.STAY):
            self._answer(key, peer)
        elif key is Key.SWITCH and focus is not None:
            self.switch.focus = self.switch.after(focus)
        elif key is Key.BREAK:
            self._break(peer)

    def _ask(self, peer: Peer) -> None:
        focus = self.switch.focus
        if focus is not None:
            # The focus may be somebody else's by the time of the answer.
            self._asked[peer] = focus
            peer.say(b"\n\rmuxtui: end the guest of '%s'? (y/n) " % focus.name.encode())

    def _answer(self, key: Key, peer: Peer) -> None:
        asked = self._asked.pop(peer, None)
        if asked is None or asked not in self.switch.frontends:
            return
        if key is Key.EXIT:
            peer.say(b"y\n\r" + TERMINATED)
            self._end(asked.name)
        else:
            peer.say(b"n\n\r")

    def _break(self, peer: Peer) -> None:
        try:
            self.switch.send_break()
        except BreakUnsupported as error:
            self._hub.emit(
                events.StreamProblem(self._hub.name, peer.chardev.id, peer.id, str(error))
            )

    def _tell_focus(self, peer: Peer | None) -> None:
        focus = self.focus
        if focus is None:
            return
        if peer is not None:
            peer.say(b"\r\n[muxtui: %s]\r\n" % focus.encode())
        self._hub.emit(events.Focus(focus, self.name, peer.id if peer else None))
        self._hub.hold_changed()
