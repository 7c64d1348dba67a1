"""What guests ask terminals in their output, and what terminals' answers look like. No I/O.

A query is an escape sequence that every terminal answers by typing: ECMA-48 8.3.35 (DSR), DEC's
VT520 manual (DA, DECRQM, DECRQSS, DECRQCRA), xterm's ctlseqs, kitty's protocols. A terminal may
answer any number of them with one read, or one of them with many.

Not looked for: ENQ, because the answerback it asks for is any text at all and cannot be told from
typing; and the introducers of 8 bits, because a terminal in UTF-8 takes no raw C1 byte, and a look
for each of them would cost as much as the one for ESC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LONGEST = 4096
"""Bytes of a query at most; a longer string is none."""


class Kind(NamedTuple):
    """What is asked: a family of `FAMILIES`, and what tells questions within it apart."""

    family: str
    key: int = 0


@dataclass(frozen=True)
class Family:
    """Answers of one shape.

    `whole` matches an answer, its group `key` being `Kind.key`, its group `list` naming with
    semicolons as many things as were asked. `part` matches, to the end of what there is, one that
    may still become whole.
    """

    whole: re.Pattern[bytes]
    part: re.Pattern[bytes]

    def count(self, answer: re.Match[bytes]) -> int:
        """How many questions `answer` is for."""
        named = answer.groupdict().get("list")
        return 1 if named is None else named.count(b";") + 1


def key_of(answer: re.Match[bytes]) -> int:
    """The `Kind.key` of an answer."""
    return int(answer.groupdict().get("key") or 0)


# Answers.

_BODY = rb"[^\x00-\x1f\x7f]*+"
_END = rb"(?:\x07|\x1b\\)"


def _nest(parts: list[bytes]) -> bytes:
    """Matches any beginning of `parts` in a row."""
    nested = b""
    for part in reversed(parts):
        nested = b"(?:" + part + nested + b")?"
    return nested


def _family(whole: bytes, *parts: bytes) -> Family:
    part = re.compile(rb"\x1b" + _nest(list(parts)) + rb"\Z")
    return Family(re.compile(rb"\x1b" + whole), part)


def _csi(private: bytes, params: bytes, final: bytes) -> Family:
    middle = re.escape(final[:-1])
    parts = [rb"\[", *([re.escape(private)] if private else []), rb"[0-9;-]{1,64}"]
    whole = rb"\[" + re.escape(private) + params + re.escape(final)
    return _family(whole, *parts, *([middle] if middle else []))


def _dcs(params: bytes, intro: bytes, body: bytes = _BODY) -> Family:
    letters = [re.escape(intro[at : at + 1]) for at in range(len(intro))]
    whole = b"P" + params + b"".join(letters) + body + _END
    return _family(whole, b"P", rb"[0-9]{0,9}", *letters, _BODY, rb"\x1b")


def _osc(intro: bytes, body: bytes = _BODY) -> Family:
    letters = [re.escape(intro[at : at + 1]) for at in range(len(intro))]
    whole = rb"\]" + b"".join(letters) + body + _END
    return _family(whole, rb"\]", *letters, _BODY, rb"\x1b")


_KEYED = rb"(?P<key>[0-9]{1,9}+)"

COLOURS = (*range(10, 20), 21, 22, 50, 52)
"""The numbers of OSC that are asked about without an index (21 and 22 are kitty's)."""

_REPORTS = {
    15: rb"1[0-9]",  # printer
    25: rb"2[01]",  # user-defined keys
    26: rb"27(?:;[0-9]*)*",  # keyboard
    53: rb"5[0-8]",  # locator, as xterm asks
    55: rb"5[0-8]",  # locator
    56: rb"57;[0-9]+",  # kind of locator
    75: rb"7[0-9]",  # data integrity
    85: rb"8[0-9](?:;[0-9]*)*",  # sessions
    996: rb"997;[0-9]+",  # dark or light (contour, kitty, ghostty)
}
"""By the number of a private DSR, the parameters of its answer (VT520, DSR; xterm)."""

_WINDOW = {
    11: rb"[12]",
    13: rb"3;-?[0-9]+;-?[0-9]+",
    14: rb"4;[0-9]+;[0-9]+",
    15: rb"5;[0-9]+;[0-9]+",
    16: rb"6;[0-9]+;[0-9]+",
    18: rb"8;[0-9]+;[0-9]+",
    19: rb"9;[0-9]+;[0-9]+",
}
"""By the number of an XTWINOPS report, the parameters of its answer."""

FAMILIES: dict[str, Family] = {
    "cpr": _csi(b"", rb"[0-9]+;[0-9]+", b"R"),
    "decxcpr": _csi(b"?", rb"[0-9]+;[0-9]+(?:;[0-9]+)?", b"R"),
    "status": _csi(b"", rb"[03]", b"n"),
    "da1": _csi(b"?", rb"[0-9]+(?:;[0-9]*)*", b"c"),
    "da2": _csi(b">", rb"[0-9]+(?:;[0-9]*)*", b"c"),
    "da3": _dcs(b"", b"!|"),
    "decrqm": _csi(b"", _KEYED + rb";[0-9]+", b"$y"),
    "decrqm?": _csi(b"?", _KEYED + rb";[0-9]+", b"$y"),
    "decrqss": _dcs(rb"[01]", b"$r"),
    "decrqpsr": _dcs(rb"(?P<key>[12])", b"$u"),
    "checksum": _dcs(_KEYED, b"!~", rb"[0-9A-Fa-f]*+"),
    "decreqtparm": _csi(b"", rb"[23](?:;[0-9]+)+", b"x"),
    "xtversion": _dcs(b"", b">|"),
    "xtgettcap": _dcs(rb"[01]", b"+r", rb"(?P<list>[^\x00-\x1f\x7f]*+)"),
    "xtqmodkeys": _csi(b">", _KEYED + rb"(?:;[0-9]+)?", b"m"),
    "xtsmgraphics": _csi(b"?", _KEYED + rb"(?:;[0-9]+)+", b"S"),
    "keyboard": _csi(b"?", rb"[0-9]+", b"u"),
    "graphics": _family(rb"_G" + _BODY + rb"\x1b\\", b"_", b"G", _BODY, rb"\x1b"),
    "icon": _osc(b"L"),
    "title": _osc(b"l"),
    "osc4": _osc(b"4;", _KEYED + b";" + _BODY),
    "osc5": _osc(b"5;", _KEYED + b";" + _BODY),
    **{f"osc{number}": _osc(b"%d;" % number) for number in COLOURS},
    **{f"report{number}": _csi(b"?", answer, b"n") for number, answer in _REPORTS.items()},
    **{f"window{number}": _csi(b"", answer, b"t") for number, answer in _WINDOW.items()},
}
"""What is asked, by name."""


# Queries. Parameters as programs write them: terminals would take more (leading zeros, C0
# controls between them), but whoever prints those has but himself to answer to.

_PARAMS = rb"[0-9;]{0,64}+"
_TEXT = rb"[^\x00-\x1f\x7f]{0,%d}+" % (LONGEST - 64)
_CSI = (
    rb"(?:[56]n|0?[cx]|1x|(?:1[1345689]|2[01])(?:;[0-9]{0,9})?t|[0-9]{1,9}\$p|[12]\$w|"
    + _PARAMS
    + rb"\*y|\?(?:"
    + _PARAMS
    + rb"(?:[nmS]|\$p)|u)|>0?[cq]|=0?c)"
)

QUERY = re.compile(
    # What nearly every sequence is, is passed over first: a flood of colours costs a quarter.
    rb"\x1b(?!\[[0-9;]*+[A-Zdhlm])(?:"
    rb"\[(?P<csi>" + _CSI + rb")|"
    rb"\](?P<osc>(?:4|5|1[0-9]|2[12]|50|52);" + _TEXT + rb")(?:\x07|\x1b\\)|"
    rb"P(?P<dcs>[$+]q" + _TEXT + rb")\x1b\\|"
    rb"_G(?P<apc>" + _TEXT + rb")\x1b\\|"
    rb"Z)"
)
"""A sequence that asks for something, or for nothing after all: see `questions`."""

_STRINGS = (
    rb"\](?:[0-9]{1,2}+(?:;" + _TEXT + rb")?)?|"
    rb"P(?:[$+](?:q" + _TEXT + rb")?)?|_(?:G" + _TEXT + rb")?"
)
BEGUN = re.compile(rb"\x1b(?:\[[?>=]?" + _PARAMS + rb"[$*]?|" + _STRINGS + rb")?\Z")
"""An ESC from which on output may still become a query."""

BEGUN_STRING = re.compile(rb"\x1b(?:" + _STRINGS + rb")\x1b\Z")
"""The same where the ESC of the string's end has come."""


def questions(query: re.Match[bytes]) -> Iterator[Kind]:
    """What a match of `QUERY` asks; one sequence may ask for several answers, or for none."""
    if (csi := query["csi"]) is not None:
        yield from _asked_by_csi(csi)
    elif (osc := query["osc"]) is not None:
        yield from _asked_by_osc(osc)
    elif (dcs := query["dcs"]) is not None:
        if dcs.startswith(b"$"):
            yield Kind("decrqss")
        else:
            yield from [Kind("xtgettcap")] * (dcs.count(b";") + 1)
    elif (apc := query["apc"]) is not None:
        if b"a=q" in apc.split(b";", 1)[0].split(b","):
            yield Kind("graphics")
    else:
        # DECID, the VT100's own way to ask it.
        yield Kind("da1")


_PARTS = re.compile(rb"([?>=]?)([0-9;]*)(.+)")


def _asked_by_csi(csi: bytes) -> Iterator[Kind]:
    parts = _PARTS.fullmatch(csi)
    assert parts is not None
    private, params, final = parts.groups()
    first, second = (int(text or 0) for text in (*params.split(b";"), b"")[:2])
    what = private + final
    if kind := _SIMPLE.get((what, first)):
        yield Kind(kind)
    elif what == b"?n" and first in _REPORTS:
        yield Kind(f"report{first}")
    elif what == b"?n" and first == 63:
        yield Kind("checksum", second)
    elif what == b"?S" and not 1 <= second <= 4:
        # Its answer, echoed: a query tells what is to be done with the item.
        return
    elif family := _KEYED_BY_FIRST.get(what):
        yield Kind(family, first)


_KEYED_BY_FIRST = {
    b"$p": "decrqm",
    b"?$p": "decrqm?",
    b"$w": "decrqpsr",
    b"*y": "checksum",
    b"?m": "xtqmodkeys",
    b"?S": "xtsmgraphics",
}
"""By what stands around the parameters, where the first of them is the key."""

_SIMPLE = {
    (b"n", 5): "status",
    (b"n", 6): "cpr",
    (b"?n", 6): "decxcpr",
    (b"?u", 0): "keyboard",
    (b"c", 0): "da1",
    (b">c", 0): "da2",
    (b"=c", 0): "da3",
    (b">q", 0): "xtversion",
    (b"x", 0): "decreqtparm",
    (b"x", 1): "decreqtparm",
    (b"t", 20): "icon",
    (b"t", 21): "title",
    **{(b"t", number): f"window{number}" for number in _WINDOW},
}
"""By what stands around the parameters, and the first of them."""


def _asked_by_osc(osc: bytes) -> Iterator[Kind]:
    number, *params = osc.split(b";")
    what = int(number)
    if what in (4, 5):
        for index, value in zip(params[::2], params[1::2], strict=False):
            if value == b"?" and index.isdigit():
                yield Kind(f"osc{what}", int(index))
    elif 10 <= what <= 19:
        # Each further parameter is for the next number (xterm).
        for step, value in enumerate(params):
            if value == b"?" and what + step <= 19:
                yield Kind(f"osc{what + step}")
    elif any(value.endswith(b"?") or value.startswith(b"?") for value in params):
        yield Kind(f"osc{what}")
