"""A console's settings: what each may be, from wherever it comes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore import palettes
from muxcore.errors import OptionError
from muxcore.settings import ALLOWABLE, CHOICES, SETTINGS, Settings, parse
from muxcore.vt.engine import DEFAULT_SCROLLBACK_BYTES

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=4
)


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("scrollback", 0, 0),
        ("scrollback", "1000000", 1_000_000),
        ("scrollback-bytes", "1M", 1 << 20),
        ("scrollback-bytes", 512 << 20, 512 << 20),
        ("newline", "crlf", "crlf"),
        ("backspace", "bs", "bs"),
        ("delete", "del", "del"),
        ("palette", "theme", "theme"),
        ("allow", ["links", "title", "links"], ("title", "links")),
        ("allow", "clipboard, notifications", ("clipboard", "notifications")),
        ("allow", "", ()),
        ("allow", [], ()),
    ],
)
def test_a_setting_is_read_from_toml_and_from_text(name: str, value: object, meant: object) -> None:
    assert parse(name, value) == meant


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("scrollback", 1_000_001, "expects a number of lines from 0 to 1000000", ""),
        ("scrollback", "-5", "expects a number of lines from 0 to 1000000", ""),
        ("scrollback", "\u0663", "expects a number of lines from 0 to 1000000", ""),
        ("scrollback", True, "expects a number of lines from 0 to 1000000", ""),
        ("scrollback-bytes", "1023K", "expects a size from 1M to 512M", ""),
        ("scrollback-bytes", "1G", "expects a size from 1M to 512M", ""),
        ("scrollback-bytes", True, "expects a size from 1M to 512M", ""),
        ("scrollback-bytes", "much", "expects a size from 1M to 512M", ""),
        ("newline", "CR", "does not accept value 'CR'", "one of cr, crlf, lf"),
        ("backspace", 8, "expects one of del, bs", "in quotation marks"),
        ("delete", "\x1b[2J", r"does not accept value '\x1b[2J'", "one of vt, del"),
        ("allow", "everything", "does not accept value 'everything'", None),
        ("allow", 1, "expects a list", "of title, clipboard, links, notifications"),
        ("allow", [1], f"expects one of {', '.join(ALLOWABLE)}", "in quotation marks"),
    ],
)
def test_what_a_setting_cannot_be_is_told_in_one_line(
    name: str, value: object, message: str, hint: str | None
) -> None:
    with pytest.raises(OptionError) as caught:
        parse(name, value)
    assert str(caught.value) == f"Parameter '{name}' {message}"
    assert hint is None or caught.value.hint == hint


def test_an_unknown_palette_is_told_with_the_known_ones() -> None:
    with pytest.raises(OptionError) as caught:
        parse("palette", "amiga")
    assert caught.value.hint == f"one of {', '.join(palettes.NAMES)}"


def test_settings_travel_as_json() -> None:
    chosen = Settings(5, 2 << 20, "crlf", "bs", "del", "tango", ("clipboard",))
    assert Settings.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
    assert chosen.to_json()["scrollback-bytes"] == 2 << 20


def test_what_another_version_says_is_taken_as_far_as_it_is_understood() -> None:
    told = {"newline": "lf", "palette": "of the future", "more": 1}
    assert Settings.from_json(told) == Settings(newline="lf")


@given(name=st.sampled_from(SETTINGS), value=ANYTHING)
def test_a_value_is_taken_or_refused_and_what_is_taken_is_taken_again(
    name: str, value: object
) -> None:
    try:
        taken = parse(name, value)
    except OptionError as error:
        assert "\n" not in str(error) + error.hint  # noqa: PT017 - either way is right
    else:
        assert parse(name, taken) == taken


def test_the_defaults_are_among_the_choices() -> None:
    assert Settings().scrollback_bytes == DEFAULT_SCROLLBACK_BYTES
    assert all(getattr(Settings(), name) in choices for name, choices in CHOICES.items())


def test_every_palette_has_sixteen_colours() -> None:
    assert palettes.THEME not in palettes.PALETTES
    for table in palettes.PALETTES.values():
        assert len(table) == 16
        assert all(0 <= part <= 255 for colour in table for part in colour)
