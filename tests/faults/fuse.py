"""A file system in memory whose server can be stopped: python fuse.py DIRECTORY READY.

It mounts itself on DIRECTORY and makes the file READY, which holds its process id. While it is
stopped (SIGSTOP) whoever uses a file of it hangs, as with a server that does not answer. It speaks
the kernel's protocol itself (linux/fuse.h): one directory of files, which is all a log needs.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys

HEADER = struct.Struct("IIQQIIII")
INIT = struct.Struct("IIIIHHIIHHI28x")
ENTRY = struct.Struct("QQQQII")
ATTRIBUTES = struct.Struct("6Q10I")
MAX_WRITE = 128 * 1024
ROOT = 1

NO_ANSWER = {2, 36, 42}
"""FORGET, INTERRUPT, BATCH_FORGET."""
DONE = {18, 20, 25, 29, 30, 38}
"""RELEASE, FSYNC, FLUSH, RELEASEDIR, FSYNCDIR, DESTROY: nothing to do."""


class Files:
    """The directory, and the answers to what the kernel asks."""

    def __init__(self) -> None:
        self._names: dict[bytes, int] = {}
        self._data: dict[int, bytearray] = {}
        self._answers = {
            1: self._lookup,
            3: lambda node, body: self._attr_out(node),
            4: self._setattr,
            14: lambda node, body: self._opened(),
            15: self._read,
            16: self._write,
            17: lambda node, body: bytes(80),
            26: lambda node, body: INIT.pack(7, 31, 0, 0, 0, 0, MAX_WRITE, 1, 0, 0, 0),
            27: lambda node, body: self._opened(),
            28: lambda node, body: b"",
            35: self._create,
        }

    def answer(self, opcode: int, node: int, body: bytes) -> bytes:
        """The answer's body. Raises OSError."""
        if opcode in DONE:
            return b""
        if opcode not in self._answers:
            raise OSError(errno.ENOSYS, "")
        return self._answers[opcode](node, body)

    def _lookup(self, node: int, body: bytes) -> bytes:
        name = body.rstrip(b"\0")
        if name not in self._names:
            raise OSError(errno.ENOENT, "")
        return self._entry(self._names[name])

    def _create(self, node: int, body: bytes) -> bytes:
        name = body[16:].rstrip(b"\0")
        made = self._names.setdefault(name, ROOT + 1 + len(self._names))
        self._data.setdefault(made, bytearray())
        return self._entry(made) + self._opened()

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("IIQQ", body)
        if valid & 1 << 3:
            del self._data[node][size:]
        return self._attr_out(node)

    def _read(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("QQI", body)
        return bytes(self._data[node][offset : offset + size])

    def _write(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("QQI", body)
        self._data[node][offset : offset + size] = body[40 : 40 + size]
        return struct.pack("II", size, 0)

    def _opened(self) -> bytes:
        return struct.pack("QII", 0, 0, 0)

    def _entry(self, node: int) -> bytes:
        return ENTRY.pack(node, 0, 0, 0, 0, 0) + self._attributes(node)

    def _attr_out(self, node: int) -> bytes:
        return struct.pack("QII", 0, 0, 0) + self._attributes(node)

    def _attributes(self, node: int) -> bytes:
        mode = stat.S_IFDIR | 0o700 if node == ROOT else stat.S_IFREG | 0o600
        size = len(self._data.get(node, b""))
        return ATTRIBUTES.pack(node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def mount(directory: str) -> int:
    """Mount on `directory`; returns the descriptor that the kernel asks at."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"memory", os.fsencode(directory), b"fuse", 0, options):
        raise OSError(ctypes.get_errno(), f"cannot mount on {directory}")
    return fd


def serve(fd: int) -> None:
    """Answer until the file system is unmounted."""
    files = Files()
    while True:
        try:
            request = os.read(fd, MAX_WRITE + 8192)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            raise
        _, opcode, unique, node = HEADER.unpack_from(request)[:4]
        if opcode in NO_ANSWER:
            continue
        failed, body = 0, b""
        try:
            body = files.answer(opcode, node, request[HEADER.size :])
        except OSError as error:
            failed = -(error.errno or errno.EIO)
        os.write(fd, struct.pack("IiQ", 16 + len(body), failed, unique) + body)


if __name__ == "__main__":
    descriptor = mount(sys.argv[1])
    with open(sys.argv[2], "w", encoding="ascii") as ready:
        ready.write(f"{os.getpid()}\n")
    serve(descriptor)
