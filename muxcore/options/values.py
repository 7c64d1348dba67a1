"""Single values as QEMU reads them: booleans, numbers, sizes (util/qemu-option.c, cutils.c)."""

from __future__ import annotations

import re
from fractions import Fraction
from urllib.parse import urlsplit

from muxcore.errors import OptionError, printable

_BOOLEANS = {"on": True, "yes": True, "true": True, "y": True} | {
    "off": False,
    "no": False,
    "false": False,
    "n": False,
}
# Longer than any number below 2^64, and short enough for int() whatever it holds.
_LONGEST = 200
_NUMBER = re.compile(r"[ \t\n\v\f\r]*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_SIZE = re.compile(
    r"[ \t\n\v\f\r]*\+?(?:(0[xX][0-9a-fA-F]+)|([0-9]+(?:\.[0-9]*)?)([bkmgtpe]?))", re.IGNORECASE
)
_SUFFIXES = "bkmgtpe"
_LIMIT = 1 << 64

SIZE_HINT = (
    "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
    "and exabytes, respectively."
)
IDENTIFIER_HINT = "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter."
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def is_identifier(text: str) -> bool:
    """Whether `text` can be an id (util/id.c, `id_wellformed`)."""
    return _IDENTIFIER.fullmatch(text) is not None


def check_identifier(name: str, text: str) -> str:
    """Return `text` if it can be an id.

    Raises:
        OptionError: it cannot; `name` is the parameter that is told.
    """
    if not is_identifier(text):
        raise _expects(name, "an identifier", IDENTIFIER_HINT)
    return text


def parse_bool(name: str, text: str) -> bool:
    """`on`, `off` and QEMU's other words for them (qapi/qapi-util.c, `qapi_bool_parse`).

    Raises:
        OptionError: `text` is none of them.
    """
    if text not in _BOOLEANS:
        raise _expects(name, "'on' or 'off'")
    return _BOOLEANS[text]


def parse_number(name: str, text: str) -> int:
    """A number below 2^64, decimal, `0x` hexadecimal or `0` octal (strtoull(3) with base 0).

    A negative number is refused, where QEMU takes its two's complement.

    Raises:
        OptionError: `text` is no such number.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise _expects(name, "a number")
    digits = match[1]
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    value = int(digits, base)
    if value >= _LIMIT:
        message = f"Value '{printable(text)}' is too large for parameter '{name}'"
        raise OptionError(message, option=name)
    return value


def parse_size(name: str, text: str) -> int:
    """A number of bytes below 2^64, with QEMU's suffixes (util/cutils.c, `do_strtosz`).

    A decimal number may have a fraction when its suffix makes whole bytes of it
    (rounded down); a hexadecimal one has neither; a leading 0 is not octal.

    Raises:
        OptionError: `text` is no such size.
    """
    match = _SIZE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise _expects(name, "a non-negative number below 2^64", SIZE_HINT)
    if match[1]:
        size = Fraction(int(match[1], 16))
    else:
        power = _SUFFIXES.index(match[3].lower() or "b")
        size = Fraction(match[2]) * 1024**power
        if not power and size.denominator != 1:
            raise _expects(name, "a non-negative number below 2^64", SIZE_HINT)
    if size >= _LIMIT:
        message = f"Value '{printable(text)}' is out of range for parameter '{name}'"
        raise OptionError(message, option=name)
    return int(size)


def format_size(size: int) -> str:
    """`size` bytes with the largest suffix that keeps it whole; `parse_size` reads it back."""
    for power, suffix in ((3, "G"), (2, "M"), (1, "K")):
        if size and not size % 1024**power:
            return f"{size // 1024**power}{suffix}"
    return str(size)


def _expects(name: str, what: str, hint: str = "") -> OptionError:
    return OptionError(f"Parameter '{name}' expects {what}", hint=hint, option=name)


def rfc2217_address(path: str) -> tuple[str, str] | None:
    """Host and port of `rfc2217://HOST:PORT`, as pyserial has it; None if `path` is a device's.

    Raises:
        OptionError: it is a URL, and no such one.
    """
    if "://" not in path or path.startswith(("/", ".")):
        return None
    try:
        parts = urlsplit(path)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or "@" in path or path != f"rfc2217://{parts.netloc}":
        raise OptionError(
            f"Parameter 'path' expects a device or rfc2217://HOST:PORT, not '{printable(path)}'",
            option="path",
        )
    return host, str(port)
