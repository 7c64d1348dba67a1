"""QEMU's `-serial` URIs mean the chardevs they mean to QEMU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.grammar import parse_chardev
from muxcore.options.legacy import modern
from tests.muxcore.options.strategies import complaint

MEANINGS = [
    ("unix:/tmp/z,server=on,wait=off", "socket,path=/tmp/z,server=on,wait=off"),
    ("unix:path=/tmp/z,server=on", "socket,path=/tmp/z,server=on"),
    ("unix:/tmp/a,,b", "socket,path=/tmp/a,,b"),
    ("tcp::5581,server=on,wait=off", "socket,host=,port=5581,server=on,wait=off"),
    ("tcp:localhost:5581", "socket,host=localhost,port=5581"),
    ("tcp:[::1]:5581", "socket,host=::1,port=5581"),
    (
        "telnet:127.0.0.1:5580,server,nowait",
        "socket,host=127.0.0.1,port=5580,server,nowait,telnet=on",
    ),
    ("websocket:h:1,server=on", "socket,host=h,port=1,server=on,websocket=on"),
    ("udp:h:1@l:2", "udp,host=h,port=1,localaddr=l,localport=2"),
    ("udp::4555@:4556", "udp,host=,port=4555,localaddr=,localport=4556"),
    ("udp::4555", "udp,host=,port=4555"),
    ("file:/var/log/a,b.log", "file,path=/var/log/a,,b.log"),
    ("pipe:/run/p", "pipe,path=/run/p"),
    ("pty:/run/tty", "pty,path=/run/tty"),
    ("vc:80Cx24C", "vc,cols=80,rows=24"),
    ("vc:800x600", "vc,width=800,height=600"),
    ("/dev/ttyUSB0", "serial,path=/dev/ttyUSB0"),
    ("/dev/serial/by-id/usb-a:b,c", "serial,path=/dev/serial/by-id/usb-a:b,,c"),
    ("mon:stdio", "stdio,signal=off,mux=on"),
    ("mon:pty", "pty,mux=on"),
    ("mon:unix:/x,server=on", "socket,path=/x,server=on,mux=on"),
    ("mon:telnet::1,server=on", "socket,host=,port=1,server=on,telnet=on,mux=on"),
]


@pytest.mark.parametrize(("uri", "text"), MEANINGS)
def test_a_uri_is_a_chardev(uri: str, text: str) -> None:
    assert modern(uri) == text


@pytest.mark.parametrize(
    ("uri", "text"), [pair for pair in MEANINGS if "mux=on" not in pair[1] if "web" not in pair[0]]
)
def test_a_uri_is_taken_wherever_a_chardev_is(uri: str, text: str) -> None:
    assert parse_chardev(uri) == parse_chardev(text)


@pytest.mark.parametrize(
    ("uri", "shape"),
    [
        ("tcp:5581", "tcp:[HOST]:PORT"),
        ("telnet:", "telnet:[HOST]:PORT"),
        ("udp:h", "udp:[HOST]:PORT[@[LOCALADDR]:LOCALPORT]"),
        ("udp:h:1,x", "udp:[HOST]:PORT[@[LOCALADDR]:LOCALPORT]"),
        ("vc:80", "vc:COLSCxROWSC or vc:WIDTHxHEIGHT"),
        ("vc:80x24C", "vc:COLSCxROWSC or vc:WIDTHxHEIGHT"),
    ],
)
def test_one_that_goes_wrong_shows_its_shape(uri: str, shape: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_chardev(uri)
    assert str(caught.value) == (f"could not connect serial device to character backend '{uri}'")
    assert caught.value.hint == shape


@pytest.mark.parametrize("text", ["null", "pty", "vc", "bogus", "bogus:1", "socket,path=tcp:a", ""])
def test_what_is_no_uri_is_left_alone(text: str) -> None:
    assert modern(text) is None


def test_a_path_is_what_follows_whatever_is_in_it() -> None:
    with pytest.raises(OptionError, match=r"^chardev: file: no filename given$"):
        parse_chardev("file:")


@given(
    st.sampled_from(["unix:", "tcp:", "telnet:", "udp:", "file:", "vc:", "mon:", "pty:", "/dev/"]),
    st.text(st.sampled_from(":@,[]=0x1Cab \0\n") | st.characters(), max_size=20),
)
def test_no_uri_raises_anything_but_an_option_error(scheme: str, rest: str) -> None:
    assert complaint(lambda: parse_chardev(scheme + rest)).isprintable()


def test_mons_cannot_be_nested_beyond_reason() -> None:
    assert complaint(lambda: parse_chardev("mon:" * 100_000))
