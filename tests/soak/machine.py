"""A QEMU whose machine prints lines that never come twice, on a serial port at a unix socket.

It boots from a sector of its own: 64 lines of 15 digits and a newline each, then it halts until
the next tick of the BIOS's timer (18.2 a second).
"""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

from tests.guest.qemu import MACHINE

if TYPE_CHECKING:
    from pathlib import Path

LINES = 64
"""Lines a tick."""

ORIGIN = 0x7C00
"""Where a BIOS puts the sector."""

CODE = bytes.fromhex(
    "31c0"  # xor ax, ax
    "8ed8"  # mov ds, ax
    "8ed0"  # mov ss, ax
    "bc007c"  # mov sp, 7c00h
    "fc"  # cld
    "fb"  # sti
    # tick:
    f"b9{LINES:02x}00"  # mov cx, LINES
    # line:
    "51"  # push cx
    "be0000"  # mov si, text
    "b91000"  # mov cx, 16
    # char:
    "bafd03"  # mov dx, 3fdh
    # full:
    "ec"  # in al, dx
    "a820"  # test al, 20h
    "74fb"  # jz full
    "baf803"  # mov dx, 3f8h
    "ac"  # lodsb
    "ee"  # out dx, al
    "e2f1"  # loop char
    "be0000"  # mov si, last digit of text
    # carry:
    "fe04"  # inc byte [si]
    "803c39"  # cmp byte [si], '9'
    "7606"  # jbe done
    "c60430"  # mov byte [si], '0'
    "4e"  # dec si
    "ebf3"  # jmp carry
    # done:
    "59"  # pop cx
    "e2d7"  # loop line
    "f4"  # hlt
    "ebd1"  # jmp tick
)
TEXT_AT = (0x10, 0x25)
"""Where the code has the address of the text, and that of its last digit."""


def sector(first: int) -> bytes:
    """A boot sector whose first line is the number `first`, of 15 digits."""
    code = bytearray(CODE)
    text = ORIGIN + len(code)
    for at, address in zip(TEXT_AT, (text, text + 14), strict=True):
        struct.pack_into("<H", code, at, address)
    return bytes(code + b"%d\n" % first).ljust(510, b"\0") + b"\x55\xaa"


def start(directory: Path, name: str, first: int) -> subprocess.Popen[bytes]:
    """A machine with its serial port at the socket `name`, whose first line is `first`."""
    image = directory / f"{name}.img"
    image.write_bytes(sector(first))
    chardev = f"socket,id=c0,path={directory}/{name},server=on,wait=off"
    drive = f"if=ide,format=raw,file={image},snapshot=on"
    devices = ("-drive", drive, "-chardev", chardev, "-serial", "chardev:c0")
    command = ["qemu-system-x86_64", *MACHINE, "-m", "16", *devices]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)
