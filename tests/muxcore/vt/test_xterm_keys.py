"""Every key against a table recorded from a real xterm (tests/record/xterm_keys.py made it)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from muxcore.vt.decode import Decoder
from muxcore.vt.encode import encode_key
from muxcore.vt.engine import Modes
from muxcore.vt.keys import Key, Modifiers
from muxcore.vt.keytable import SHIFTED

MODES = {
    "plain": Modes(),
    "application": Modes(application_cursor=True, application_keypad=True),
    "lnm": Modes(newline=True),
    "decbkm": Modes(backarrow_sends_bs=True),
    "other1": Modes(modify_other_keys=1),
    "other2": Modes(modify_other_keys=2),
    "other1u": Modes(modify_other_keys=1, format_other_keys=1),
    "other2u": Modes(modify_other_keys=2, format_other_keys=1),
    "other2decbkm": Modes(modify_other_keys=2, backarrow_sends_bs=True),
}


def recorded() -> dict[str, dict[str, bytes]]:
    """What xterm sent, by mode and key."""
    text = (Path(__file__).parent / "xterm_keys.tsv").read_text()
    version, names, *rows = text.splitlines()
    assert version.startswith("# XTerm(379)")
    tables: dict[str, dict[str, bytes]] = {mode: {} for mode in names.split("\t")[1:]}
    for row in rows:
        key, plain, *others = row.split("\t")
        cells = [plain, *(plain if cell == "=" else cell for cell in others)]
        for table, cell in zip(tables.values(), cells, strict=True):
            table[key] = cell.encode().decode("unicode_escape").encode("latin-1")
    return tables


TABLES = recorded()


def key_named(name: str) -> Key:
    """The key as the decoder gives it: Shift is in the character where it makes one."""
    *held, base = name.split("+")
    modifiers = Modifiers(sum(Modifiers[word.upper()] for word in held))
    if len(base) == 1 and Modifiers.SHIFT in modifiers:
        base = SHIFTED.get(base, base.upper())
        modifiers &= ~Modifiers.SHIFT
    return Key(" " if base == "space" else base, modifiers)


def differing(mode: str) -> set[str]:
    """The keys for which the encoder has something else than xterm."""
    return {
        name
        for name, sent in TABLES[mode].items()
        if encode_key(key_named(name), MODES[mode]) != sent
    }


SHIFT_ALONE = {f"shift+{key}" for key in "abchijlmoqy26`-[]\\"}
"""Level 2 of modifyOtherKeys: the operator's terminal sends the character, and no Shift."""

ODD_SPACE = {"ctrl+alt+shift+space"}
"""Level 1: xterm drops the Alt of this one key; a NUL with ESC before it keeps it."""


@pytest.mark.parametrize(
    ("mode", "exceptions"),
    [
        ("plain", set()),
        ("application", set()),
        ("lnm", set()),
        ("decbkm", set()),
        ("other1", ODD_SPACE),
        ("other1u", ODD_SPACE),
        ("other2", SHIFT_ALONE),
        ("other2u", SHIFT_ALONE),
        ("other2decbkm", SHIFT_ALONE),
    ],
)
def test_every_key_is_xterms(mode: str, exceptions: set[str]) -> None:
    assert len(TABLES[mode]) == 728
    assert differing(mode) == exceptions


def test_the_exceptions_are_the_characters_themselves() -> None:
    for name in SHIFT_ALONE:
        assert encode_key(key_named(name), MODES["other2"]) == key_named(name).key.encode()


@pytest.mark.parametrize("mode", ["other2", "other2u"])
def test_a_key_that_came_told_apart_goes_on_told_apart(mode: str) -> None:
    for name in TABLES[mode].keys() - SHIFT_ALONE - {"ctrl+backspace"}:
        decoder, sent = Decoder(), TABLES[mode][name]
        (key,) = decoder.feed(sent) or decoder.flush()
        assert isinstance(key, Key)
        assert encode_key(key, MODES[mode]) == sent, name


@pytest.mark.parametrize("mode", ["plain", "application"])
def test_what_xterm_sends_becomes_what_xterm_sends_in_the_guests_modes(mode: str) -> None:
    """Where one sequence means several keys, as Ctrl-M and Enter, either is the same again."""
    for name, sent in TABLES["plain"].items():
        decoder = Decoder()
        events = decoder.feed(sent) + decoder.flush()
        keys = [event for event in events if isinstance(event, Key)]
        again = b"".join(encode_key(replace(key, raw=b""), MODES["plain"]) for key in keys)
        assert again == sent, name
        if mode == "application" and not name.rpartition("+")[2].startswith("kp_"):
            again = b"".join(encode_key(key, MODES[mode]) for key in keys)
            assert again == TABLES[mode][name], name
