"""`muxtui attach` and `muxtui log -f`: a console on this terminal, or through a pipe.

With a keyboard the terminal is raw and ctrl+] is the menu. Standard input from
a pipe or file is sent to its end, and then the console is left, unless --ro.
Output is filtered on a terminal (`wire.sanitise`) and byte for byte elsewhere;
what muxtui itself has to say goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import termios
import time
import tty
from collections.abc import Iterator
from typing import Any

from muxcore.attach import AttachStream
from muxcore.attach import attach as open_stream
from muxcore.cli.prefix import Action, Prefix
from muxcore.cli.replayed import ReplayAnswers
from muxcore.cli.stdio import Output, read_stdin
from muxcore.errors import DaemonError, printable
from muxcore.exits import ExitCode
from muxcore.options.values import parse_size
from muxcore.ring import MAX_CAPACITY
from muxcore.wire.frames import OFFSET, SPAN, Frame
from muxcore.wire.sanitise import Sanitiser

READ_SIZE = 32 * 1024
HELP = "ctrl+] then d: detach, b: break, ctrl+]: send ctrl+], ?: this help"
REPLAY = "4K"


def attach(args: argparse.Namespace) -> int:
    """Put this terminal on a console."""
    clean = os.isatty(1) and not args.raw
    # As it was printed it may make a mess of a terminal, which only the filter prevents.
    replay = args.replay or (REPLAY if clean else "0")
    view = View(args.name, clean=clean, keyboard=os.isatty(0), readonly=args.ro)
    return asyncio.run(view.run(args.socket, parse_size("replay", replay)))


def follow(args: argparse.Namespace) -> int:
    """Print the history and go on with what comes."""
    clean = os.isatty(1) and not args.raw
    view = View(args.name, clean=clean, keyboard=False, readonly=True)
    return asyncio.run(view.run(args.socket, MAX_CAPACITY))


class View:
    """A console on standard output, with standard input as its keyboard or as its script."""

    def __init__(self, name: str, *, clean: bool, keyboard: bool, readonly: bool) -> None:
        self._name = name
        self._keyboard = keyboard
        self._readonly = readonly
        self._filter = Sanitiser() if clean else None
        self._prefix = Prefix()
        self._guest: tuple[str, float] | None = None
        self._line_end = "\n"

    async def run(self, path: str, replay: int) -> int:
        """Attach, stay until the end, and leave the terminal as it was.

        Raises:
            DaemonError: the daemon cannot be reached, or ended the stream.
            CommandError: there is no such console.
        """
        size = None if self._readonly else _terminal_size()
        stream = await open_stream(
            path,
            self._name,
            mode="ro" if self._readonly else "rw",
            replay=replay,
            rows=size[0] if size else None,
            cols=size[1] if size else None,
            label="muxtui attach",
        )
        self._stream = stream
        self._done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        with contextlib.closing(stream), contextlib.ExitStack() as stack:
            self._output = stack.enter_context(contextlib.closing(Output(self._resume)))
            self._replay_answers = stack.enter_context(
                contextlib.closing(ReplayAnswers(self._typed))
            )
            stack.enter_context(self._signals())
            if self._keyboard:
                stack.enter_context(self._raw_terminal())
                self._say(f"attached to {self._name}; {HELP}")
            stream.set_callback(self._readable)
            try:
                if self._keyboard or not self._readonly:
                    return await self._with_input(stream)
                return await self._done
            except DaemonError:
                # What came before the end is shown before the error is.
                await self._output.flush()
                raise

    async def _with_input(self, stream: AttachStream) -> int:
        typing = asyncio.create_task(self._type(stream), name="standard input")
        try:
            ends: list[asyncio.Future[Any]] = [typing, self._done]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not self._done.done():
                await typing
                self._done.set_result(ExitCode.OK)
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
        status = await self._done
        if self._keyboard:
            self._say(f"detached from {self._name}")
        return status

    # Input.

    async def _type(self, stream: AttachStream) -> None:
        while data := await read_stdin(READ_SIZE):
            if not self._keyboard:
                stream.send(data)
                await stream.drain()
                continue
            self._replay_answers.take(data)

    def _typed(self, data: bytes) -> None:
        for item in self._prefix.feed(data):
            if isinstance(item, bytes):
                self._type_keys(item)
            else:
                self._act(item)

    def _type_keys(self, keys: bytes) -> None:
        if self._readonly or self._stream.send(keys) < len(keys):
            # The keyboard must stay alive for the menu, so what is not taken is gone, audibly.
            self._tell(b"\a")

    def _act(self, action: Action) -> None:
        if action is Action.DETACH:
            self._end(ExitCode.OK)
        elif action is Action.HELP:
            self._say(HELP)
        elif self._readonly or not self._stream.send_break():
            self._tell(b"\a")

    # Output.

    def _readable(self) -> None:
        try:
            for frame in self._stream.receive():
                self._take(frame)
        except (DaemonError, BrokenPipeError) as error:
            self._stream.set_callback(None)
            if not self._done.done():
                self._done.set_exception(error)
        else:
            if self._output.waiting:
                self._stream.set_callback(None)

    def _resume(self) -> None:
        if not self._done.done():
            self._stream.set_callback(self._readable)

    def _take(self, frame: Frame) -> None:
        if frame.kind == b"D":
            (offset,) = OFFSET.unpack_from(frame.payload)
            self._show(offset, frame.payload[OFFSET.size :])
        elif frame.kind == b"G":
            start, end = SPAN.unpack(frame.payload)
            self._say(f"{end - start} bytes skipped")
        elif frame.kind == b"N":
            self._output.write(frame.payload)
        else:
            self._note(json.loads(frame.payload).get("guest"))

    def _show(self, offset: int, data: bytes) -> None:
        replayed = max(0, min(len(data), self._stream.end - offset))
        if self._filter is None:
            self._replay_answers.show(data[:replayed])
            self._output.write(data)
            return
        for part, live in ((data[:replayed], False), (data[replayed:], True)):
            if part:
                self._filter.queries = live
                self._output.write(self._filter.feed(part))

    def _note(self, guest: dict[str, Any] | None) -> None:
        """Say how the guest is when that changed, but nothing while all is well from the start."""
        state = (guest["state"], guest["since"]) if guest else ("gone", 0.0)
        before, self._guest = self._guest, state
        if state == before or (before is None and state[0] == "open"):
            return
        if guest is None:
            self._say("the console has no guest")
        elif state[0] == "open":
            self._say("guest open")
        else:
            when = time.strftime("%H:%M:%S", time.localtime(guest["since"]))
            again = ", retrying" if guest["retry-at"] else ""
            reason = f": {printable(guest['reason'])}" if guest["reason"] else ""
            self._say(f"guest {guest['state']} {when}{again}{reason}")

    def _say(self, text: str) -> None:
        if self._keyboard:
            self._tell(f"{self._line_end}[muxtui: {text}]{self._line_end}".encode())
        else:
            self._tell(f"muxtui: {text}\n".encode())

    def _tell(self, data: bytes) -> None:
        # Nobody to tell is no reason to end.
        with contextlib.suppress(OSError):
            os.write(2, data)

    # The terminal.

    def _end(self, status: int) -> None:
        if not self._done.done():
            self._done.set_result(status)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        ending = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        for number in ending:
            loop.add_signal_handler(number, self._end, 128 + number)
        loop.add_signal_handler(signal.SIGWINCH, self._resized)
        try:
            yield
        finally:
            for number in (*ending, signal.SIGWINCH):
                loop.remove_signal_handler(number)

    def _resized(self) -> None:
        size = _terminal_size()
        if size is not None and not self._readonly:
            self._stream.resize(*size)

    @contextlib.contextmanager
    def _raw_terminal(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        saved = termios.tcgetattr(0)
        tty.setraw(0, termios.TCSADRAIN)
        # Whoever stopped us (kill -STOP) gave the shell its own settings back.
        loop.add_signal_handler(signal.SIGCONT, tty.setraw, 0, termios.TCSADRAIN)
        self._line_end = "\r\n"
        try:
            yield
        finally:
            self._line_end = "\n"
            loop.remove_signal_handler(signal.SIGCONT)
            if self._filter is not None:
                self._tell(self._filter.restore())
            # What the terminal still answers is not for the shell.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSAFLUSH, saved)


def _terminal_size() -> tuple[int, int] | None:
    """Rows and columns of the terminal on standard output or input, if there is one."""
    for fd in (1, 0):
        with contextlib.suppress(OSError):
            cols, rows = os.get_terminal_size(fd)
            if rows and cols:
                return rows, cols
    return None
