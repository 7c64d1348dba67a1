"""What is chosen for a console's keys and screen: viewers go by it, the data path does not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from muxcore.errors import OptionError, printable
from muxcore.options.nearest import nearest
from muxcore.options.values import format_size, parse_size
from muxcore.palettes import NAMES as PALETTE_NAMES
from muxcore.palettes import THEME

MAX_SCROLLBACK = 1_000_000
MIN_SCROLLBACK_BYTES, MAX_SCROLLBACK_BYTES = 1 << 20, 512 << 20

ALLOWABLE = ("title", "clipboard", "links", "notifications")
"""What a guest may be allowed to pass on to the user's own terminal."""

CHOICES = {
    "newline": ("cr", "crlf", "lf"),
    "backspace": ("del", "bs"),
    "delete": ("vt", "del"),
    "palette": PALETTE_NAMES,
}
"""What the settings that are a choice may be."""


@dataclass(frozen=True)
class Settings:
    """The settings of one console.

    `scrollback` is in lines, 0 to `MAX_SCROLLBACK`, and `scrollback_bytes` about what they may
    take, `MIN_SCROLLBACK_BYTES` to `MAX_SCROLLBACK_BYTES`: of wide lines fewer are kept. `newline`
    is what Enter sends: CR, CR LF or LF. `backspace` is what Backspace sends: DEL (0x7f) or BS
    (0x08). `delete` is what Delete sends: the VT220's CSI 3 ~, or DEL. `palette` is one of
    `muxcore.palettes.NAMES`. `allow` holds what of `ALLOWABLE` the guest may pass to the user's own
    terminal.
    """

    scrollback: int = 10_000
    scrollback_bytes: int = 64 << 20
    newline: str = "cr"
    backspace: str = "del"
    delete: str = "vt"
    palette: str = THEME
    allow: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The settings as mux-query-consoles tells them."""
        told = {name: getattr(self, attribute(name)) for name in SETTINGS}
        return {**told, "allow": list(self.allow)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave, maybe in another version: what is unknown is the default."""
        known: dict[str, Any] = {}
        for name in SETTINGS:
            with contextlib.suppress(OptionError):
                known |= {attribute(name): parse(name, data[name])} if name in data else {}
        return cls(**known)


DEFAULTS = Settings()

SETTINGS = tuple(field.name.replace("_", "-") for field in fields(Settings))
"""The names of the settings."""


def attribute(name: str) -> str:
    """The attribute of `Settings` that holds the setting of that name."""
    return name.replace("-", "_")


def parse(name: str, value: object) -> Any:  # noqa: ANN401 - of the setting's type
    """The value of the setting `name` from TOML, JSON or the text of `--set NAME=VALUE`.

    Raises:
        OptionError: it is none, with the words for it and what would be one as the hint.
    """
    if name == "scrollback":
        return _scrollback(value)
    if name == "scrollback-bytes":
        return _scrollback_bytes(value)
    if name == "allow":
        return _allow(value)
    return _choice(name, value, CHOICES[name])


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if isinstance(value, str) and value in choices:
        return value
    one_of = f"one of {', '.join(choices)}"
    if not isinstance(value, str):
        raise OptionError(f"Parameter '{name}' expects {one_of}", hint="in quotation marks")
    guess = nearest(value, choices)
    text = f"Parameter '{name}' does not accept value '{printable(value)}'"
    raise OptionError(text, hint=f"{guess} {one_of}".strip())


def _scrollback(value: object) -> int:
    # isdecimal() alone takes digits of every script.
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SCROLLBACK:
        return value
    raise OptionError(
        f"Parameter 'scrollback' expects a number of lines from 0 to {MAX_SCROLLBACK}"
    )


def _scrollback_bytes(value: object) -> int:
    size = value
    if isinstance(value, str):
        # What else it says of a text that is no size is QEMU's, and several lines.
        with contextlib.suppress(OptionError):
            size = parse_size("scrollback-bytes", value)
    if (
        isinstance(size, int)
        and not isinstance(size, bool)
        and MIN_SCROLLBACK_BYTES <= size <= MAX_SCROLLBACK_BYTES
    ):
        return size
    bounds = f"from {format_size(MIN_SCROLLBACK_BYTES)} to {format_size(MAX_SCROLLBACK_BYTES)}"
    raise OptionError(f"Parameter 'scrollback-bytes' expects a size {bounds}")


def _allow(value: object) -> tuple[str, ...]:
    """A list, or text with commas; the order and repetitions mean nothing."""
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        raise OptionError("Parameter 'allow' expects a list", hint=f"of {', '.join(ALLOWABLE)}")
    if words == [""]:
        return ()
    for word in words:
        _choice("allow", word, ALLOWABLE)
    return tuple(word for word in ALLOWABLE if word in words)
