"""QMP's side of a control connection: JSON values out of bytes, requests out of values.

Requests are a bare sequence of JSON values: no delimiter is needed and white
space between them means nothing (docs/interop/qmp-spec.rst). The lexer, its
recovery after nonsense and the error texts are those of QEMU's
qobject/json-lexer.c, json-streamer.c and json-parser.c, single-quoted strings
included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from muxcore.errors import CommandError, ProtocolError

MAX_VALUE = 1 << 20
"""Bytes in one JSON value at most, white space outside of strings not counted."""
MAX_DEPTH = 64
"""Nested objects and arrays at most."""
MAX_TOKENS = 1 << 16
"""Tokens in one JSON value at most: what a value costs in memory and time."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_IN_STRING = re.compile(rb"[^\"'\\\x00-\x1f\xfe\xff]*")
_IN_WORD = re.compile(rb"[A-Za-z0-9+.-]*")
_TO_RECOVER = re.compile(rb"[^\x00-\x08\x0a-\x1f\[\]{}:,\xfe\xff]*")
_KEYWORD = re.compile(rb"[a-z]+")
_INTEGER = re.compile(rb"-?(0|[1-9][0-9]{0,308})")
_FLOAT = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_KEYWORDS = {b"true": True, b"false": False, b"null": None}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})(?:\\u([dD][c-fC-F][0-9A-Fa-f]{2}))?|(.))", re.DOTALL)

Kind = Literal["mark", "string", "word"]


class Token(NamedTuple):
    """A token: a structural character, a string with its quotes, a keyword or number."""

    kind: Kind
    text: bytes


class Value(NamedTuple):
    """A complete JSON value."""

    value: Any


class Parser:
    """JSON values out of a byte stream that may be cut anywhere; never raises."""

    def __init__(self) -> None:
        self._mode: Literal["start", "string", "word", "recovery"] = "start"
        self._partial = bytearray()
        self._escaped = False
        self.over = False
        """Whether a bound was overstepped: what follows is not looked at any more."""
        self._reset()

    @property
    def pending(self) -> bool:
        """Whether a value has begun and is not complete."""
        return self._mode in ("string", "word") or bool(self._tokens)

    def feed(self, data: bytes) -> list[Value | ProtocolError]:
        """What `data` completes, in order: values, and an error for each piece of nonsense."""
        self._out: list[Value | ProtocolError] = []
        at = 0
        while at < len(data) and not self.over:
            if self._mode == "start":
                at = self._start(data, at)
            elif self._mode == "string":
                at = self._string(data, at)
            elif self._mode == "word":
                at = self._word(data, at)
            else:
                at = _end(_TO_RECOVER, data, at)
                if at < len(data):
                    self._mode = "start"
            if self._size + len(self._partial) > MAX_VALUE:
                self._give_up("JSON token size limit exceeded")
        return self._out

    def _start(self, data: bytes, at: int) -> int:
        at = _end(_SPACE, data, at)
        char = data[at : at + 1]
        if not char:
            return at
        if char in b"{}[]:,":
            self._token("mark", char)
        elif char in b"\"'":
            self._partial += char
            self._mode = "string"
        elif _IN_WORD.fullmatch(char):
            self._mode = "word"
            return at
        else:
            self._partial += char
            self._stray()
        return at + 1

    def _string(self, data: bytes, at: int) -> int:
        if not self._escaped:
            stop = _end(_IN_STRING, data, at)
            self._partial += data[at:stop]
            at = stop
        char = data[at : at + 1]
        self._partial += char
        if not char:
            return at
        if not 0x20 <= char[0] <= 0xFD:
            self._stray()
        elif self._escaped or char == b"\\":
            self._escaped = not self._escaped
        elif char[0] == self._partial[0]:
            self._token("string", self._taken())
        return at + 1

    def _word(self, data: bytes, at: int) -> int:
        stop = _end(_IN_WORD, data, at)
        self._partial += data[at:stop]
        if stop < len(data):
            if _KEYWORD.fullmatch(self._partial) or _FLOAT.fullmatch(self._partial):
                self._token("word", self._taken())
            else:
                self._stray()
        return stop

    def _taken(self) -> bytes:
        text = bytes(self._partial)
        self._partial.clear()
        return text

    def _stray(self) -> None:
        text = self._taken().rstrip(b"\0").decode("utf-8", "replace")
        self._fail(f"JSON parse error, stray '{text}'")

    def _token(self, kind: Kind, text: bytes) -> None:
        self._mode = "start"
        self._tokens.append(Token(kind, text))
        self._size += len(text)
        if kind == "mark":
            self._braces += (text == b"{") - (text == b"}")
            self._brackets += (text == b"[") - (text == b"]")
        if self._braces + self._brackets > MAX_DEPTH:
            self._give_up("JSON nesting depth limit exceeded")
        elif len(self._tokens) > MAX_TOKENS:
            self._give_up("JSON token count limit exceeded")
        elif min(self._braces, self._brackets) < 0 or self._braces == self._brackets == 0:
            tokens = self._tokens
            self._reset()
            try:
                self._out.append(Value(_Tree(tokens).parse()))
            except ProtocolError as error:
                self._out.append(error)

    def _give_up(self, message: str) -> None:
        # QEMU looks for where it might make sense again, and answers every piece of nonsense.
        self._fail(message)
        self.over = True

    def _fail(self, message: str) -> None:
        self._out.append(ProtocolError(message))
        self._reset()
        self._partial.clear()
        self._mode = "recovery"

    def _reset(self) -> None:
        self._escaped = False
        self._tokens: list[Token] = []
        self._size = 0
        self._braces = 0
        self._brackets = 0


def _end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return match.end() if match else at


class _Tree:
    """A value out of the tokens of one; recursion is bounded by MAX_DEPTH."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def parse(self) -> Any:  # noqa: ANN401 - JSON
        return self._value(self._next())

    def _next(self) -> Token:
        if self._at == len(self._tokens):
            raise _error("premature EOI")
        self._at += 1
        return self._tokens[self._at - 1]

    def _value(self, token: Token) -> Any:  # noqa: ANN401 - JSON
        if token.kind == "string":
            return _unquote(token.text)
        if token.kind == "word":
            return _scalar(token.text)
        if token.text == b"{":
            return self._object()
        if token.text == b"[":
            return self._array()
        raise _error("expecting value")

    def _object(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        token: Token | None = self._first(b"}")
        while token is not None:
            key = self._value(token)
            if not isinstance(key, str):
                raise _error("key is not a string in object")
            if self._next().text != b":":
                raise _error("missing : in object pair")
            value = self._value(self._next())
            if key in result:
                raise _error("duplicate key")
            result[key] = value
            token = self._following(b"}", "dict")
        return result

    def _array(self) -> list[Any]:
        result: list[Any] = []
        token: Token | None = self._first(b"]")
        while token is not None:
            result.append(self._value(token))
            token = self._following(b"]", "list")
        return result

    def _first(self, closing: bytes) -> Token | None:
        """The first token inside, None at the end."""
        token = self._next()
        return None if token.text == closing else token

    def _following(self, closing: bytes, what: str) -> Token | None:
        """The token behind a comma, None at the end."""
        token = self._next()
        if token.text == closing:
            return None
        if token.text != b",":
            raise _error(f"expected separator in {what}")
        return self._next()


def _error(message: str) -> ProtocolError:
    return ProtocolError(f"JSON parse error, {message}")


def _scalar(text: bytes) -> bool | int | float | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text not in _KEYWORDS:
        raise _error(f"invalid keyword '{text.decode()}'")
    return _KEYWORDS[text]


def _unquote(text: bytes) -> str:
    try:
        body = text[1:-1].decode()
    except UnicodeDecodeError:
        raise _error("invalid UTF-8 sequence in string") from None
    return _ESCAPE.sub(_unescape, body)


def _unescape(match: re.Match[str]) -> str:
    high, low, char = match.groups()
    if char is not None:
        if char in "\"'\\/":
            return str(char)
        if char in _ESCAPES:
            return _ESCAPES[char]
        raise _error("invalid escape sequence in string")
    code = int(high, 16)
    if 0xD800 <= code < 0xDC00 and low is not None:
        return chr(0x10000 + ((code - 0xD800) << 10) + (int(low, 16) - 0xDC00))
    if 0xD800 <= code < 0xE000 or low is not None:
        raise _error(f"{match[0]} is not a valid Unicode character")
    return chr(code)


@dataclass(frozen=True)
class Request:
    """A command to run."""

    command: str
    arguments: Mapping[str, Any]


def request(value: Any) -> Request:  # noqa: ANN401 - JSON
    """The request that `value` is (qapi/qmp-dispatch.c: qmp_dispatch_check_obj).

    Raises:
        CommandError: it is none; the text is QEMU's.
    """
    if not isinstance(value, dict):
        raise CommandError("QMP input must be a JSON object")
    for name, member in value.items():
        if name == "execute":
            if not isinstance(member, str):
                raise CommandError("QMP input member 'execute' must be a string")
        elif name == "arguments":
            if not isinstance(member, dict):
                raise CommandError("QMP input member 'arguments' must be an object")
        elif name != "id":
            raise CommandError(f"QMP input member '{name}' is unexpected")
    if "execute" not in value:
        raise CommandError("QMP input lacks member 'execute'")
    return Request(value["execute"], value.get("arguments", {}))


def encode(message: Mapping[str, Any]) -> bytes:
    """`message` as one line of ASCII that ends in CRLF, as QEMU sends it."""
    return json.dumps(message).encode("ascii") + b"\r\n"


def reply(value: Any, result: Any) -> bytes:  # noqa: ANN401 - JSON
    """The answer to the request `value`: `result`, with the request's id."""
    return encode({"return": result, **_id(value)})


def reply_with_list(value: Any, elements: Iterable[str]) -> bytes:  # noqa: ANN401 - JSON
    """The same where the result is a list, and its elements are JSON already."""
    members = [f'"return": [{", ".join(elements)}]']
    members += [f'"id": {json.dumps(id)}' for id in _id(value).values()]
    return f"{{{', '.join(members)}}}\r\n".encode("ascii")


def error_reply(value: Any, message: str, qmp_class: str = "GenericError") -> bytes:  # noqa: ANN401
    """The refusal of the request `value` (None: it could not even be parsed)."""
    return encode({"error": {"class": qmp_class, "desc": message}, **_id(value)})


def event(name: str, data: Mapping[str, Any], now: float) -> bytes:
    """An event; `now` is the wall clock in seconds."""
    seconds = int(now)
    stamp = {"seconds": seconds, "microseconds": int((now - seconds) * 1_000_000)}
    return encode({"event": name, "data": data, "timestamp": stamp})


def _id(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"id": value["id"]} if isinstance(value, dict) and "id" in value else {}
