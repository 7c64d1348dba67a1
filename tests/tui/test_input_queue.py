"""What is typed is obeyed in its order, though something is busy."""

from __future__ import annotations

from muxcore.vt.keys import Key, Paste
from tests.tui.driving import key
from tui.input_queue import MAX_WAITING, InputQueue


class Rig:
    def __init__(self) -> None:
        self.obeyed: list[str] = []
        self.busy = False
        self.calls = 0
        self.slow = ""
        """The key that keeps it busy."""
        self.queue = InputQueue(self.obey, lambda: self.busy, self.later)

    def obey(self, typed: Key | Paste) -> None:
        name = typed.name if isinstance(typed, Key) else "paste"
        self.obeyed.append(name)
        self.busy = name == self.slow

    def later(self) -> None:
        self.calls += 1

    def type(self, names: str) -> None:
        for name in names:
            self.queue.put(key(name))

    def settle(self) -> None:
        self.busy = False
        self.queue.go_on()


def test_what_is_typed_is_obeyed_at_once() -> None:
    rig = Rig()
    rig.type("ab")
    rig.queue.put(Paste(b"text"))
    assert rig.obeyed == ["a", "b", "paste"]
    assert rig.queue.idle
    assert rig.calls == 0


def test_what_is_typed_waits_for_what_is_busy() -> None:
    rig = Rig()
    rig.slow = "b"
    rig.type("abcbd")
    assert rig.obeyed == ["a", "b"]
    assert not rig.queue.idle
    rig.settle()
    assert rig.obeyed == ["a", "b", "c", "b"]
    rig.settle()
    assert rig.obeyed == ["a", "b", "c", "b", "d"]
    assert rig.queue.idle


def test_it_is_called_again_as_long_as_anything_waits_and_once() -> None:
    rig = Rig()
    rig.busy = True
    rig.type("ab")
    assert rig.calls == 1
    rig.queue.go_on()
    assert rig.calls == 2
    rig.settle()
    assert rig.calls == 2


def test_what_waits_is_bounded() -> None:
    rig = Rig()
    rig.busy = True
    rig.type("a" * (MAX_WAITING + 9))
    rig.settle()
    assert len(rig.obeyed) == MAX_WAITING
