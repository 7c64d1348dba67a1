from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.cli.prefix import PREFIX, Action, Prefix


def _feed(*chunks: bytes) -> tuple[bytes, list[Action]]:
    prefix = Prefix()
    items = [item for chunk in chunks for item in prefix.feed(chunk)]
    keys = b"".join(item for item in items if isinstance(item, bytes))
    return keys, [item for item in items if isinstance(item, Action)]


def test_keys_go_to_the_guest_and_the_menu_is_ours() -> None:
    assert _feed(b"ab\x1ddc") == (b"abc", [Action.DETACH])
    assert Prefix().feed(b"a\x1dbc") == [b"a", Action.BREAK, b"c"]


def test_the_prefix_twice_is_the_key_itself() -> None:
    assert _feed(b"\x1d\x1d") == (b"\x1d", [])


def test_an_unknown_key_after_the_prefix_asks_for_help() -> None:
    assert _feed(b"\x1dxy") == (b"y", [Action.HELP])


def test_the_prefix_is_known_in_its_modern_encodings() -> None:
    assert _feed(b"\x1b[93;5ud") == (b"", [Action.DETACH])
    assert _feed(b"\x1b[27;5;93~d") == (b"", [Action.DETACH])


@given(st.lists(st.sampled_from([b"a", b"d", PREFIX]), max_size=12), st.integers(0, 12))
def test_any_split_gives_the_same(keys: list[bytes], cut: int) -> None:
    data = b"".join(keys)
    assert _feed(data[:cut], data[cut:]) == _feed(data)
