"""A screen in a process of its own: what a guest prints may end that process and no other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence

from muxcore.errors import ScreenError, describe_os_error

HEADER = struct.Struct(">I")
"""Before each request and each answer: its length in bytes."""

MAX_ANSWER = 64 << 20
"""Bytes of one answer; a worker that claims more is given up."""

BUFFER = 1 << 20
"""Bytes asked of the kernel for each direction, so that a request goes out at one blow."""

FAULT = 1
"""Exit status of a worker with an error in it."""

OUT_OF_MEMORY = 3
"""Exit status of a worker that met its bound on memory."""

COMMAND = (sys.executable, "-m", "muxcore.screen")

_READ = 1 << 18
_REAP = 1.0
"""Seconds to wait for the end of a process that was killed; milliseconds on a sound machine."""


class EngineProcess:
    """`muxcore.screen.worker.Worker` in a child process, started by making it.

    It ends with this process, whatever ends that, and takes no notice of the user's terminal.

    Args:
        engine: name of the engine it is to use; empty for the best one.
        command: the program.

    Raises:
        ScreenError: it cannot be started.
    """

    def __init__(self, engine: str = "", command: Sequence[str] = COMMAND) -> None:
        self._out = bytearray()
        self._in = bytearray()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered: Callable[[bytes], None] = lambda _: None
        self._ended: Callable[[str], None] = lambda _: None
        # `-m` looks in the current directory first: this very package, installed or not.
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        environment = {**os.environ, "MUXTUI_ENGINE": engine} if engine else None
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                for end in (self._socket, theirs):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                self._socket.setblocking(False)
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=root,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            self._socket.close()
            words = describe_os_error(error)
            raise ScreenError(f"cannot start the terminal engine: {words}") from error

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def begin(self, answered: Callable[[bytes], None], ended: Callable[[str], None]) -> None:
        """See `Worker.begin`."""
        self._answered, self._ended = answered, ended
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def ask(self, request: bytes) -> None:
        """See `Worker.ask`."""
        assert self._loop is not None
        header = HEADER.pack(len(request))
        sent = 0
        # A socket whose other end is gone is noticed by reading it.
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            sent = self._socket.sendmsg((header, request))
        if sent < len(header) + len(request):
            self._out += header[sent:]
            self._out += memoryview(request)[max(0, sent - len(header)) :]
            self._loop.add_writer(self._socket, self._write)

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            del self._out[: self._socket.send(self._out)]
        if not self._out and self._loop is not None:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end("")
            return
        self._in += data
        while (answer := self._next_answer()) is not None:
            self._answered(answer)

    def _next_answer(self) -> bytes | None:
        if len(self._in) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._in)
        if length > MAX_ANSWER:
            self._end("it answers nonsense")
            return None
        if len(self._in) < HEADER.size + length:
            return None
        answer = bytes(memoryview(self._in)[HEADER.size : HEADER.size + length])
        del self._in[: HEADER.size + length]
        return answer

    def _end(self, reason: str) -> None:
        ended = self._ended
        self.close()
        ended(reason or _reason(self._process.returncode))

    def close(self) -> None:
        """See `Worker.close`: the process is killed and waited for."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._loop = None
        self._answered, self._ended = lambda _: None, lambda _: None
        self._socket.close()
        self._out.clear()
        self._in.clear()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP)


def _reason(status: int | None) -> str:
    """Why a process with that exit status, as `subprocess` has it, ended."""
    if status is None:
        return "it ended"
    if status == OUT_OF_MEMORY:
        return "it ran out of memory"
    if status >= 0:
        return f"it ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"
