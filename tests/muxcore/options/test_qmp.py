"""The JSON form: QEMU's shapes and its visitor's words for what is wrong with one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from muxcore.errors import OptionError
from muxcore.options.qmp import from_json, from_object, from_qmp, to_qmp
from muxcore.options.sets import (
    ChardevSpec,
    FileOptions,
    HubOptions,
    NullOptions,
    PipeOptions,
    ProcessOptions,
    PtyOptions,
    RingbufOptions,
    SerialOptions,
    SocketOptions,
    StdioOptions,
    UdpOptions,
    VcOptions,
)
from tests.muxcore.options.strategies import specs

UNIX = {"type": "unix", "data": {"path": "/x"}}
INET = {"type": "inet", "data": {"host": "127.0.0.1", "port": "5561"}}


def socket(**data: object) -> dict[str, Any]:
    return {"type": "socket", "data": data}


def backend(type: str, **data: object) -> dict[str, Any]:
    return {"type": type, "data": data}


MEANINGS = [
    (socket(addr=UNIX, server=True, wait=False), SocketOptions(path="/x", server=True, wait=False)),
    (socket(addr=UNIX), SocketOptions(path="/x", server=True, wait=False)),
    (socket(addr=UNIX, wait=True), SocketOptions(path="/x", server=True, wait=True)),
    (socket(addr=UNIX, server=False), SocketOptions(path="/x")),
    (
        socket(addr=UNIX, server=False, **{"reconnect-ms": 1000}),
        SocketOptions(path="/x", reconnect_ms=1000),
    ),
    (
        socket(addr=INET, nodelay=True),
        SocketOptions(host="127.0.0.1", port="5561", server=True, wait=False, nodelay=True),
    ),
    (
        socket(addr={"type": "unix", "path": "/x"}, server=False),
        SocketOptions(path="/x"),
    ),
    (
        socket(addr={"type": "inet", "host": "h", "port": "1"}, server=False),
        SocketOptions(host="h", port="1"),
    ),
    (
        socket(addr={"type": "vsock", "data": {"cid": "2", "port": "5"}}, server=False),
        SocketOptions(cid="2", port="5"),
    ),
    (socket(addr={"type": "fd", "str": "5"}, server=False), SocketOptions(fd="5")),
    (
        socket(addr={"type": "unix", "path": "n", "abstract": True, "tight": False}, server=False),
        SocketOptions(path="n", abstract=True, tight=False),
    ),
    (
        socket(
            addr={"type": "inet", "data": {"host": "", "port": "1", "to": 9, "ipv4": True}},
            telnet=True,
        ),
        SocketOptions(port="1", to=9, ipv4=True, server=True, wait=False, telnet=True),
    ),
    (backend("pty"), PtyOptions()),
    (
        backend("pty", path="/l", policy="block", replay=0),
        PtyOptions(path="/l", policy="block", replay=0),
    ),
    (backend("ringbuf", size=1024), RingbufOptions(size=1024)),
    (backend("memory"), RingbufOptions()),
    (backend("null", **{"gap-marker": False}), NullOptions(gap_marker=False)),
    (backend("file", out="/f", append=True), FileOptions(path="/f", append=True)),
    (backend("file", out="/f", **{"in": "/i"}), FileOptions(path="/f", input_path="/i")),
    (
        backend("null", logfile="/l", logappend=True, logtimestamp=True),
        NullOptions(logfile="/l", logappend=True, logtimestamp=True),
    ),
    (backend("serial", device="/d", speed=9600), SerialOptions(path="/d", speed=9600)),
    (backend("process", command="ls", rows=50), ProcessOptions(command="ls", rows=50)),
    (backend("pipe", device="/p"), PipeOptions(path="/p")),
    (backend("vc", cols=100, rows=30), VcOptions(cols=100, rows=30)),
    (backend("stdio", signal=False), StdioOptions(signal=False)),
    (backend("udp", remote=INET), UdpOptions(host="127.0.0.1", port="5561")),
    (
        backend("udp", remote=INET, local={"type": "inet", "host": "", "port": "7"}),
        UdpOptions(host="127.0.0.1", port="5561", localport="7"),
    ),
    (
        backend("udp", remote={"type": "inet", "host": "h", "port": "1", "ipv6": True}),
        UdpOptions(host="h", port="1", ipv6=True),
    ),
    (backend("hub", chardevs=["n1", "p1"]), HubOptions(chardevs=("n1", "p1"))),
    (backend("mux-be", chardevs=["n1"]), HubOptions(chardevs=("n1",))),
]


@pytest.mark.parametrize(("value", "options"), MEANINGS)
def test_a_backend_means_what_it_means_to_qemu(value: object, options: object) -> None:
    assert from_qmp("a", value) == ChardevSpec("a", options)  # type: ignore[arg-type]
    assert from_qmp(None, value).id is None


SHAPES = [
    ({"data": {}}, "Parameter 'backend.type' is missing"),
    ("null", "Invalid parameter type for 'backend', expected: object"),
    (None, "Invalid parameter type for 'backend', expected: object"),
    ({"type": 5}, "Invalid parameter type for 'backend.type', expected: string"),
    ({"type": "pty"}, "Parameter 'backend.data' is missing"),
    ({"type": "pty", "data": []}, "Invalid parameter type for 'backend.data', expected: object"),
    (backend("nosuch"), "Parameter 'type' does not accept value 'nosuch'"),
    (backend("inmemory"), "Parameter 'type' does not accept value 'inmemory'"),
    (backend("\x1b[m"), "Parameter 'type' does not accept value '\\x1b[m'"),
    (backend("null") | {"foo": 1}, "Parameter 'backend.foo' is unexpected"),
    (backend("null", foo=1), "Parameter 'backend.data.foo' is unexpected"),
    (backend("null", **{"\x1b": 1}), "Parameter 'backend.data.\\x1b' is unexpected"),
    (
        backend("ringbuf", size="1K"),
        "Invalid parameter type for 'backend.data.size', expected: integer",
    ),
    (
        backend("ringbuf", size=True),
        "Invalid parameter type for 'backend.data.size', expected: integer",
    ),
    (
        backend("pty", readonly=1),
        "Invalid parameter type for 'backend.data.readonly', expected: boolean",
    ),
    (backend("pty", path=1), "Invalid parameter type for 'backend.data.path', expected: string"),
    (backend("hub"), "Parameter 'backend.data.chardevs' is missing"),
    (
        backend("hub", chardevs="a"),
        "Invalid parameter type for 'backend.data.chardevs', expected: array",
    ),
    (
        backend("hub", chardevs=["a", 1]),
        "Invalid parameter type for 'backend.data.chardevs[1]', expected: string",
    ),
    (backend("file"), "Parameter 'backend.data.out' is missing"),
    (backend("serial"), "Parameter 'backend.data.device' is missing"),
    (backend("process"), "Parameter 'backend.data.command' is missing"),
    (backend("pipe"), "Parameter 'backend.data.device' is missing"),
    (backend("udp"), "Parameter 'backend.data.remote' is missing"),
    (
        backend("udp", remote=INET, local={"type": "inet", "data": {"host": ""}}),
        "Parameter 'backend.data.local.data.port' is missing",
    ),
    (backend("udp", remote=UNIX), "Parameter 'type' does not accept value 'unix'"),
    (backend("udp", remote=INET, port="1"), "Parameter 'backend.data.port' is unexpected"),
    (socket(), "Parameter 'backend.data.addr' is missing"),
    (socket(addr=3), "Invalid parameter type for 'backend.data.addr', expected: object"),
    (socket(addr={}), "Parameter 'backend.data.addr.type' is missing"),
    (socket(addr={"type": "unix"}), "Parameter 'backend.data.addr.data' is missing"),
    (
        socket(addr={"type": "unix", "data": {}}),
        "Parameter 'backend.data.addr.data.path' is missing",
    ),
    (
        socket(addr={"type": "inet", "data": {"host": "h"}}),
        "Parameter 'backend.data.addr.data.port' is missing",
    ),
    (
        socket(addr={"type": "inet", "data": {"host": "h", "port": 5564}}),
        "Invalid parameter type for 'backend.data.addr.data.port', expected: string",
    ),
    (
        socket(addr={"type": "inet", "data": {"host": "h", "port": "1", "mptcp": True}}),
        "Parameter 'backend.data.addr.data.mptcp' is unexpected",
    ),
    (socket(addr=UNIX | {"path": "/x"}), "Parameter 'backend.data.addr.data' is unexpected"),
    (socket(addr={"type": "vsock"}), "Parameter 'backend.data.addr.data' is missing"),
    (socket(addr={"type": "local"}), "Parameter 'type' does not accept value 'local'"),
    (
        socket(addr={"type": "fd", "data": {"str": 5}}),
        "Invalid parameter type for 'backend.data.addr.data.str', expected: string",
    ),
    (socket(addr=UNIX, path="/x"), "Parameter 'backend.data.path' is unexpected"),
]


@pytest.mark.parametrize("adding", [False, True])
@pytest.mark.parametrize(("value", "message"), SHAPES)
def test_a_wrong_shape_is_told_as_qemus_visitor_does(
    value: object, message: str, adding: bool
) -> None:
    with pytest.raises(OptionError) as caught:
        from_qmp("a", value, adding=adding)
    assert str(caught.value) == message


RULES = [
    (backend("msmouse"), "'msmouse' is not a valid char driver name"),
    (backend("ringbuf", size=1000), "size of ringbuf chardev must be power of two"),
    (backend("ringbuf", size=-1), "Parameter 'size' expects a size from 1 to 1G"),
    (backend("hub", chardevs=[]), "hub: 'chardevs' list is not defined"),
    (backend("hub", chardevs=["s1", "s1"]), "chardev 's1' is already in use"),
    (backend("pty", policy="x"), "Parameter 'policy' does not accept value 'x'"),
    (
        socket(addr=UNIX, server=False, wait=True),
        "'wait' option is incompatible with socket in client connect mode",
    ),
    (
        socket(addr=UNIX, **{"reconnect-ms": 1}),
        "'reconnect-ms' option is incompatible with socket in server listen mode",
    ),
]


@pytest.mark.parametrize(("value", "message"), RULES)
def test_a_broken_rule_is_told_as_the_command_does(value: object, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        from_qmp("a", value)
    assert str(caught.value) == message
    with pytest.raises(OptionError) as caught:
        from_qmp("a", value, adding=True)
    assert str(caught.value) == f"Failed to add chardev 'a': {message}"


def test_the_hint_survives_the_commands_words() -> None:
    with pytest.raises(OptionError) as caught:
        from_qmp("a", backend("pty", policy="blok"), adding=True)
    assert caught.value.hint == "did you mean 'block'?"
    assert caught.value.option == "policy"


def test_an_unexpected_option_shows_the_way_out() -> None:
    with pytest.raises(OptionError) as caught:
        from_qmp("a", backend("null", mouse=True))
    assert caught.value.hint == "QEMU has it, muxtui does not"


@pytest.mark.parametrize("id", ["1bad", "bad id", ""])
def test_an_id_is_an_identifier_in_json_too(id: str) -> None:
    with pytest.raises(OptionError, match="Parameter 'id' expects an identifier"):
        from_qmp(id, backend("null"))


OBJECTS = [
    ([], "Invalid parameter type for 'chardev', expected: object"),
    ({}, "Parameter 'backend' is missing"),
    ({"id": 1}, "Invalid parameter type for 'id', expected: string"),
    ({"backend": 1}, "Invalid parameter type for 'backend', expected: object"),
    ({"backend": backend("null"), "bogus": 1}, "Parameter 'bogus' is unexpected"),
]


@pytest.mark.parametrize(("value", "message"), OBJECTS)
def test_a_whole_chardev_is_checked_from_the_outside_in(value: object, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        from_object(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('{"id": }', "JSON parse error, expecting value", "line 1, column 8"),
        ('{"id": "a", "id": "b"}', "JSON parse error, duplicate key", ""),
        ('{"id": NaN}', "JSON parse error, invalid keyword 'NaN'", ""),
        ("[" * 200_000, "JSON parse error, nested too deeply", ""),
    ],
)
def test_text_that_is_no_json_is_told_as_qemu_does(text: str, message: str, hint: str) -> None:
    with pytest.raises(OptionError) as caught:
        from_json(text)
    assert str(caught.value) == message
    assert caught.value.hint == hint


def test_what_is_written_is_qemus_shape() -> None:
    spec = ChardevSpec("s", SocketOptions(path="/x", server=True, replay=1024))
    assert to_qmp(spec) == {
        "id": "s",
        "backend": {
            "type": "socket",
            "data": {
                "addr": {"type": "unix", "data": {"path": "/x"}},
                "replay": 1024,
                "server": True,
                "wait": True,
            },
        },
    }
    assert to_qmp(ChardevSpec(None, FileOptions(path="/l"))) == {
        "backend": {"type": "file", "data": {"out": "/l"}}
    }


@settings(max_examples=300)
@given(specs())
def test_what_is_written_reads_back(spec: ChardevSpec) -> None:
    options = spec.options
    if isinstance(options, SocketOptions) and options.server and options.wait is None:
        spec = replace(spec, options=replace(options, wait=True))
    assert from_json(json.dumps(to_qmp(spec))) == spec
