"""Every chardev type's options, each declared once.

A field is an option: its name with `_` for `-` (or what `option(name=...)` says),
its type, its default, its help and its unit. Grammar, QMP, help and forms are
all derived from these dataclasses (qemu/chardev/*.c, qapi/char.json).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Policy = Literal["drop", "block", "disconnect"]
Parity = Literal["none", "even", "odd", "mark", "space"]
Flow = Literal["none", "xonxoff", "rtscts", "dsrdtr"]
Restart = Literal["never", "on-failure", "always"]

KIB = 1024


def option(
    default: Any = None,  # noqa: ANN401 - the field's own annotation is its type
    help: str = "",
    *,
    unit: Literal["", "ms", "bytes", "baud", "s"] = "",
    minimum: int | None = None,
    maximum: int | None = None,
    required: bool = False,
) -> Any:  # noqa: ANN401
    """Declare one option. A `bytes` option takes QEMU's size suffixes (64K, 1M, 1G)."""
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "required": required,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChardevOptions:
    """Options that every chardev takes: muxtui's own, which act on backends, and QEMU's log."""

    TYPE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""

    policy: Policy = option("drop", "what happens when a peer's lag reaches the history")
    patience: int = option(
        50,
        "how long the guest may wait once for a peer that was keeping up",
        unit="ms",
        minimum=0,
        maximum=60_000,
    )
    block_timeout: int = option(
        5000,
        "under policy=block, how long the guest may wait (0: for ever)",
        unit="ms",
        minimum=0,
        maximum=86_400_000,
    )
    gap_marker: bool = option(True, "show skipped bytes in the stream")
    replay: int = option(0, "history sent to a new peer", unit="bytes", minimum=0, maximum=1 << 30)
    readonly: bool = option(False, "never pass input to the guest")
    logfile: str = option("", "a file that gets what the guest prints")
    logappend: bool = option(False, "keep what the log file holds; otherwise it is truncated")
    logtimestamp: bool = option(False, "begin each line of the log file with the time")
    mux: bool = option(False, "make it ID-base, and ID a mux that several consoles share")


@dataclass(frozen=True, kw_only=True, slots=True)
class NullOptions(ChardevOptions):
    """Swallows what it is given (chardev/char-null.c)."""

    TYPE = "null"
    HELP = "swallows everything"


@dataclass(frozen=True, kw_only=True, slots=True)
class RingbufOptions(ChardevOptions):
    """Keeps the last bytes for QMP's ringbuf-read (chardev/char-ringbuf.c)."""

    TYPE = "ringbuf"
    HELP = "the last bytes, read over QMP"

    size: int = option(
        64 * KIB, "bytes kept, a power of two", unit="bytes", minimum=1, maximum=1 << 30
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class FileOptions(ChardevOptions):
    """A log file (chardev/char-file.c); `policy` defaults to block."""

    TYPE = "file"
    HELP = "a log file"

    path: str = option("", "the file", required=True)
    append: bool = option(False, "keep what the file holds; otherwise it is truncated")
    input_path: str = option("", "a file whose bytes are typed, once the guest is there")
    policy: Policy = option("block", "what happens when the file's lag reaches the history")


@dataclass(frozen=True, kw_only=True, slots=True)
class PipeOptions(ChardevOptions):
    """A pair of FIFOs, or one file that goes both ways (chardev/char-pipe.c)."""

    TYPE = "pipe"
    HELP = "a pair of FIFOs"

    path: str = option(
        "", "PATH.in and PATH.out where both are there, else PATH itself", required=True
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PtyOptions(ChardevOptions):
    """A pseudo-terminal with an optional symlink (chardev/char-pty.c)."""

    TYPE = "pty"
    HELP = "a pseudo-terminal for tio, screen or picocom"

    path: str = option("", "symlink to the slave")
    replay: int = option(
        64 * KIB, "history sent at most to an opener", unit="bytes", minimum=0, maximum=1 << 30
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SocketOptions(ChardevOptions):
    """A unix or TCP socket, server or client (chardev/char-socket.c).

    One of `path`, `host` and `port`, `cid` and `port`, or `fd` is given.
    `reconnect_ms` None means a backoff from 100 ms to 30 s with jitter; 0 means
    no retry, as in QEMU; `reconnect` is turned into it by the rules.
    `ipv4` and `ipv6` None mean that either will do.
    `wait` None means QEMU's default: on for a server, meaningless for a client.
    """

    TYPE = "socket"
    HELP = "a unix or TCP socket"

    path: str = option("", "unix socket")
    abstract: bool = option(False, "the path is a name in Linux' abstract name space")
    tight: bool = option(True, "an abstract name is as long as it is; otherwise filled with NUL")
    host: str = option("", "TCP host; a server binds loopback when it is not given")
    port: str = option("", "TCP port or service name; vsock port")
    to: int | None = option(
        None, "the last port to try, from `port` on (server only)", minimum=1, maximum=65535
    )
    ipv4: bool | None = option(None, "use IPv4")
    ipv6: bool | None = option(None, "use IPv6")
    fd: str = option("", "a listening or connected socket, passed to `muxtui serve`")
    cid: str = option("", "vsock context id (muxtui's own; QEMU takes it over QMP)")
    server: bool = option(False, "listen rather than connect")
    wait: bool | None = option(
        None, "the guest waits for the first client (server only; on unless it is said)"
    )
    nodelay: bool = option(False, "no Nagle delay (TCP only)")
    telnet: bool = option(False, "speak telnet: break and window size beside the bytes")
    rfc2217: bool = option(
        False, "speak RFC 2217 by telnet: clients see and set the guest's serial line (server only)"
    )
    websocket: bool = option(False, "speak websocket (server only)")
    echr: int | None = option(
        None,
        "the far end is a mux of QEMU's with this escape character: a break is sent by it",
        minimum=0,
        maximum=255,
    )
    tls_creds: str = option("", "id of the object with the TLS credentials (TCP only)")
    tls_authz: str = option("", "id of the object that says who may connect (server only)")
    reconnect: int | None = option(
        None, "the same in seconds, as before QEMU 9.2", unit="s", minimum=0, maximum=3600
    )
    reconnect_ms: int | None = option(
        None,
        "time between attempts to connect (client only); else 100 ms growing to 30 s",
        unit="ms",
        minimum=0,
        maximum=3_600_000,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class UdpOptions(ChardevOptions):
    """Datagrams to one address, and from it (chardev/char-udp.c).

    `ipv4` and `ipv6` None mean that either will do.
    """

    TYPE = "udp"
    HELP = "datagrams to and from one address"

    host: str = option("", "where datagrams go; this machine when it is not given")
    port: str = option("", "UDP port or service name there", required=True)
    localaddr: str = option("", "address that they are sent from")
    localport: str = option("", "port that they are sent from and received on")
    ipv4: bool | None = option(None, "use IPv4")
    ipv6: bool | None = option(None, "use IPv6")


@dataclass(frozen=True, kw_only=True, slots=True)
class VcOptions(ChardevOptions):
    """A virtual console: takes output, and gives the guest its size (ui/console-vc.c).

    Pixels are those of QEMU's font, 8 by 16; columns and rows win over them.
    """

    TYPE = "vc"
    HELP = "a virtual console, drawn by whoever looks"

    width: int | None = option(None, "width in pixels", minimum=8, maximum=80_000)
    height: int | None = option(None, "height in pixels", minimum=16, maximum=160_000)
    cols: int | None = option(None, "width in characters", minimum=1, maximum=10_000)
    rows: int | None = option(None, "height in characters", minimum=1, maximum=10_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class StdioOptions(ChardevOptions):
    """The terminal of a console that is run in the foreground (chardev/char-stdio.c)."""

    TYPE = "stdio"
    HELP = "the terminal of a command in the foreground"

    signal: bool = option(True, "ctrl+c and its like act on the command, not the guest")


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialOptions(ChardevOptions):
    """A serial port (chardev/char-serial.c opens 115200 8N1; the rest is ours).

    `path` may also be that of one behind a server of RFC 2217, as pyserial has it.
    """

    TYPE = "serial"
    HELP = "a serial port, of this machine or behind RFC 2217"

    path: str = option(
        "",
        "device, best a stable link below /dev/serial/by-id, or rfc2217://HOST:PORT",
        required=True,
    )
    speed: int = option(115200, "line speed", unit="baud", minimum=1, maximum=12_000_000)
    bits: int = option(8, "data bits", minimum=5, maximum=8)
    parity: Parity = option("none", "parity")
    stop: int = option(1, "stop bits", minimum=1, maximum=2)
    flow: Flow = option("none", "flow control")
    reconnect_ms: int | None = option(
        None,
        "time between attempts to open the port again; else 100 ms growing to 2 s",
        unit="ms",
        minimum=0,
        maximum=3_600_000,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessOptions(ChardevOptions):
    """A program on a pty. `command` is one string run by `/bin/sh -c`.

    `restart` says when it is started again after it ended, with the backoff of
    a reconnecting socket. `env` holds `NAME=VALUE` words as a shell writes them
    (shlex), added to the environment of the client that asked.
    """

    TYPE = "process"
    HELP = "a program on a pseudo-terminal"

    command: str = option("", "the command line, run by /bin/sh -c", required=True)
    cwd: str = option("", "working directory")
    env: str = option("", "NAME=VALUE words added to the environment")
    rows: int = option(24, "height of its terminal", minimum=1, maximum=10_000)
    cols: int = option(80, "width of its terminal", minimum=1, maximum=10_000)
    restart: Restart = option("never", "when to start it again")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubOptions(ChardevOptions):
    """Chardevs that share one guest (chardev/char-hub.c); written `chardevs.0=ID,...`."""

    TYPE = "hub"
    HELP = "chardevs that share one guest"

    chardevs: tuple[str, ...] = option((), "ids of the chardevs", required=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class MuxOptions(ChardevOptions):
    """A backend that several consoles share, one at a time (chardev/char-mux.c).

    `escape` is what QEMU's `-echr` takes: the code of a character, 1 for C-a.
    """

    TYPE = "mux"
    HELP = "several consoles on one chardev, C-a c for the next"

    chardev: str = option("", "id of the chardev, hub or mux that they share", required=True)
    escape: int = option(1, "code of the escape character", minimum=0, maximum=255)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkOptions(ChardevOptions):
    """A mux, or a hub without a guest, as a backend; `chardev:ID` for short."""

    TYPE = "link"
    HELP = "a mux or a hub that is there already"

    chardev: str = option("", "id of the mux or hub", required=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryOptions(ChardevOptions):
    """An endpoint inside the process, for tests and for programs that embed muxcore."""

    TYPE = "inmemory"
    HELP = "an endpoint inside the process"


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachOptions(ChardevOptions):
    """A stream handed out on the control socket by mux-attach; never configured."""

    TYPE = "attach"
    HELP = "a client of the control socket"


CONFIGURABLE: dict[str, type[ChardevOptions]] = {
    options.TYPE: options
    for options in (
        FileOptions,
        HubOptions,
        LinkOptions,
        MuxOptions,
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
}
"""What a user may write, by QEMU's type name."""

ALIASES = {"memory": "ringbuf", "mux-be": "hub"}
"""Other names a type is asked for by: an old one, and the hub's from its first series."""


@dataclass(frozen=True, slots=True)
class ChardevSpec:
    """A chardev as asked for: its id (None when the asker gave none), type and options.

    `warnings` are for the asker's eyes, one or two lines each; they are no part
    of the value.
    """

    id: str | None
    options: ChardevOptions
    warnings: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def type(self) -> str:
        """QEMU's name of the type."""
        return self.options.TYPE
