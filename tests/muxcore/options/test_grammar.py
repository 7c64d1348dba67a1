"""QEMU's option syntax: what it means, what it refuses and in which words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.grammar import format_chardev, help_wanted, parse_chardev
from muxcore.options.schema import options_help, types_help
from muxcore.options.sets import (
    CONFIGURABLE,
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
from muxcore.options.values import IDENTIFIER_HINT, SIZE_HINT
from tests.muxcore.options.strategies import complaint, specs

ADDRESS = "None or one of 'path', 'fd' or 'host' option required."

MEANINGS = [
    ("null,id=n0", "n0", NullOptions()),
    ("backend=null,id=n0", "n0", NullOptions()),
    ("id=n0,backend=null", "n0", NullOptions()),
    ("null", None, NullOptions()),
    ("null,", None, NullOptions()),
    ("null,id=a,id=b", "a", NullOptions()),
    ("null,backend=pty", None, PtyOptions()),
    ("socket,path=/tmp/a,,b.sock", None, SocketOptions(path="/tmp/a,b.sock")),
    ("socket,path=/a,path=/b", None, SocketOptions(path="/b")),
    ("socket,path=/a=b", None, SocketOptions(path="/a=b")),
    ("socket,path=/a,server=on,wait=off", None, SocketOptions(path="/a", server=True, wait=False)),
    ("socket,path=/a,server=y,wait=n", None, SocketOptions(path="/a", server=True, wait=False)),
    ("socket,path=/a,server=yes", None, SocketOptions(path="/a", server=True)),
    ("socket,path=/a,server=false", None, SocketOptions(path="/a")),
    ("socket,host=h,port=1,delay=on", None, SocketOptions(host="h", port="1")),
    ("socket,host=h,port=1,delay=off", None, SocketOptions(host="h", port="1", nodelay=True)),
    ("socket,port=4555,server=on", None, SocketOptions(port="4555", server=True)),
    ("socket,host=,port=1", None, SocketOptions(port="1")),
    ("socket,path=/a,reconnect-ms=0", None, SocketOptions(path="/a", reconnect_ms=0)),
    ("socket,path=/a,reconnect=2", None, SocketOptions(path="/a", reconnect_ms=2000)),
    (
        "socket,path=n,abstract=on,tight=off",
        None,
        SocketOptions(path="n", abstract=True, tight=False),
    ),
    ("socket,port=1,to=9,ipv6=off", None, SocketOptions(port="1", to=9, ipv6=False)),
    ("socket,fd=3,server=on", None, SocketOptions(fd="3", server=True)),
    ("socket,cid=2,port=1024", None, SocketOptions(cid="2", port="1024")),
    ("ringbuf", None, RingbufOptions()),
    ("ringbuf,size=1M", None, RingbufOptions(size=1 << 20)),
    ("memory,size=0x400", None, RingbufOptions(size=1024)),
    ("serial,path=/dev/ttyS0,speed=9600", None, SerialOptions(path="/dev/ttyS0", speed=9600)),
    (
        "socket,port=1,server=on,rfc2217=on",
        None,
        SocketOptions(port="1", server=True, telnet=True, rfc2217=True),
    ),
    ("file,path=/l,append=on", None, FileOptions(path="/l", append=True)),
    ("file,path=/l,policy=drop", None, FileOptions(path="/l", policy="drop")),
    ("pipe,path=/p", None, PipeOptions(path="/p")),
    ("udp,port=5555", None, UdpOptions(port="5555")),
    (
        "udp,host=h,port=1,localaddr=l,localport=2,ipv4=off,ipv6=on",
        None,
        UdpOptions(host="h", port="1", localaddr="l", localport="2", ipv4=False, ipv6=True),
    ),
    ("vc", None, VcOptions()),
    ("vc,cols=100,rows=30", None, VcOptions(cols=100, rows=30)),
    ("vc,width=800,height=600", None, VcOptions(width=800, height=600)),
    ("stdio,signal=off", None, StdioOptions(signal=False)),
    ("process,command=vi a,,b", None, ProcessOptions(command="vi a,b")),
    ("process,command=x,env=A=1 B=2", None, ProcessOptions(command="x", env="A=1 B=2")),
    ("hub,id=h,chardevs.0=a,chardevs.1=b", "h", HubOptions(chardevs=("a", "b"))),
    ("hub,chardevs.1=b,chardevs.0=a", None, HubOptions(chardevs=("a", "b"))),
    ("mux-be,chardevs.0=a", None, HubOptions(chardevs=("a",))),
    (
        "hub,chardevs.0=a,chardevs.1=b,chardevs.2=c,chardevs.3=d,chardevs.4=e",
        None,
        HubOptions(chardevs=("a", "b", "c", "d", "e")),
    ),
    (
        "pty,policy=block,patience=0,block-timeout=010,gap-marker=off,replay=1K,readonly=on",
        None,
        PtyOptions(
            policy="block",
            patience=0,
            block_timeout=8,
            gap_marker=False,
            replay=1024,
            readonly=True,
        ),
    ),
    ('{"backend": {"type": "null", "data": {}}}', None, NullOptions()),
    (' {"id": "p", "backend": {"type": "pty", "data": {}}}', "p", PtyOptions()),
]


@pytest.mark.parametrize(("text", "id", "options"), MEANINGS)
def test_text_means_what_it_means_to_qemu(text: str, id: str | None, options: object) -> None:
    spec = parse_chardev(text)
    assert spec.id == id
    assert spec.options == options


REFUSALS = [
    ("foo", "'foo' is not a valid char driver name"),
    ("foo,id=a,bogus=1", "'foo' is not a valid char driver name"),
    ("null,,id=a", "'null,id=a' is not a valid char driver name"),
    ("tty,path=/dev/ttyS0", "'tty' is not a valid char driver name"),
    ("inmemory", "'inmemory' is not a valid char driver name"),
    ("attach", "'attach' is not a valid char driver name"),
    ("id=a", 'chardev: "a" missing backend'),
    ("", "chardev: missing backend"),
    ("null,id=1bad", "Parameter 'id' expects an identifier"),
    ("null,id=", "Parameter 'id' expects an identifier"),
    ("null,id=a,,b", "Parameter 'id' expects an identifier"),
    ("null,id=é", "Parameter 'id' expects an identifier"),
    ("null,bogus=1", "Invalid parameter 'bogus'"),
    ("null,bogus", "Invalid parameter 'bogus'"),
    ("null,nofoo", "Invalid parameter 'foo'"),
    ("null,=5", "Invalid parameter ''"),
    ("null,\x1b[2J=5", "Invalid parameter '\\x1b[2J'"),
    ("null,path=/x", "Invalid parameter 'path'"),
    ("null,delay=on", "Invalid parameter 'delay'"),
    ("null,chardevs.0=a", "Invalid parameter 'chardevs.0'"),
    ("null,cols=1", "Invalid parameter 'cols'"),
    ("null,help", "Invalid parameter 'help'"),
    ("null,readonly=ON", "Parameter 'readonly' expects 'on' or 'off'"),
    ("null,readonly=maybe,readonly=on", "Parameter 'readonly' expects 'on' or 'off'"),
    ("null,policy=x", "Parameter 'policy' does not accept value 'x'"),
    ("null,policy=", "Parameter 'policy' does not accept value ''"),
    ("null,patience=x", "Parameter 'patience' expects a number"),
    ("null,patience=60001", "Parameter 'patience' expects a number from 0 to 60000"),
    ("null,replay=2G", "Parameter 'replay' expects a size from 0 to 1G"),
    ("socket", ADDRESS),
    ("socket,server=on", ADDRESS),
    ("socket,path=", ADDRESS),
    ("socket,path=/x,host=y", ADDRESS),
    ("socket,path=/x,host=", ADDRESS),
    ("socket,path=/x,port=1", ADDRESS),
    ("socket,host=y", "chardev: socket: no port given"),
    ("socket,path=/x,fd=3", ADDRESS),
    ("socket,fd=3,port=1", ADDRESS),
    (
        "socket,path=/x,tls-creds=t",
        "'tls_creds' option is incompatible with 'unix' address type",
    ),
    (
        "socket,cid=2,port=1,tls-creds=t",
        "'tls_creds' option is incompatible with 'vsock' address type",
    ),
    ("socket,port=1,tls-authz=a", "'tls_authz' option requires 'tls_creds' option"),
    ("socket,path=/x,websocket=on", "Websocket client is not implemented"),
    ("socket,fd=stdin", "Unable to parse FD number stdin"),
    ("socket,cid=2", "chardev: socket: no port given"),
    ("socket,cid=me,port=1", "Failed to parse cid 'me'"),
    ("socket,cid=2,port=ssh", "Failed to parse port 'ssh'"),
    ("socket,port=5000,to=4999", "Parameter 'to' expects a number from 5000 to 65535"),
    (
        "socket,port=1,rfc2217=on",
        "'rfc2217' option is incompatible with socket in client connect mode",
    ),
    (
        "socket,port=1,server=on,telnet=off,rfc2217=on",
        "'rfc2217' option is incompatible with telnet=off",
    ),
    ("socket,port=1,ipv4=off,ipv6=off", "Cannot disable IPv4 and IPv6 at same time"),
    (
        "socket,path=/x,reconnect=1,reconnect-ms=100",
        "'reconnect' and 'reconnect-ms' are mutually exclusive",
    ),
    (
        "socket,path=/x,server=on,reconnect=1",
        "'reconnect' option is incompatible with socket in server listen mode",
    ),
    (
        "socket,fd=3,reconnect-ms=100",
        "'reconnect-ms' option is incompatible with 'fd' address type",
    ),
    ("socket,host=h,port=99999", "Parameter 'port' expects a port number below 65536"),
    ("socket,host=h,port=123456", "Parameter 'port' expects a port number below 65536"),
    ("socket,path=/x,server=maybe", "Parameter 'server' expects 'on' or 'off'"),
    (
        "socket,path=/x,wait=on",
        "'wait' option is incompatible with socket in client connect mode",
    ),
    (
        "socket,path=/x,server=off,wait=off",
        "'wait' option is incompatible with socket in client connect mode",
    ),
    (
        "socket,path=/x,server=on,reconnect-ms=100",
        "'reconnect-ms' option is incompatible with socket in server listen mode",
    ),
    (
        "socket,host=h,port=5,delay=on,nodelay=on",
        "'delay' and 'nodelay' are mutually exclusive",
    ),
    ("socket,host=h,port=5,delay=x", "Parameter 'delay' expects 'on' or 'off'"),
    ("socket,path=a\0b", "Parameter 'path' expects text without NUL"),
    ("socket,path=a\ud800b", "Parameter 'path' expects text without NUL"),
    ("file", "chardev: file: no filename given"),
    ("file,path=", "chardev: file: no filename given"),
    ("serial", "chardev: serial/tty: no device path given"),
    *(
        (
            f"serial,path={url}",
            f"Parameter 'path' expects a device or rfc2217://HOST:PORT, not '{url}'",
        )
        for url in (
            "rfc2217://board",
            "rfc2217://:4000",
            "rfc2217://board:0",
            "rfc2217://board:99999",
            "rfc2217://[board:4000",
            "rfc2217://board:4000/",
            "rfc2217://board:4000?logging=debug",
            "rfc2217://me@board:4000",
            "socket://board:4000",
        )
    ),
    ("serial,path=/d,bits=9", "Parameter 'bits' expects a number from 5 to 8"),
    ("serial,path=/d,parity=evn", "Parameter 'parity' does not accept value 'evn'"),
    ("pipe", "chardev: pipe: no device path given"),
    ("udp", "chardev: udp: remote port not specified"),
    ("udp,host=h", "chardev: udp: remote port not specified"),
    ("udp,port=1,localport=70000", "Parameter 'localport' expects a port number below 65536"),
    ("udp,port=1,ipv4=off,ipv6=off", "Cannot disable IPv4 and IPv6 at same time"),
    ("vc,cols=x", "Parameter 'cols' expects a number"),
    ("vc,cols=0", "Parameter 'cols' expects a number from 1 to 10000"),
    ("process", "chardev: process: no command given"),
    ("process,command=x,env=A", "Parameter 'env' expects NAME=VALUE words"),
    ("process,command=x,env==A", "Parameter 'env' expects NAME=VALUE words"),
    ("process,command=x,env=A='", "Parameter 'env' expects NAME=VALUE words"),
    ("ringbuf,size=1000", "size of ringbuf chardev must be power of two"),
    ("ringbuf,size=0", "Parameter 'size' expects a size from 1 to 1G"),
    ("ringbuf,size=x", "Parameter 'size' expects a non-negative number below 2^64"),
    ("ringbuf,size=16E", "Value '16E' is out of range for parameter 'size'"),
    ("hub,id=h", "hub: 'chardevs' list is not defined"),
    ("hub,id=h,chardevs.1=a", "hub: 'chardevs' list is not defined"),
    ("hub,id=h,chardevs=a", "Invalid parameter 'chardevs'"),
    ("hub,id=h,chardevs.x=a", "Invalid parameter 'chardevs.x'"),
    ("hub,id=h,chardevs.00=a", "Invalid parameter 'chardevs.00'"),
    ("hub,id=h,chardevs.9999999=a", "Invalid parameter 'chardevs.9999999'"),
    ("hub,id=h,chardevs.0=a,chardevs.2=b", "Parameter 'chardevs.1' missing"),
    ("hub,id=h,chardevs.0=a,chardevs.1=a", "chardev 'a' is already in use"),
    ("{", "JSON parse error, expecting property name"),
]


@pytest.mark.parametrize(("text", "message"), REFUSALS)
def test_errors_have_qemus_words(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_chardev(text)
    if message.endswith(("65536", "property name")):
        assert str(caught.value).startswith(message)
    else:
        assert str(caught.value) == message


HINTS = [
    ("null,id=1bad", IDENTIFIER_HINT),
    ("ringbuf,size=x", SIZE_HINT),
    ("socket,path=/x,recconect-ms=1", "did you mean 'reconnect-ms'?"),
    ("socket,path=/x,command=ls", "an option of process, not of socket"),
    ("socket,path=/x,tn3270=on", "QEMU has it, muxtui does not"),
    ("sokcet,path=/x", "did you mean 'socket'?"),
    ("tty,path=/x", "QEMU 8.0 removed it; use 'serial'"),
    ("msmouse", "QEMU has it, muxtui does not"),
    ("serial,path=/d,parity=evn", "did you mean 'even'?"),
    ("null,policy=zzz", "one of drop, block, disconnect"),
    ("socket", "give path=PATH, or host=HOST,port=PORT"),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_errors_show_the_way_out(text: str, hint: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_chardev(text)
    assert caught.value.hint == hint


def test_an_error_without_a_near_name_lists_the_names() -> None:
    with pytest.raises(OptionError) as caught:
        parse_chardev("null,xyzzy=1")
    assert caught.value.hint.startswith("null takes policy, patience")
    with pytest.raises(OptionError) as caught:
        parse_chardev("xyzzy")
    assert caught.value.hint == f"one of {', '.join(sorted(CONFIGURABLE))}"


def test_an_error_names_the_option_at_fault() -> None:
    with pytest.raises(OptionError) as caught:
        parse_chardev("null,patience=x")
    assert caught.value.option == "patience"


WARNINGS = [
    ("socket,path=/x,server=on", ()),
    (
        "socket,path=/x,server,nowait",
        (
            "short-form boolean option 'server' deprecated\nPlease use server=on instead",
            "short-form boolean option 'nowait' deprecated\nPlease use wait=off instead",
        ),
    ),
    (
        "socket,host=h,port=1,nodelay",
        ("short-form boolean option 'nodelay' deprecated\nPlease use nodelay=on instead",),
    ),
    (
        "socket,host=h,port=1,delay",
        ("short-form boolean option 'delay' deprecated\nPlease use nodelay=off instead",),
    ),
]


@pytest.mark.parametrize(("text", "warnings"), WARNINGS)
def test_short_form_booleans_are_taken_with_qemus_warning(
    text: str, warnings: tuple[str, ...]
) -> None:
    assert parse_chardev(text).warnings == warnings


def test_short_form_booleans_mean_on_and_off() -> None:
    assert parse_chardev("socket,path=/x,server,nowait").options == SocketOptions(
        path="/x", server=True, wait=False
    )
    assert parse_chardev("socket,host=h,port=1,nodelay").options == SocketOptions(
        host="h", port="1", nodelay=True
    )


def test_warnings_are_no_part_of_a_chardevs_value() -> None:
    assert parse_chardev("socket,path=/x,server") == parse_chardev("socket,path=/x,server=on")


@pytest.mark.parametrize("text", ["null", '{"backend": {"type": "null", "data": {}}}'])
def test_a_missing_id_is_an_error_only_where_one_is_required(text: str) -> None:
    assert parse_chardev(text).id is None
    with pytest.raises(OptionError, match=r"^chardev: no id specified$"):
        parse_chardev(text, require_id=True)
    assert parse_chardev("null,id=a", require_id=True).id == "a"


def test_help_is_given_for_the_types_and_for_a_type() -> None:
    assert help_wanted("help") == help_wanted("?") == types_help()
    assert help_wanted("socket,help") == help_wanted("socket,id=a,?") == options_help("socket")
    assert help_wanted("mux-be,help") == options_help("hub")


@pytest.mark.parametrize("text", ["", "null", "foo,help", "null,id=help", "socket,help=1", "{"])
def test_nothing_else_asks_for_help(text: str) -> None:
    assert help_wanted(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "socket,id=sock0,path=/tmp/a,,b,server=on,wait=off",
        "file,path=/var/log/vm1.log",
        "pty,id=p,replay=0",
        "serial,path=/dev/ttyUSB0,flow=rtscts,reconnect-ms=0",
        "ringbuf,size=1M,policy=block",
        "hub,id=h,chardevs.0=a,chardevs.1=b",
        "null,gap-marker=off",
    ],
)
def test_canonical_text_is_written_as_it_was_read(text: str) -> None:
    assert format_chardev(parse_chardev(text)) == text


def test_canonical_text_leaves_defaults_out() -> None:
    spec = parse_chardev("socket,path=/x,server=off,policy=drop,replay=0,id=a")
    assert format_chardev(spec) == "socket,id=a,path=/x"


@settings(max_examples=300)
@given(specs())
def test_what_is_formatted_parses_to_the_same_chardev(spec: ChardevSpec) -> None:
    assert parse_chardev(format_chardev(spec)) == spec


marks = st.sampled_from(["=", ",", ",,", "{", "\0"])
names = st.sampled_from([*CONFIGURABLE, "backend", "id", "path", "nowait", "chardevs.0", "help"])
words = marks | names | st.sampled_from(["on", "1K", "0x", "no"])


@settings(max_examples=500)
@given(st.text() | st.lists(words).map("".join) | st.lists(words).map(",".join))
def test_no_text_raises_anything_but_an_option_error(text: str) -> None:
    help_wanted(text)
    trouble = complaint(lambda: parse_chardev(text))
    assert trouble.isprintable()
    if not trouble:
        spec = parse_chardev(text)
        assert parse_chardev(format_chardev(spec)) == spec


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text() | st.sampled_from(["id", "backend", "type", "data", "addr", "path"]),
            inner | st.sampled_from(["socket", "pty", "unix", "hub"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["id", "backend", "x"]), json_values))
def test_no_json_raises_anything_but_an_option_error(value: dict[str, object]) -> None:
    assert complaint(lambda: parse_chardev(json.dumps(value))).isprintable()


def test_json_nested_beyond_reason_is_an_option_error() -> None:
    with pytest.raises(OptionError, match="JSON parse error, nested too deeply"):
        parse_chardev('{"id":' * 100_000)
