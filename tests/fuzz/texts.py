"""The parsers of what is configured: text in, a value or one clear complaint out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muxcore import config
from muxcore.errors import ConfigError, OptionError
from muxcore.options.grammar import format_chardev, help_wanted, parse_chardev
from muxcore.options.objects import format_object, parse_object
from tests.fuzz.target import Target

LONGEST = 400
"""Characters of a complaint at most, beside four times the text that it is about."""


def _text(stream: Sequence[bytes]) -> str:
    return b"".join(stream).decode("utf-8", "replace")


def _told(text: str, complaint: str) -> str:
    """The complaint about `text`: one that can be shown, and that is not out of proportion."""
    assert all(line.isprintable() for line in complaint.split("\n"))
    # An escape such as \\U0001f600 has ten characters.
    assert len(complaint) <= LONGEST * (1 + complaint.count("\n")) + 10 * len(text)
    return complaint


def _option_text(
    text: str, parse: Callable[[str], object], written: Callable[[object], str]
) -> object:
    """Parse `text`; what parses is written so that it parses to the same."""
    try:
        value = parse(text)
    except OptionError as error:
        return _told(text, f"{error} {error.hint}".replace("\n", " "))
    assert parse(written(value)) == value
    return value


def _chardev(stream: Sequence[bytes]) -> object:
    text = _text(stream)
    help_wanted(text)
    return _option_text(text, parse_chardev, format_chardev)  # type: ignore[arg-type]


def _object(stream: Sequence[bytes]) -> object:
    return _option_text(_text(stream), parse_object, format_object)  # type: ignore[arg-type]


def _config(stream: Sequence[bytes]) -> object:
    text = _text(stream)
    try:
        return repr(config.load(text, "c.toml"))
    except ConfigError as error:
        return _told(text, str(error))


_MARKS = (b",", b",,", b"=", b"{", b"}", b'"', b":", b".", b"\0", b"\n", b" ", b"@")

_OPTIONS = (
    *_MARKS,
    *(b"socket", b"hub", b"mux", b"udp", b"pty", b"vc", b"serial", b"process", b"ringbuf", b"file"),
    *(b"id=a", b"path=/p", b"host=h", b"port=1", b"server=on", b"wait=off", b"telnet=on", b"fd=3"),
    *(b"chardevs.0=a", b"chardevs.99999999=b", b"size=1M", b"size=0x", b"help", b"mux-be-id=m"),
    *(b"server", b"nowait", b"on", b"no", b"1", b"9" * 30, b"-1", b"reconnect-ms=1", b"policy="),
    *(b"replay=1G", b"command=sh", b"env='", b"tls-creds=t", b"cid=2", b"logfile=/l", b"cols=80"),
)

_URIS = (
    *(b"unix:", b"tcp:", b"telnet:", b"websocket:", b"udp:", b"file:", b"pipe:", b"pty:", b"vc:"),
    *(b"mon:", b"/dev/tty", b"stdio", b"null", b"msmouse", b"chardev:", b"rfc2217:", b"rfc2217://"),
    *(b"localhost", b"[::1]", b"127.0.0.1", b"4555", b"80x24", b"80Cx24C", b"99999", b"server=on"),
    *(
        b",wait=off",
        b",server",
        b",",
        b"@",
        b":",
        b"[",
        b"]",
        b"=",
        b"x",
        b"C",
        b"\0",
        b"\n",
        b"/p",
    ),
)

_JSON = (
    *(b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\", b" ", b"null", b"true", b"1", b"1e999"),
    *(b'"id":"a"', b'"backend":{', b'"type":"socket"', b'"data":{', b'"addr":{', b'"type":"unix"'),
    *(
        b'{"id":"a","backend":{"type":"pty","data":{',
        b'"path":"/p"',
        b'"server":true',
        b"}}}",
        b"}}",
    ),
    *(b'{"backend":{"type":"socket","data":{"addr":{"type":"inet","data":{"host":"h","port":"1"',),
    *(b'"mux-be-id":"m"', b'"chardevs":["a"]', b"[" * 50, b"9" * 400, b"NaN", b'"\\ud800"', b"-"),
)

_OBJECTS = (
    *_MARKS,
    *(b"tls-creds-x509", b"tls-creds-psk", b"authz-simple", b"authz-list", b"authz-list-file"),
    *(b",id=a", b",dir=/d", b",endpoint=server", b",verify-peer=off", b",identity=CN=a,,O=b"),
    *(b",username=u", b",policy=allow", b",rules.0.match=a", b",rules.0.policy=allow"),
    *(b",rules.1.match=*", b",rules.1.format=glob", b",rules.0", b",filename=/f", b",refresh=no"),
    *(
        b'{"qom-type":"authz-list","id":"a","rules":[',
        b'{"match":"a","policy":"deny"}',
        b"]}",
        b"[",
    ),
    *(b',"policy":"allow"', b'"match":', b"rules.", b"0", b"99999999999", b"1", b"null", b"true"),
)

_CONFIG = (
    *(
        b"[",
        b"]",
        b"[[",
        b"]]",
        b"\n",
        b"=",
        b'"',
        b"'",
        b"'''",
        b",",
        b"{",
        b"}",
        b".",
        b"#",
        b" ",
    ),
    *(b"[console.vm]\n", b"[console.", b"[object.t]\n", b"[settings]\n", b"console", b"object"),
    *(b'guest = "pty"\n', b"backends = [", b'"socket,path=/p,server=on"', b'"hub,chardevs.0=vm"'),
    *(
        b'history = "1M"\n',
        b'size = "80x24"\n',
        b'answer = "first"\n',
        b'qom-type = "authz-list"\n',
    ),
    *(b'dir = "/d"\n', b"rules = [", b'{ match = "a", policy = "allow" }', b"1979-05-27", b"0x"),
    *(b"inf", b"true", b"\\u0000", b"\x1b", b"\x7f", b"\r", b"a" * 40, b"[" * 40, b"a=" * 3),
)

TEXTS = (
    Target("options", _OPTIONS, _chardev, 3000),
    Target("uris", _URIS, _chardev, 2500),
    Target("json", _JSON, _chardev, 2500),
    Target("objects", _OBJECTS, _object, 2000),
    Target("config", _CONFIG, _config),
)
